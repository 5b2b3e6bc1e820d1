//! What the small examples share: their flags, a server to play on, and players who log in.
//!
//! Each player is an app; your game is one app. The arena shows how a game does all of this by itself.

use std::{
    error::Error,
    process::{self, ExitCode},
    thread,
    time::{Duration, Instant},
};

use bevy::{prelude::*, state::app::StatesPlugin};
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

/// Flags that all examples have.
#[derive(Parser)]
struct Options {
    /// A Nakama server, like `http://127.0.0.1:7350`. Without it, the example starts an embedded server.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The server key.
    #[arg(long, default_value = "defaultkey")]
    key: String,
}

/// Reads the flags, and plays on the server that they name, or else on an embedded one. `about` is for `--help`.
pub(crate) fn play(
    about: &'static str,
    embedded: LocalServerConfig,
    play: impl FnOnce(&NakamaServer) -> Result<(), Box<dyn Error>>,
) -> ExitCode {
    let matches = Options::command().about(about).get_matches();
    let options = Options::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let end = match options.server {
        Some(url) => play(&NakamaServer::new(url, options.key)),
        None => LocalServer::start(embedded)
            .map_err(Into::into)
            .and_then(|local| play(&NakamaServer::new(local.url(), local.server_key()))),
    };
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Who plays, and where.
#[derive(Resource)]
pub(crate) struct Player {
    pub(crate) name: &'static str,
    pub(crate) server: NakamaServer,
    /// Why they cannot play on.
    pub(crate) problem: Option<String>,
}

impl Player {
    pub(crate) fn new(name: &'static str, server: &NakamaServer) -> Self {
        Self {
            name,
            server: server.clone(),
            problem: None,
        }
    }
}

/// A player who logs in and connects.
pub(crate) fn player(name: &'static str, server: &NakamaServer) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, StatesPlugin, NakamaPlugin::default()))
        .insert_resource(Player::new(name, server))
        .add_systems(Startup, go_online)
        .add_observer(back)
        .add_observer(disconnected);
    app
}

/// The connection was lost, and has come back by itself.
fn back(connected: On<Connected>, player: Res<Player>) {
    if connected.resumed {
        println!("{} is back after {:.1?}", player.name, connected.away);
    }
}

/// The name of a player on the server. It is different in each run of an example.
pub(crate) fn account(name: &str) -> String {
    format!("{name}-{}", process::id())
}

fn go_online(mut commands: Commands, player: Res<Player>) {
    // A real game makes a random id once and keeps it.
    let account = account(player.name);
    let login = Login::device(format!("bevy-nakama-example-{account}")).username(account);
    commands.nakama().log_in(&player.server, login);
    // It waits for the login.
    let options = ConnectOptions::default().retry_first();
    commands.nakama().connect_with(options);
}

pub(crate) fn disconnected(gone: On<Disconnected>, mut player: ResMut<Player>) {
    player.problem = Some(format!("is not connected: {}", gone.reason));
}

/// Runs frames of all players until `done` says so. Ends when a player cannot go on, or after a minute.
pub(crate) fn until(
    players: &mut Vec<App>,
    mut done: impl FnMut(&mut Vec<App>) -> bool,
) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(60) {
        players.iter_mut().for_each(App::update);
        for app in players.iter() {
            let Player { name, problem, .. } = app.world().resource();
            if let Some(problem) = problem {
                return Err(format!("{name} {problem}").into());
            }
        }
        if done(players) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(16)); // a frame
    }
    Err("it did not come to an end within a minute".into())
}
