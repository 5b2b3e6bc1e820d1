//! Two players chat, in one terminal: `cargo run --example chat`, or `cargo run --example chat -- http://127.0.0.1:7350`
//! with a Nakama of your own.
//!
//! A player is an app here; a game is one app. Ada greets Bob when he comes into the room, Bob answers, Ada edits what she
//! said, and Bob takes his answer back. In the end, both have the same log.

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

/// What people say: the content of a message, which is a JSON object.
#[derive(Deserialize, Serialize)]
struct Say {
    text: String,
}

/// Who plays, and where.
#[derive(Resource)]
struct Player {
    name: &'static str,
    server: NakamaServer,
}

fn player(name: &'static str, server: &NakamaServer) -> App {
    let mut app = App::new();
    let server = server.clone();
    app.add_plugins((MinimalPlugins, StatesPlugin, NakamaPlugin::default()))
        .insert_resource(Player { name, server })
        .add_systems(Startup, log_in)
        .add_observer(connect)
        .add_observer(join)
        .add_observer(greet)
        .add_systems(Update, hear);
    app
}

fn log_in(mut commands: Commands, player: Res<Player>) {
    // A real game makes a random id once and keeps it.
    let account = format!("{}-{}", player.name, process::id());
    let login = Login::device(format!("chat-example-{account}")).username(account);
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

fn join(_: On<Connected>, mut commands: Commands) {
    let room = JoinChat::room(format!("lobby-{}", process::id()));
    commands.nakama().join_chat(room);
}

/// Everybody in a channel is an entity. Those who were there before us are, too, but they came with our own join.
fn greet(
    came: On<Add, ChatMemberOf>,
    mut commands: Commands,
    who: Query<(&JoinedAs, &ChatMemberOf), Without<IsSelf>>,
) {
    if let Ok((JoinedAs::Event, room)) = who.get(came.entity) {
        say(&mut commands, room.0, "Hello you!");
    }
}

fn say(commands: &mut Commands, room: Entity, text: &str) {
    let text = text.to_owned();
    commands.nakama().send_chat(room, &Say { text });
}

fn hear(
    mut commands: Commands,
    mut chat: MessageReader<ChatMessageReceived>,
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

/// The lines of a player's log as they stand now; nothing before there is one.
fn log_of(app: &mut App) -> Option<Vec<String>> {
    let mut logs = app.world_mut().query::<&ChatLog>();
    let log = logs.single(app.world()).ok()?;
    Some(log.iter().map(|line| line.json.to_string()).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let local = LocalServer::start(LocalServerConfig::default())?;
    let server = match env::args().nth(1) {
        Some(url) => NakamaServer::new(url, "defaultkey"),
        None => NakamaServer::new(local.url(), local.server_key()),
    };
    let mut players = vec![player("ada", &server)];
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(10) {
        players.iter_mut().for_each(App::update);
        let logs: Vec<_> = players.iter_mut().map(log_of).collect();
        if let [Some(_)] = logs.as_slice() {
            players.push(player("bob", &server)); // he comes when she is there
        }
        let end = Some(vec![r#"{"text":"Hello everybody!"}"#.to_owned()]);
        if logs == [end.clone(), end] {
            println!("Both logs hold {:?}", logs[0]);
            return Ok(());
        }
        thread::sleep(Duration::from_millis(16)); // a frame
    }
    Err("the two did not come to an end".into())
}
