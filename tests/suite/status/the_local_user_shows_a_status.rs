//! The local user, their status, and their other devices.

use super::*;
use crate::common::steps::connect_as;
use bevy_nakama::proto::{UserPresence, realtime};

/// A session of the local user on another device.
fn tablet(status: &str) -> UserPresence {
    UserPresence {
        session_id: "tablet".into(),
        status: Some(status.into()),
        ..user_presence("ada")
    }
}

fn tablet_shows(status: &str) -> Message {
    Message::StatusPresenceEvent(realtime::StatusPresenceEvent {
        joins: vec![tablet(status)],
        leaves: Vec::new(),
    })
}

#[test]
fn the_local_user_and_their_other_devices_are_mirrored() {
    let (mut game, log) = watched(TestGame::connected());
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.server_says(tablet_shows("also here"));
    game.update();
    assert_eq!(
        log.take(),
        [
            "+ada Present \"\" (self)",
            "ada is online",
            "+ada Arrived \"also here\""
        ]
    );
    let me = user(&game, "ada").expect("the local user");
    let world = game.app.world_mut();
    assert!(world.get::<IsSelf>(me).is_some());
    let own = world.resource::<PresenceIndex>().own_session().cloned();
    assert_eq!(own, Some(SessionId::from("session-ada")));

    // Nobody unfollows themselves.
    game.commands(|c| c.nakama().unfollow(me).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusUnfollow);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(user(&game, "ada"), Some(me));
    game.app.world_mut().despawn(me);
    game.update();
    assert!(game.sent().is_empty());
    log.take();
    game.server_says(status_presences(&[("ada", "back")], &["ada"]));
    game.update();
    assert_eq!(
        log.take(),
        ["+ada Present \"back\" (self)", "ada is online"]
    );
}

#[test]
fn the_status_of_the_local_user_changes_after_the_answer_whatever_comes_first() {
    for is_reversed in [false, true] {
        let (mut game, log) = watched(TestGame::connected());
        game.server_says(status_presences(&[("ada", "")], &[]));
        game.update();
        log.take();
        game.commands(|c| c.nakama().set_status(Some("in a match")).id());
        game.update();
        let asked = game.expect_sent(Kind::StatusUpdate);
        // An event about another device does not wait.
        game.server_says(tablet_shows("also here"));
        if is_reversed {
            game.server_says(status_presences(&[("ada", "in a match")], &["ada"]));
            game.update();
            assert_eq!(log.take(), ["+ada Arrived \"also here\""]);
            game.acknowledge(&asked);
        } else {
            game.acknowledge(&asked);
            game.server_says(status_presences(&[("ada", "in a match")], &["ada"]));
            game.update();
            assert_eq!(
                log.take(),
                ["+ada Arrived \"also here\"", "shown", "ada: \"in a match\""]
            );
            continue;
        }
        game.update();
        assert_eq!(log.take(), ["shown", "ada: \"in a match\""]);
    }
}

#[test]
fn two_changes_in_a_row_are_told_in_order() {
    let (mut game, log) = watched(TestGame::connected());
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.update();
    log.take();
    game.commands(|c| {
        c.nakama().set_status(Some("one"));
        c.nakama().set_status(None);
    });
    game.update();
    let first = game.expect_sent(Kind::StatusUpdate);
    let second = game.expect_sent(Kind::StatusUpdate);
    game.server_says(status_presences(&[("ada", "one")], &["ada"]));
    game.acknowledge(&first);
    game.update();
    assert_eq!(log.take(), ["shown", "ada: \"one\""]);
    game.server_says(status_presences(&[], &["ada"]));
    game.acknowledge(&second);
    game.update();
    assert_eq!(log.take(), ["shown", "-ada", "ada is offline"]);
}

/// A game whose user does not appear online.
fn hidden() -> (TestGame, Log) {
    let (mut game, log) = watched(TestGame::new());
    game.commands(|c| {
        let options = ConnectOptions::default().appear_online(false);
        c.nakama().use_session(&server(), session_of("ada"));
        c.nakama().connect_with(options);
    });
    game.update();
    game.server_accepts();
    game.update();
    (game, log)
}

#[test]
fn who_does_not_appear_online_is_known_from_their_first_status() {
    let (mut game, log) = hidden();
    game.server_says(tablet_shows(""));
    game.update();
    assert_eq!(log.take(), ["+ada Arrived \"\"", "ada is online"]);
    game.commands(|c| c.nakama().set_status(Some("hello")).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusUpdate);
    game.acknowledge(&asked);
    game.server_says(status_presences(&[("ada", "hello")], &[]));
    game.update();
    assert_eq!(log.take(), ["shown", "+ada Present \"hello\" (self)"]);
}

#[test]
fn the_local_session_is_known_also_if_a_status_is_set_at_once() {
    let (mut game, log) = watched(TestGame::connected());
    game.commands(|c| c.nakama().set_status(Some("hello")).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusUpdate);
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.acknowledge(&asked);
    game.update();
    game.server_says(status_presences(&[("ada", "hello")], &["ada"]));
    game.update();
    assert_eq!(
        log.take(),
        [
            "shown",
            "+ada Present \"\" (self)",
            "ada is online",
            "ada: \"hello\""
        ]
    );
}

#[test]
fn who_does_not_appear_online_is_known_from_what_they_join() {
    let (mut game, log) = hidden();
    game.server_says(status_presences(&[("ada", "from elsewhere?")], &[]));
    game.update();
    assert_eq!(
        log.take(),
        ["+ada Arrived \"from elsewhere?\"", "ada is online"]
    );
    game.join("m1", &["ada", "bob"]);
    let me = user(&game, "ada").expect("the local user");
    let world = game.app.world();
    let mut sessions = world.get::<UserSessions>(me).expect("online").iter();
    let session = sessions.next().expect("one");
    assert!(
        world.get::<IsSelf>(session).is_some(),
        "it was the local user's"
    );
}

#[test]
fn what_is_asked_for_on_the_way_to_the_next_connection_is_told_in_order_too() {
    let (mut game, log) = watched(TestGame::connected());
    connect_as(&mut game, "ada");
    game.update();
    // The game has not heard of the end of the old connection.
    game.server_accepts();
    game.commands(|c| c.nakama().set_status(Some("in a match")).id());
    game.update();
    game.server_says(status_presences(&[("ada", "")], &[]));
    let asked = game.expect_sent(Kind::StatusUpdate);
    game.server_says(status_presences(&[("ada", "in a match")], &["ada"]));
    game.update();
    log.take();
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take().first().map(String::as_str), Some("shown"));
}

/// The same user on another device says what this device would say.
#[test]
fn a_change_of_status_elsewhere_is_not_the_local_session() {
    let mut game = TestGame::connected();
    let mut phone = user_presence("ada");
    phone.session_id = "session-phone".into();
    phone.status = Some(String::new());
    let change = realtime::StatusPresenceEvent {
        joins: vec![phone.clone()],
        leaves: vec![phone],
    };
    game.server_says(Message::StatusPresenceEvent(change));
    game.update();
    let is_self = |game: &mut TestGame| {
        let world = game.app.world_mut();
        let mut own = world.query_filtered::<&SessionId, With<IsSelf>>();
        let own: Vec<String> = own.iter(world).map(ToString::to_string).collect();
        own
    };
    assert_eq!(is_self(&mut game), [""; 0], "that is the phone");
    game.join("m", &["ada", "bob"]);
    assert_eq!(is_self(&mut game), ["session-ada"]);
}
