//! Connecting takes its phases, or says why it does not.

use std::time::Duration;

use super::*;
use crate::common::steps::connect_as;
use bevy_nakama::connection::{TransportError, Unreachable};

#[test]
fn connecting_takes_its_phases() {
    let (mut game, log) = watch(TestGame::new());
    game.update();
    assert_eq!(state(&game), ConnectionState::Disconnected);
    start_connecting(&mut game);
    assert_eq!(state(&game), ConnectionState::Connecting);
    game.server_accepts();
    game.update();
    assert_eq!(state(&game), ConnectionState::Connected);
    assert_eq!(log.take(), ["connected, resumed: false"]);
    let connection = game.app.world().resource::<NakamaConnection>();
    assert_eq!(
        connection.user().map(|(_, name)| name.as_str()),
        Some("ada")
    );
}

#[test]
fn a_refused_socket_says_why() {
    let (mut game, log) = watch(TestGame::new());
    let token = session_of("ada").token().expose().to_owned();
    let session = NakamaSession::restore(&token, None).expect("a token");
    game.commands(|commands| {
        commands.nakama().use_session(&server(), session);
        commands.nakama().connect();
    });
    game.update();
    game.server_ends(DisconnectReason::Refused {
        status: 401,
        message: "Missing or invalid token".into(),
    });
    game.update();
    assert_eq!(
        log.take(),
        ["the server refused the socket with 401: Missing or invalid token"]
    );
    assert_eq!(state(&game), ConnectionState::Disconnected);
}

#[test]
fn connecting_ends_after_ten_seconds() {
    let (mut game, log) = watch(TestGame::new());
    connect_as(&mut game, "ada");
    game.advance(Duration::from_millis(9_990));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(50));
    assert_eq!(
        log.take(),
        ["http://test.invalid:7350 cannot be reached: no connection within 10.0 s"]
    );
    let connection = game.app.world().resource::<NakamaConnection>();
    assert!(matches!(
        connection.last_reason(),
        Some(DisconnectReason::Unreachable(Unreachable {
            error: TransportError::TimedOut { after },
            ..
        })) if after.as_secs() == 10
    ));
}
