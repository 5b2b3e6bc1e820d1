//! A token that has ended, or that the server refuses, opens no socket. With a good refresh token there is a connection all the same.

use super::*;
use bevy_nakama::__testing::forge_token;
use serde_json::json;

const REFRESH: (&str, &str) = ("POST", "/v2/account/session/refresh");

/// A session of ada whose token ends at this time, in seconds since 1970.
fn session(ends: u64) -> NakamaSession {
    let token = |exp: u64| forge_token(&json!({ "uid": "user-ada", "usn": "ada", "exp": exp }));
    let good = token(u32::MAX.into());
    NakamaSession::restore(&token(ends), Some(&good)).expect("tokens")
}

fn connecting(session: NakamaSession) -> (TestGame, Log) {
    let (mut game, log) = watch(TestGame::new());
    let seen = log.clone();
    game.observe(move |it: On<SessionRefreshed>| {
        seen.add(format!("new tokens for {}", it.session.username()));
    });
    game.commands(|commands| {
        commands.nakama().use_session(&server(), session);
        commands.nakama().connect();
    });
    game.update();
    (game, log)
}

fn calls(game: &mut TestGame) -> usize {
    let calls = game.rest_calls();
    assert!(
        calls
            .iter()
            .all(|(method, path)| (*method, path.as_str()) == REFRESH)
    );
    calls.len()
}

fn give_tokens(game: &mut TestGame) {
    let token = session_of("ada").token().expose().to_owned();
    game.answer_rest(200, &json!({ "token": token, "refresh_token": token }));
    game.update();
}

/// The server refuses the socket, as it does for a token that is not good.
fn refuse_socket(game: &mut TestGame) {
    game.server_ends(DisconnectReason::Refused {
        status: 401,
        message: "Missing or invalid token".into(),
    });
    game.update();
}

fn refuse_refresh(game: &mut TestGame) {
    let text = "Refresh token invalid or expired.";
    game.answer_rest(401, &json!({ "code": 16, "message": text }));
    game.update();
    game.update();
}

const ENDED: &str = "the session has ended: Refresh token invalid or expired. (401)";

#[test]
fn a_token_that_has_ended_is_replaced_before_the_socket_opens() {
    let (mut game, log) = connecting(session(1));
    assert_eq!(calls(&mut game), 1);
    assert_eq!(state(&game), ConnectionState::Connecting);
    give_tokens(&mut game);
    game.server_accepts();
    game.update();
    assert_eq!(
        log.take(),
        ["new tokens for ada", "connected, resumed: false"]
    );
}

/// The clock of this machine calls the token good, and the server's word counts.
#[test]
fn a_token_that_the_server_refuses_is_replaced_once() {
    let (mut game, log) = connecting(session(u32::MAX.into()));
    assert_eq!(calls(&mut game), 0);
    refuse_socket(&mut game);
    assert_eq!(log.take(), [""; 0], "nobody needs to know yet");
    assert_eq!(state(&game), ConnectionState::Connecting);
    assert_eq!(calls(&mut game), 1);
    give_tokens(&mut game);
    game.server_accepts();
    game.update();
    assert_eq!(
        log.take(),
        ["new tokens for ada", "connected, resumed: false"]
    );

    let (mut game, log) = connecting(session(u32::MAX.into()));
    refuse_socket(&mut game);
    give_tokens(&mut game);
    refuse_socket(&mut game);
    let refused = "the server refused the socket with 401: Missing or invalid token";
    assert_eq!(log.take(), ["new tokens for ada", refused]);
    assert_eq!(calls(&mut game), 0, "one more try, not a loop");
}

#[test]
fn a_refresh_that_is_refused_is_the_end() {
    for (ends, refuses_socket) in [(1, false), (u32::MAX.into(), true)] {
        let (mut game, log) = connecting(session(ends));
        if refuses_socket {
            refuse_socket(&mut game);
        }
        refuse_refresh(&mut game);
        assert_eq!(log.take(), [ENDED]);
        assert_eq!(state(&game), ConnectionState::Disconnected);
    }
}

#[test]
fn a_server_that_cannot_be_reached_for_new_tokens_is_told() {
    let (mut game, log) = connecting(session(1));
    game.rest_breaks();
    game.update();
    game.update();
    let told = log.take();
    assert!(
        told[0].ends_with("cannot be reached: the server hung up"),
        "{told:?}"
    );

    let (mut game, log) = connecting(session(1));
    game.advance(std::time::Duration::from_secs(11));
    let told = log.take();
    assert!(told[0].ends_with("no connection within 10.0 s"), "{told:?}");
}

/// Without a refresh token, the server is asked: its clock may be another.
#[test]
fn without_a_refresh_token_the_server_says_what_it_is_worth() {
    let old = session(1);
    let old = NakamaSession::restore(old.token().expose(), None).expect("a token");
    let (mut game, log) = connecting(old);
    assert_eq!(calls(&mut game), 0);
    refuse_socket(&mut game);
    assert_eq!(
        log.take(),
        ["the server refused the socket with 401: Missing or invalid token"]
    );
}

/// A call over REST and the connection need new tokens at the same time: there is one refresh.
#[test]
fn a_call_and_the_connection_share_a_refresh() {
    let (mut game, log) = watch(TestGame::new());
    game.commands(|commands| {
        commands.nakama().use_session(&server(), session(1));
        commands.nakama().rest(RestMethod::Get, "/v2/account", None);
    });
    game.update();
    game.answer_rest(401, &json!({ "code": 16, "message": "Auth token invalid" }));
    game.update();
    game.commands(|commands| commands.nakama().connect());
    game.update();
    assert_eq!(calls(&mut game), 1);
    give_tokens(&mut game);
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["connected, resumed: false"]);
    assert_eq!(
        game.rest_calls(),
        [("GET", "/v2/account".to_owned())],
        "the call is made again"
    );
}

#[test]
fn who_disconnects_while_tokens_are_replaced_is_not_connected() {
    let (mut game, log) = connecting(session(1));
    game.commands(|commands| commands.nakama().disconnect());
    give_tokens(&mut game);
    game.update();
    assert_eq!(log.take(), ["new tokens for ada", "the game disconnected"]);
    assert_eq!(state(&game), ConnectionState::Disconnected);
}

/// The player cancels while the server's refusal of the token is on its way.
#[test]
fn who_disconnects_while_the_token_is_refused_is_not_connected() {
    let (mut game, log) = connecting(session(u32::MAX.into()));
    game.commands(|commands| commands.nakama().disconnect());
    refuse_socket(&mut game);
    game.update();
    game.update();
    assert_eq!(calls(&mut game), 0);
    assert_eq!(log.take().len(), 1);
    assert_eq!(state(&game), ConnectionState::Disconnected);
}
