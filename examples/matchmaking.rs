//! Three strangers are matched, in one terminal: `cargo run --example matchmaking`, or
//! `cargo run --example matchmaking -- http://127.0.0.1:7350` with a Nakama of your own, which may take half a minute.
//!
//! A player is an app here; a game is one app. Each looks for two others with a property in common, joins the match that
//! the matchmaker has found, and greets the others once they are there.

use std::{
    env,
    error::Error,
    process, thread,
    time::{Duration, Instant},
};

use bevy::{prelude::*, state::app::StatesPlugin};
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
};
use serde::{Deserialize, Serialize};

/// Match data.
#[derive(Deserialize, Serialize)]
struct Hello {
    from: String,
}

impl MatchPayload for Hello {
    const OP_CODE: i64 = 1;
    type Codec = Postcard;
}

/// Who plays, where, and how well.
#[derive(Resource)]
struct Player {
    name: &'static str,
    rank: f64,
    server: NakamaServer,
    has_greeted: bool,
    heard: usize,
}

fn player(name: &'static str, rank: f64, server: &NakamaServer) -> App {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, StatesPlugin, NakamaPlugin::default()))
        .add_match_data::<Hello>()
        .insert_resource(Player {
            name,
            rank,
            server: server.clone(),
            has_greeted: false,
            heard: 0,
        })
        .add_systems(Startup, log_in)
        .add_observer(connect)
        .add_observer(look_for_others)
        .add_observer(wait)
        .add_observer(join)
        .add_systems(Update, (greet, hear));
    app
}

fn log_in(mut commands: Commands, player: Res<Player>) {
    // A real game makes a random id once and keeps it.
    let account = format!("{}-{}", player.name, process::id());
    let login = Login::device(format!("matchmaking-example-{account}")).username(account);
    commands.nakama().log_in(&player.server, login);
}

fn connect(reply: On<Replied<LogIn>>, mut commands: Commands, player: Res<Player>) {
    let options = ConnectOptions::default();
    let nakama = commands.nakama();
    match &reply.result {
        Ok(login) => nakama.connect(&player.server, &login.session, options),
        Err(error) => println!("{} cannot log in: {error}", player.name),
    }
}

fn look_for_others(_: On<Connected>, mut commands: Commands, player: Res<Player>) {
    // A mode that no other run of this example plays.
    let mode = format!("example{}", process::id());
    let request = AddMatchmaker::players(3, 3)
        .query(format!("+properties.mode:{mode} +properties.rank:>=5"))
        .string_property("mode", mode)
        .numeric_property("rank", player.rank);
    commands.nakama().add_matchmaker(request);
}

/// The answer: the request's entity is the ticket now. It would be removed by despawning it.
fn wait(reply: On<Replied<AddMatchmaker>>, player: Res<Player>) {
    match &reply.result {
        Ok(_) => println!("{} waits for two others", player.name),
        Err(error) => println!("{} is not let in: {error}", player.name),
    }
}

fn join(matched: On<MatchmakerMatched>, mut commands: Commands, player: Res<Player>) {
    for user in matched.users.iter().filter(|user| !user.is_self) {
        let rank = user.numeric_properties.get("rank");
        let them = &user.presence.username;
        println!("{} is to play with {them}, rank {rank:?}", player.name);
    }
    commands.nakama().join_match(&matched.join);
}

/// Those who were matched come one by one.
fn greet(
    mut commands: Commands,
    here: Query<(Entity, &MatchPresences)>,
    mut player: ResMut<Player>,
) {
    for (here, presences) in &here {
        if presences.len() == 3 && !player.has_greeted {
            player.has_greeted = true;
            let from = player.name.to_owned();
            commands.nakama().send(here, &Hello { from });
        }
    }
}

fn hear(mut hellos: MessageReader<FromMatch<Hello>>, mut player: ResMut<Player>) {
    for hello in hellos.read() {
        println!("{} is greeted by {}", player.name, hello.payload.from);
        player.heard += 1;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let local = LocalServer::start(LocalServerConfig {
        matchmaker_interval: Duration::from_millis(500),
        ..LocalServerConfig::default()
    })?;
    let server = match env::args().nth(1) {
        Some(url) => NakamaServer::new(url, "defaultkey"),
        None => NakamaServer::new(local.url(), local.server_key()),
    };
    let players = [("ada", 5.0), ("bob", 7.5), ("cat", 12.0)];
    let mut players = players.map(|(name, rank)| player(name, rank, &server));
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(60) {
        players.iter_mut().for_each(App::update);
        let has_heard = |app: &App| app.world().resource::<Player>().heard == 2;
        if players.iter().all(has_heard) {
            println!("Everybody was greeted by the two others");
            return Ok(());
        }
        thread::sleep(Duration::from_millis(16)); // a frame
    }
    Err("the three were not matched".into())
}
