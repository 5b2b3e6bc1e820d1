//! A connection that comes back has the tokens that it needs, or says that the player has to log in.

use bevy::prelude::*;
use bevy_nakama::{
    __testing::forge_token,
    connection::{
        ConnectionState, DisconnectReason, NakamaConnection, ReconnectStep, TransportError,
    },
    healing::LoginNeeded,
    prelude::*,
    session::SessionRefreshed,
    testing::{TestGame, server},
};
use serde_json::json;

use super::steps::{listen, lose, reopen, state, wait};
use crate::common::log::Log;

const REFRESH: (&str, &str) = ("POST", "/v2/account/session/refresh");
pub(super) const GOOD: u64 = u32::MAX as u64;
pub(super) const LOST: &str = "lost: the connection was lost: the server hung up";

/// A token of a user that ends at this time, in seconds since 1970. The number tells tokens apart.
pub(super) fn token(name: &str, ends: u64, number: u32) -> String {
    let user = format!("user-{name}");
    forge_token(&json!({ "uid": user, "usn": name, "exp": ends, "tid": number }))
}

pub(super) fn session(name: &str, ends: u64, number: u32) -> NakamaSession {
    let refresh = token(name, GOOD, 1000 + number);
    NakamaSession::restore(&token(name, ends, number), Some(&refresh)).expect("tokens")
}

/// A game that is connected as ada, with a session whose token ends then.
pub(super) fn connected(ends: u64) -> (TestGame, Log) {
    let mut game = TestGame::new();
    let session = session("ada", ends, 1);
    game.commands(|commands| {
        commands.nakama().use_session(&server(), session);
        commands.nakama().connect();
    });
    game.update();
    if ends < GOOD {
        let old = token("ada", ends, 2);
        game.answer_rest(
            200,
            &json!({ "token": old, "refresh_token": token("ada", GOOD, 1002) }),
        );
        game.update();
    }
    game.server_accepts();
    game.update();
    let log = listen(&mut game);
    let to = log.clone();
    game.observe(move |new: On<SessionRefreshed>| {
        to.add(format!("new tokens for {}", new.session.username()));
    });
    (game, log)
}

/// The game asks for new tokens, and gets them.
#[track_caller]
pub(super) fn give_tokens(game: &mut TestGame, number: u32) {
    assert_eq!(refreshes(game), 1);
    let refresh = token("ada", GOOD, 1000 + number);
    game.answer_rest(
        200,
        &json!({ "token": token("ada", GOOD, number), "refresh_token": refresh }),
    );
    game.update();
}

pub(super) fn refreshes(game: &mut TestGame) -> usize {
    let mut calls = game.rest_calls();
    // What the server has stored meanwhile is read when the connection is back.
    calls.retain(|(_, path)| !path.starts_with("/v2/notification"));
    let all = calls
        .iter()
        .all(|(method, path)| (*method, path.as_str()) == REFRESH);
    assert!(all, "{calls:?}");
    calls.len()
}

pub(super) fn refuse_refresh(game: &mut TestGame) {
    let text = "Refresh token invalid or expired.";
    game.answer_rest(401, &json!({ "code": 16, "message": text }));
    game.update();
    game.update();
}

/// Runs until the game opens a socket, and refuses it.
#[track_caller]
pub(super) fn refuse_socket(game: &mut TestGame) {
    until(game, TestGame::opens_a_socket);
    game.server_ends(DisconnectReason::Refused {
        status: 401,
        message: "Missing or invalid token".into(),
    });
    game.update();
}

#[track_caller]
pub(super) fn until(game: &mut TestGame, is_so: impl Fn(&TestGame) -> bool) {
    for _ in 0..3000 {
        if is_so(game) {
            return;
        }
        game.update();
    }
    panic!(
        "not within 30 s: {:?}",
        game.app.world().resource::<NakamaConnection>()
    );
}

pub(super) fn step(game: &TestGame) -> Option<ReconnectStep> {
    let connection = game.app.world().resource::<NakamaConnection>();
    connection.reconnecting().map(|it| it.step())
}

#[test]
fn scenario_13_a_token_that_ended_while_away_is_replaced_once() {
    let (mut game, log) = connected(1);
    lose(&mut game);
    until(&mut game, |game| {
        step(game) == Some(ReconnectStep::Refreshing)
    });
    assert!(!game.opens_a_socket());
    give_tokens(&mut game, 3);
    reopen(&mut game);
    assert_eq!(refreshes(&mut game), 0);
    assert_eq!(log.take(), [LOST, "new tokens for ada", "resumed"]);
}

#[test]
fn scenario_14_a_refused_token_is_replaced_once_and_tried_once() {
    let (mut game, log) = connected(GOOD);
    lose(&mut game);
    refuse_socket(&mut game);
    give_tokens(&mut game, 3);
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "new tokens for ada", "resumed"]);
}

/// A server that makes a token in the same second makes the same token.
#[test]
fn scenario_14_a_new_token_may_be_the_old_one() {
    let (mut game, log) = connected(GOOD);
    lose(&mut game);
    refuse_socket(&mut game);
    give_tokens(&mut game, 1);
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "new tokens for ada", "resumed"]);
}

/// An outage may be longer than a token lives.
#[test]
fn scenario_14_each_try_may_need_new_tokens() {
    let (mut game, log) = connected(GOOD);
    lose(&mut game);
    for number in 3..6 {
        refuse_socket(&mut game);
        give_tokens(&mut game, number);
        until(&mut game, TestGame::opens_a_socket);
        game.connection_breaks();
        game.update();
    }
    reopen(&mut game);
    let new = "new tokens for ada";
    assert_eq!(log.take(), [LOST, new, new, new, "resumed"]);
}

#[test]
fn scenario_14_a_refresh_without_an_answer_is_asked_again() {
    let (mut game, log) = connected(1);
    lose(&mut game);
    for _ in 0..3 {
        until(&mut game, |game| {
            step(game) == Some(ReconnectStep::Refreshing)
        });
        game.rest_breaks();
        game.update();
        game.update();
        assert_eq!(step(&game), Some(ReconnectStep::Waiting));
    }
    until(&mut game, |game| {
        step(game) == Some(ReconnectStep::Refreshing)
    });
    give_tokens(&mut game, 3);
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "new tokens for ada", "resumed"]);
}

#[test]
fn scenario_14_a_call_over_rest_and_the_socket_share_a_refresh() {
    let (mut game, log) = connected(1);
    lose(&mut game);
    until(&mut game, |game| {
        step(game) == Some(ReconnectStep::Refreshing)
    });
    game.commands(|commands| {
        commands.nakama().list_matches(ListMatches::new(10));
    });
    game.update();
    assert_eq!(refreshes(&mut game), 1);
    give_tokens(&mut game, 3);
    assert_eq!(game.rest_calls().len(), 1, "now the call is made");
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "new tokens for ada", "resumed"]);
}

#[test]
fn scenario_15_a_session_that_is_over_ends_the_connection_with_the_reason() {
    let (mut game, log) = connected(1);
    lose(&mut game);
    until(&mut game, |game| {
        step(game) == Some(ReconnectStep::Refreshing)
    });
    refuse_refresh(&mut game);
    let ended = "ended: the session has ended: Refresh token invalid or expired. (401)";
    assert_eq!(log.take(), [LOST, ended]);
    assert_eq!(state(&game), ConnectionState::Disconnected);
    wait(&mut game, 30);
    assert!(
        !game.opens_a_socket() && game.rest_calls().is_empty(),
        "no loop"
    );
}

#[test]
fn scenario_15_a_server_that_refuses_every_new_token_ends_the_connection() {
    let (mut game, log) = connected(GOOD);
    lose(&mut game);
    refuse_socket(&mut game);
    give_tokens(&mut game, 3);
    refuse_socket(&mut game);
    game.update();
    let heard = log.take();
    assert_eq!(heard[..2], [LOST, "new tokens for ada"]);
    assert!(
        heard[2].starts_with("ended: the session has ended"),
        "{heard:?}"
    );
    wait(&mut game, 30);
    assert!(
        !game.opens_a_socket() && game.rest_calls().is_empty(),
        "no loop"
    );
}

/// A game that hears when a login is needed.
pub(super) fn needs_login() -> (TestGame, Log) {
    let (mut game, log) = connected(1);
    let to = log.clone();
    game.observe(move |needed: On<LoginNeeded>| to.add(format!("{} has to log in", needed.user)));
    lose(&mut game);
    until(&mut game, |game| {
        step(game) == Some(ReconnectStep::Refreshing)
    });
    refuse_refresh(&mut game);
    assert_eq!(log.take(), [LOST, "user-ada has to log in"]);
    assert_eq!(state(&game), ConnectionState::Reconnecting);
    assert_eq!(step(&game), Some(ReconnectStep::LoginNeeded));
    (game, log)
}

#[test]
fn a_login_of_the_same_user_brings_the_connection_back() {
    let (mut game, log) = needs_login();
    wait(&mut game, 60);
    let new = session("ada", GOOD, 7);
    game.commands(|commands| commands.nakama().use_session(&server(), new));
    reopen(&mut game);
    assert_eq!(log.take(), ["resumed"]);
}

/// An observer may log in at once, each time.
#[test]
fn a_server_that_refuses_fresh_logins_is_no_hot_loop() {
    let (mut game, log) = connected(GOOD);
    let to = log.clone();
    let mut number = 7;
    game.observe(move |_: On<LoginNeeded>, mut commands: Commands| {
        to.add("login needed");
        number += 1;
        let new = session("ada", GOOD, number);
        commands.nakama().use_session(&server(), new);
    });
    lose(&mut game);
    log.take();
    let mut sockets = 0;
    for _ in 0..3000 {
        if game.opens_a_socket() {
            sockets += 1;
            game.server_ends(DisconnectReason::Refused {
                status: 401,
                message: String::new(),
            });
        }
        for _ in 0..refreshes(&mut game) {
            let text = "Refresh token invalid or expired.";
            game.answer_rest(401, &json!({ "code": 16, "message": text }));
        }
        game.update();
    }
    let asked = log.take();
    assert!(asked.iter().all(|it| it == "login needed"), "{asked:?}");
    assert!(
        (5..60).contains(&asked.len()),
        "asked {} times",
        asked.len()
    );
    assert!((5..120).contains(&sockets), "{sockets} sockets in 30 s");
    assert_eq!(state(&game), ConnectionState::Reconnecting);
}

#[test]
fn a_login_of_another_user_ends_the_connection() {
    let (mut game, log) = needs_login();
    let new = session("bob", GOOD, 7);
    game.commands(|commands| commands.nakama().use_session(&server(), new));
    game.update();
    game.update();
    assert_eq!(log.take(), ["ended: bob logged in instead"]);
}

#[test]
fn a_connection_comes_back_as_its_own_user_whoever_is_logged_in() {
    let (mut game, log) = connected(GOOD);
    let bob = session("bob", GOOD, 7);
    game.commands(|commands| commands.nakama().use_session(&server(), bob));
    lose(&mut game);
    refuse_socket(&mut game);
    give_tokens(&mut game, 3);
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "resumed"]);
    let connection = game.app.world().resource::<NakamaConnection>();
    assert_eq!(
        connection.user().map(|(id, _)| id.as_str()),
        Some("user-ada")
    );
    let current = game.app.world().resource::<CurrentSession>();
    assert_eq!(current.user().map(|(id, _)| id.as_str()), Some("user-bob"));
}

#[test]
fn scenario_34_disconnect_ends_it_at_once_wherever_it_is() {
    for at in [
        ReconnectStep::Waiting,
        ReconnectStep::Refreshing,
        ReconnectStep::Opening,
    ] {
        let (mut game, log) = connected(1);
        lose(&mut game);
        until(&mut game, |game| {
            step(game) == Some(ReconnectStep::Refreshing)
        });
        match at {
            ReconnectStep::Waiting => {
                game.rest_breaks();
                game.update();
                game.update();
            }
            ReconnectStep::Opening => give_tokens(&mut game, 3),
            _ => {}
        }
        game.update();
        assert_eq!(step(&game), Some(at));
        log.take();
        game.commands(|commands| commands.nakama().disconnect());
        game.update();
        game.update();
        assert_eq!(log.take(), ["ended: the game disconnected"], "{at:?}");
        wait(&mut game, 30);
        assert!(!game.opens_a_socket(), "{at:?}");
        assert_eq!(log.take(), [""; 0]);
    }
}

#[test]
fn scenario_34_connect_while_it_waits_tries_now_and_once() {
    let (mut game, log) = connected(GOOD);
    lose(&mut game);
    for _ in 0..6 {
        until(&mut game, TestGame::opens_a_socket);
        game.connection_breaks();
        game.update();
    }
    assert_eq!(step(&game), Some(ReconnectStep::Waiting));
    game.commands(|commands| {
        commands.nakama().connect();
        commands.nakama().connect();
        commands.nakama().network_is_back();
    });
    game.update();
    game.update();
    assert!(game.opens_a_socket());
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), [LOST, "resumed"]);
}

#[test]
fn a_first_connect_is_tried_again_where_the_game_asks_for_it() {
    let mut game = TestGame::new();
    let log = listen(&mut game);
    let ada = session("ada", GOOD, 1);
    game.commands(|commands| {
        commands.nakama().use_session(&server(), ada);
        let options = ConnectOptions::default().retry_first();
        commands.nakama().connect_with(options);
    });
    for _ in 0..3 {
        until(&mut game, TestGame::opens_a_socket);
        game.server_ends(DisconnectReason::Unreachable(
            TransportError::Eof.at(&server()),
        ));
        game.update();
        assert_eq!(state(&game), ConnectionState::Connecting);
    }
    reopen(&mut game);
    assert_eq!(log.take(), ["connected"]);
    assert_eq!(state(&game), ConnectionState::Connected);
}

#[test]
fn a_first_login_is_tried_again_where_the_game_asks_for_it() {
    let mut game = TestGame::new();
    let log = listen(&mut game);
    game.commands(|commands| {
        let login = Login::device("a-device-of-ada").retry();
        commands.nakama().log_in(&server(), login);
        commands.nakama().connect();
    });
    for number in 0..4 {
        until_calls(&mut game);
        if number == 3 {
            game.answer_rest(503, &json!({}));
        } else {
            game.rest_breaks();
        }
        game.update();
        assert_eq!(state(&game), ConnectionState::Connecting);
    }
    until_calls(&mut game);
    game.accept_login("ada");
    reopen(&mut game);
    assert_eq!(log.take(), ["connected"]);
}

#[test]
fn a_login_that_waits_for_its_next_try_is_not_answered_by_a_failed_refresh() {
    let mut game = TestGame::new();
    let log = listen(&mut game);
    let to = log.clone();
    game.observe(move |reply: On<Replied<LogIn>>| {
        to.add(format!("logged in: {}", reply.result.is_ok()));
    });
    let ada = session("ada", GOOD, 1);
    game.commands(|commands| {
        commands.nakama().use_session(&server(), ada);
        commands.nakama().list_matches(ListMatches::new(10));
        let login = Login::device("a-device-of-ada").retry();
        commands.nakama().log_in(&server(), login);
    });
    game.update();
    assert_eq!(game.rest_calls().len(), 2);
    let text = "Auth token invalid";
    game.answer_rest(401, &json!({ "code": 16, "message": text }));
    game.update();
    assert_eq!(game.rest_calls().len(), 2, "the login, and a refresh");
    game.rest_breaks();
    refuse_refresh(&mut game);
    assert_eq!(log.take(), [""; 0]);
    until_calls(&mut game);
    game.accept_login("ada");
    game.update();
    assert_eq!(log.take(), ["logged in: true"]);
}

#[test]
fn a_wrong_address_does_not_heal() {
    for error in [
        TransportError::NoTls,
        TransportError::OnlyTls,
        TransportError::TlsNotBuilt,
        TransportError::InvalidHeader("a token"),
    ] {
        let reason = DisconnectReason::Unreachable(error.at(&server()));
        assert!(!reason.heals(), "{reason}");
    }
}

#[track_caller]
pub(super) fn until_calls(game: &mut TestGame) {
    for _ in 0..3000 {
        if !game.rest_calls().is_empty() {
            return;
        }
        game.update();
    }
    panic!("no call within 30 s");
}

#[test]
fn without_healing_a_loss_is_the_end() {
    let mut game = TestGame::new();
    let log = listen(&mut game);
    let ada = session("ada", GOOD, 1);
    game.commands(|commands| {
        commands.nakama().use_session(&server(), ada);
        commands
            .nakama()
            .connect_with(ConnectOptions::default().heal(false));
    });
    reopen(&mut game);
    game.connection_breaks();
    game.update();
    assert_eq!(
        log.take(),
        [
            "connected",
            "ended: the connection was lost: the server hung up"
        ]
    );
    wait(&mut game, 30);
    assert!(!game.opens_a_socket());
}

#[test]
fn a_game_may_log_in_and_connect_when_a_login_is_needed() {
    for (name, end) in [("ada", None), ("bob", Some("ended: the game disconnected"))] {
        let (mut game, log) = needs_login();
        game.commands(|commands| {
            let login = Login::device("a-device-of-somebody").retry();
            commands.nakama().log_in(&server(), login);
            commands.nakama().connect();
        });
        game.update();
        game.accept_login(name);
        reopen(&mut game);
        let heard = log.take();
        match end {
            None => assert_eq!(heard, ["resumed"]),
            Some(end) => assert_eq!(heard, [end, "connected"]),
        }
    }
}

#[test]
fn a_fresh_login_counts_more_than_a_refresh_that_fails() {
    let (mut game, log) = connected(1);
    lose(&mut game);
    until(&mut game, |game| {
        step(game) == Some(ReconnectStep::Refreshing)
    });
    let new = session("ada", GOOD, 7);
    game.commands(|commands| commands.nakama().use_session(&server(), new));
    refuse_refresh(&mut game);
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "resumed"]);
}

#[test]
fn a_login_of_somebody_else_that_fails_is_nothing_to_the_connection() {
    let (mut game, log) = connected(1);
    lose(&mut game);
    until(&mut game, |game| {
        step(game) == Some(ReconnectStep::Refreshing)
    });
    game.commands(|commands| {
        commands
            .nakama()
            .log_in(&server(), Login::email("bob@example.com", "wrong-password"));
    });
    game.update();
    // The refresh is the older call.
    let refresh = token("ada", GOOD, 1003);
    game.answer_rest(
        200,
        &json!({ "token": token("ada", GOOD, 3), "refresh_token": refresh }),
    );
    game.answer_rest(
        401,
        &json!({ "code": 16, "message": "Invalid credentials." }),
    );
    game.update();
    reopen(&mut game);
    assert_eq!(log.take(), [LOST, "new tokens for ada", "resumed"]);
}
