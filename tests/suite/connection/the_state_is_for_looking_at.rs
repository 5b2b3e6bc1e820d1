//! A game that sets `ConnectionState` itself changes what its own systems see, and nothing else.

use super::*;

fn set(game: &mut TestGame, state: ConnectionState) {
    let mut next = game
        .app
        .world_mut()
        .resource_mut::<NextState<ConnectionState>>();
    next.set(state);
    game.update();
}

#[test]
fn a_game_that_says_it_is_connected_is_not() {
    let (mut game, log) = watch(TestGame::new());
    set(&mut game, ConnectionState::Connected);
    assert_eq!(state(&game), ConnectionState::Connected, "as the game said");
    let connection = game.app.world().resource::<NakamaConnection>();
    assert!(!connection.is_connected(), "as it is");
    let seen = log.clone();
    game.observe(move |reply: On<Replied<CreateMatch>>| {
        let error = reply.result.as_ref().expect_err("there is no socket");
        seen.add(error.to_string());
    });
    game.commands(|commands| {
        commands.nakama().create_match(CreateMatch::new());
    });
    game.update();
    game.update();
    assert_eq!(log.take(), ["not connected"]);

    // The next phase is the plugin's own again.
    start_connecting(&mut game);
    assert_eq!(state(&game), ConnectionState::Connecting);
    game.server_accepts();
    game.update();
    assert_eq!(state(&game), ConnectionState::Connected);
    assert_eq!(log.take(), ["connected, resumed: false"]);
}

#[test]
fn a_game_that_says_it_is_offline_stays_connected() {
    let (mut game, log) = watch(TestGame::connected());
    set(&mut game, ConnectionState::Disconnected);
    assert_eq!(
        state(&game),
        ConnectionState::Disconnected,
        "as the game said"
    );
    game.join("m1", &["ada", "bob"]);
    assert_eq!(game.roster("m1"), ["ada", "bob"], "requests are answered");
    assert_eq!(log.take(), [""; 0]);
    game.connection_ends();
    game.update();
    assert_eq!(log.take().len(), 1, "the end is told");
    assert_eq!(state(&game), ConnectionState::Disconnected);
}
