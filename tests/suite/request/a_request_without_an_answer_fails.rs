//! A request that gets no answer, or cannot be sent, fails and says why.

use std::time::Duration;

use super::*;
use bevy::diagnostic::{Diagnostic, DiagnosticsPlugin, DiagnosticsStore};
use bevy_nakama::{
    diagnostics::{self, NakamaDiagnosticsPlugin},
    proto::api,
};

#[test]
fn a_request_without_an_answer_times_out() {
    let (mut game, log) = watched();
    ask(&mut game, &log, follow());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.advance(Duration::from_millis(9_900));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(200));
    assert_eq!(log.take(), both("no answer within 10.0 s"));

    game.answer(&asked, Message::Status(realtime::Status::default()));
    game.update();
    assert_eq!(log.take(), [""; 0], "a later answer does not count");
}

#[test]
fn a_connection_that_breaks_fails_the_request() {
    let (mut game, log) = watched();
    ask(&mut game, &log, follow());
    game.update();
    game.connection_breaks();
    game.update();
    assert_eq!(
        log.take(),
        both("the connection was lost before the answer")
    );
}

#[test]
fn a_request_that_was_not_sent_when_the_connection_broke_says_so() {
    let (mut game, log) = watched();
    let here = game.join("m1", &["ada"]);
    // The request waits behind data that is spread over time.
    game.commands(|commands| {
        for _ in 0..40 {
            commands.nakama().send_data(here, OutgoingData::raw(1, "x"));
        }
    });
    ask(&mut game, &log, follow());
    game.update();
    game.connection_breaks();
    game.update();
    assert_eq!(
        log.take(),
        both("the connection was lost before it was sent")
    );
}

#[test]
fn a_request_without_a_connection_fails() {
    let mut game = TestGame::new();
    let log = Log::default();
    ask(&mut game, &log, follow());
    assert_eq!(log.take(), [""; 0], "never before the call has returned");
    game.update();
    game.update();
    assert_eq!(log.take(), ["chained: not connected"]);
}

#[test]
fn a_request_that_is_too_large_by_one_byte_fails() {
    let (mut game, log) = watched();
    let rpc = |len: usize| {
        Message::Rpc(api::Rpc {
            id: "echo".into(),
            payload: "x".repeat(len),
            ..Default::default()
        })
    };
    // The limit is for the whole envelope, with its `cid` "1" and the tags and lengths of fields.
    let overhead = 16;
    ask(&mut game, &log, rpc(4096 - overhead));
    game.update();
    assert_eq!(
        prost::Message::encoded_len(&game.expect_sent(Kind::Rpc)),
        4096
    );
    ask(&mut game, &log, rpc(4096 - overhead + 1));
    game.update();
    game.update();
    assert_eq!(
        log.take(),
        both("4097 bytes are above the server's limit of 4096")
    );
    assert_eq!(game.sent(), []);
}

#[test]
fn a_request_whose_entity_is_gone_is_answered_to_whoever_watches_all() {
    let (mut game, log) = watched();
    let entity = ask(&mut game, &log, follow());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.commands(|commands| commands.entity(entity).despawn());
    game.answer(&asked, Message::Status(realtime::Status::default()));
    game.update();
    assert_eq!(log.take(), ["global: it was withdrawn"]);
}

#[test]
fn what_ran_out_of_time_is_forgotten_once_no_answer_can_come() {
    let plugins = (DiagnosticsPlugin, NakamaDiagnosticsPlugin);
    let mut game = TestGame::with_plugins(NakamaSettings::default(), plugins);
    game.connect();
    let late = |game: &TestGame| {
        let store = game.app.world().resource::<DiagnosticsStore>();
        let late = store.get(&diagnostics::LATE_REQUESTS);
        late.and_then(Diagnostic::value)
    };
    let log = Log::default();
    ask(&mut game, &log, follow());
    game.advance(Duration::from_millis(10_100));
    assert_eq!(late(&game), Some(1.0), "an answer may come yet");
    // The server answers in order, and it has answered a later heartbeat.
    game.advance(Duration::from_secs(5));
    assert_eq!(late(&game), Some(0.0));

    ask(&mut game, &log, follow());
    game.advance(Duration::from_millis(10_100));
    assert_eq!(late(&game), Some(1.0));
    game.sent();
    ask(&mut game, &log, follow());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(late(&game), Some(0.0), "nor after a later answer");
}

/// An impatient observer asks again as soon as it hears of a failure. It is answered once per frame, and all else goes on.
#[test]
fn who_asks_again_and_again_still_connects() {
    let mut game = TestGame::new();
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<ListMatches>>, mut commands: Commands| {
            if matches!(reply.result, Err(RequestError::NotLoggedIn)) {
                seen.add("not logged in");
                commands.nakama().list_matches(ListMatches::new(10));
            }
        },
    );
    game.commands(|commands| {
        commands.nakama().list_matches(ListMatches::new(10));
    });
    game.update();
    game.update();
    assert_eq!(log.take(), ["not logged in"; 2]);
    game.connect();
    game.update();
    assert_eq!(game.rest_calls().len(), 1);
    let connection = game.app.world().resource::<NakamaConnection>();
    assert!(connection.is_connected());
}

#[test]
fn the_deadline_of_requests_can_be_changed_and_be_endless() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<CreateMatch>>| {
        seen.add(format!("{:?}", reply.result.as_ref().err()));
    });
    for (timeout, is_over) in [(Duration::MAX, false), (Duration::from_secs(1), true)] {
        let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
        settings.request_timeout = timeout;
        game.commands(|commands| {
            commands.nakama().create_match(CreateMatch::new());
            commands.nakama().rest(RestMethod::Get, "/v2/account", None);
        });
        game.update();
        game.advance(Duration::from_secs(2));
        assert_eq!(!log.take().is_empty(), is_over, "{timeout:?}");
    }
}
