//! Chat: who is in a channel, what is said there, and what becomes of it.

mod a_join_becomes_the_channel;
mod a_new_connection_starts_empty;
mod content_is_typed_where_it_fits;
mod history_fills_the_log;
mod leaving_ends_the_channel;
mod members_are_followed;
mod messages_are_sent_edited_and_removed;
mod players_talk_over_sockets;
mod rooms_are_no_groups;

mod the_log_is_bounded;
mod the_log_is_the_same_in_any_order;

use std::time::Duration;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::request::Request;
use bevy_nakama::{
    chat::Timestamp,
    prelude::*,
    proto::{self, Kind, realtime},
    testing::*,
};
use serde::{Deserialize, Serialize};

const LOBBY: &str = "lobby";

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Say {
    text: String,
}

fn say(text: &str) -> Say {
    Say { text: text.into() }
}

/// What a game notices, line by line.
fn watched(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<JoinChat>>| match &reply.result {
        Ok(joined) if joined.entity == reply.request => seen.add("joined"),
        Ok(_) => seen.add("joined what we were in"),
        Err(error) => seen.add(format!("join: {error}")),
    });
    let seen = log.clone();
    game.observe(move |reply: On<Replied<LeaveChat>>| match &reply.result {
        Ok(()) => seen.add("left"),
        Err(error) => seen.add(format!("leave: {error}")),
    });
    acks::<SendChatMessage>(&mut game, &log, "sent");
    acks::<UpdateChatMessage>(&mut game, &log, "edited");
    acks::<RemoveChatMessage>(&mut game, &log, "removed");
    let seen = log.clone();
    game.observe(
        move |added: On<Joined<ChatChannel>>, who: Query<(&Username, &JoinedAs, Has<IsSelf>)>| {
            let (name, how, is_self) = who
                .get(added.presence)
                .expect("a presence is spawned whole");
            let is_self = if is_self { " (self)" } else { "" };
            seen.add(format!("+{name} {how:?}{is_self}"));
        },
    );
    let seen = log.clone();
    game.observe(move |left: On<Left<ChatChannel>>| {
        let name = &left.info.username;
        seen.add(match left.why {
            LeaveReason::Left => format!("-{name}"),
            why => format!("-{name} {why:?}"),
        });
    });
    let seen = log.clone();
    game.observe(
        move |closed: On<ChatClosed>, channels: Query<&ChatChannel>| {
            assert!(channels.contains(closed.channel), "it is still there");
            seen.add(format!("closed: {:?}", closed.reason));
        },
    );
    let seen = log.clone();
    let say = move |mut chat: MessageReader<ChatMessageReceived>| {
        for ChatMessageReceived {
            sender, message, ..
        } in chat.read()
        {
            let here = if sender.is_some() { "" } else { " (not here)" };
            seen.add(format!(
                "{}{here} {:?} {}",
                message.username, message.kind, message.json
            ));
        }
    };
    game.app.add_systems(Update, say);
    (game, log)
}

fn acks<R>(game: &mut TestGame, log: &Log, done: &'static str)
where
    R: Request<Reply = ChatMessageAck, Refusal = ChatRefusal>,
{
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Ok(ack) => seen.add(format!("{done} {} {:?}", ack.message_id, ack.kind)),
        Err(error) => seen.add(format!("not {done}: {error}")),
    });
}

fn in_lobby(names: &[&str]) -> (TestGame, Entity, Log) {
    let mut game = TestGame::connected();
    let channel = game.join_room(LOBBY, names);
    let (game, log) = watched(game);
    (game, channel, log)
}

/// Asks to join the lobby; returns the entity and what was sent.
fn ask_to_join(game: &mut TestGame) -> (Entity, proto::Envelope) {
    let entity = game.commands(|c| c.nakama().join_chat(JoinChat::room(LOBBY)).id());
    game.update();
    (entity, game.expect_sent(Kind::ChannelJoin))
}

fn line(sender: &str, id: &str, json: &str, ms: u64) -> proto::Message {
    let at = Duration::from_millis(ms);
    chat_message(LOBBY, sender, ChatMessageKind::Chat, id, json, at)
}

fn edit(sender: &str, id: &str, json: &str, ms: u64) -> proto::Message {
    let at = Duration::from_millis(ms);
    chat_message(LOBBY, sender, ChatMessageKind::Update, id, json, at)
}

fn removal(sender: &str, id: &str, ms: u64) -> proto::Message {
    let at = Duration::from_millis(ms);
    chat_message(LOBBY, sender, ChatMessageKind::Remove, id, "{}", at)
}

fn body(message: &proto::Message) -> proto::api::ChannelMessage {
    let proto::Message::ChannelMessage(message) = message else {
        panic!("no chat message");
    };
    message.clone()
}

fn ack(of: &proto::Message) -> proto::Message {
    let message = body(of);
    proto::Message::ChannelMessageAck(realtime::ChannelMessageAck {
        channel_id: message.channel_id,
        message_id: message.message_id,
        code: message.code,
        username: message.username,
        create_time: message.create_time,
        update_time: message.update_time,
        persistent: message.persistent,
        room_name: message.room_name,
        ..Default::default()
    })
}

/// What brings lines to the log: a pushed message, or a page of the history.
#[derive(Clone)]
enum Step {
    Live(Box<proto::Message>),
    History(Vec<proto::api::ChannelMessage>),
}

fn live(message: proto::Message) -> Step {
    Step::Live(Box::new(message))
}

/// A message as the database returns it: times to the microsecond, and JSON with spaces.
fn stored(message: &proto::Message) -> proto::api::ChannelMessage {
    let cut = |time: Option<Timestamp>| {
        time.map(|time| Timestamp {
            nanos: time.nanos - time.nanos % 1_000,
            ..time
        })
    };
    let message = body(message);
    proto::api::ChannelMessage {
        code: Some(0),
        content: message.content.replace(':', ": "),
        create_time: cut(message.create_time),
        update_time: cut(message.update_time),
        ..message
    }
}

fn play(game: &mut TestGame, channel: Entity, step: &Step) {
    match step {
        Step::Live(message) => game.server_says((**message).clone()),
        Step::History(messages) => {
            game.commands(|c| {
                c.nakama()
                    .fetch_chat_history(channel, ChatHistory::oldest(100))
                    .id()
            });
            game.update();
            game.answer_rest(200, &serde_json::json!({ "messages": messages }));
        }
    }
    game.update();
}

fn histories(game: &mut TestGame) -> Log {
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<FetchChatHistory>>| match &reply.result {
            Ok(page) => {
                let lines: Vec<_> = page.messages.iter().map(|line| &*line.json).collect();
                seen.add(format!(
                    "{} next:{} prev:{} later:{}",
                    lines.join(" "),
                    page.next_cursor.as_deref().unwrap_or("-"),
                    page.prev_cursor.as_deref().unwrap_or("-"),
                    page.cacheable_cursor.as_deref().unwrap_or("-"),
                ));
            }
            Err(error) => seen.add(error.to_string()),
        },
    );
    log
}
