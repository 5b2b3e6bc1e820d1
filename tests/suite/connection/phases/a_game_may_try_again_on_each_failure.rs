//! A game tries again on each failure, for as long as it wants.

use super::*;
use crate::common::game::Game;
use bevy_nakama::connection::TransportError;

#[test]
fn trying_again_on_each_failure_goes_on() {
    let (mut game, log) = watched(TestGame::new());
    game.app.add_systems(
        OnEnter(ConnectionState::Disconnected),
        |mut commands: Commands| {
            commands.nakama().use_session(&server(), session_of("ada"));
            commands.nakama().connect();
        },
    );
    game.update();
    for attempt in 0..10 {
        // The server is unreachable, and says so before the next frame.
        game.server_ends(DisconnectReason::Unreachable(
            TransportError::Eof.at(&server()),
        ));
        log.take();
        game.update();
        let seen = log.take();
        assert!(
            seen.contains(&"disconnected".to_owned()),
            "attempt {attempt} was the last: {seen:?}"
        );
    }
    game.server_accepts();
    game.update();
    assert_eq!(shown(&game), ConnectionState::Connected);
}

/// Over sockets, to a port where nobody listens.
#[test]
fn trying_again_goes_on_over_sockets() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    let server = NakamaServer::new(format!("http://{address}"), "defaultkey");
    let mut game = Game::new();
    game.app.add_systems(
        OnEnter(ConnectionState::Disconnected),
        move |mut commands: Commands| {
            commands.nakama().use_session(&server, session_of("ada"));
            commands.nakama().connect();
        },
    );
    for _ in 0..10 {
        assert_ne!(game.next_phase(), "connected");
    }
}
