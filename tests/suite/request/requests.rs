//! A request gets exactly one answer, whatever happens.

use std::time::Duration;

use crate::common::log::Log;
use bevy::{
    diagnostic::{Diagnostic, DiagnosticsPlugin, DiagnosticsStore},
    prelude::*,
};
use bevy_nakama::{
    diagnostics::{self, NakamaDiagnosticsPlugin},
    prelude::*,
    proto::{Envelope, Kind, Message, realtime},
    testing::*,
};

/// A game that notes every answer to a raw request, through a global observer.
fn watched() -> (TestGame, Log) {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<RawRequest>>| {
        seen.add(format!("global: {}", outcome(&reply)))
    });
    (game, log)
}

fn outcome(reply: &Replied<RawRequest>) -> String {
    match &reply.result {
        Ok(envelope) => envelope
            .message
            .as_ref()
            .map_or_else(|| "ack".into(), |message| Kind::of(message).to_string()),
        Err(error) => error.to_string(),
    }
}

/// Asks for something, with an observer chained to the call.
fn ask(game: &mut TestGame, log: &Log, message: Message) -> Entity {
    let seen = log.clone();
    game.commands(|commands| {
        commands
            .nakama()
            .raw(message)
            .observe(move |reply: On<Replied<RawRequest>>| {
                seen.add(format!("chained: {}", outcome(&reply)))
            })
            .id()
    })
}

fn follow() -> Message {
    Message::StatusFollow(realtime::StatusFollow {
        user_ids: vec!["user-bob".into()],
        usernames: vec![],
    })
}

fn both(outcome: &str) -> [String; 2] {
    [format!("global: {outcome}"), format!("chained: {outcome}")]
}

#[test]
fn every_failure_is_told_without_knowing_its_type() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<RequestFailed>| {
        seen.add(format!("{}: {}", failed.name, failed.reason));
    });
    let seen = log.clone();
    game.observe(move |_: On<Replied<JoinMatch>>| seen.add("replied"));

    game.commands(|commands| {
        commands
            .nakama()
            .log_in(&server(), Login::device("0123456789"));
        commands.nakama().join_match(JoinMatch::by_id("m1"));
        commands.nakama().create_party(CreateParty::open(4));
    });
    game.update();
    let joins = game.expect_sent(Kind::MatchJoin);
    let creates = game.expect_sent(Kind::PartyCreate);
    game.refuse(&joins, 4, "Match not found");
    game.answer(
        &creates,
        Message::Party(realtime::Party {
            party_id: "p1".into(),
            ..Default::default()
        }),
    );
    game.answer_rest(
        401,
        &serde_json::json!({ "code": 16, "message": "Server key invalid" }),
    );
    game.update();
    assert_eq!(
        log.take(),
        [
            "JoinMatch: Match not found (match not found)",
            "replied",
            "LogIn: Server key invalid (401)"
        ],
        "failures only, each before its own answer"
    );
}

#[test]
fn an_answer() {
    let (mut game, log) = watched();
    let entity = ask(&mut game, &log, follow());
    assert!(
        game.app
            .world()
            .get::<PendingRequest>(entity)
            .is_some_and(|pending| pending.name == "RawRequest")
    );
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, Message::Status(realtime::Status::default()));
    game.update();
    assert_eq!(log.take(), both("status"));
    assert!(
        game.app.world().get_entity(entity).is_err(),
        "a request that leaves nothing behind goes in `Last`"
    );
}

#[test]
fn a_plain_acknowledgement() {
    let (mut game, log) = watched();
    ask(
        &mut game,
        &log,
        Message::StatusUpdate(realtime::StatusUpdate { status: None }),
    );
    game.update();
    let asked = game.expect_sent(Kind::StatusUpdate);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take(), both("ack"));
}

#[test]
fn a_refusal_by_the_server() {
    let (mut game, log) = watched();
    ask(&mut game, &log, follow());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.refuse(&asked, 3, "Invalid user identifier.");
    game.update();
    assert_eq!(log.take(), both("Invalid user identifier. (bad input)"));
}

#[test]
fn a_timeout() {
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
    assert_eq!(log.take(), [""; 0], "what comes later is no second answer");
}

#[test]
fn a_connection_that_breaks() {
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
fn a_connection_that_breaks_before_the_request_has_left() {
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
fn no_connection() {
    let mut game = TestGame::new();
    let log = Log::default();
    ask(&mut game, &log, follow());
    assert_eq!(log.take(), [""; 0], "never before the call has returned");
    game.update();
    game.update();
    assert_eq!(log.take(), ["chained: not connected"]);
}

#[test]
fn too_large_by_one_byte() {
    let (mut game, log) = watched();
    let rpc = |len: usize| {
        Message::Rpc(bevy_nakama::proto::api::Rpc {
            id: "echo".into(),
            payload: "x".repeat(len),
            ..Default::default()
        })
    };
    // The whole envelope counts: `cid` "1", the ids and lengths of fields.
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
fn an_answer_of_another_kind() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<JoinMatch>>| {
        seen.add(
            reply
                .result
                .as_ref()
                .err()
                .map(ToString::to_string)
                .unwrap_or_default(),
        );
    });
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m1")).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, Message::Status(realtime::Status::default()));
    game.update();
    assert_eq!(log.take(), ["the server answered with status"]);
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
fn answers_to_nothing_change_nothing() {
    let (mut game, log) = watched();
    ask(&mut game, &log, follow());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    for cid in [
        "999",
        "",
        "x",
        "+1",
        "01",
        "18446744073709551616",
        "p1",
        "p999",
        "\u{1F600}",
    ] {
        let stray = Envelope {
            cid: cid.into(),
            ..asked.clone()
        };
        game.answer(&stray, Message::Status(realtime::Status::default()));
    }
    game.update();
    assert_eq!(log.take(), [""; 0]);
    game.answer(&asked, Message::Status(realtime::Status::default()));
    game.answer(&asked, Message::Status(realtime::Status::default()));
    game.update();
    assert_eq!(
        log.take(),
        both("status"),
        "and the second answer is one too many"
    );
}

#[test]
fn an_error_without_a_request_is_an_event() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |pushed: On<ErrorPushed>| seen.add(pushed.error.to_string()));
    game.server_says(Message::Error(realtime::Error {
        code: 3,
        message: "Invalid match ID".into(),
        ..Default::default()
    }));
    game.update();
    assert_eq!(log.take(), ["Invalid match ID (bad input)"]);
}

#[test]
fn a_request_made_in_an_observer_of_an_answer_is_one_like_any_other() {
    let mut game = TestGame::connected();
    game.observe(|_: On<Replied<RawRequest>>, mut commands: Commands| {
        commands.nakama().join_match(JoinMatch::by_id("m1"));
    });
    game.commands(|commands| commands.nakama().raw(follow()).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.acknowledge(&asked);
    game.update();
    game.expect_sent(Kind::MatchJoin);
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
    // A heartbeat that was sent after it is answered: the server works in order.
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
