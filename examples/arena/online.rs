//! Getting online: log in, connect, join. Each answer leads to the next step. If a step fails, the player may try again.
//!
//! A connection that is lost comes back by itself, and the player is in the match as before. Only a server that was set up anew, as the
//! embedded one when it is started again, wants to know who it is.

use bevy::prelude::*;
use bevy_nakama::connection::Network;
use bevy_nakama::{
    healing::{AdoptReconnecting, LoginNeeded},
    prelude::*,
};

/// Who plays, and where.
#[derive(Clone, Resource)]
pub(crate) struct Player {
    pub(crate) server: NakamaServer,
    device: String,
    /// Keeps the session for the next start.
    store: Option<FileSessionStore>,
    pub(crate) name: String,
    pub(crate) arena: String,
}

impl Player {
    pub(crate) fn new(server: &NakamaServer, device: &str, name: &str, arena: &str) -> Self {
        Self {
            server: server.clone(),
            device: device.to_owned(),
            store: None,
            name: name.to_owned(),
            arena: arena.to_owned(),
        }
    }

    /// The same player, whose session is kept.
    pub(crate) fn kept_in(mut self, store: Option<FileSessionStore>) -> Self {
        self.store = store;
        self
    }

    /// The plugin for this player.
    pub(crate) fn nakama(&self, network: &Network) -> NakamaPlugin {
        let nakama = NakamaPlugin::default().with_network(network.clone());
        match &self.store {
            Some(store) => nakama.with_session_store(store.clone()),
            None => nakama,
        }
    }

    /// A bot of this player's, who plays in the same arena.
    pub(crate) fn bot(&self, number: usize, name: &str) -> Self {
        let device = format!("{}-bot-{number}", self.device);
        Self::new(&self.server, &device, name, &self.arena)
    }
}

/// What stands between us and the arena; shown to people.
#[derive(Default, Resource)]
pub(crate) struct Trouble(pub(crate) Option<String>);

impl Trouble {
    fn is(&mut self, player: &Player, what: String) {
        warn!("{}: {what}", player.name);
        self.0 = Some(what);
    }
}

/// The player wants to try again what has failed, or does not want to wait for the next try.
#[derive(Event)]
pub(crate) struct TryAgain;

/// How often we ask for another name if somebody has ours.
const MAX_NAMES: u32 = 10;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Trouble>()
        .add_systems(Startup, go_online)
        .add_observer(try_again)
        .add_observer(log_in_again)
        .add_observer(logged_in)
        .add_observer(connected)
        .add_observer(joined)
        .add_observer(disconnected);
}

fn go_online(mut commands: Commands, player: Res<Player>) {
    let login = Login::device(&player.device).username(&player.name);
    if player.store.is_some() {
        commands.nakama().restore_or_log_in(&player.server, login);
    } else {
        commands.nakama().log_in(&player.server, login);
    }
    commands.nakama().connect(); // waits for the login
}

fn try_again(
    _: On<TryAgain>,
    mut commands: Commands,
    connection: Res<NakamaConnection>,
    player: Res<Player>,
    mut trouble: ResMut<Trouble>,
) {
    if connection.state() == ConnectionState::Reconnecting {
        return commands.nakama().connect();
    }
    if trouble.0.take().is_none() {
        return;
    }
    if connection.is_connected() {
        join(&mut commands, &player);
    } else {
        commands.run_system_cached(go_online);
    }
}

fn log_in_again(_: On<LoginNeeded>, mut commands: Commands, player: Res<Player>) {
    let login = Login::device(&player.device).username(&player.name);
    commands.nakama().log_in(&player.server, login.retry());
}

fn log_in(commands: &mut Commands, player: &Player, name: &str) {
    let login = Login::device(&player.device).username(name);
    commands.nakama().log_in(&player.server, login);
}

fn logged_in(
    reply: On<Replied<LogIn>>,
    mut commands: Commands,
    mut player: ResMut<Player>,
    mut names: Local<u32>,
) {
    match &reply.result {
        Ok(login) => {
            // An account that was there has the name that it was given then.
            player.name = login.session.username().to_string();
        }
        // A name is another account's: ours is new, and has the next.
        Err(RequestError::Refused(LoginRefusal::UsernameTaken(_))) if *names < MAX_NAMES => {
            *names += 1;
            let name = format!("{}-{}", player.name, rand::random::<u16>());
            log_in(&mut commands, &player, &name); // the connection waits for this one now
        }
        Err(_) => {} // the connection ends, and says why
    }
}

fn connected(_: On<Connected>, mut commands: Commands, player: Res<Player>) {
    join(&mut commands, &player);
}

fn join(commands: &mut Commands, player: &Player) {
    // The first to name the match creates it, everybody else joins.
    commands
        .nakama()
        .create_match(CreateMatch::named(&player.arena))
        .insert(AdoptReconnecting); // who loses the line and is back goes on with the same avatar
}

fn joined(reply: On<Replied<CreateMatch>>, player: Res<Player>, mut trouble: ResMut<Trouble>) {
    match &reply.result {
        Ok(_) => trouble.0 = None,
        Err(error) => trouble.is(&player, format!("could not join: {error}")),
    }
}

fn disconnected(
    gone: On<Disconnected>,
    player: Res<Player>,
    was: Res<State<SessionState>>,
    mut trouble: ResMut<Trouble>,
) {
    let what = match **was {
        SessionState::Online => "disconnected",
        SessionState::Offline => "could not connect",
    };
    trouble.is(&player, format!("{what}: {}", gone.reason));
}
