//! `SessionState`: entered and left once for each connection.

use super::*;
use crate::common::steps::connect_as;

fn watched() -> (TestGame, Log) {
    let (mut game, log) = (TestGame::new(), Log::default());
    for state in [SessionState::Offline, SessionState::Online] {
        let seen = log.clone();
        let entered = move || seen.add(format!("+{state:?}"));
        game.app.add_systems(OnEnter(state), entered);
        let seen = log.clone();
        let left = move || seen.add(format!("-{state:?}"));
        game.app.add_systems(OnExit(state), left);
    }
    game.app
        .add_systems(OnEnter(SessionState::Online), |mut commands: Commands| {
            commands.spawn((Lobby, DespawnOnExit(SessionState::Online)));
        });
    game.update();
    assert_eq!(log.take(), ["+Offline"]);
    (game, log)
}

#[test]
fn once_for_each_connection() {
    let (mut game, log) = watched();
    for _ in 0..2 {
        connect_as(&mut game, "ada");
        game.update();
        game.update();
        assert_eq!(log.take(), [""; 0], "connecting is offline");
        game.server_accepts();
        game.update();
        game.update();
        assert_eq!(log.take(), ["-Offline", "+Online"]);
        assert_eq!(lobbies(&mut game.app).len(), 1);
        game.connection_ends();
        game.update();
        game.update();
        assert_eq!(log.take(), ["-Online", "+Offline"]);
        assert_eq!(lobbies(&mut game.app).len(), 0);
    }
}

#[test]
fn a_change_of_user_passes_offline() {
    let (mut game, log) = watched();
    game.connect();
    let before = lobbies(&mut game.app);
    log.take();
    connect_as(&mut game, "bob");
    game.update();
    game.server_accepts();
    game.update();
    game.update();
    assert_eq!(log.take(), ["-Online", "+Offline", "-Offline", "+Online"]);
    let after = lobbies(&mut game.app);
    assert_eq!(after.len(), 1);
    assert_ne!(before, after);
}

/// The connection ends in the frame in which it began: the game enters and leaves.
#[test]
fn a_connection_that_ends_at_once_is_entered_and_left() {
    let (mut game, log) = watched();
    connect_as(&mut game, "ada");
    game.update();
    game.server_accepts();
    game.connection_ends();
    game.update();
    assert_eq!(log.take(), ["-Offline", "+Online", "-Online", "+Offline"]);
}
