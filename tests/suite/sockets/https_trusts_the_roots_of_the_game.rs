//! A server over https whose certificate the game brings along.

use super::servers::tls_server;
use crate::common::game::Game;
use bevy_nakama::prelude::*;

#[test]
fn https_with_a_root_of_its_own() {
    // Whoever gets through TLS gets a WebSocket.
    let trusting = tls_server(
        |_| {},
        |tls| {
            std::thread::spawn(move || {
                if let Ok(mut socket) = tungstenite::accept(tls) {
                    while socket.read().is_ok() {}
                }
            });
        },
    );
    let mut game = Game::new();
    game.connect_to(&trusting);
    assert_eq!(game.next_phase(), "connected");

    let stranger = NakamaServer::new(trusting.url(), "key");
    let mut game = Game::new();
    game.connect_to(&stranger);
    let reason = game.next_phase();
    assert!(
        reason.contains(" cannot be reached: TLS failed: "),
        "{reason}"
    );
}
