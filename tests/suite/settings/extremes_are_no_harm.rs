//! Settings may be as large or as small as their types allow. A game plays on, or is told why it cannot.

use std::time::Duration;

use crate::common::{
    game::{Game, serve},
    log::Log,
};
use bevy::prelude::*;
use bevy_nakama::{local_server::LocalServerConfig, prelude::*, proto::Kind, testing::*};

type Change = fn(&mut NakamaSettings);

fn connect_and_watch(settings: NakamaSettings) -> (TestGame, Log) {
    let mut game = TestGame::with_settings(settings);
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |gone: On<Disconnected>| seen.add(gone.reason.to_string()));
    game.connect();
    (game, log)
}

/// Joins, hears and says something, and disconnects while data is still queued.
fn play(game: &mut TestGame) {
    game.join("m1", &["ada", "bob"]);
    game.join_room("lobby", &["ada", "bob"]);
    game.server_says(match_data_sent("m1", Some("bob"), 1, "hello"));
    let at = Duration::from_secs(1);
    let said = chat_message("lobby", "bob", ChatMessageKind::Chat, "id", "{}", at);
    game.server_says(said);
    game.server_says(notification_sent("n1", 1, "news", "{}", true));
    game.update();
    let here = game.match_entity("m1");
    game.commands(|commands| {
        for _ in 0..100 {
            commands.nakama().send_data(here, OutgoingData::raw(1, "x"));
        }
        commands.nakama().disconnect();
    });
    game.update();
    game.advance(Duration::from_secs(1));
}

#[test]
fn the_largest_settings_are_no_harm() {
    let changes: [(&str, Change); 10] = [
        ("request_timeout", |s| s.request_timeout = Duration::MAX),
        ("receive_budget", |s| s.receive_budget = Duration::MAX),
        ("connect_timeout", |s| s.connect_timeout = Duration::MAX),
        ("max_envelope", |s| s.max_envelope = usize::MAX),
        ("hand_over_limit", |s| s.hand_over_limit = usize::MAX),
        ("send_queue", |s| s.send_queue = usize::MAX),
        ("send_window", |s| s.send_window = u32::MAX),
        ("requests_in_flight", |s| s.requests_in_flight = usize::MAX),
        ("chat_log_lines", |s| s.chat_log_lines = usize::MAX),
        ("inbox_notifications", |s| {
            s.inbox_notifications = usize::MAX
        }),
    ];
    for (name, change) in changes {
        println!("{name}");
        let mut settings = NakamaSettings {
            receive_budget: Duration::MAX,
            ..NakamaSettings::default()
        };
        change(&mut settings);
        let (mut game, log) = connect_and_watch(settings);
        play(&mut game);
        assert_eq!(log.take(), ["the game disconnected"], "{name}");
    }
}

#[test]
fn nothing_at_all_still_lets_a_connection_live_where_it_can() {
    let changes: [(&str, Change); 7] = [
        ("receive_budget", |s| s.receive_budget = Duration::ZERO),
        ("hand_over_limit", |s| s.hand_over_limit = 0),
        ("send_queue", |s| s.send_queue = 0),
        ("send_window", |s| s.send_window = 0),
        ("requests_in_flight", |s| s.requests_in_flight = 0),
        ("chat_log_lines", |s| s.chat_log_lines = 0),
        ("inbox_notifications", |s| s.inbox_notifications = 0),
    ];
    for (name, change) in changes {
        println!("{name}");
        let mut settings = NakamaSettings {
            receive_budget: Duration::MAX,
            ..NakamaSettings::default()
        };
        change(&mut settings);
        let (mut game, log) = connect_and_watch(settings);
        play(&mut game);
        assert_eq!(log.take(), ["the game disconnected"], "{name}");
    }
}

#[test]
fn nothing_at_all_is_told_where_it_is_too_little() {
    let settings = NakamaSettings {
        request_timeout: Duration::ZERO,
        max_envelope: 0,
        ..NakamaSettings::default()
    };
    let (mut game, log) = connect_and_watch(settings);
    let seen = log.clone();
    game.observe(move |reply: On<Replied<JoinMatch>>| {
        seen.add(format!("{:?}", reply.result.as_ref().expect_err("no")));
    });
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m1")).id());
    game.update();
    game.update();
    assert!(log.take()[0].starts_with("TooLarge"));
    let no = game.sent().iter().any(|sent| {
        let kind = sent.message.as_ref().map(Kind::of);
        kind == Some(Kind::MatchJoin)
    });
    assert!(!no, "it was not sent");
}

#[test]
fn an_embedded_server_with_the_largest_settings_serves() {
    let config = LocalServerConfig {
        session_token_life: Duration::MAX,
        refresh_token_life: Duration::MAX,
        ping_period: Duration::MAX,
        pong_wait: Duration::MAX,
        matchmaker_interval: Duration::MAX,
        matchmaker_max_tickets: usize::MAX,
        outgoing_queue: usize::MAX,
        max_message_size: usize::MAX,
        ..LocalServerConfig::default()
    };
    let (_local, server) = serve(config);
    let mut game = Game::online(&server, Login::device("device-of-ada"));
    let ticket = game
        .ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(AddMatchmaker::players(2, 2)).id());
    assert!(ticket.is_ok(), "{ticket:?}");
    let joined = game.ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::new()).id());
    assert!(joined.is_ok(), "{joined:?}");
}
