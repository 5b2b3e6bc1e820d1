//! The game under test.

use std::{fmt, time::Duration};

use bevy_app::{App, Plugin, Plugins, TaskPoolOptions, TaskPoolPlugin};
use bevy_ecs::{observer::IntoObserver, prelude::*, schedule::SingleThreadedExecutor};
use bevy_state::{app::StatesPlugin, state::setup_state_transitions_in_world};
use bevy_time::{TimePlugin, TimeUpdateStrategy};

use super::{chat_joined, match_joined, memory::InMemory, server, session_of, wire::Wire};
use crate::{
    areas::{chat::JoinChat, matches::JoinMatch},
    commands::NakamaCommandsExt as _,
    connection::{ConnectOptions, NetworkLink},
    mirror::receive::BudgetClock,
    plugin::{NakamaPlugin, NakamaSettings},
    proto::{Kind, Message},
    session::{SessionStore, Store},
    transport::LinkSettings,
};

/// How much time passes in one [`TestGame::update`].
pub const FRAME: Duration = Duration::from_millis(10);

/// A game without a server, see the [module](super).
pub struct TestGame {
    /// The app. Call [`TestGame::update`] instead of its own.
    pub app: App,
    pub(super) wire: Wire,
}

impl Default for TestGame {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestGame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestGame").finish_non_exhaustive()
    }
}

impl TestGame {
    /// A game that is not connected.
    #[must_use]
    pub fn new() -> Self {
        Self::of(())
    }

    /// A game with these settings that is not connected.
    #[must_use]
    pub fn with_settings(settings: NakamaSettings) -> Self {
        Self::with_plugins(settings, ())
    }

    /// A game with these settings and your own plugins, see [`of`](Self::of). The settings count, even if a plugin adds
    /// [`NakamaPlugin`] with others.
    #[must_use]
    pub fn with_plugins<M>(settings: NakamaSettings, plugins: impl Plugins<M>) -> Self {
        Self::build(Some(settings), plugins)
    }

    /// Your own game: what its plugins make, not connected.
    ///
    /// Give it what your `main` gives the app, but for the window. Plugins can be added here only, not later. They may add
    /// [`NakamaPlugin`] and the plugins that it needs, also as `MinimalPlugins`; what is missing then is added.
    ///
    /// If they give the plugin a [store](SessionStore) for sessions, the game under test has an empty one in memory instead: a test neither
    /// reads nor writes what your own game has kept. [`keep_sessions_in`](Self::keep_sessions_in) gives it another one.
    #[must_use]
    pub fn of<M>(plugins: impl Plugins<M>) -> Self {
        Self::build(None, plugins)
    }

    fn build<M>(settings: Option<NakamaSettings>, plugins: impl Plugins<M>) -> Self {
        let mut app = App::new();
        // A plugin of the game may need these while it is built, or bring them itself: in the beginning there is only what
        // does no harm twice.
        TaskPoolOptions::default().create_default_pools();
        setup_state_transitions_in_world(app.world_mut());
        if let Some(settings) = settings {
            app.insert_resource(settings);
        }
        app.add_plugins(plugins);
        add_if_missing(&mut app, TaskPoolPlugin::default());
        add_if_missing(&mut app, TimePlugin);
        add_if_missing(&mut app, StatesPlugin);
        add_if_missing(&mut app, NakamaPlugin::default());
        if app.world().contains_resource::<Store>() {
            app.insert_resource(Store::new(InMemory::default()));
        }

        let world = app.world_mut();
        let settings = LinkSettings {
            alarm: world.resource::<NetworkLink>().alarm().clone(),
            seed: Some(seed(world)),
            ..world.resource::<NakamaSettings>().to_link_settings()
        };
        let (wire, link) = Wire::new(settings);
        world.resource_mut::<NetworkLink>().drive_by_hand(link);
        app.insert_resource(TimeUpdateStrategy::ManualDuration(FRAME))
            .insert_resource(BudgetClock::Virtual {
                each: Duration::ZERO,
            });
        app.finish();
        app.cleanup();
        // A frame of a test is too short to be worth other threads.
        for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
            schedule.set_executor(SingleThreadedExecutor::new());
        }
        Self { app, wire }
    }

    /// A game that is connected as `ada`.
    #[must_use]
    #[track_caller]
    pub fn connected() -> Self {
        Self::connected_with(())
    }

    /// Your own game, see [`of`](Self::of), connected as `ada`.
    #[must_use]
    #[track_caller]
    pub fn connected_with<M>(plugins: impl Plugins<M>) -> Self {
        let mut game = Self::of(plugins);
        game.connect();
        game
    }

    /// A game that is in a match. The first name is the local user's.
    #[must_use]
    #[track_caller]
    pub fn joined(match_id: &str, names: &[&str]) -> Self {
        Self::joined_with((), match_id, names)
    }

    /// Your own game, see [`of`](Self::of), in a match. The first name is the local user's.
    #[must_use]
    #[track_caller]
    pub fn joined_with<M>(plugins: impl Plugins<M>, match_id: &str, names: &[&str]) -> Self {
        let mut game = Self::connected_with(plugins);
        game.join(match_id, names);
        game
    }

    /// Keeps sessions in this store, for tests of how your game takes up what is stored. Call it before the first
    /// [`update`](Self::update). The store that your plugins give to [`NakamaPlugin`] is never used.
    pub fn keep_sessions_in(&mut self, store: impl SessionStore) -> &mut Self {
        self.app.insert_resource(Store::new(store));
        self
    }

    /// Connects as `ada`, and lets the server accept.
    #[track_caller]
    pub fn connect(&mut self) {
        self.connect_with(ConnectOptions::default());
    }

    /// The same as [`connect`](Self::connect), with options.
    #[track_caller]
    pub fn connect_with(&mut self, options: ConnectOptions) {
        self.commands(|commands| {
            commands.nakama().use_session(&server(), session_of("ada"));
            commands.nakama().connect_with(options);
        });
        self.update();
        self.server_accepts();
        self.update();
    }

    /// Joins a match, and lets the server agree. The first name is the local user's. Returns the match.
    #[track_caller]
    pub fn join(&mut self, match_id: &str, names: &[&str]) -> Entity {
        let request = JoinMatch::by_id(match_id);
        let entity = self.commands(|commands| commands.nakama().join_match(request).id());
        self.let_in(Kind::MatchJoin, match_joined(match_id, names));
        entity
    }

    /// Joins a chat room, and lets the server agree. The first name is the local user's. Returns the channel.
    #[track_caller]
    pub fn join_room(&mut self, room: &str, names: &[&str]) -> Entity {
        let request = JoinChat::room(room);
        let entity = self.commands(|commands| commands.nakama().join_chat(request).id());
        self.let_in(Kind::ChannelJoin, chat_joined(room, names));
        entity
    }

    #[track_caller]
    fn let_in(&mut self, asked: Kind, answer: Message) {
        self.update();
        let asked = self.expect_sent(asked);
        self.answer(&asked, answer);
        self.update();
    }

    /// Runs commands in the world, as a system would.
    pub fn commands<T>(&mut self, run: impl FnOnce(&mut Commands) -> T) -> T {
        let world = self.app.world_mut();
        let result = run(&mut world.commands());
        world.flush();
        result
    }

    /// Adds a global observer.
    pub fn observe<M>(&mut self, observer: impl IntoObserver<M>) -> &mut Self {
        self.app.add_observer(observer);
        self
    }

    /// Runs one frame: [`FRAME`] passes, what the server said arrives, and what the game sends leaves.
    pub fn update(&mut self) {
        self.update_by(FRAME);
    }

    /// Runs one frame that takes this long: any time, also none. The network thread goes on meanwhile.
    pub fn update_by(&mut self, duration: Duration) {
        self.wire.arrive();
        self.wire.pass(duration);
        self.run_frame(duration);
    }

    /// Stops the whole process for so long, the network thread included, and runs the first frame after that: somebody closes the lid of a
    /// laptop, puts the app into the background, or looks at it in a debugger. What the server says until then arrives in this frame.
    pub fn process_is_stopped(&mut self, duration: Duration) {
        self.wire.stop(duration);
        self.run_frame(duration);
    }

    fn run_frame(&mut self, duration: Duration) {
        self.app
            .insert_resource(TimeUpdateStrategy::ManualDuration(duration));
        self.app.update();
        self.wire.turn();
    }

    /// Runs frames until so much time has passed.
    pub fn advance(&mut self, duration: Duration) {
        let until = self.wire.now + duration;
        while self.wire.now < until {
            self.update();
        }
    }

    /// Says how long the game takes to apply one message that arrives. On the clock of a test it takes no time, so that all
    /// that has arrived is applied in one frame, however slow the machine is; with this,
    /// [`NakamaSettings::receive_budget`] can be tested.
    pub fn applying_takes(&mut self, each: Duration) {
        self.app.insert_resource(BudgetClock::Virtual { each });
    }
}

#[cfg(feature = "__testing")]
fn seed(world: &World) -> u64 {
    let seed = world.get_resource::<super::line::WireSeed>();
    seed.map_or(0, |seed| seed.0)
}

#[cfg(not(feature = "__testing"))]
fn seed(_: &World) -> u64 {
    0
}

fn add_if_missing<P: Plugin>(app: &mut App, plugin: P) {
    if !app.is_plugin_added::<P>() {
        app.add_plugins(plugin);
    }
}
