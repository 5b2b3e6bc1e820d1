//! Two players chat, in one terminal: `cargo run --example chat`. With `-- --server http://127.0.0.1:7350` on a Nakama of
//! your own; `-- --help` lists the flags.
//!
//! Each player is an app here; your game is one app. `common` logs them in. Ada greets Bob when he joins the room. Bob answers, Ada edits
//! her message, and Bob removes his. In the end, both have the same log. If the connection is lost on the way, it goes on when that is back.

mod common;

use std::process::{self, ExitCode};

use bevy::prelude::*;
use bevy_nakama::{local_server::LocalServerConfig, prelude::*, request::Request};
use serde::{Deserialize, Serialize};

use self::common::{Player, until};

/// The content of a message: a JSON object.
#[derive(Deserialize, Serialize)]
struct Say {
    text: String,
}

/// What a player does in the room.
#[derive(Clone)]
enum Deed {
    Say(&'static str),
    Edit(MessageId, &'static str),
    Remove(MessageId),
}

/// Deeds without an answer, because the connection was lost before: the server may have done them or not.
#[derive(Default, Resource)]
struct Unanswered(Vec<Deed>);

/// A player who has nothing more to do.
#[derive(Resource)]
struct Done;

fn player(name: &'static str, server: &NakamaServer) -> App {
    let mut app = common::player(name, server);
    app.init_resource::<Unanswered>()
        .add_observer(join)
        .add_observer(greet)
        .add_observer(do_again)
        .add_systems(Update, hear);
    app
}

fn join(connected: On<Connected>, mut commands: Commands) {
    if !connected.resumed {
        let room = JoinChat::room(format!("lobby-{}", process::id()));
        commands.nakama().join_chat(room);
    }
}

/// Players who were there before are `Present`. Those who come later have `Arrived`, maybe while the connection was lost.
fn greet(
    joined: On<Joined<ChatChannel>>,
    player: Res<Player>,
    mut has_greeted: Local<bool>,
    mut commands: Commands,
) {
    if player.name == "ada" && joined.how != JoinedAs::Present && !*has_greeted {
        *has_greeted = true;
        act(&mut commands, joined.context, Deed::Say("Hello you!"));
    }
}

fn act(commands: &mut Commands, room: Entity, deed: Deed) {
    let nakama = commands.nakama();
    let content = |text: &str| Say { text: text.into() };
    match deed.clone() {
        Deed::Say(text) => nakama
            .send_chat(room, &content(text))
            .observe(answered::<SendChatMessage>(deed)),
        Deed::Edit(id, text) => nakama
            .update_chat_message(room, id, &content(text))
            .observe(answered::<UpdateChatMessage>(deed)),
        Deed::Remove(id) => nakama
            .remove_chat_message(room, id)
            .observe(answered::<RemoveChatMessage>(deed)),
    };
}

/// An observer of the answer to a deed.
fn answered<R: Request<Reply: Clone>>(
    deed: Deed,
) -> impl Fn(On<Replied<R>>, ResMut<Unanswered>, Commands) {
    move |reply, mut unanswered, mut commands| match &reply.result {
        Err(RequestError::ConnectionLost { .. } | RequestError::NotConnected) => {
            unanswered.0.push(deed.clone());
        }
        // To edit or to remove a message is what each of them does last.
        _ if !matches!(deed, Deed::Say(_)) => commands.insert_resource(Done),
        _ => {}
    }
}

/// When the connection is back, the log has what was said before and meanwhile. A message that is not in it did not reach the server. To edit
/// or to remove a message twice does no harm.
fn do_again(
    _: On<Connected>,
    mut unanswered: ResMut<Unanswered>,
    rooms: Query<(Entity, &ChatLog)>,
    me: Res<CurrentSession>,
    mut commands: Commands,
) {
    let (Ok((room, log)), Some((me, _))) = (rooms.single(), me.user()) else {
        return;
    };
    for deed in unanswered.0.drain(..) {
        let is_said = |text| {
            log.iter()
                .any(|line| line.sender_id == *me && says(line, text))
        };
        if !matches!(deed, Deed::Say(text) if is_said(text)) {
            act(&mut commands, room, deed);
        }
    }
}

fn says(message: &ChatMessage, text: &str) -> bool {
    message.content::<Say>().is_ok_and(|say| say.text == text)
}

fn hear(
    mut commands: Commands,
    mut chat: MessageReader<ChatMessageReceived>,
    player: Res<Player>,
    me: Res<CurrentSession>,
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
        let is_mine = me.user().is_some_and(|(me, _)| *me == message.sender_id);
        let id = message.message_id.clone();
        let deed = match (text.as_str(), is_mine) {
            ("Hello you!" | "Hello everybody!", false) => Deed::Say("Who, me?"),
            ("Hello you!", true) => Deed::Edit(id, "Hello everybody!"),
            ("Who, me?", true) => Deed::Remove(id),
            _ => continue,
        };
        act(&mut commands, room, deed);
    }
}

/// What a player sees in the room now. (Compare the contents, not their JSON: the server's history writes that in another way.)
fn log_of(app: &mut App) -> Option<Vec<String>> {
    let mut logs = app.world_mut().query::<&ChatLog>();
    let log = logs.single(app.world()).ok()?;
    let contents = log.iter().filter_map(|line| line.content::<Say>().ok());
    Some(contents.map(|say| say.text).collect())
}

/// Whether both have done everything and see the same.
fn is_over(players: &mut [App]) -> bool {
    let is_done = |app: &App| app.world().contains_resource::<Done>();
    players.iter().all(is_done) && log_of(&mut players[0]) == log_of(&mut players[1])
}

fn main() -> ExitCode {
    let about = "Two players chat.";
    common::play(about, LocalServerConfig::default(), |server| {
        let mut players = vec![player("ada", server)];
        until(&mut players, |players| log_of(&mut players[0]).is_some())?;
        players.push(player("bob", server)); // he comes when she is there
        until(&mut players, |players| is_over(players))?;
        println!("Both logs hold {:?}", log_of(&mut players[0]));
        Ok(())
    })
}
