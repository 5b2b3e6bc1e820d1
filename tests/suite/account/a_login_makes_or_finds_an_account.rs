//! A login makes an account, or finds it again, in every way that the server knows.

use super::*;
use crate::common::game::serve;
use bevy_nakama::{
    local_server::LocalServerConfig,
    testing::{self, TestGame},
};
use serde_json::json;

#[test]
fn a_new_account_and_then_the_same_again() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut game = Game::new();
    let login = Login::device("device-of-ada")
        .username("ada")
        .var("build", "7");
    let first = log_in(&mut game, &server, login.clone()).expect("a new account");
    assert!(first.created);
    assert_eq!(first.session.username().as_str(), "ada");
    assert_eq!(
        first.session.vars().get("build").map(String::as_str),
        Some("7")
    );
    assert!(!first.session.is_expired() && !first.session.is_refresh_expired());
    let again = log_in(&mut game, &server, login.username("other")).expect("the same account");
    assert!(!again.created);
    assert_eq!(again.session.user_id(), first.session.user_id());
    assert_eq!(
        again.session.username().as_str(),
        "ada",
        "an account keeps its name"
    );
}

#[test]
fn every_way_to_log_in_says_what_the_server_needs() {
    let player = GameCenterPlayer {
        player_id: "G:1".into(),
        bundle_id: "org.example.game".into(),
        timestamp_seconds: 1_700_000_000,
        salt: "c2FsdA==".into(),
        signature: "c2lnbg==".into(),
        public_key_url: "https://example.org/key".into(),
    };
    let ways = [
        (
            Login::email("ada@example.org", "secret words").create(true),
            "email?create=true",
            json!({ "email": "ada@example.org", "password": "secret words" }),
        ),
        (
            Login::password("ada", "secret words"),
            "email?create=false&username=ada",
            json!({ "password": "secret words" }),
        ),
        (
            Login::custom("custom-id").username("ada b"),
            "custom?username=ada+b",
            json!({ "id": "custom-id" }),
        ),
        (
            Login::steam("ticket").import_friends(false),
            "steam?sync=false",
            json!({ "token": "ticket" }),
        ),
        (
            Login::apple("token").var("build", "7"),
            "apple?",
            json!({ "token": "token", "vars": { "build": "7" } }),
        ),
        (
            Login::google("token"),
            "google?",
            json!({ "token": "token" }),
        ),
        (
            Login::facebook("token").import_friends(true),
            "facebook?sync=true",
            json!({ "token": "token" }),
        ),
        (
            Login::game_center(player),
            "gamecenter?",
            json!({
                "player_id": "G:1",
                "bundle_id": "org.example.game",
                "timestamp_seconds": "1700000000",
                "salt": "c2FsdA==",
                "signature": "c2lnbg==",
                "public_key_url": "https://example.org/key",
            }),
        ),
    ];
    for (login, target, body) in ways {
        let mut game = TestGame::new();
        let shown = format!("{login:?}");
        for secret in ["secret", "ticket", "token", "c2", "custom-id"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        game.commands(|commands| {
            commands.nakama().log_in(&testing::server(), login);
        });
        game.update();
        let target = format!("/v2/account/authenticate/{target}");
        assert_eq!(game.rest_calls(), [("POST", target)]);
        assert_eq!(game.rest_bodies(), [body]);
    }
}

#[test]
fn email_and_custom_accounts() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut game = Game::new();
    let made = log_in(
        &mut game,
        &server,
        Login::email("Ada@Example.org", "long enough").username("ada"),
    )
    .expect("a new account");
    assert!(made.created);
    for login in [
        Login::email("ada@example.ORG", "long enough").create(false),
        Login::password("ada", "long enough"),
    ] {
        let again = log_in(&mut game, &server, login).expect("the same account");
        assert_eq!(again.session.user_id(), made.session.user_id());
    }
    let custom = log_in(&mut game, &server, Login::custom("custom-id")).expect("a new account");
    assert!(custom.created);
    assert_ne!(custom.session.user_id(), made.session.user_id());
}
