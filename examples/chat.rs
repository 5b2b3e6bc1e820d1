//! Two players chat, in one terminal: `cargo run --example chat`. With `-- --server http://127.0.0.1:7350` on a Nakama of
//! your own; `-- --help` lists the flags.
//!
//! Each player is an app here; your game is one app. `common` logs them in. Ada greets Bob when he joins the room. Bob answers, Ada edits
//! her message, and Bob removes his. In the end, both have the same log.

mod common;
#[path = "common/needs.rs"]
mod needs;

use std::process::{self, ExitCode};

use bevy::prelude::*;
use bevy_nakama::{local_server::LocalServerConfig, prelude::*};
use serde::{Deserialize, Serialize};

use self::common::{Player, until};

/// The content of a message: a JSON object.
#[derive(Deserialize, Serialize)]
struct Say {
    text: String,
}

/// The messages that a player has received so far.
#[derive(Default, Resource)]
struct Heard(Vec<ChatMessageKind>);

fn player(name: &'static str, server: &NakamaServer) -> App {
    let mut app = common::player(name, server);
    app.init_resource::<Heard>()
        .add_observer(join)
        .add_observer(greet)
        .add_observer(needs::needs::<SendChatMessage>)
        .add_observer(needs::needs::<UpdateChatMessage>)
        .add_observer(needs::needs::<RemoveChatMessage>)
        .add_systems(Update, hear);
    app
}

fn join(_: On<Connected>, mut commands: Commands) {
    let room = JoinChat::room(format!("lobby-{}", process::id()));
    commands.nakama().join_chat(room);
}

/// Players who were there before are `Present`. Those who come later have `Arrived`, maybe while the connection was lost.
fn greet(joined: On<Joined<ChatChannel>>, mut commands: Commands) {
    if joined.how != JoinedAs::Present {
        say(&mut commands, joined.context, "Hello you!");
    }
}

fn say(commands: &mut Commands, room: Entity, text: &str) {
    let text = text.to_owned();
    commands.nakama().send_chat(room, &Say { text });
}

fn hear(
    mut commands: Commands,
    mut chat: MessageReader<ChatMessageReceived>,
    mut heard: ResMut<Heard>,
    player: Res<Player>,
    me: Query<(), With<IsSelf>>,
) {
    for received in chat.read() {
        let (room, message) = (received.context, &received.message);
        let text = match message.content::<Say>() {
            Ok(say) => say.text,
            Err(_) => message.json.to_string(), // a removal, or another game in the same room
        };
        println!("{} hears {:?} {text:?}", player.name, message.kind);
        heard.0.push(message.kind);
        if message.kind != ChatMessageKind::Chat {
            continue;
        }
        let is_mine = received.sender.is_some_and(|sender| me.contains(sender));
        let id = message.message_id.clone();
        match (text.as_str(), is_mine) {
            ("Hello you!", false) => say(&mut commands, room, "Who, me?"),
            ("Hello you!", true) => {
                let text = "Hello everybody!".into();
                commands
                    .nakama()
                    .update_chat_message(room, id, &Say { text });
            }
            ("Who, me?", true) => {
                commands.nakama().remove_chat_message(room, id);
            }
            _ => {}
        }
    }
}

/// The lines of a player's log as they stand now.
fn log_of(app: &mut App) -> Option<Vec<String>> {
    let mut logs = app.world_mut().query::<&ChatLog>();
    let log = logs.single(app.world()).ok()?;
    Some(log.iter().map(|line| line.json.to_string()).collect())
}

/// Whether a player has received everything: two lines, an edit and a removal.
fn has_heard_all(app: &App) -> bool {
    app.world().resource::<Heard>().0.len() >= 4
}

fn main() -> ExitCode {
    let about = "Two players chat.";
    common::play(about, LocalServerConfig::default(), |server| {
        let mut players = vec![player("ada", server)];
        until(&mut players, |players| log_of(&mut players[0]).is_some())?;
        players.push(player("bob", server)); // he comes when she is there
        until(&mut players, |players| players.iter().all(has_heard_all))?;
        let logs: Vec<_> = players.iter_mut().map(log_of).collect();
        println!("Both logs hold {:?}", logs[0]);
        if logs[0] == logs[1] {
            Ok(())
        } else {
            Err(format!("but the other one {:?}", logs[1]).into())
        }
    })
}
