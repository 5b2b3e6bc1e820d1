//! Logging in, and what tokens are good for, with the embedded server.

use std::time::Duration;

use crate::common::{
    game::{Game, serve},
    log::Log,
    transcripts::{GENERATIONS, exchanges},
};
use bevy::prelude::*;
use bevy_nakama::{
    local_server::LocalServerConfig,
    prelude::*,
    session::InvalidToken,
    testing::{self, TestGame},
};
use serde_json::json;

fn log_in(
    game: &mut Game,
    server: &NakamaServer,
    login: Login,
) -> Result<LoggedIn, RequestError<LoginRefusal>> {
    game.ask::<LogIn>(|nakama| nakama.log_in(server, login).id())
}

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

/// Every login that a real server refused: its name in the recording, and what it is here.
const RECORDED_REFUSALS: [(&str, &str); 16] = [
    ("device: create=false, unknown", "AccountNotFound"),
    ("device: username taken", "UsernameTaken"),
    ("device: id of 9 bytes", "InvalidInput"),
    ("device: id of 129 bytes", "InvalidInput"),
    ("device: id with a space", "InvalidInput"),
    ("device: id missing", "InvalidInput"),
    ("device: no body", "InvalidInput"),
    ("device: no authorization", "InvalidServerKey"),
    ("device: wrong server key", "InvalidServerKey"),
    ("email: wrong password", "InvalidCredentials"),
    ("email: password too short", "InvalidInput"),
    ("email: not an address", "InvalidInput"),
    ("email: address missing", "InvalidInput"),
    ("email: unknown account, create=false", "AccountNotFound"),
    ("custom: id of 5 bytes", "InvalidInput"),
    ("custom: id missing", "InvalidInput"),
];

#[test]
fn every_recorded_refusal_has_a_name_and_keeps_its_text() {
    for generation in GENERATIONS {
        let recorded = exchanges(generation, "rest");
        for (name, expected) in RECORDED_REFUSALS {
            let exchange = recorded
                .iter()
                .find(|exchange| exchange["name"] == name)
                .unwrap_or_else(|| panic!("{name} is not in {generation}"));
            let response = &exchange["response"];
            let status = response["status"].as_u64().expect("a status");
            let status = u16::try_from(status).expect("a status");
            let mut game = TestGame::new();
            let log = Log::default();
            let seen = log.clone();
            game.observe(move |reply: On<Replied<LogIn>>| {
                let Err(RequestError::Refused(refusal)) = &reply.result else {
                    return seen.add(format!("{:?}", reply.result));
                };
                let variant = format!("{refusal:?}");
                let variant = variant.split('(').next().unwrap_or_default();
                seen.add(format!("{variant}: {refusal}"));
            });
            game.commands(|commands| {
                let login = Login::device("device-of-ada");
                commands.nakama().log_in(&testing::server(), login);
            });
            game.update();
            game.answer_rest(status, &response["body"]);
            game.update();
            let text = response["body"]["message"].as_str().expect("a text");
            assert_eq!(log.take(), [format!("{expected}: {text} ({status})")]);
        }
    }
}

#[test]
fn refusals_of_logins_are_told_apart() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut game = Game::new();
    log_in(
        &mut game,
        &server,
        Login::device("device-of-ada").username("ada"),
    )
    .expect("a new account");

    let wrong_key = NakamaServer::new(server.url(), "wrong");
    let refused = log_in(&mut game, &wrong_key, Login::device("device-of-ada"));
    assert!(
        matches!(&refused, Err(RequestError::Refused(LoginRefusal::InvalidServerKey(e))) if e.message == "Server key invalid"),
        "{refused:?}"
    );
    let refused = log_in(
        &mut game,
        &server,
        Login::device("device-of-eve").username("ada"),
    );
    assert!(
        matches!(&refused, Err(RequestError::Refused(LoginRefusal::UsernameTaken(e))) if e.status == 409),
        "{refused:?}"
    );
    let refused = log_in(
        &mut game,
        &server,
        Login::device("device-of-nobody").create(false),
    );
    assert!(
        matches!(
            &refused,
            Err(RequestError::Refused(LoginRefusal::AccountNotFound(_)))
        ),
        "{refused:?}"
    );
    let refused = log_in(&mut game, &server, Login::device("short"));
    assert!(
        matches!(&refused, Err(RequestError::Refused(LoginRefusal::InvalidInput(e)))
            if e.message == "Device ID invalid, must be 10-128 bytes."),
        "{refused:?}"
    );
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let (local, server) = serve(LocalServerConfig::default());
    drop(local);
    let refused = log_in(&mut Game::new(), &server, Login::device("device-of-ada"));
    assert!(
        matches!(refused, Err(RequestError::Unreachable(_))),
        "{refused:?}"
    );
}

#[test]
fn a_rest_call_without_an_answer_ends_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = NakamaServer::new(
        format!("http://{}", listener.local_addr().expect("bound")),
        "key",
    );
    let mut settings = NakamaSettings::default();
    settings.request_timeout = Duration::from_millis(300);
    let mut game = Game::with(NakamaPlugin::new(settings));
    let refused = log_in(&mut game, &server, Login::device("device-of-ada"));
    assert!(
        matches!(refused, Err(RequestError::Timeout { after }) if after.as_millis() == 300),
        "{refused:?}"
    );
}

#[test]
fn a_session_is_refreshed_restored_and_ended() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut game = Game::new();
    let login = Login::device("device-of-ada").var("build", "7");
    let session = log_in(&mut game, &server, login)
        .expect("an account")
        .session;

    let refreshed = game
        .ask::<RefreshSession>(|nakama| nakama.refresh(&server, &session).id())
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

    game.ask::<LogOut>(|nakama| nakama.log_out(&server, &restored).id())
        .expect("logged out");
    let refused = game.ask::<RefreshSession>(|nakama| nakama.refresh(&server, &restored).id());
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
        commands
            .nakama()
            .connect(&server, &session, ConnectOptions::default())
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
        commands
            .nakama()
            .connect(&server, &bad, ConnectOptions::default())
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

#[test]
fn https_with_a_root_of_its_own() {
    let certified =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let root = certified.cert.der().to_vec();
    let config = rustls::ServerConfig::builder_with_provider(
        rustls::crypto::ring::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .expect("versions")
    .with_no_client_auth()
    .with_single_cert(
        vec![certified.cert.der().clone()],
        rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()).into(),
    )
    .expect("a key");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let config = std::sync::Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(connection) = rustls::ServerConnection::new(config.clone()) else {
                continue;
            };
            let tls = rustls::StreamOwned::new(connection, stream);
            // Whoever gets through TLS gets a WebSocket.
            std::thread::spawn(move || {
                if let Ok(mut socket) = tungstenite::accept(tls) {
                    while socket.read().is_ok() {}
                }
            });
        }
    });

    let trusting =
        NakamaServer::new(format!("https://localhost:{port}"), "key").with_root_certificate(root);
    let mut game = Game::new();
    game.connect_to(&trusting);
    assert_eq!(game.next_phase(), "connected");

    let stranger = NakamaServer::new(format!("https://localhost:{port}"), "key");
    let mut game = Game::new();
    game.connect_to(&stranger);
    let reason = game.next_phase();
    assert!(
        reason.contains(" cannot be reached: TLS failed: "),
        "{reason}"
    );
}
