//! Three strangers are matched, in one terminal: `cargo run --example matchmaking`. With `-- --server http://127.0.0.1:7350`
//! on a Nakama of your own, which may take half a minute; `-- --help` lists the flags.
//!
//! Each player is an app here; your game is one app. `common` logs them in. Each looks for two others with a property in common,
//! joins the match that the matchmaker has found, and greets the others once they are there.

#[path = "common/cannot_go_on.rs"]
mod cannot_go_on;
mod common;

use std::{
    process::{self, ExitCode},
    time::Duration,
};

use bevy::prelude::*;
use bevy_nakama::{local_server::LocalServerConfig, prelude::*};
use serde::{Deserialize, Serialize};

use self::common::{Player, until};

/// Match data.
#[derive(Deserialize, Serialize)]
struct Hello {
    from: String,
}

impl MatchPayload for Hello {
    const OP_CODE: i64 = 1;
    type Codec = Postcard;
}

/// How well a player plays, and how far they have got.
#[derive(Resource)]
struct Game {
    rank: f64,
    has_greeted: bool,
    heard: usize,
}

fn player(name: &'static str, rank: f64, server: &NakamaServer) -> App {
    let mut app = common::player(name, server);
    app.add_match_data::<Hello>()
        .insert_resource(Game {
            rank,
            has_greeted: false,
            heard: 0,
        })
        .add_observer(cannot_go_on::cannot_go_on)
        .add_observer(look_for_others)
        .add_observer(wait)
        .add_observer(join)
        .add_systems(Update, (greet, hear));
    app
}

fn look_for_others(_: On<Connected>, mut commands: Commands, game: Res<Game>) {
    // A mode that no other run of this example plays.
    let mode = format!("example{}", process::id());
    let request = AddMatchmaker::players(3, 3)
        .query(format!("+properties.mode:{mode} +properties.rank:>=5"))
        .string_property("mode", mode)
        .numeric_property("rank", game.rank);
    commands.nakama().add_matchmaker(request);
}

/// The answer: the request's entity is the ticket now. To remove the ticket, despawn the entity.
fn wait(reply: On<Replied<AddMatchmaker>>, player: Res<Player>) {
    match &reply.result {
        Ok(_) => println!("{} waits for two others", player.name),
        Err(error) => println!("{} was refused: {error}", player.name),
    }
}

fn join(matched: On<MatchmakerMatched>, mut commands: Commands, player: Res<Player>) {
    for user in matched.users.iter().filter(|user| !user.is_self) {
        let rank = user.numeric_properties.get("rank");
        let them = &user.presence.username;
        println!("{} will play with {them}, rank {rank:?}", player.name);
    }
    commands.nakama().join_match(&matched.join);
}

/// The matched players join one by one.
fn greet(
    mut commands: Commands,
    here: Query<(Entity, &MatchPresences)>,
    player: Res<Player>,
    mut game: ResMut<Game>,
) {
    for (here, presences) in &here {
        if presences.len() == 3 && !game.has_greeted {
            game.has_greeted = true;
            let from = player.name.to_owned();
            commands.nakama().send(here, &Hello { from });
        }
    }
}

fn hear(mut hellos: MessageReader<FromMatch<Hello>>, player: Res<Player>, mut game: ResMut<Game>) {
    for hello in hellos.read() {
        println!("{} is greeted by {}", player.name, hello.payload.from);
        game.heard += 1;
    }
}

fn main() -> ExitCode {
    let about = "Three strangers are matched.";
    let config = LocalServerConfig {
        matchmaker_interval: Duration::from_millis(500),
        ..LocalServerConfig::default()
    };
    common::play(about, config, |server| {
        let players = [("ada", 5.0), ("bob", 7.5), ("cat", 12.0)];
        let mut players = players
            .map(|(name, rank)| player(name, rank, server))
            .into();
        let has_heard_both = |app: &App| app.world().resource::<Game>().heard == 2;
        until(&mut players, |players| players.iter().all(has_heard_both))?;
        println!("Everybody was greeted by the two others");
        Ok(())
    })
}
