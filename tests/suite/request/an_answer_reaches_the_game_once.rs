//! An answer reaches each observer once: the one that is chained to the call, and those that watch all requests.

use super::*;
use bevy_nakama::proto::Envelope;

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
fn an_answer_is_told_to_both() {
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
fn an_acknowledgement_is_told_to_both() {
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
fn a_refusal_is_told_to_both() {
    let (mut game, log) = watched();
    ask(&mut game, &log, follow());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.refuse(&asked, 3, "Invalid user identifier.");
    game.update();
    assert_eq!(log.take(), both("Invalid user identifier. (bad input)"));
}

#[test]
fn an_answer_of_another_kind_is_an_error() {
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
    game.observe(move |pushed: On<UnsolicitedError>| seen.add(pushed.error.to_string()));
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
    game.commands(|commands| commands.nakama().send_raw(follow()).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.acknowledge(&asked);
    game.update();
    game.expect_sent(Kind::MatchJoin);
}
