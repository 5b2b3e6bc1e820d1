//! A game over real sockets.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bevy::{
    diagnostic::{Diagnostic, DiagnosticPath, DiagnosticsPlugin, DiagnosticsStore},
    prelude::*,
    state::app::StatesPlugin,
};
use bevy_nakama::request::Request;
use bevy_nakama::{
    connection::Network,
    diagnostics::NakamaDiagnosticsPlugin,
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
    testing,
};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// An app with a network thread.
pub(crate) struct Game {
    pub(crate) app: App,
    /// Every reason of a `Disconnected`, and every `Connected`, in order.
    pub(crate) phases: super::log::Log,
}

impl Game {
    pub(crate) fn new() -> Self {
        Self::with(NakamaPlugin::default())
    }

    pub(crate) fn on(network: &Network) -> Self {
        Self::with(NakamaPlugin::default().with_network(network.clone()))
    }

    pub(crate) fn with(plugin: NakamaPlugin) -> Self {
        let mut app = App::new();
        app.add_plugins((MinimalPlugins, StatesPlugin, plugin))
            .add_plugins((DiagnosticsPlugin, NakamaDiagnosticsPlugin));
        keep::<MatchDataReceived>(&mut app);
        keep::<PartyDataReceived>(&mut app);
        keep::<StreamDataReceived>(&mut app);
        keep::<NotificationReceived>(&mut app);
        keep::<ChatMessageReceived>(&mut app);
        let phases = super::log::Log::default();
        let seen = phases.clone();
        app.add_observer(move |_: On<Connected>| seen.add("connected"));
        let seen = phases.clone();
        app.add_observer(move |gone: On<Disconnected>| seen.add(gone.reason.to_string()));
        app.finish();
        app.cleanup();
        Self { app, phases }
    }

    /// Connects with a session that no server has made.
    pub(crate) fn connect_to(&mut self, server: &NakamaServer) {
        self.connect_with(server, ConnectOptions::default());
    }

    /// The same, and a loss is an end.
    pub(crate) fn connect_without_healing(&mut self, server: &NakamaServer) {
        self.connect_with(server, ConnectOptions::default().heal(false));
    }

    fn connect_with(&mut self, server: &NakamaServer, options: ConnectOptions) {
        let session = testing::session_of("ada");
        self.commands(|commands| {
            commands.nakama().use_session(server, session.clone());
            commands.nakama().connect_with(options);
        });
    }

    /// A game that is connected.
    #[track_caller]
    pub(crate) fn online(server: &NakamaServer, login: Login) -> Self {
        let mut game = Self::new();
        game.log_in(server, login);
        game
    }

    /// Logs in and connects.
    #[track_caller]
    pub(crate) fn log_in(&mut self, server: &NakamaServer, login: Login) {
        self.ask::<LogIn>(|nakama| nakama.log_in(server, login).id())
            .expect("a login");
        self.commands(|commands| commands.nakama().connect());
        assert_eq!(self.next_phase(), "connected");
    }

    /// Makes a request and waits for its answer, of which there is one.
    #[track_caller]
    pub(crate) fn ask<R: Request<Reply: Clone>>(
        &mut self,
        ask: impl FnOnce(NakamaCommands) -> Entity,
    ) -> Result<R::Reply, RequestError<R::Refusal>> {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let seen = answers.clone();
        let request = self.commands(|commands| ask(commands.nakama()));
        self.app
            .world_mut()
            .entity_mut(request)
            .observe(move |reply: On<Replied<R>>| {
                let result = reply.result.clone();
                seen.lock().expect("unpoisoned").push(result);
            });
        let result = self.until(R::NAME, |_| answers.lock().expect("unpoisoned").pop());
        self.app.update();
        assert!(answers.lock().expect("unpoisoned").is_empty(), "one answer");
        result
    }

    /// Takes the messages of a type that arrived since they were taken last, in whichever frame that was. Those of types that
    /// are not the plugin's own are to be [kept](keep) first.
    #[track_caller]
    pub(crate) fn arrived<M: Message>(app: &mut App) -> Vec<M> {
        let Some(mut kept) = app.world_mut().get_resource_mut::<Kept<M>>() else {
            panic!("{} is not kept", std::any::type_name::<M>());
        };
        std::mem::take(&mut kept.0)
    }

    /// The only entity with a component, if there is one.
    pub(crate) fn the<C: Component>(app: &mut App) -> Option<Entity> {
        let mut query = app.world_mut().query_filtered::<Entity, With<C>>();
        query.single(app.world()).ok()
    }

    /// Runs commands in the world, as a system would.
    pub(crate) fn commands<T>(&mut self, run: impl FnOnce(&mut Commands) -> T) -> T {
        let world = self.app.world_mut();
        let result = run(&mut world.commands());
        world.flush();
        result
    }

    /// Runs frames until `done` says what it waited for.
    #[track_caller]
    pub(crate) fn until<T>(&mut self, what: &str, done: impl FnMut(&mut App) -> Option<T>) -> T {
        self.until_within(PATIENCE, what, done)
    }

    /// The same, for what takes longer.
    #[track_caller]
    pub(crate) fn until_within<T>(
        &mut self,
        patience: Duration,
        what: &str,
        mut done: impl FnMut(&mut App) -> Option<T>,
    ) -> T {
        let begin = Instant::now();
        loop {
            self.app.update();
            if let Some(found) = done(&mut self.app) {
                return found;
            }
            assert!(
                begin.elapsed() < patience,
                "{what} did not happen; phases: {:?}",
                self.phases.take()
            );
            std::thread::yield_now();
        }
    }

    /// A number that the plugin publishes, as of the last frame.
    #[track_caller]
    pub(crate) fn read(&self, path: &DiagnosticPath) -> f64 {
        let store = self.app.world().resource::<DiagnosticsStore>();
        let Some(value) = store.get(path).and_then(Diagnostic::value) else {
            panic!("{path} was not measured");
        };
        value
    }

    /// Runs frames until the connection changes; what it says.
    #[track_caller]
    pub(crate) fn next_phase(&mut self) -> String {
        let phases = self.phases.clone();
        self.until("a change of the connection", |_| phases.take_first())
    }
}

/// Every message of a type, until a test takes it. Bevy's own buffer forgets a message after two frames.
#[derive(Resource)]
struct Kept<M>(Vec<M>);

/// From now on, messages of this type can be taken with [`Game::arrived`].
pub(crate) fn keep<M: Message + Clone>(app: &mut App) {
    let collect = |mut new: MessageReader<M>, mut kept: ResMut<Kept<M>>| {
        kept.0.extend(new.read().cloned());
    };
    app.add_message::<M>()
        .insert_resource(Kept::<M>(Vec::new()))
        .add_systems(Last, collect);
}

/// An error with all its causes.
pub(crate) fn describe(reason: &dyn std::error::Error) -> String {
    let mut text = reason.to_string();
    let mut cause = reason.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

/// An embedded server, and where it is.
#[track_caller]
pub(crate) fn serve(config: LocalServerConfig) -> (LocalServer, NakamaServer) {
    let local = LocalServer::start(config).expect("a port");
    let server = NakamaServer::new(local.url(), local.server_key());
    (local, server)
}
