//! A player stays logged in between two starts of a game: `cargo run --example session`. With `-- --server http://127.0.0.1:7350` on a
//! Nakama of your own; `-- --help` tells the rest.
//!
//! The game is started four times here, and keeps its session in a file. The first start logs in. The second one takes the session
//! up without a call, looks at the account over REST, goes online and gets new tokens. The third one logs out. The fourth one has to
//! log in again.

#[expect(dead_code, reason = "the players of this example log in by themselves")]
mod common;

use std::{env, fs, process::ExitCode};

use bevy::{prelude::*, state::app::StatesPlugin};
use bevy_nakama::{local_server::LocalServerConfig, prelude::*};

use self::common::{Player, account, until};

/// What a start of the game does once the player is logged in.
#[derive(Clone, Copy, PartialEq, Resource)]
enum Plan {
    LookAround,
    LogOut,
}

/// The start has done what it was to do.
#[derive(Resource)]
struct Done;

/// Starts the game anew, as a process of its own would.
fn start(server: &NakamaServer, store: &FileSessionStore, plan: Plan) -> App {
    let mut app = App::new();
    let nakama = NakamaPlugin::default().with_session_store(store.clone());
    app.add_plugins((MinimalPlugins, StatesPlugin, nakama))
        .insert_resource(Player::new("ada", server))
        .insert_resource(plan)
        .add_systems(Startup, log_in)
        .add_observer(logged_in)
        .add_observer(looked_at)
        .add_observer(online)
        .add_observer(refreshed)
        .add_observer(logged_out)
        .add_observer(common::disconnected);
    app
}

fn log_in(mut commands: Commands, player: Res<Player>) {
    // A real game makes a random id once and keeps it.
    let name = account(player.name);
    let login = Login::device(format!("bevy-nakama-example-{name}")).username(name);
    commands.nakama().restore_or_log_in(&player.server, login);
}

fn logged_in(
    reply: On<Replied<LogIn>>,
    mut commands: Commands,
    plan: Res<Plan>,
    mut player: ResMut<Player>,
) {
    match &reply.result {
        Ok(LoggedIn {
            session, restored, ..
        }) => {
            let how = if *restored { "restored" } else { "logged in" };
            println!("{}: {how}", session.username());
        }
        Err(error) => {
            player.problem = Some(format!("cannot log in: {error}"));
            return;
        }
    }
    match *plan {
        // A session is enough for a call over REST.
        Plan::LookAround => commands.nakama().rest(RestMethod::Get, "/v2/account", None),
        Plan::LogOut => commands.nakama().log_out(),
    };
}

fn looked_at(reply: On<Replied<CallRest>>, mut commands: Commands, mut player: ResMut<Player>) {
    match &reply.result {
        Ok(reply) => {
            println!(
                "  the account was made at {}",
                reply.json["user"]["create_time"]
            );
            let options = ConnectOptions::default().retry_first();
            commands.nakama().connect_with(options);
        }
        Err(error) => player.problem = Some(format!("has no account: {error}")),
    }
}

fn online(_: On<Connected>, mut commands: Commands) {
    println!("  online");
    commands.nakama().refresh();
}

fn refreshed(_: On<SessionRefreshed>, mut commands: Commands) {
    println!("  new tokens, which the file has by now");
    commands.insert_resource(Done);
}

fn logged_out(reply: On<Replied<LogOut>>, mut commands: Commands, mut player: ResMut<Player>) {
    match &reply.result {
        Ok(()) => {
            println!("  logged out, and the file is gone");
            commands.insert_resource(Done);
        }
        Err(error) => player.problem = Some(format!("cannot log out: {error}")),
    }
}

fn main() -> ExitCode {
    let about = "A player stays logged in between two starts of a game.";
    common::play(about, LocalServerConfig::default(), |server| {
        // A real game has a folder of its own for what it keeps.
        let folder = env::temp_dir().join(account("bevy-nakama-example"));
        let store = FileSessionStore::new(folder.join("session.json"));
        let plans = [
            Plan::LookAround,
            Plan::LookAround,
            Plan::LogOut,
            Plan::LookAround,
        ];
        let outcome = plans.into_iter().try_for_each(|plan| {
            let mut game = vec![start(server, &store, plan)];
            until(&mut game, |game| {
                game.iter()
                    .all(|app| app.world().contains_resource::<Done>())
            })
        });
        let _ = fs::remove_dir_all(folder); // nobody needs it any more
        outcome
    })
}
