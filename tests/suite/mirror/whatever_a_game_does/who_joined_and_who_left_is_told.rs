//! `Joined` and `Left`: each player once, with the truth, whatever the game has done to the entities.

use bevy_nakama::mirror::HasMembers;

use super::*;
use crate::common::log::Log;

/// What the game is told, line by line.
pub(super) fn watch(game: &mut TestGame) -> Log {
    let log = Log::default();
    watch_kind::<Match>(game, &log, "match");
    watch_kind::<Party>(game, &log, "party");
    watch_kind::<ChatChannel>(game, &log, "channel");
    watch_kind::<FollowedUser>(game, &log, "user");

    watch_kind::<Stream>(game, &log, "stream");
    log
}

type Relations = (
    &'static PresentIn,
    &'static PartyMemberOf,
    &'static ChatMemberOf,
    &'static SessionOf,
    &'static StreamPresenceOf,
);

/// What a presence is related to.
fn place_of(
    (of_match, party, chat, user, stream): (
        Option<&PresentIn>,
        Option<&PartyMemberOf>,
        Option<&ChatMemberOf>,
        Option<&SessionOf>,
        Option<&StreamPresenceOf>,
    ),
) -> Entity {
    let places = [
        of_match.map(|it| it.0),
        party.map(|it| it.0),
        chat.map(|it| it.0),
        user.map(|it| it.0),
        stream.map(|it| it.0),
    ];
    let mut places = places.into_iter().flatten();
    places.next().expect("one of them")
}

fn watch_kind<C: HasMembers>(game: &mut TestGame, log: &Log, kind: &'static str) {
    let seen = log.clone();
    game.observe(
        move |joined: On<Joined<C>>,
              who: Query<(&Presence, &JoinedAs)>,
              places: Query<(), With<C>>,
              index: Res<PresenceIndex>| {
            let (presence, how) = who.get(joined.presence).expect("spawned whole");
            assert_eq!(*how, joined.how);
            assert_eq!(presence.context(), joined.context);
            assert!(places.contains(joined.context));
            let session = &presence.info().session_id;
            assert_eq!(index.get(joined.context, session), Some(joined.presence));
            seen.add(format!("{kind} +{session} {how:?}"));
        },
    );
    let seen = log.clone();
    game.observe(
        move |left: On<Left<C>>,
              who: Query<(&Presence, &JoinedAs, AnyOf<Relations>)>,
              places: Query<()>,
              index: Res<PresenceIndex>| {
            let session = &left.info.session_id;
            assert_eq!(index.get(left.context, session), None);
            let mut line = format!("{kind} -{session} {:?}", left.why);
            match who.get(left.presence) {
                Ok((presence, _, related)) => {
                    assert_eq!(*presence.info(), left.info);
                    assert_eq!(place_of(related), left.context, "still related");
                }
                Err(_) => line += ", despawned",
            }
            if !places.contains(left.context) {
                line += ", place despawned";
            }
            seen.add(line);
        },
    );
}

fn watch_answer<R: bevy_nakama::request::Request>(game: &mut TestGame, log: &Log) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| {
        assert!(reply.result.is_ok());
        seen.add("answered");
    });
}

/// A test for each kind of place in which there are people, with bob in it. The log begins after that.
fn with_bob_in_each(test: impl Fn(&Place, TestGame, Entity, Log)) {
    in_each(|place, mut game| {
        if place.people.is_some() {
            let here = (place.enter)(&mut game);
            let log = watch(&mut game);
            test(place, game, here, log);
        }
    });
}

/// The server tells that they join and leave.
fn hear(place: &Place, game: &mut TestGame, joins: &[&str], leaves: &[&str]) {
    let people = place.people.expect("there are people");
    game.server_says(people(joins, leaves));
    game.update();
}

/// What the game was told, but for the local user's own leave.
fn told(log: &Log) -> Vec<String> {
    let lines = log.take().into_iter();
    lines.filter(|line| !line.contains("-ada")).collect()
}

fn lines<const N: usize>(place: &Place, lines: [&str; N]) -> Vec<String> {
    let lines = lines.iter();
    lines.map(|line| format!("{} {line}", place.name)).collect()
}

#[test]
fn who_is_there_is_told_before_the_answer() {
    in_each(|place, mut game| {
        let log = watch(&mut game);
        watch_answer::<JoinMatch>(&mut game, &log);
        watch_answer::<JoinChat>(&mut game, &log);
        watch_answer::<FollowUsers>(&mut game, &log);
        (place.enter)(&mut game);
        let expected = match place.name {
            "match" => vec!["+session-ada Present", "+session-bob Present"],
            "party" => vec!["+session-bob Present", "+session-ada Present"],
            "channel" => vec!["+session-ada Present", "+session-bob Present"],
            "user" => vec!["+session-bob Present"],
            "stream" => vec!["+session-bob Arrived"], // the server does not tell who was there before
            _ => vec![],
        };
        let mut told = log.take();
        if let Some(answer) = told.iter().position(|line| line == "answered") {
            assert_eq!(answer, expected.len(), "{}: {told:?}", place.name);
            told.remove(answer);
        } else {
            assert!(["party", "ticket", "stream"].contains(&place.name));
        }
        told.sort();
        let mut expected: Vec<_> = expected
            .iter()
            .map(|line| format!("{} {line}", place.name))
            .collect();
        expected.sort();
        assert_eq!(told, expected);
    });
}

#[test]
fn others_come_and_go() {
    with_bob_in_each(|place, mut game, _, log| {
        hear(place, &mut game, &["cat"], &[]);
        assert_eq!(log.take(), lines(place, ["+session-cat Arrived"]));
        hear(place, &mut game, &[], &["cat", "bob"]);
        let both = ["-session-cat Left", "-session-bob Left"];
        assert_eq!(log.take(), lines(place, both));
        hear(place, &mut game, &["bob"], &[]);
        assert_eq!(log.take(), lines(place, ["+session-bob Arrived"]));
    });
}

#[test]
fn a_change_is_no_leave() {
    with_bob_in_each(|place, mut game, _, log| {
        hear(place, &mut game, &["bob"], &["bob"]);
        hear(place, &mut game, &["bob"], &[]);
        hear(place, &mut game, &[], &["zoe"]);
        assert_eq!(log.take(), [""; 0], "{}", place.name);
    });
}

/// Observers of the entity hear it, too.
#[test]
fn a_place_has_observers_of_its_own() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let (came, went) = (log.clone(), log.clone());
    game.commands(|commands| {
        commands
            .nakama()
            .join_match("m")
            .observe(move |joined: On<Joined<Match>>| came.add(format!("{:?}", joined.how)))
            .observe(move |left: On<Left<Match>>| went.add(left.info.username.as_str()));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada", "bob"]));
    game.server_says(match_presences("m", &["cat"], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["Present", "Present", "bob", "Arrived"]);
}

#[test]
fn when_the_local_user_asks_to_leave_the_others_stay() {
    with_bob_in_each(|place, mut game, here, log| {
        if place.leave.is_none() {
            return;
        }
        game.commands(|commands| (place.ask_to_leave)(commands, here));
        game.update();
        assert_eq!(log.take(), [""; 0], "the server has not consented");
        leaves(&mut game);
        assert_eq!(told(&log), lines(place, ["-session-bob YouLeft"]));
    });
}

#[test]
fn when_the_game_despawns_a_place_the_others_stay() {
    with_bob_in_each(|place, mut game, here, log| {
        game.app.world_mut().despawn(here);
        let gone = "-session-bob YouLeft, despawned, place despawned";
        assert_eq!(told(&log), lines(place, [gone]));
        frames(&mut game, 2);
        leaves(&mut game);
        assert_eq!(log.take(), [""; 0], "{} is left once", place.name);
    });
}

#[test]
fn when_a_place_loses_its_state_the_others_stay() {
    with_bob_in_each(|place, mut game, here, log| {
        (place.remove_state)(&mut game.app.world_mut().entity_mut(here));
        assert_eq!(told(&log), lines(place, ["-session-bob YouLeft"]));
        frames(&mut game, 2);
        leaves(&mut game);
        assert_eq!(log.take(), [""; 0], "{} is left once", place.name);
    });
}

#[test]
fn the_end_of_the_connection_is_no_leave_of_others() {
    let breaks: fn(&mut TestGame) = TestGame::connection_ends;
    let disconnect: fn(&mut TestGame) = |game| game.commands(|c| c.nakama().disconnect());
    for end in [breaks, disconnect] {
        with_bob_in_each(|place, mut game, _, log| {
            let seen = log.clone();
            game.observe(move |_: On<Disconnected>| seen.add("disconnected"));
            end(&mut game);
            frames(&mut game, 2);
            let told = told(&log);
            let mut expected = lines(place, ["-session-bob Disconnected"]);
            expected.push("disconnected".into());
            assert_eq!(told, expected);
        });
    }
}

/// The local user's own presence, told to leave by the server.
#[test]
fn the_local_user_is_told_of_like_everybody() {
    let mut game = TestGame::connected();
    let log = watch(&mut game);
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.update();
    assert_eq!(log.take(), ["user +session-ada Present"]);
    game.server_says(status_presences(&[], &["ada"]));
    game.update();
    assert_eq!(log.take(), ["user -session-ada YouLeft"]);
}

#[test]
fn two_sessions_of_a_user_are_two_players() {
    let mut game = TestGame::connected();
    let here = followed_bob(&mut game);
    let log = watch(&mut game);
    game.server_says(sessions(&["bobs-phone"], &[]));
    game.update();
    assert_eq!(log.take(), ["user +session-bobs-phone Arrived"]);
    game.server_says(sessions(&[], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["user -session-bob Left"]);
    assert!(member(&game, here, "bobs-phone").is_some());

    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let log = watch(&mut game);
    let mut phone = user_presence("bobs-phone");
    phone.user_id = user_presence("bob").user_id;
    let mut event = match_presences("m", &["bobs-phone"], &[]);
    if let Message::MatchPresenceEvent(event) = &mut event {
        event.joins = vec![phone];
    }
    game.server_says(event);
    game.server_says(match_presences("m", &[], &["bob"]));
    game.update();
    let told = [
        "match +session-bobs-phone Arrived",
        "match -session-bob Left",
    ];
    assert_eq!(log.take(), told);
}

#[test]
fn a_despawned_player_leaves_when_they_leave() {
    with_bob_in_each(|place, mut game, here, log| {
        let bob = member(&game, here, "bob").expect("bob");
        game.app.world_mut().despawn(bob);
        frames(&mut game, 2);
        assert_eq!(log.take(), [""; 0], "bob is still there");
        hear(place, &mut game, &[], &["bob"]);
        assert_eq!(log.take(), lines(place, ["-session-bob Left, despawned"]));
    });
}

#[test]
fn a_player_without_their_presence_leaves_when_they_leave() {
    with_bob_in_each(|place, mut game, here, log| {
        let bob = member(&game, here, "bob").expect("bob");
        let mut bob = game.app.world_mut().entity_mut(bob);
        bob.remove::<Presence>();
        frames(&mut game, 8);
        assert_eq!(log.take(), [""; 0], "bob is still there");
        game.connection_ends();
        game.update();
        let gone = "-session-bob Disconnected, despawned";
        assert_eq!(told(&log), lines(place, [gone]));
    });
}

/// The server reports a player again whose entity the game has despawned: they get another. They have been there all along.
#[test]
fn a_despawned_player_who_comes_back_has_not_joined() {
    with_bob_in_each(|place, mut game, here, log| {
        let bob = member(&game, here, "bob").expect("bob");
        game.app.world_mut().despawn(bob);
        hear(place, &mut game, &["bob"], &["bob"]);
        assert!(member(&game, here, "bob").is_some());
        assert_eq!(log.take(), [""; 0], "{}", place.name);
        hear(place, &mut game, &[], &["bob"]);
        assert_eq!(log.take(), lines(place, ["-session-bob Left"]));
    });
}

#[test]
fn a_player_may_be_despawned_as_they_join_and_as_they_leave() {
    for by_joined in [true, false] {
        with_bob_in_each(|place, mut game, _, log| {
            fn despawn_on<C: HasMembers>(game: &mut TestGame, by_joined: bool) {
                game.observe(move |joined: On<Joined<C>>, mut commands: Commands| {
                    if by_joined {
                        commands.entity(joined.presence).despawn();
                    }
                });
                game.observe(move |left: On<Left<C>>, mut commands: Commands| {
                    if !by_joined {
                        commands.entity(left.presence).despawn();
                    }
                });
            }
            despawn_on::<Match>(&mut game, by_joined);
            despawn_on::<Party>(&mut game, by_joined);
            despawn_on::<ChatChannel>(&mut game, by_joined);
            despawn_on::<FollowedUser>(&mut game, by_joined);
            despawn_on::<Stream>(&mut game, by_joined);
            hear(place, &mut game, &["cat", "dan"], &["bob"]);
            hear(place, &mut game, &[], &["cat", "dan"]);
            let despawned = if by_joined { ", despawned" } else { "" };
            let cat = format!("-session-cat Left{despawned}");
            let dan = format!("-session-dan Left{despawned}");
            let (cat, dan) = (cat.as_str(), dan.as_str());
            let bob = "-session-bob Left";
            let (joins, leaves) = (["+session-cat Arrived", "+session-dan Arrived"], [cat, dan]);
            let expected = lines(place, [bob, joins[0], joins[1], leaves[0], leaves[1]]);
            assert_eq!(log.take(), expected);
        });
    }
}

/// An observer leaves with a request, as a game does that thinks a match is too full.
#[test]
fn a_match_is_left_in_the_middle() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let log = watch(&mut game);
    game.observe(|joined: On<Joined<Match>>, mut commands: Commands| {
        commands.nakama().leave_match(joined.context);
    });
    game.server_says(match_presences("m", &["cat"], &[]));
    game.update();
    assert_eq!(leaves(&mut game), [Kind::MatchLeave]);
    let mut told = log.take();
    told.sort();
    assert_eq!(
        told,
        [
            "match +session-cat Arrived",
            "match -session-ada YouLeft",
            "match -session-bob YouLeft",
            "match -session-cat YouLeft",
        ]
    );
}

/// The match is despawned with the first `Left`; the others get theirs all the same.
#[test]
fn a_match_is_despawned_while_everybody_goes() {
    let mut game = TestGame::joined("m", &["ada", "bob", "cat"]);
    let log = watch(&mut game);
    game.observe(|left: On<Left<Match>>, mut commands: Commands| {
        commands.entity(left.context).try_despawn();
    });
    game.connection_ends();
    game.update();
    assert_eq!(
        log.take(),
        [
            "match -session-bob Disconnected",
            "match -session-cat Disconnected, despawned, place despawned",
            "match -session-ada Disconnected, despawned, place despawned",
        ]
    );
}

/// Who is gone before the game was told that they came has not come.
#[test]
fn a_place_is_left_before_anybody_was_told_of() {
    with_bob_in_each(|place, mut game, here, log| {
        let remove_state = place.remove_state;
        game.observe(move |_: On<Add, Presence>, mut commands: Commands| {
            commands.queue(move |world: &mut World| {
                if let Ok(mut here) = world.get_entity_mut(here) {
                    remove_state(&mut here);
                }
            });
        });
        hear(place, &mut game, &["cat"], &[]);
        assert_eq!(told(&log), lines(place, ["-session-bob YouLeft"]));
    });
}

/// Bob has had his `Joined`. Then the game despawned his presence, and leaves as he gets another.
#[test]
fn a_place_is_left_as_a_despawned_player_comes_back() {
    with_bob_in_each(|place, mut game, here, log| {
        let bob = member(&game, here, "bob").expect("bob");
        game.app.world_mut().despawn(bob);
        let remove_state = place.remove_state;
        game.observe(move |_: On<Add, Presence>, mut commands: Commands| {
            commands.queue(move |world: &mut World| {
                if let Ok(mut here) = world.get_entity_mut(here) {
                    remove_state(&mut here);
                }
            });
        });
        hear(place, &mut game, &["bob"], &["bob"]);
        assert_eq!(told(&log), lines(place, ["-session-bob YouLeft"]));
    });
}
