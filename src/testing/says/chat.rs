//! What a server says about chat rooms.

use std::time::Duration;

use super::{presences, user_presence};
use crate::{
    areas::chat::{ChatMessageKind, Timestamp},
    mirror::presence::ChannelId,
    proto::{Message, api, realtime},
};

/// The id of a chat room.
#[must_use]
pub fn room_id(room: &str) -> ChannelId {
    format!("2...{room}").into()
}

/// The answer to a join: a chat room with these people in it. The first is the local user.
#[must_use]
pub fn chat_joined(room: &str, names: &[&str]) -> Message {
    Message::Channel(realtime::Channel {
        id: room_id(room).to_string(),
        presences: presences(names.get(1..).unwrap_or_default()),
        self_: names.first().map(|me| user_presence(me)),
        room_name: room.into(),
        ..Default::default()
    })
}

/// Somebody joined or left a chat room.
#[must_use]
pub fn chat_presences(room: &str, joins: &[&str], leaves: &[&str]) -> Message {
    Message::ChannelPresenceEvent(realtime::ChannelPresenceEvent {
        channel_id: room_id(room).to_string(),
        joins: presences(joins),
        leaves: presences(leaves),
        room_name: room.into(),
        ..Default::default()
    })
}

/// Somebody said something in a chat room, or edited or removed a message, `at` so long after 1970.
#[must_use]
pub fn chat_message(
    room: &str,
    sender: &str,
    kind: ChatMessageKind,
    message_id: &str,
    json: &str,
    at: Duration,
) -> Message {
    let at = Timestamp {
        seconds: i64::try_from(at.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(at.subsec_nanos()).unwrap_or_default(),
    };
    let sender = user_presence(sender);
    Message::ChannelMessage(api::ChannelMessage {
        channel_id: room_id(room).to_string(),
        message_id: message_id.into(),
        code: Some(kind.code()),
        sender_id: sender.user_id,
        username: sender.username,
        content: json.into(),
        create_time: Some(at),
        update_time: Some(at),
        persistent: Some(true),
        room_name: room.into(),
        ..Default::default()
    })
}
