//! A game that has a loop of its own, as games had before connections healed.

use bevy::prelude::*;
use bevy_nakama::{
    connection::ConnectionState,
    prelude::*,
    proto::Kind,
    testing::{TestGame, match_joined, server, session_of},
};

use super::steps::{listen, state};

/// What such a game's plugin has.
#[derive(Resource)]
struct Pause(Timer);

fn go_online(mut commands: Commands) {
    commands.nakama().use_session(&server(), session_of("ada"));
    let as_before = ConnectOptions::default().heal(false);
    commands.nakama().connect_with(as_before);
}

fn pause(_: On<Disconnected>, mut commands: Commands) {
    commands.insert_resource(Pause(Timer::from_seconds(3.0, TimerMode::Once)));
}

fn try_again(time: Res<Time<Real>>, pause: Option<ResMut<Pause>>, mut commands: Commands) {
    if let Some(mut pause) = pause
        && pause.0.tick(time.delta()).just_finished()
    {
        commands.run_system_cached(go_online);
    }
}

fn enter(_: On<Connected>, mut commands: Commands) {
    commands.nakama().join_match(JoinMatch::by_id("m"));
}

fn plugin(app: &mut App) {
    app.add_systems(Startup, go_online)
        .add_systems(Update, try_again)
        .add_observer(pause)
        .add_observer(enter);
}

/// Lets the server accept, and let the game into its match.
fn accept(game: &mut TestGame) {
    game.server_accepts();
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada", "bob"]));
    game.update();
}

#[test]
fn a_game_with_a_loop_of_its_own_works_as_before() {
    let mut game = TestGame::of(plugin);
    let log = listen(&mut game);
    game.update();
    accept(&mut game);
    let first = game.match_entity("m");
    let heard = ["connected", "+bob Present", "+ada Present"];
    assert_eq!(log.take(), heard);
    for round in 0..3 {
        game.connection_breaks();
        game.update();
        assert_eq!(
            log.take(),
            [
                "-bob Disconnected",
                "-ada Disconnected",
                "ended: the connection was lost: the server hung up"
            ],
            "round {round}"
        );
        assert_eq!(state(&game), ConnectionState::Disconnected);
        let mut frames = 0;
        while !game.opens_a_socket() {
            frames += 1;
            assert!(frames < 310, "it tries again after three seconds");
            game.update();
        }
        assert!(frames > 290, "nobody but the game itself tries: {frames}");
        accept(&mut game);
        assert_eq!(log.take(), heard);
        assert_ne!(game.match_entity("m"), first);
    }
}
