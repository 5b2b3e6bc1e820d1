//! Scenario 28: the local user is in the same channels, and what was said meanwhile comes from the history.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bevy::prelude::*;
use bevy_nakama::{
    chat::{ChatGap, ChatLastSeen, ChatMessageKind, Timestamp},
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};
use serde_json::{Value, json};

use super::steps::{again, hear_of, lose, reopen, state};
use crate::common::{log::Log, steps::drain};

/// A line of the history.
fn line(id: &str, sender: &str, second: u32, text: &str) -> Value {
    edited(id, sender, second, second, text)
}

fn edited(id: &str, sender: &str, second: u32, now: u32, text: &str) -> Value {
    let at = |second| format!("1970-01-01T00:{:02}:{:02}Z", second / 60, second % 60);
    json!({
        "channel_id": "2...lobby", "message_id": id, "code": 0, "sender_id": format!("user-{sender}"),
        "username": sender, "content": text, "create_time": at(second), "update_time": at(now),
        "persistent": true,
    })
}

/// A page of the history: newest first, as the server gives it.
fn page(mut lines: Vec<Value>, next: Option<&str>) -> Value {
    lines.reverse();
    json!({ "messages": lines, "next_cursor": next.unwrap_or_default() })
}

fn said(id: &str, sender: &str, second: u64, text: &str) -> Message {
    let at = Duration::from_secs(second);
    chat_message("lobby", sender, ChatMessageKind::Chat, id, text, at)
}

/// In the lobby with bob, where two lines were said.
fn in_lobby() -> (TestGame, Entity, Log) {
    let mut game = TestGame::connected();
    let lobby = game.join_room("lobby", &["ada", "bob"]);
    game.server_says(said("m1", "bob", 10, "{\"n\":1}"));
    game.server_says(said("m2", "ada", 20, "{\"n\":2}"));
    game.update();
    drain::<ChatMessageReceived>(&mut game);
    let log = hear_of::<ChatChannel>(&mut game);
    let to = log.clone();
    game.observe(move |_: On<ChatGap>| to.add("a gap"));
    (game, lobby, log)
}

fn joined(names: &[bevy_nakama::proto::UserPresence]) -> Message {
    Message::Channel(realtime::Channel {
        id: "2...lobby".into(),
        presences: names[1..].to_vec(),
        self_: names.first().cloned(),
        room_name: "lobby".into(),
        ..Default::default()
    })
}

/// The game is in the lobby again, and reads the history. The notifications come first to be answered.
fn reenter(game: &mut TestGame) {
    lose(game);
    reopen(game);
    let asked = game.expect_sent(Kind::ChannelJoin);
    game.answer(&asked, joined(&[again("ada"), user_presence("bob")]));
    game.update();
    let calls = game.rest_calls();
    assert!(calls[0].1.starts_with("/v2/notification"), "{calls:?}");
    game.answer_rest(200, &json!({}));
    game.update();
}

/// What the game was told: the id, what it is, and whether it was replayed.
fn received(game: &mut TestGame) -> Vec<(String, ChatMessageKind, bool)> {
    let received = drain::<ChatMessageReceived>(game).into_iter();
    received
        .map(|it| {
            (
                it.message.message_id.to_string(),
                it.message.kind,
                it.replayed,
            )
        })
        .collect()
}

#[test]
fn the_channel_is_joined_again_in_the_same_way_and_who_stayed_is_silent() {
    let mut game = TestGame::connected();
    let request = JoinChat::room("lobby").hidden(true).persistent(false);
    let lobby = game.commands(|commands| commands.nakama().join_chat(request).id());
    game.update();
    let first = game.expect_sent(Kind::ChannelJoin);
    game.answer(&first, chat_joined("lobby", &["ada", "bob", "cat"]));
    game.update();
    let log = hear_of::<ChatChannel>(&mut game);
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::ChannelJoin);
    assert_eq!(asked.message, first.message);
    game.answer(
        &asked,
        joined(&[again("ada"), user_presence("bob"), user_presence("dan")]),
    );
    game.update();
    assert_eq!(log.take(), ["+dan WhileAway", "-cat WhileAway", "Restored"]);
    assert!(game.app.world().get::<ChatChannel>(lobby).is_some());
    assert_eq!(game.chat_roster("lobby"), ["ada", "bob", "dan"]);
}

#[test]
fn scenario_28_what_was_said_meanwhile_is_replayed_once_and_before_what_comes_live() {
    let (mut game, _, log) = in_lobby();
    reenter(&mut game);
    assert_eq!(log.take(), ["Restored"]);
    // Live, while the history is on its way: a line that the history has, too, and a later one.
    game.server_says(said("m4", "bob", 40, "{\"n\":4}"));
    game.server_says(said("m5", "bob", 50, "{\"n\":5}"));
    game.update();
    assert!(received(&mut game).is_empty());
    let calls = game.rest_calls();
    assert_eq!(
        calls,
        [(
            "GET",
            "/v2/channel/2...lobby?limit=100&forward=false".into()
        )]
    );
    let lines = vec![
        line("m0", "bob", 1, "{\"n\": 0}"),
        line("m1", "bob", 10, "{\"n\": 1}"),
        line("m2", "ada", 20, "{\"n\": 2}"),
        line("m3", "bob", 30, "{\"n\": 3}"),
        line("m4", "bob", 40, "{\"n\": 4}"),
    ];
    game.answer_rest(200, &page(lines, None));
    game.update();
    assert_eq!(
        received(&mut game),
        [
            ("m3".into(), ChatMessageKind::Chat, true),
            ("m4".into(), ChatMessageKind::Chat, true),
            ("m5".into(), ChatMessageKind::Chat, false),
        ]
    );
    assert_eq!(log.take(), ["resumed"]);
    let lines = game.chat_lines("lobby");
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(!lines[0].contains('0'), "what was never seen stays away");
}

#[test]
fn scenario_28_edits_and_removals_of_old_lines_are_told_and_in_the_log() {
    let (mut game, ..) = in_lobby();
    reenter(&mut game);
    let lines = vec![edited("m2", "ada", 20, 33, "{\"n\": 22}")];
    game.answer_rest(200, &page(lines, None));
    game.update();
    assert_eq!(
        received(&mut game),
        [
            ("m1".into(), ChatMessageKind::Remove, true),
            ("m2".into(), ChatMessageKind::Update, true),
        ]
    );
    assert_eq!(game.chat_lines("lobby"), ["ada: {\"n\": 22}"]);
}

#[test]
fn scenario_28_more_than_the_limit_is_a_gap() {
    let (mut game, ..) = in_lobby();
    game.app
        .world_mut()
        .resource_mut::<NakamaSettings>()
        .chat_fill = 2;
    let log = hear_of::<ChatChannel>(&mut game);
    let to = log.clone();
    game.observe(move |gap: On<ChatGap>| {
        let line = gap.after.as_ref().expect("there were lines");
        to.add(format!("a gap after {line}"));
    });
    reenter(&mut game);
    log.take();
    assert!(game.rest_calls()[0].1.contains("limit=2&"));
    let lines = vec![
        line("m8", "bob", 80, "{\"n\": 8}"),
        line("m9", "bob", 90, "{\"n\": 9}"),
    ];
    game.answer_rest(200, &page(lines, Some("older")));
    game.update();
    assert_eq!(log.take(), ["a gap after m2", "resumed"]);
    assert_eq!(
        received(&mut game),
        [
            ("m8".into(), ChatMessageKind::Chat, true),
            ("m9".into(), ChatMessageKind::Chat, true),
        ]
    );
    // The lines before the gap are there: the server may have them.
    assert_eq!(game.chat_lines("lobby").len(), 4);
}

#[test]
fn a_history_that_cannot_be_read_is_a_gap_and_what_came_live_is_there() {
    let (mut game, _, log) = in_lobby();
    reenter(&mut game);
    log.take();
    game.server_says(said("m5", "bob", 50, "{\"n\":5}"));
    game.update();
    game.answer_rest(500, &json!({ "code": 13, "message": "broken" }));
    game.update();
    assert_eq!(log.take(), ["a gap", "resumed"]);
    assert_eq!(
        received(&mut game),
        [("m5".into(), ChatMessageKind::Chat, false)]
    );
}

#[test]
fn a_slow_history_holds_up_the_return_for_five_seconds_and_no_longer() {
    let (mut game, ..) = in_lobby();
    reenter(&mut game);
    assert_eq!(state(&game), ConnectionState::Reconnecting);
    game.advance(Duration::from_secs(5));
    assert_eq!(state(&game), ConnectionState::Connected);
    let lines = vec![
        line("m1", "bob", 10, "{\"n\": 1}"),
        line("m2", "ada", 20, "{\"n\": 2}"),
        line("m3", "bob", 30, "{\"n\": 3}"),
    ];
    game.answer_rest(200, &page(lines, None));
    game.update();
    assert_eq!(
        received(&mut game),
        [("m3".into(), ChatMessageKind::Chat, true)]
    );
}

#[test]
fn a_second_loss_while_the_history_is_read_starts_over() {
    let (mut game, _, log) = in_lobby();
    reenter(&mut game);
    game.server_says(said("m5", "bob", 50, "{\"n\":5}"));
    game.update();
    game.answer_rest_later();
    reenter(&mut game);
    let lines = vec![
        line("m2", "ada", 20, "{\"n\": 2}"),
        line("m3", "bob", 30, "{\"n\": 3}"),
        line("m5", "bob", 50, "{\"n\": 5}"),
    ];
    game.answer_rest(200, &page(lines, None));
    game.update();
    assert_eq!(
        received(&mut game),
        [
            ("m1".into(), ChatMessageKind::Remove, true),
            ("m3".into(), ChatMessageKind::Chat, true),
            ("m5".into(), ChatMessageKind::Chat, true),
        ]
    );
    assert_eq!(log.take(), ["Restored", "Restored", "resumed"]);
}

trait Later {
    fn answer_rest_later(&mut self);
}

impl Later for TestGame {
    /// The oldest call is answered, too late to matter.
    fn answer_rest_later(&mut self) {
        self.connection_breaks();
        self.answer_rest(200, &json!({}));
    }
}

#[test]
fn a_channel_in_which_nothing_stored_was_said_is_filled_with_what_is_new() {
    let mut game = TestGame::connected();
    let lobby = game.join_room("lobby", &["ada", "bob"]);
    assert!(game.app.world().get::<ChatLastSeen>(lobby).is_none());
    reenter(&mut game);
    let old = line("m1", "bob", 30, "{}");
    let mut new = line("m2", "bob", 30, "{}");
    new["create_time"] = json!("2999-01-01T00:00:00Z");
    game.answer_rest(200, &page(vec![old, new], None));
    game.update();
    assert_eq!(
        received(&mut game),
        [("m2".into(), ChatMessageKind::Chat, true)]
    );
}

#[test]
fn scenario_33_a_channel_that_is_left_while_away_is_not_joined_again() {
    let (mut game, lobby, _) = in_lobby();
    lose(&mut game);
    game.commands(|commands| {
        commands.nakama().leave_chat(lobby);
        commands.nakama().join_chat("kitchen");
    });
    game.update();
    assert!(game.app.world().get::<ChatChannel>(lobby).is_none());
    reopen(&mut game);
    let asked = game.expect_sent(Kind::ChannelJoin);
    let Some(Message::ChannelJoin(join)) = &asked.message else {
        panic!("no join");
    };
    assert_eq!(join.target, "kitchen");
    assert!(game.sent().is_empty());
}

#[test]
fn a_group_that_does_not_let_the_local_user_in_is_lost() {
    let (mut game, lobby, log) = in_lobby();
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::ChannelJoin);
    game.refuse(&asked, 3, "Group not found: Invalid channel target");
    game.update();
    let lines = log.take();
    assert!(lines[0].starts_with("lost: "), "{lines:?}");
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(game.app.world().get::<ChatChannel>(lobby).is_none());
}

#[test]
fn nothing_waits_for_the_history_of_a_channel_that_was_left() {
    let (mut game, lobby, log) = in_lobby();
    reenter(&mut game);
    log.take();
    assert_eq!(state(&game), ConnectionState::Reconnecting);
    game.commands(|commands| commands.entity(lobby).despawn());
    game.update();
    assert_eq!(state(&game), ConnectionState::Connected);
}

/// Nothing was ever said in the channel, so everything is new since a minute before the first loss.
#[test]
fn what_was_said_before_a_second_loss_is_not_missing() {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let half_a_second_in_the_minute = now - Duration::from_millis(59_500);
    let mut game = TestGame::connected();
    game.join_room("lobby", &["ada", "bob"]);
    lose(&mut game);
    reopen(&mut game);
    game.sent();
    std::thread::sleep(Duration::from_secs(1));
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::ChannelJoin);
    game.answer(&asked, joined(&[again("ada"), user_presence("bob")]));
    game.update();
    let mut said = line("m1", "bob", 0, "{}");
    let at = Timestamp {
        seconds: half_a_second_in_the_minute.as_secs() as i64,
        nanos: half_a_second_in_the_minute.subsec_nanos() as i32,
    };
    said["create_time"] = at.to_string().into();
    said["update_time"] = at.to_string().into();
    let mut told = Vec::new();
    while !game.rest_calls().is_empty() {
        let (_, path) = game.rest_calls()[0].clone();
        if path.starts_with("/v2/channel") {
            game.answer_rest(200, &page(vec![said.clone()], None));
        } else {
            game.answer_rest(200, &json!({}));
        }
        game.update();
        told.extend(received(&mut game));
    }
    assert_eq!(told.first().map(|(id, ..)| id.as_str()), Some("m1"));
}

/// The server is slow with the history: what it answers to the first question is not the answer to the second.
#[test]
fn a_late_answer_to_an_old_question_for_the_history_changes_nothing() {
    let (mut game, _, log) = in_lobby();
    reenter(&mut game);
    for number in 0..1025 {
        game.server_says(said(&format!("n{number}"), "bob", 100 + number, "{}"));
    }
    game.update();
    game.update();
    assert!(log.take().contains(&"a gap".to_owned()));
    drain::<ChatMessageReceived>(&mut game);
    let old = game.rest_calls().len();
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::ChannelJoin);
    game.answer(&asked, joined(&[again("ada"), user_presence("bob")]));
    game.update();
    game.server_says(said("new", "bob", 2000, "{}"));
    game.update();
    for _ in 0..old {
        game.answer_rest(200, &page(Vec::new(), None));
    }
    game.update();
    assert_eq!(
        received(&mut game).len(),
        0,
        "the line waits for the history"
    );
    while !game.rest_calls().is_empty() {
        let (_, path) = game.rest_calls()[0].clone();
        if path.starts_with("/v2/channel") {
            game.answer_rest(200, &page(vec![line("new", "bob", 2000, "{}")], None));
        } else {
            game.answer_rest(200, &json!({}));
        }
        game.update();
    }
    let told = received(&mut game);
    assert_eq!(
        told.last().map(|(id, ..)| id.as_str()),
        Some("new"),
        "{told:?}"
    );
    assert!(log.take().contains(&"resumed".to_owned()));
}
