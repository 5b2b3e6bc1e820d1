//! The game sees all that arrived before a connection ends, and then why it ended.

use super::*;
use crate::common::steps::{connected_without_healing, drain};
use bevy_nakama::{
    healing::ConnectionLost,
    proto::{Message, api, realtime},
};

#[test]
fn what_arrived_before_a_loss_is_seen_before_it() {
    let (mut game, log) = watch(connected_without_healing());
    game.join("m1", &["ada"]);
    log.take();
    let seen = log.clone();
    game.observe(move |added: On<Add, PresentIn>, names: Query<&Username>| {
        seen.add(format!("+{}", names.get(added.entity).expect("whole")));
    });
    let seen = log.clone();
    game.observe(
        move |removed: On<Remove, PresentIn>, names: Query<&Username>| {
            seen.add(format!("-{}", names.get(removed.entity).expect("readable")));
        },
    );
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.server_says(match_data_sent("m1", Some("bob"), 1, "last words"));
    game.connection_breaks();
    game.update();
    let mut seen = log.take();
    assert_eq!(seen.remove(0), "+bob");
    assert_eq!(
        seen.pop().as_deref(),
        Some("the connection was lost: the server hung up")
    );
    seen.sort();
    assert_eq!(seen, ["-ada", "-bob"]);

    let words = drain::<MatchDataReceived>(&mut game);
    assert_eq!(words.len(), 1, "and the data can still be read");
}

/// The same if the connection comes back: the loss is told last, and nobody has left.
#[test]
fn what_arrived_before_a_loss_that_heals_is_seen_before_it() {
    let mut game = TestGame::joined("m1", &["ada"]);
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |lost: On<ConnectionLost>| seen.add(lost.cause.to_string()));
    let seen = log.clone();
    game.observe(move |joined: On<Joined<Match>>, names: Query<&Username>| {
        seen.add(format!("+{}", names.get(joined.presence).expect("whole")));
    });
    let seen = log.clone();
    game.observe(move |left: On<Left<Match>>| seen.add(format!("-{}", left.info.username)));
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.server_says(match_data_sent("m1", Some("bob"), 1, "last words"));
    game.connection_breaks();
    game.update();
    assert_eq!(
        log.take(),
        ["+bob", "the connection was lost: the server hung up"]
    );
    assert_eq!(drain::<MatchDataReceived>(&mut game).len(), 1);
    assert_eq!(game.roster("m1"), ["ada", "bob"]);
}

#[test]
fn a_close_by_the_server_is_told_with_its_words() {
    let (mut game, log) = watch(connected_without_healing());
    let reason = DisconnectReason::ClosedByServer {
        code: Some(1000),
        reason: "server-side session disconnect".into(),
    };
    game.server_ends(reason);
    game.update();
    assert_eq!(
        log.take(),
        ["the server closed the socket (1000: server-side session disconnect)"]
    );
}

#[test]
fn a_notification_before_the_close_is_its_reason() {
    for (code, reason) in [
        (-7, "replaced by a newer socket of the same account"),
        (-8, "the account is banned"),
    ] {
        let (mut game, log) = watch(TestGame::connected());
        game.server_says(Message::Notifications(realtime::Notifications {
            notifications: vec![api::Notification {
                code,
                ..Default::default()
            }],
        }));
        game.server_ends(DisconnectReason::ClosedByServer {
            code: Some(1000),
            reason: String::new(),
        });
        game.update();
        assert_eq!(log.take(), [reason]);
    }
}

#[test]
fn a_frame_that_is_no_envelope_ends_the_connection() {
    for garbage in [
        &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..],
        b"\x0a\x02\xff\xfe\x82\x02\x00",
        b"\x72\x7fshort",
    ] {
        let (mut game, log) = watch(TestGame::connected());
        game.server_sends(garbage);
        game.server_says(match_presences("m1", &["bob"], &[]));
        game.update();
        let seen = log.take();
        let expected = "the server broke the protocol: a frame is not an envelope: ";
        assert!(seen.len() == 1 && seen[0].starts_with(expected), "{seen:?}");
    }
}

#[test]
fn unknown_kinds_and_empty_envelopes_are_no_harm() {
    let (mut game, log) = watch(TestGame::connected());
    game.server_sends(&b""[..]);
    game.server_sends(&b"\x9a\x06\x00"[..]); // field 99
    game.update();
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(state(&game), ConnectionState::Connected);
}
