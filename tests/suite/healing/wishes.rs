//! What a game may do while its connection is on its way: log in, connect, disconnect, and get new tokens, in any order.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    account::LoginRefusal,
    commands::NakamaCommands,
    connection::{
        ConnectionState, DisconnectReason, NakamaConnection, ReconnectStep, TransitionKind,
        TransportError,
    },
    prelude::*,
    proto::Kind,
    testing::{TestGame, match_joined, server},
};
use serde_json::json;

use super::{
    steps::{listen, lose, reopen, state, wait},
    tokens::{
        GOOD, LOST, connected, give_tokens, needs_login, session, step, token, until, until_calls,
    },
};
use crate::common::log::Log;

fn log_in_and_connect(game: &mut TestGame) {
    game.commands(|commands| {
        let login = Login::device("a-device-of-somebody");
        commands.nakama().log_in(&server(), login);
        commands.nakama().connect();
    });
}

/// The server cannot be reached when the game asks for new tokens.
fn refresh_breaks(game: &mut TestGame) {
    game.rest_breaks();
    game.update();
    game.update();
}

fn is_refreshing(game: &TestGame) -> bool {
    step(game) == Some(ReconnectStep::Refreshing)
}

fn user(game: &TestGame) -> Option<String> {
    let connection = game.app.world().resource::<NakamaConnection>();
    connection.user().map(|(id, _)| id.to_string())
}

/// The game has refreshed its session, or has logged in again, and those tokens end, too.
#[test]
fn tokens_that_are_newer_than_the_connection_are_replaced_when_it_is_lost() {
    let (mut game, log) = connected(GOOD);
    let newer = session("ada", 1, 5);
    game.commands(|commands| commands.nakama().use_session(&server(), newer));
    lose(&mut game);
    until(&mut game, is_refreshing);
    give_tokens(&mut game, 7);
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "new tokens for ada", "resumed"]);
}

#[test]
fn tokens_that_are_newer_than_the_connection_may_fail_to_be_replaced() {
    let (mut game, log) = connected(GOOD);
    let newer = session("ada", 1, 5);
    game.commands(|commands| commands.nakama().use_session(&server(), newer));
    lose(&mut game);
    for _ in 0..3 {
        until(&mut game, is_refreshing);
        refresh_breaks(&mut game);
        assert_eq!(step(&game), Some(ReconnectStep::Waiting), "no hot loop");
    }
    until(&mut game, is_refreshing);
    give_tokens(&mut game, 7);
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "new tokens for ada", "resumed"]);
}

/// Whatever the game does, and whenever: nothing leaves the connection between two stools.
#[test]
fn a_login_at_any_step_leaves_a_connection_that_comes_back() {
    for ends in [1, GOOD] {
        for at in [
            None,
            Some(ReconnectStep::Waiting),
            Some(ReconnectStep::Refreshing),
            Some(ReconnectStep::Opening),
            Some(ReconnectStep::Reentering),
        ] {
            let (mut game, log) = connected(1);
            game.join("m", &["ada", "bob"]);
            log.take();
            if at.is_some() {
                lose(&mut game);
                until(&mut game, is_refreshing);
            }
            match at {
                Some(ReconnectStep::Waiting) => refresh_breaks(&mut game),
                Some(ReconnectStep::Opening) => give_tokens(&mut game, 3),
                Some(ReconnectStep::Reentering) => {
                    give_tokens(&mut game, 3);
                    reopen(&mut game);
                }
                _ => {}
            }
            game.update();
            assert_eq!(step(&game), at);
            let newer = session("ada", ends, 8);
            game.commands(|commands| commands.nakama().use_session(&server(), newer));
            game.update();
            if at.is_none() || at == Some(ReconnectStep::Reentering) {
                lose(&mut game);
            }
            come_back(&mut game);
            let heard = log.take();
            let end = heard.last().map(String::as_str);
            assert_eq!(end, Some("resumed"), "{at:?}: {heard:?}");
        }
    }
}

/// Runs until the connection is back: the server gives new tokens, and accepts what the game opens.
#[track_caller]
fn come_back(game: &mut TestGame) {
    for number in 20..3020 {
        if game.opens_a_socket() {
            game.server_accepts();
        }
        while !game.rest_calls().is_empty() {
            let refresh = token("ada", GOOD, 1000 + number);
            let new = token("ada", GOOD, number);
            game.answer_rest(200, &json!({ "token": new, "refresh_token": refresh }));
        }
        for asked in game.sent() {
            if let Some(Kind::MatchJoin) = asked.message.as_ref().map(Kind::of) {
                game.answer(&asked, match_joined("m", &["ada", "bob"]));
            }
        }
        game.update();
        if state(game) == ConnectionState::Connected {
            return;
        }
    }
    let connection = game.app.world().resource::<NakamaConnection>();
    panic!("not back within 30 s: {connection:?}");
}

/// The connection is often back before a login has its answer.
#[test]
fn a_game_that_logs_in_and_connects_keeps_the_connection_that_has_come_back() {
    let (mut game, log) = connected(GOOD);
    lose(&mut game);
    log_in_and_connect(&mut game);
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "resumed"]);
    game.accept_login("ada");
    wait(&mut game, 1);
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(state(&game), ConnectionState::Connected);
}

#[test]
fn a_login_that_fails_leaves_a_connection_that_has_come_back_alone() {
    let (mut game, log) = connected(GOOD);
    lose(&mut game);
    game.commands(|commands| {
        commands.nakama().log_out();
    });
    log_in_and_connect(&mut game);
    reopen(&mut game);
    while !game.rest_calls().is_empty() {
        game.rest_breaks();
    }
    wait(&mut game, 1);
    assert_eq!(log.take(), [LOST, "resumed"]);
    assert_eq!(state(&game), ConnectionState::Connected);
}

#[test]
fn a_login_as_another_user_takes_the_place_of_a_connection_that_has_come_back() {
    let (mut game, log) = connected(GOOD);
    lose(&mut game);
    log_in_and_connect(&mut game);
    reopen(&mut game);
    game.accept_login("bob");
    reopen(&mut game);
    let heard = [LOST, "resumed", "ended: the game disconnected", "connected"];
    assert_eq!(log.take(), heard);
    assert_eq!(user(&game).as_deref(), Some("user-bob"));
}

/// With and without a frame between the two.
#[test]
fn a_game_that_disconnects_and_connects_anew_has_a_new_connection() {
    for frames in 0..3 {
        for at in [
            ReconnectStep::Waiting,
            ReconnectStep::Refreshing,
            ReconnectStep::Reentering,
        ] {
            let (mut game, log) = connected(1);
            game.join("m", &["ada", "bob"]);
            lose(&mut game);
            until(&mut game, is_refreshing);
            match at {
                ReconnectStep::Waiting => refresh_breaks(&mut game),
                ReconnectStep::Reentering => {
                    give_tokens(&mut game, 3);
                    reopen(&mut game);
                }
                _ => {}
            }
            assert_eq!(step(&game), Some(at));
            game.commands(|commands| commands.nakama().disconnect());
            for _ in 0..frames {
                game.update();
            }
            game.commands(|commands| commands.nakama().connect());
            come_back(&mut game);
            let heard = log.take();
            let told = heard.iter();
            let end: Vec<_> = told.filter(|it| it.ends_with("ed")).collect();
            let end = &end[end.len() - 2..];
            assert_eq!(
                end,
                ["ended: the game disconnected", "connected"],
                "{at:?}, {frames} frames later: {heard:?}"
            );
        }
    }
}

/// The answer to the last re-entry request comes in the very frame.
#[test]
fn a_game_that_disconnects_in_re_entry_is_not_told_that_it_is_back() {
    let (mut game, log) = connected(GOOD);
    game.join("m", &["ada", "bob"]);
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchJoin);
    log.take();
    game.answer(&asked, match_joined("m", &["ada", "bob"]));
    game.commands(|commands| commands.nakama().disconnect());
    game.update();
    game.update();
    let heard = log.take();
    assert!(!heard.contains(&"resumed".to_owned()), "{heard:?}");
    assert_eq!(
        heard.last().map(String::as_str),
        Some("ended: the game disconnected")
    );
}

#[test]
fn a_game_that_disconnects_asks_for_no_login_any_more() {
    let (mut game, log) = needs_login();
    game.commands(|commands| commands.nakama().disconnect());
    game.update();
    game.update();
    assert_eq!(log.take(), ["ended: the game disconnected"]);
}

#[test]
fn a_game_that_disconnects_stays_offline_when_its_login_is_answered() {
    for frames in 0..3 {
        let (mut game, log) = connected(GOOD);
        lose(&mut game);
        log_in_and_connect(&mut game);
        for _ in 0..frames {
            game.update();
        }
        game.commands(|commands| commands.nakama().disconnect());
        game.update();
        game.update();
        assert_eq!(log.take(), [LOST, "ended: the game disconnected"]);
        game.accept_login("ada");
        wait(&mut game, 5);
        assert!(!game.opens_a_socket(), "{frames} frames later");
        assert_eq!(log.take(), [""; 0]);
        assert_eq!(state(&game), ConnectionState::Disconnected);
    }
}

/// The game has asked for a connection, so there is one on its way, or its end is told.
#[test]
fn a_connection_that_ends_while_the_game_waits_for_a_login_makes_way_for_the_next() {
    let (mut game, log) = connected(GOOD);
    lose(&mut game);
    log_in_and_connect(&mut game);
    until(&mut game, TestGame::opens_a_socket);
    game.connection_ends();
    game.update();
    game.update();
    assert_eq!(state(&game), ConnectionState::Connecting);
    game.accept_login("ada");
    reopen(&mut game);
    let heard = log.take();
    assert_eq!(
        heard.last().map(String::as_str),
        Some("connected"),
        "{heard:?}"
    );
}

fn restored(ends: u64) -> (TestGame, Log) {
    let mut game = TestGame::new();
    let log = listen(&mut game);
    let ada = session("ada", ends, 1);
    game.commands(|commands| {
        commands.nakama().use_session(&server(), ada);
        let options = ConnectOptions::default().retry_first();
        commands.nakama().connect_with(options);
    });
    game.update();
    (game, log)
}

#[test]
fn a_first_connect_with_an_old_token_is_tried_again_where_the_game_asks_for_it() {
    let (mut game, log) = restored(1);
    for _ in 0..3 {
        for _ in 0..3000 {
            if !game.rest_calls().is_empty() {
                break;
            }
            if game.opens_a_socket() {
                game.connection_breaks();
            }
            game.update();
        }
        refresh_breaks(&mut game);
        assert_eq!(log.take(), [""; 0]);
        assert_eq!(state(&game), ConnectionState::Connecting);
    }
    come_back(&mut game);
    assert_eq!(log.take(), ["connected"]);
}

/// Counts the sockets that a game opens, and lets each open after so much time.
struct SlowLine {
    opening: Duration,
    since: Option<Duration>,
    sockets: u32,
}

impl SlowLine {
    fn new(opening: Duration) -> Self {
        Self {
            opening,
            since: None,
            sockets: 0,
        }
    }

    fn run(&mut self, game: &mut TestGame) {
        game.update();
        let now = game.app.world().resource::<Time<Real>>().elapsed();
        if !game.opens_a_socket() {
            self.since = None;
        } else if self.since.is_none() {
            self.since = Some(now);
            self.sockets += 1;
        } else if self.since.is_some_and(|since| now - since >= self.opening) {
            game.server_accepts();
        }
    }
}

/// Names, TCP, TLS and the server's own work take that long on a mobile line.
#[test]
fn a_game_that_asks_each_second_comes_back_on_a_slow_line() {
    for asks in [
        (|nakama: NakamaCommands| nakama.connect()) as fn(NakamaCommands),
        |nakama| nakama.network_is_back(),
    ] {
        let (mut game, log) = connected(GOOD);
        lose(&mut game);
        let mut line = SlowLine::new(Duration::from_millis(2500));
        for frame in 0..1000 {
            line.run(&mut game);
            if state(&game) == ConnectionState::Connected {
                break;
            }
            if frame % 100 == 99 {
                game.commands(|commands| asks(commands.nakama()));
            }
        }
        assert_eq!(log.take(), [LOST, "resumed"], "{} sockets", line.sockets);
        assert!(line.sockets <= 2, "{} sockets", line.sockets);
    }
}

/// The refresh hangs on a line that is dead. The player presses a key, or the system says that there is a network again.
///
/// Other calls tell by their place in the order when it was made.
#[test]
fn a_game_that_asks_each_second_gets_its_tokens_on_a_slow_line() {
    let (mut game, log) = connected(1);
    lose(&mut game);
    until(&mut game, is_refreshing);
    let asks = |game: &mut TestGame, name: &str| {
        game.commands(|commands| {
            let login = Login::email(format!("{name}@example.com"), "a-password");
            commands.nakama().log_in(&server(), login);
        });
        game.update_by(Duration::from_millis(1200));
        game.commands(|commands| commands.nakama().network_is_back());
        game.update();
        let calls = game.rest_calls();
        calls
            .iter()
            .position(|(_, path)| path.ends_with("/refresh"))
    };
    assert_eq!(
        asks(&mut game, "bob"),
        Some(1),
        "made anew, after bob's login"
    );
    assert_eq!(
        asks(&mut game, "cat"),
        Some(1),
        "given the time that it needs"
    );
    for _ in 0..2 {
        let (_, path) = game.rest_calls()[0].clone();
        if path.ends_with("/refresh") {
            break;
        }
        game.rest_breaks();
    }
    let refresh = token("ada", GOOD, 1003);
    game.answer_rest(
        200,
        &json!({ "token": token("ada", GOOD, 3), "refresh_token": refresh }),
    );
    game.update();
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "new tokens for ada", "resumed"]);
}

/// A game may be patient with its own requests.
#[test]
fn a_refresh_that_hangs_does_not_hold_up_the_connection_for_long() {
    let patient = NakamaSettings {
        request_timeout: Duration::from_secs(300),
        ..Default::default()
    };
    let mut game = TestGame::with_settings(patient);
    let ada = session("ada", 1, 1);
    game.commands(|commands| {
        commands.nakama().use_session(&server(), ada);
        commands.nakama().connect();
    });
    game.update();
    give_tokens_that_end(&mut game);
    game.server_accepts();
    game.update();
    lose(&mut game);
    until(&mut game, is_refreshing);
    wait(&mut game, 11);
    let tries = game.app.world().resource::<NakamaConnection>().history();
    let failed = tries.filter(|it| matches!(it.what, TransitionKind::TryFailed { .. }));
    assert_eq!(failed.count(), 1);
}

fn give_tokens_that_end(game: &mut TestGame) {
    let refresh = token("ada", GOOD, 1002);
    game.answer_rest(
        200,
        &json!({ "token": token("ada", 1, 2), "refresh_token": refresh }),
    );
    game.update();
}

/// The server may make an account for a login that nobody wants any more.
#[test]
fn a_login_that_is_withdrawn_between_two_tries_is_not_made() {
    for logs_out in [true, false] {
        let mut game = TestGame::new();
        let log = Log::default();
        let to = log.clone();
        game.observe(move |reply: On<Replied<LogIn>>| match &reply.result {
            Ok(_) => to.add("logged in"),
            Err(error) => to.add(error.to_string()),
        });
        let login = game.commands(|commands| {
            let login = Login::device("a-device-of-ada").retry();
            commands.nakama().log_in(&server(), login).id()
        });
        game.update();
        for _ in 0..6 {
            until_calls(&mut game);
            game.rest_breaks();
            game.update();
        }
        assert_eq!(game.rest_calls(), []);
        game.commands(|commands| {
            if logs_out {
                commands.nakama().log_out();
            } else {
                commands.entity(login).despawn();
            }
        });
        for _ in 0..3000 {
            game.update();
            assert_eq!(game.rest_calls(), [], "logs out: {logs_out}");
        }
        let heard = RequestError::<LoginRefusal>::Withdrawn.to_string();
        assert_eq!(log.take(), [heard]);
    }
}

/// In a hotel or a train, somebody else answers until the player has agreed to something.
#[test]
fn an_address_that_has_worked_is_tried_again_whoever_answers() {
    let (mut game, log) = connected(1);
    lose(&mut game);
    until(&mut game, is_refreshing);
    game.answer_rest(302, &json!({}));
    game.update();
    game.update();
    assert_eq!(step(&game), Some(ReconnectStep::Waiting));
    until(&mut game, is_refreshing);
    give_tokens(&mut game, 3);
    let answered = |status| DisconnectReason::Refused {
        status,
        message: String::new(),
    };
    for reason in [
        DisconnectReason::Unreachable(TransportError::NoTls.at(&server())),
        DisconnectReason::Unreachable(TransportError::OnlyTls.at(&server())),
        answered(200),
        answered(302),
    ] {
        until(&mut game, TestGame::opens_a_socket);
        game.server_ends(reason.clone());
        game.update();
        assert_eq!(state(&game), ConnectionState::Reconnecting, "{reason}");
    }
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "new tokens for ada", "resumed"]);
}
