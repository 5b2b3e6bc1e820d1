//! Who asks to join a party is who the server says, whatever a game takes from their entities and from the party's.

use super::{super::count, *};

/// The local user leads a party that cat asks to join.
fn cat_asks(game: &mut TestGame) -> (Entity, Entity) {
    let party = join_party(game, "p", &["ada", "bob"]);
    game.server_says(party_join_request("p", &["cat"]));
    game.update();
    let asks = game.app.world().get::<PartyJoinRequests>(party);
    let cat = asks.and_then(|asks| asks.iter().next());
    (party, cat.expect("cat asks"))
}

/// What a game may do to the party and to the asker, and stay in the party.
const TAKEN_AWAY: [fn(&mut World, Entity, Entity); 5] = [
    |world, party, _| {
        world.entity_mut(party).remove::<PartyJoinRequests>();
    },
    |world, party, _| {
        world.entity_mut(party).insert(PartyJoinRequests::default());
    },
    |world, _, cat| {
        world.entity_mut(cat).remove::<PartyJoinRequester>();
    },
    |world, _, cat| {
        world.entity_mut(cat).clear();
    },
    |world, _, cat| {
        let elsewhere = world.spawn_empty().id();
        world.entity_mut(cat).insert(PartyJoinRequester(elsewhere));
    },
];

fn in_each_case(test: impl Fn(TestGame, Entity, Entity)) {
    for (case, take_away) in TAKEN_AWAY.iter().enumerate() {
        eprintln!("case {case}");
        let mut game = TestGame::connected();
        let (party, cat) = cat_asks(&mut game);
        take_away(game.app.world_mut(), party, cat);
        game.update();
        test(game, party, cat);
    }
}

#[test]
fn an_asker_who_asks_again_is_there_once() {
    in_each_case(|mut game, party, cat| {
        game.server_says(party_join_request("p", &["cat"]));
        game.update();
        let asks = game.app.world().get::<PartyJoinRequests>(party);
        let all: Vec<_> = asks.expect("cat asks").iter().collect();
        assert_eq!(all, [cat]);
        assert_eq!(count::<With<PartyJoinRequester>>(&mut game), 1);
        let name = game.app.world().get::<Username>(cat);
        assert_eq!(name.map(Username::as_str), Some("cat"));
    });
}

#[test]
fn an_asker_can_be_let_in() {
    in_each_case(|mut game, _, cat| {
        game.commands(|c| c.nakama().accept_party_join(cat).id());
        game.update();
        let asked = game.expect_sent(Kind::PartyAccept);
        game.acknowledge(&asked);
        game.update();
        assert!(!is_alive(&game, cat), "cat does not ask any more");
    });
}

#[test]
fn an_asker_who_joins_asks_no_more() {
    in_each_case(|mut game, _, cat| {
        game.server_says(party_presences("p", &["cat"], &[]));
        game.update();
        assert!(!is_alive(&game, cat));
    });
}

#[test]
fn an_asker_is_not_for_others_to_see() {
    in_each_case(|mut game, _, cat| {
        game.server_says(party_leader("p", "bob"));
        game.update();
        assert!(!is_alive(&game, cat), "bob leads");
    });
}

/// Whatever way the local user leaves.
#[test]
fn nobody_asks_to_join_a_party_that_was_left() {
    let ways_out: [fn(EntityWorldMut); 3] = [
        |party| party.despawn(),
        |mut party| {
            party.remove::<Party>();
        },
        |mut party| {
            party.clear();
        },
    ];
    for leave in ways_out {
        in_each_case(|mut game, party, cat| {
            leave(game.app.world_mut().entity_mut(party));
            game.update();
            assert!(!is_alive(&game, cat));
            let again = join_party(&mut game, "p", &["ada", "bob"]);
            assert!(game.app.world().get::<PartyJoinRequests>(again).is_none());
        });
    }
}

/// Two ask at once, and the game leaves as it hears of the first.
#[test]
fn a_party_is_left_as_somebody_asks() {
    let ways_out: [fn(EntityCommands); 2] = [
        |mut party| {
            party.remove::<Party>();
        },
        |mut party| {
            party.clear();
        },
    ];
    for leave in ways_out {
        let mut game = TestGame::connected();
        let party = join_party(&mut game, "p", &["ada", "bob"]);
        game.observe(
            move |_: On<Add, PartyJoinRequester>, mut commands: Commands| {
                leave(commands.entity(party));
            },
        );
        game.server_says(party_join_request("p", &["cat", "dan"]));
        game.update();
        assert_eq!(leaves(&mut game), [Kind::PartyLeave]);
        frames(&mut game, 6);
        assert_eq!(count::<With<PartyJoinRequester>>(&mut game), 0);
        assert_eq!(count::<With<Username>>(&mut game), 0);
    }
}

/// A game that despawns whoever asks hears of them again if they ask again.
#[test]
fn an_asker_whom_the_game_despawned_may_ask_again() {
    let mut game = TestGame::connected();
    let (party, cat) = cat_asks(&mut game);
    game.app.world_mut().despawn(cat);
    game.server_says(party_join_request("p", &["cat"]));
    game.update();
    let asks = game.app.world().get::<PartyJoinRequests>(party);
    assert_eq!(asks.expect("cat asks").iter().count(), 1);
    game.server_says(party_presences("p", &["cat"], &[]));
    game.update();
    assert_eq!(count::<With<PartyJoinRequester>>(&mut game), 0);
}
