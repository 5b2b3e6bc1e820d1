//! The connection as a state: what a game does in `OnEnter` and `OnExit`, it does each time.

use crate::common::{
    game::{Game, serve},
    log::Log,
};
use bevy::prelude::*;
use bevy_nakama::{
    connection::TransportError, local_server::LocalServerConfig, prelude::*, proto::Kind,
    testing::*,
};

/// An entity that belongs to a connection, like a screen.
#[derive(Component)]
struct Lobby;

/// Writes down all that a game sees of the connection.
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

fn connect(game: &mut TestGame, name: &str) {
    let session = session(name);
    game.commands(|commands| {
        let options = ConnectOptions::default();
        commands.nakama().connect(&server(), &session, options);
    });
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

#[test]
fn another_user_begins_anew() {
    let (mut game, log) = online();
    let before = lobbies(&mut game.app);
    connect(&mut game, "bob");
    game.update();
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(
        log.take(),
        [
            "-Connected",
            "+Connecting",
            "disconnected",
            "connected",
            "-Connecting",
            "+Connected"
        ]
    );
    let after = lobbies(&mut game.app);
    assert_eq!(after.len(), 1);
    assert_ne!(after, before, "the screen is a new one");
    game.expect_sent(Kind::ChannelJoin);
}

/// As it goes with a server in the same process: all of it within one frame.
#[test]
fn another_user_begins_anew_also_at_once() {
    let (mut game, log) = online();
    let before = lobbies(&mut game.app);
    connect_in_update(&mut game, "bob");
    game.update();
    assert_eq!(log.take(), [""; 0], "asked for in `Update`");
    game.server_accepts();
    game.update();
    assert_eq!(
        log.take(),
        [
            "disconnected",
            "-Connected",
            "+Connecting",
            "connected",
            "-Connecting",
            "+Connected"
        ]
    );
    assert_eq!(shown(&game), ConnectionState::Connected);
    let after = lobbies(&mut game.app);
    assert_eq!(after.len(), 1);
    assert_ne!(after, before, "the screen is a new one");
    game.expect_sent(Kind::ChannelJoin);
}

/// Connects from `Update` of the next frame, as a button would.
fn connect_in_update(game: &mut TestGame, name: &str) {
    let session = session(name);
    let mut is_done = false;
    game.app.add_systems(Update, move |mut commands: Commands| {
        if !std::mem::replace(&mut is_done, true) {
            let options = ConnectOptions::default();
            commands.nakama().connect(&server(), &session, options);
        }
    });
}

/// An observer that connects again as soon as the connection is lost: the loss is seen as well.
#[test]
fn who_reconnects_at_once_sees_the_end() {
    let (mut game, log) = online();
    game.observe(|_: On<Disconnected>, mut commands: Commands| {
        let options = ConnectOptions::default();
        commands
            .nakama()
            .connect(&server(), &session("ada"), options);
    });
    game.connection_breaks();
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

/// A socket that opens and ends within a frame was open.
#[test]
fn a_connection_that_ends_at_once_is_entered_and_left() {
    let (mut game, log) = watched(TestGame::new());
    connect(&mut game, "ada");
    game.update();
    log.take();
    game.server_accepts();
    game.connection_breaks();
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

/// What a screen does as it opens is done after the phase that it is opened for, also when that is over already.
#[test]
fn who_connects_anew_in_a_phase_that_is_over_is_connecting() {
    let (mut game, log) = watched(TestGame::new());
    let seen = log.clone();
    let mut is_done = false;
    let again = move |connection: Res<NakamaConnection>, mut commands: Commands| {
        if !std::mem::replace(&mut is_done, true) {
            seen.add(format!("{:?} by now", connection.state()));
            let options = ConnectOptions::default();
            let session = session("bob");
            commands.nakama().connect(&server(), &session, options);
        }
    };
    game.app
        .add_systems(OnEnter(ConnectionState::Connected), again);
    connect(&mut game, "ada");
    game.update();
    log.take();
    game.server_accepts();
    game.connection_breaks();
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

/// The first of the two sockets opens within the frame in which the game asks for the second one.
#[test]
fn who_connects_anew_while_a_socket_opens_hears_of_the_new_one_only() {
    let (mut game, log) = watched(TestGame::new());
    let mut is_done = false;
    let again = move |mut commands: Commands| {
        if !std::mem::replace(&mut is_done, true) {
            let options = ConnectOptions::default();
            let session = session("bob");
            commands.nakama().connect(&server(), &session, options);
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

/// Trying again on each failure goes on for as long as the game wants.
#[test]
fn trying_again_on_each_failure_goes_on() {
    let (mut game, log) = watched(TestGame::new());
    game.app.add_systems(
        OnEnter(ConnectionState::Disconnected),
        |mut commands: Commands| {
            let options = ConnectOptions::default();
            commands
                .nakama()
                .connect(&server(), &session("ada"), options);
        },
    );
    game.update();
    for attempt in 0..10 {
        // The refusal is there before the next frame.
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

/// Over sockets, with a server in the same process.
#[test]
fn logging_in_as_another_user_begins_anew() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut game = Game::new();
    let log = Log::default();
    watch(&mut game.app, &log);
    for name in ["ada", "bob", "cat", "dan", "eve"] {
        let before = lobbies(&mut game.app);
        let login = Login::device(format!("device-of-{name}")).username(name);
        let session = game
            .ask::<LogIn>(|nakama| nakama.log_in(&server, login).id())
            .expect("a login")
            .session;
        let server = server.clone();
        let mut session = Some(session);
        game.app.add_systems(Update, move |mut commands: Commands| {
            if let Some(session) = session.take() {
                let options = ConnectOptions::default();
                commands.nakama().connect(&server, &session, options);
            }
        });
        // She is in the lobby under her own name.
        game.until(&format!("{name} in the lobby"), |app| {
            let mut me = app
                .world_mut()
                .query_filtered::<&Username, (With<ChatMemberOf>, With<IsSelf>)>();
            let me = me.single(app.world()).ok()?;
            (me == name).then_some(())
        });
        let after = lobbies(&mut game.app);
        assert_eq!(after.len(), 1);
        assert_ne!(after, before, "the screen is a new one");
    }
    let seen = log.take();
    let entered = seen.iter().filter(|it| *it == "+Connected").count();
    let left = seen.iter().filter(|it| *it == "-Connected").count();
    assert_eq!((entered, left), (5, 4), "{seen:?}");
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
            let options = ConnectOptions::default();
            commands.nakama().connect(&server, &session("ada"), options);
        },
    );
    for _ in 0..10 {
        assert_ne!(game.next_phase(), "connected");
    }
}
