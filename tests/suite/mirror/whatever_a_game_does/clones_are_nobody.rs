//! A clone of a player (a ghost image, a portrait) is the game's own entity: it is nobody, and stays when the player leaves.

use super::*;
use bevy::ecs::entity::EntityCloner;

fn clone(game: &mut TestGame, original: Entity, is_deep: bool) -> Entity {
    let world = game.app.world_mut();
    let clone = world.spawn_empty().id();
    EntityCloner::build_opt_out(world)
        .linked_cloning(is_deep)
        .clone_entity(original, clone);
    world.flush();
    clone
}

fn bob_says(game: &mut TestGame) -> Option<Entity> {
    game.server_says(match_data_sent("m", Some("bob"), 1, "hello"));
    game.update();
    let data = crate::common::steps::drain::<MatchDataReceived>(game);
    data.last().and_then(|data| data.sender.clone()?.entity)
}

#[test]
fn a_cloned_player_is_not_the_player() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let (here, bob) = (game.match_entity("m"), game.presence_of("m", "bob"));
    let by_entity = game.app.world_mut().entity_mut(bob).clone_and_spawn();
    let by_cloner = clone(&mut game, bob, false);
    let deep = clone(&mut game, bob, true);
    game.update();
    assert_eq!(game.presence_of("m", "bob"), bob);
    assert_eq!(bob_says(&mut game), Some(bob));
    assert_eq!(game.roster("m"), ["ada", "bob"]);
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(index.of_user(here, "user-bob"), [bob]);
    for ghost in [by_entity, by_cloner, deep] {
        let ghost = game.app.world().entity(ghost);
        assert!(!ghost.contains::<Presence>() && !ghost.contains::<PresentIn>());
        assert!(!ghost.contains::<JoinedAs>());
        assert!(ghost.contains::<Username>(), "whose image it is");
    }
    game.server_says(match_presences("m", &[], &["bob"]));
    frames(&mut game, 8);
    assert_eq!(game.roster("m"), ["ada"]);
    assert!(!is_alive(&game, bob), "the avatar goes");
    for ghost in [by_entity, by_cloner, deep] {
        assert!(is_alive(&game, ghost), "the game's own stays");
    }
}

/// Of each kind: no clone is in the index, is asked about, or is left.
#[test]
fn a_cloned_place_is_no_place() {
    in_each(|place, mut game| {
        let entity = (place.enter)(&mut game);
        for is_deep in [false, true] {
            let before = game.app.world().resource::<PresenceIndex>().count(entity);
            let clone = clone(&mut game, entity, is_deep);
            game.update();
            assert!(!(place.is_it)(game.app.world(), clone), "{}", place.name);
            assert_eq!((place.find)(game.app.world()), Some(entity));
            let index = game.app.world().resource::<PresenceIndex>();
            assert_eq!((index.count(entity), index.count(clone)), (before, 0));
            assert_eq!(super::super::count::<With<Presence>>(&mut game), before);
            game.app.world_mut().despawn(clone);
            frames(&mut game, 2);
            assert_eq!(leaves(&mut game), [], "{}", place.name);
            assert_eq!((place.find)(game.app.world()), Some(entity));
            let index = game.app.world().resource::<PresenceIndex>();
            assert_eq!(index.count(entity), before, "{}", place.name);
        }
    });
}

#[test]
fn marks_stay_with_the_original() {
    let mut game = TestGame::connected();
    let here = join_party(&mut game, "p", &["ada", "bob"]);
    game.server_says(party_join_request("p", &["cat"]));
    game.server_says(party_matchmaker_ticket("p", "t"));
    game.update();
    let everybody: Vec<_> = {
        let world = game.app.world_mut();
        let mut all = world.query_filtered::<Entity, Or<(
            With<Presence>,
            With<PartyJoinRequester>,
            With<MatchmakerTicket>,
        )>>();
        all.iter(world).collect()
    };
    for original in everybody {
        clone(&mut game, original, false);
    }
    game.update();
    assert_eq!(super::super::count::<With<IsSelf>>(&mut game), 1);
    assert_eq!(super::super::count::<With<PartyLeader>>(&mut game), 1);
    assert_eq!(
        super::super::count::<With<PartyJoinRequester>>(&mut game),
        1
    );
    assert_eq!(super::super::count::<With<MatchmakerTicket>>(&mut game), 1);
    assert_eq!(super::super::count::<With<TicketOf>>(&mut game), 1);
    let world = game.app.world();
    let asks = world.get::<PartyJoinRequests>(here).expect("cat asks");
    assert_eq!(asks.iter().count(), 1);
}

#[test]
fn a_cloned_request_has_no_answer() {
    let mut game = TestGame::connected();
    let asked = game.commands(|c| c.nakama().join_party("p").id());
    game.update();
    let ghost = clone(&mut game, asked, false);
    let request = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&request);
    game.update();
    let second = clone(&mut game, asked, false);
    game.advance(std::time::Duration::from_secs(2));
    let third = clone(&mut game, asked, false);
    for ghost in [ghost, second, third] {
        let ghost = game.app.world().entity(ghost);
        assert!(!ghost.contains::<PendingRequest>() && !ghost.contains::<Joining>());
        assert!(!ghost.contains::<PendingApproval>());
    }
    for ghost in [ghost, second, third] {
        game.app.world_mut().despawn(ghost);
    }
    game.server_says(party_joined("p", "ada", &["bob", "ada"]));
    frames(&mut game, 2);
    assert_eq!(leaves(&mut game), []);
    let index = game.app.world().resource::<PartyIndex>();
    assert_eq!(index.get(&"p".into()), Some(asked));
}

#[test]
fn a_clone_of_somebody_who_left_stays() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let bob = game.presence_of("m", "bob");
    game.server_says(match_presences("m", &[], &["bob"]));
    game.update();
    let ghost = clone(&mut game, bob, false);
    assert!(!game.app.world().entity(ghost).contains::<Departed>());
    frames(&mut game, 8);
    assert!(!is_alive(&game, bob) && is_alive(&game, ghost));
}
