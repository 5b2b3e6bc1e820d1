//! The tokens of a session are refreshed, restored and ended. They do not show.

use std::time::Duration;

use super::*;
use crate::common::game::serve;
use bevy_nakama::{__testing::forge_token, local_server::LocalServerConfig, session::InvalidToken};
use serde_json::json;

#[test]
fn a_session_is_refreshed_restored_and_ended() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut game = Game::new();
    let login = Login::device("device-of-ada").var("build", "7");
    let session = log_in(&mut game, &server, login)
        .expect("an account")
        .session;

    let refreshed = game
        .ask::<RefreshSession>(|nakama| nakama.refresh().id())
        .expect("new tokens");
    assert_eq!(refreshed.user_id(), session.user_id());
    assert_eq!(
        refreshed.vars(),
        session.vars(),
        "what the login said is kept"
    );

    let (token, refresh) = (
        refreshed.token().expose(),
        refreshed.refresh_token().expect("has one").expose(),
    );
    let restored = NakamaSession::restore(token, Some(refresh)).expect("our own tokens");
    assert_eq!(restored, refreshed);
    assert_eq!(NakamaSession::restore("no token", None), Err(InvalidToken));

    game.ask::<LogOut>(|nakama| nakama.log_out().id())
        .expect("logged out");
    let refused = game.ask::<RefreshSession>(|nakama| nakama.refresh().id());
    assert!(
        matches!(refused, Err(RequestError::NotLoggedIn)),
        "{refused:?}"
    );
    game.commands(|commands| commands.nakama().use_session(&server, restored));
    let refused = game.ask::<RefreshSession>(|nakama| nakama.refresh().id());
    assert!(
        matches!(&refused, Err(RequestError::Refused(SessionRefusal::InvalidToken(e))) if e.status == 401),
        "{refused:?}"
    );
}

#[test]
fn an_expired_token_opens_no_socket() {
    let (_local, server) = serve(LocalServerConfig {
        session_token_life: Duration::from_secs(0),
        ..Default::default()
    });
    let mut game = Game::new();
    let session = log_in(&mut game, &server, Login::device("device-of-ada"))
        .expect("an account")
        .session;
    assert!(session.is_expired());
    game.commands(|commands| {
        commands.nakama().use_session(&server, session.clone());
        commands.nakama().connect()
    });
    assert_eq!(
        game.next_phase(),
        "the server refused the socket with 401: Missing or invalid token"
    );
}

#[test]
fn a_token_that_cannot_be_a_header_is_told_and_not_shown() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut game = Game::new();
    let good = log_in(&mut game, &server, Login::device("device-of-ada"))
        .expect("an account")
        .session;
    let bad = format!("{}\r\nX-Injected: yes", good.token().expose());
    let bad = NakamaSession::restore(&bad, None).expect("its claims are readable");
    game.commands(|commands| {
        commands.nakama().use_session(&server, bad.clone());
        commands.nakama().connect()
    });
    assert_eq!(
        game.next_phase(),
        format!(
            "{} cannot be reached: the token cannot be sent in a header",
            server.url()
        )
    );
}

#[test]
fn a_token_that_never_ends_is_no_harm() {
    let claims = json!({ "uid": "u", "usn": "ada", "exp": u64::MAX });
    let token = forge_token(&claims);
    let session = NakamaSession::restore(&token, Some(&token)).expect("a token");
    assert!(!session.is_expired() && !session.is_refresh_expired());
}

#[test]
fn no_secret_shows_in_debug() {
    let (_local, server) = serve(LocalServerConfig {
        server_key: "hush-key".into(),
        ..Default::default()
    });
    let mut game = Game::new();
    let login = Login::device("hush-device-of-ada");
    let shown = format!("{login:?} {server:?}");
    let logged_in = log_in(&mut game, &server, login).expect("an account");
    let shown = format!("{shown} {logged_in:?}");
    assert!(
        !shown.contains("hush") && !shown.contains(logged_in.session.token().expose()),
        "{shown}"
    );
}
