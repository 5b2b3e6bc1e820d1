//! The embedded server ends a token while the game plays on.

use std::time::Duration;

use super::*;
use crate::common::game::{Game, serve};
use bevy_nakama::local_server::LocalServerConfig;

#[test]
fn a_token_that_has_ended_is_replaced() {
    let (_local, server) = serve(LocalServerConfig {
        session_token_life: Duration::from_secs(4), // in whole seconds: three at least
        ..Default::default()
    });
    let mut game = Game::online(&server, Login::device("device-of-ada").username("ada"));
    let log = Log::default();
    let seen = log.clone();
    game.app
        .add_observer(move |refreshed: On<SessionRefreshed>| {
            let user = refreshed.session.username();
            seen.add(format!(
                "{user}, expired: {}",
                refreshed.session.is_expired()
            ));
        });
    // The token is good until the clock of the server says otherwise.
    let mut names = Vec::new();
    for _ in 0..200_000 {
        let account = game
            .ask::<CallRest>(|nakama| nakama.rest(RestMethod::Get, "/v2/account", None).id())
            .expect("an account");
        names.push(account.json["user"]["username"].clone());
        if let Some(line) = log.take_first() {
            assert_eq!(line, "ada, expired: false");
            break;
        }
    }
    assert!(names.iter().all(|name| name == "ada"));
    let body = json!({ "display_name": "Ada L." });
    let updated = game.ask::<CallRest>(|nakama| {
        let account = "/v2/account";
        nakama.rest(RestMethod::Put, account, Some(body)).id()
    });
    assert_eq!(updated.expect("it is hers").json, json!({}));

    for (path, expected) in [
        ("v2/account", "a path should begin with a slash"),
        ("/v2/a b", "percent-encoded"),
    ] {
        let refused = game.ask::<CallRest>(|nakama| {
            let call = nakama.rest(RestMethod::Get, path, None);
            call.id()
        });
        let error = refused.expect_err("no path");
        assert!(
            matches!(&error, RequestError::BadAddress(why) if why.to_string().contains(expected)),
            "{error:?}"
        );
    }
    let missing = game.ask::<CallRest>(|nakama| {
        let call = nakama.rest(RestMethod::Delete, "/v2/nothing", None);
        call.id()
    });
    let Err(RequestError::Refused(error)) = missing else {
        panic!("{missing:?}");
    };
    assert_eq!((error.status, error.code), (404, 5));
}
