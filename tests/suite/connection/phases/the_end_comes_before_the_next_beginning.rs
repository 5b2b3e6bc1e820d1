//! Connections that end, begin and are replaced within a frame: the game enters and leaves each phase.

use super::*;
use crate::common::steps::connect_as;

/// An observer connects again as soon as the connection is lost. The game sees the loss as well.
#[test]
fn who_reconnects_at_once_sees_the_end() {
    let (mut game, log) = online();
    game.observe(|_: On<Disconnected>, mut commands: Commands| {
        commands.nakama().use_session(&server(), session_of("ada"));
        commands.nakama().connect();
    });
    game.connection_ends();
    game.update();
    assert_eq!(
        log.take(),
        [
            "disconnected",
            "-Connected",
            "+Disconnected",
            "-Disconnected",
            "+Connecting"
        ]
    );
    assert_eq!(lobbies(&mut game.app), []);
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["connected", "-Connecting", "+Connected"]);
}

/// A socket opens and ends within a frame. The game sees both.
#[test]
fn a_connection_that_ends_at_once_is_entered_and_left() {
    let (mut game, log) = watched(TestGame::new());
    connect_as(&mut game, "ada");
    game.update();
    log.take();
    game.server_accepts();
    game.connection_ends();
    game.update();
    assert_eq!(
        log.take(),
        [
            "connected",
            "-Connecting",
            "+Connected",
            "disconnected",
            "-Connected",
            "+Disconnected"
        ]
    );
    assert_eq!(lobbies(&mut game.app), []);
    game.advance(FRAME * 3);
    assert_eq!(shown(&game), ConnectionState::Disconnected);
    let mut requests = game.app.world_mut().query::<&PendingRequest>();
    assert_eq!(
        requests.iter(game.app.world()).count(),
        0,
        "all have an answer"
    );
}

/// A system in `OnEnter` runs for a phase that is over by then, and connects again.
#[test]
fn who_connects_anew_in_a_phase_that_is_over_is_connecting() {
    let (mut game, log) = watched(TestGame::new());
    let seen = log.clone();
    let mut is_done = false;
    let again = move |connection: Res<NakamaConnection>, mut commands: Commands| {
        if !std::mem::replace(&mut is_done, true) {
            seen.add(format!("{:?} by now", connection.state()));
            let session = session_of("bob");
            commands.nakama().use_session(&server(), session.clone());
            commands.nakama().connect();
        }
    };
    game.app
        .add_systems(OnEnter(ConnectionState::Connected), again);
    connect_as(&mut game, "ada");
    game.update();
    log.take();
    game.server_accepts();
    game.connection_ends();
    game.update();
    let mut seen = log.take();
    let by_now = seen.iter().position(|it| it == "Disconnected by now");
    seen.remove(by_now.expect("the phase at that moment"));
    assert_eq!(
        seen,
        [
            "connected",
            "-Connecting",
            "+Connected",
            "disconnected",
            "-Connected",
            "+Connecting"
        ]
    );
    let phase = game.app.world().resource::<NakamaConnection>().state();
    assert_eq!(phase, ConnectionState::Connecting);
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["connected", "-Connecting", "+Connected"]);
}

/// The first socket opens in the frame in which the game asks for the second.
#[test]
fn who_connects_anew_while_a_socket_opens_hears_of_the_new_one_only() {
    let (mut game, log) = watched(TestGame::new());
    let mut is_done = false;
    let again = move |mut commands: Commands| {
        if !std::mem::replace(&mut is_done, true) {
            let session = session_of("bob");
            commands.nakama().use_session(&server(), session.clone());
            commands.nakama().connect();
        }
    };
    game.update();
    log.take();
    game.app
        .add_systems(OnEnter(ConnectionState::Connecting), again);
    connect_in_update(&mut game, "ada");
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["-Disconnected", "+Connecting"]);
    game.update();
    assert_eq!(log.take(), ["disconnected"], "the first one");
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["connected", "-Connecting", "+Connected"]);
    let connection = game.app.world().resource::<NakamaConnection>();
    let user = connection.user().map(|(_, name)| name.as_str());
    assert_eq!(user, Some("bob"));
}
