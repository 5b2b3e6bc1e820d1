//! Getting online: log in, connect, join. Each answer leads to the next step.

use bevy::prelude::*;
use bevy_nakama::prelude::*;

/// Who plays, and where.
#[derive(Clone, Resource)]
pub(crate) struct Player {
    server: NakamaServer,
    pub(crate) name: String,
    pub(crate) arena: String,
}

impl Player {
    pub(crate) fn new(server: &NakamaServer, name: String, arena: &str) -> Self {
        Self {
            server: server.clone(),
            name,
            arena: arena.to_owned(),
        }
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

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Trouble>()
        .add_systems(Startup, log_in)
        .add_observer(connect)
        .add_observer(join)
        .add_observer(joined)
        .add_observer(disconnected);
}

fn log_in(mut commands: Commands, player: Res<Player>) {
    // A real game makes a random id once and keeps it; here, the name is the account.
    let device = format!("arena-player-{}", player.name.replace(' ', "-"));
    let login = Login::device(device).username(&player.name);
    commands.nakama().log_in(&player.server, login);
}

fn connect(
    reply: On<Replied<LogIn>>,
    mut commands: Commands,
    player: Res<Player>,
    mut trouble: ResMut<Trouble>,
) {
    match &reply.result {
        Ok(login) => {
            commands
                .nakama()
                .connect(&player.server, &login.session, ConnectOptions::default())
        }
        Err(error) => trouble.is(&player, format!("could not log in: {error}")),
    }
}

fn join(_: On<Connected>, mut commands: Commands, player: Res<Player>) {
    // The first to name the match creates it, everybody else joins.
    commands
        .nakama()
        .create_match(CreateMatch::named(&player.arena));
}

fn joined(reply: On<Replied<CreateMatch>>, player: Res<Player>, mut trouble: ResMut<Trouble>) {
    match &reply.result {
        Ok(_) => trouble.0 = None,
        Err(error) => trouble.is(&player, format!("could not join: {error}")),
    }
}

fn disconnected(gone: On<Disconnected>, player: Res<Player>, mut trouble: ResMut<Trouble>) {
    trouble.is(&player, format!("disconnected: {}", gone.reason));
}
