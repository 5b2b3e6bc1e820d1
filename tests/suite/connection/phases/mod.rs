//! The connection as a state: systems in `OnEnter` and `OnExit` run for each connection.

mod a_game_may_try_again_on_each_failure;
mod another_user_begins_anew;
mod being_online_is_a_state;
mod the_end_comes_before_the_next_beginning;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{prelude::*, proto::Kind, testing::*};

/// An entity that belongs to a connection, like a screen.
#[derive(Component)]
struct Lobby;

/// Logs all that a game sees of the connection, and opens a lobby for each.
fn watch(app: &mut App, log: &Log) {
    use ConnectionState::{Connected, Connecting, Disconnected};
    for state in [Disconnected, Connecting, Connected] {
        let seen = log.clone();
        app.add_systems(OnEnter(state), move || seen.add(format!("+{state:?}")));
        let seen = log.clone();
        app.add_systems(OnExit(state), move || seen.add(format!("-{state:?}")));
    }
    let seen = log.clone();
    app.add_observer(move |_: On<bevy_nakama::connection::Connected>| seen.add("connected"));
    let seen = log.clone();
    app.add_observer(move |_: On<bevy_nakama::connection::Disconnected>| seen.add("disconnected"));
    app.add_systems(OnEnter(Connected), |mut commands: Commands| {
        commands.spawn((Lobby, DespawnOnExit(Connected)));
        commands.nakama().join_chat(JoinChat::room("lobby"));
    });
}

fn watched(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    watch(&mut game.app, &log);
    (game, log)
}

fn lobbies(app: &mut App) -> Vec<Entity> {
    let world = app.world_mut();
    let mut lobbies = world.query_filtered::<Entity, With<Lobby>>();
    lobbies.iter(world).collect()
}

fn shown(game: &TestGame) -> ConnectionState {
    *game.app.world().resource::<State<ConnectionState>>().get()
}

fn online() -> (TestGame, Log) {
    let (mut game, log) = watched(TestGame::new());
    game.update();
    assert_eq!(log.take(), ["+Disconnected"]);
    game.connect();
    assert_eq!(
        log.take(),
        [
            "-Disconnected",
            "+Connecting",
            "connected",
            "-Connecting",
            "+Connected"
        ]
    );
    let joined = game.expect_sent(Kind::ChannelJoin);
    game.answer(&joined, chat_joined("lobby", &["ada"]));
    game.update();
    assert_eq!(lobbies(&mut game.app).len(), 1);
    (game, log)
}

/// Connects from `Update` of the next frame, as a button would.
fn connect_in_update(game: &mut TestGame, name: &str) {
    let session = session_of(name);
    let mut is_done = false;
    game.app.add_systems(Update, move |mut commands: Commands| {
        if !std::mem::replace(&mut is_done, true) {
            commands.nakama().use_session(&server(), session.clone());
            commands.nakama().connect();
        }
    });
}
