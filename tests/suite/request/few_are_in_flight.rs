//! So many requests may be unanswered; the others wait. The server's queue for a game holds 64 messages, and the answers to a hundred
//! requests at once would cost it the connection.

use std::time::Duration;

use super::*;

/// What the game has sent, by name.
fn kinds(game: &mut TestGame) -> Vec<String> {
    let sent = game.sent().into_iter();
    let messages = sent.filter_map(|envelope| envelope.message);
    messages
        .map(|message| Kind::of(&message).to_string())
        .collect()
}

fn few(requests_in_flight: usize) -> (TestGame, Log) {
    let mut game = TestGame::with_settings(NakamaSettings {
        requests_in_flight,
        ..default()
    });
    game.connect();
    game.sent();
    (game, Log::default())
}

#[test]
fn twenty_four_leave_and_each_answer_lets_the_next_one_go() {
    let mut game = TestGame::connected();
    let log = Log::default();
    for _ in 0..100 {
        ask(&mut game, &log, follow());
    }
    game.update();
    let mut sent = game.sent();
    assert_eq!(sent.len(), 24);
    let mut answered = 0;
    while let Some(asked) = sent.pop() {
        game.acknowledge(&asked);
        game.update();
        game.update();
        answered += 1;
        assert_eq!(log.take(), ["chained: ack"]);
        sent.extend(game.sent());
        assert_eq!(sent.len(), (100 - answered).min(24));
    }
    assert_eq!(answered, 100, "one answer each");
}

#[test]
fn they_wait_in_order() {
    let (mut game, log) = few(1);
    for user in ["bob", "carol", "dora"] {
        let follow = Message::StatusFollow(realtime::StatusFollow {
            user_ids: vec![user.into()],
            usernames: vec![],
        });
        ask(&mut game, &log, follow);
    }
    for user in ["bob", "carol", "dora"] {
        game.update();
        let sent = game.sent();
        let [asked] = sent.as_slice() else {
            panic!("one at a time: {sent:?}");
        };
        let Some(Message::StatusFollow(follow)) = &asked.message else {
            panic!("{asked:?}");
        };
        assert_eq!(follow.user_ids, [user]);
        game.acknowledge(asked);
    }
}

#[test]
fn a_deadline_runs_from_the_call_and_what_ran_out_unsent_says_so() {
    let (mut game, log) = few(1);
    ask(&mut game, &log, follow());
    game.advance(Duration::from_secs(4));
    ask(&mut game, &log, follow());
    assert_eq!(game.sent().len(), 1);
    game.advance(Duration::from_millis(5_900));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(200));
    assert_eq!(log.take(), ["chained: no answer within 10.0 s"]);
    game.advance(Duration::from_millis(4_000));
    assert_eq!(
        log.take(),
        ["chained: it could not be sent within 10.0 s"],
        "the server may be at work on the first one"
    );
    assert_eq!(kinds(&mut game), [""; 0], "it is not sent late");
}

#[test]
fn a_server_that_leaves_requests_unanswered_does_not_block_the_others_for_ever() {
    let (mut game, log) = few(1);
    ask(&mut game, &log, follow());
    game.advance(Duration::from_secs(11));
    assert_eq!(log.take(), ["chained: no answer within 10.0 s"]);
    game.sent();
    // The answer to a heartbeat says that the server has handled it.
    game.advance(Duration::from_secs(5));
    ask(&mut game, &log, follow());
    game.update();
    assert_eq!(kinds(&mut game), ["status_follow"]);
}

#[test]
fn data_overtakes_requests_that_wait_for_their_turn() {
    let (mut game, log) = few(1);
    let here = game.join("m1", &["ada", "bob"]);
    game.sent();
    ask(&mut game, &log, follow());
    ask(&mut game, &log, follow());
    game.commands(|commands| {
        let data = OutgoingData::raw(1, "x");
        commands.nakama().send_data(here, data);
    });
    game.update();
    assert_eq!(kinds(&mut game), ["status_follow", "match_data_send"]);
}

#[test]
fn requests_that_wait_take_no_room_from_data() {
    let mut game = TestGame::with_settings(NakamaSettings {
        requests_in_flight: 1,
        send_queue: 2,
        ..default()
    });
    game.connect();
    let here = game.join("m1", &["ada", "bob"]);
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
    game.sent();
    for _ in 0..10 {
        ask(&mut game, &Log::default(), follow());
    }
    game.commands(|commands| {
        for _ in 0..2 {
            let data = OutgoingData::raw(1, "x");
            commands.nakama().send_data(here, data);
        }
    });
    game.update();
    game.update();
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(
        kinds(&mut game),
        ["status_follow", "match_data_send", "match_data_send"]
    );
}
