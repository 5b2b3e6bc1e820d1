//! What is said in a channel.

use std::sync::Arc;

use bevy_ecs::prelude::*;
use bevy_reflect::{Reflect, ReflectDeserialize, ReflectSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    mirror::presence::{MessageId, PresenceInfo, UserId, Username},
    proto::{Timestamp, api},
    shared_text,
};

/// A message in a channel that the local user is in: a user (maybe the local user) wrote, edited or removed something, or something
/// happened to the channel's group. Written in `PreUpdate`, [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// You get everything that arrives. That includes edits and removals of other people's messages, which a member can send whose messages
/// the server does not store. [`ChatLog`](super::ChatLog) applies edits and removals from the author only. If you keep lines of your own,
/// compare [`sender_id`](ChatMessage::sender_id), too.
///
/// Mirrors `ChannelMessage`.
///
/// While virtual time is paused, Bevy keeps it even after you have read it, see [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message, PartialEq)]
pub struct ChatMessageReceived {
    /// The channel. If the message says that the local user is not in the channel's group any more, the entity is
    /// [`Departed`](crate::presence::Departed), and still alive.
    pub context: Entity,
    /// The sender's presence in the channel. `None` if the sender has no presence there: they are hidden, have left, have never joined the
    /// channel of their group, or their join has not arrived yet.
    ///
    /// The server names the user, not the session. If the user is there with several sessions, this is the one that joined last; for the
    /// local user, it is the session of this connection.
    pub sender: Option<Entity>,
    /// What was said.
    pub message: ChatMessage,
    /// Whether it happened while the connection was lost, and comes from the history now that the connection is back. An edit or a removal is
    /// told if its line is in the [`ChatLog`](super::ChatLog).
    pub replayed: bool,
}

/// A message in a channel. It is cheap to clone.
///
/// Mirrors `ChannelMessage`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Reflect, Serialize)]
#[type_path = "bevy_nakama::chat"]
#[reflect(opaque)]
#[reflect(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ChatMessage {
    /// Its id. An edit or a removal has the id of the message that it is about.
    pub message_id: MessageId,
    /// What it is.
    pub kind: ChatMessageKind,
    /// The user who wrote, edited or removed it. If something happened to a group, the user it happened to.
    pub sender_id: UserId,
    /// The sender's name, when it was written or edited last.
    pub username: Username,
    /// The content: a JSON object. It is `{}` in a removal, and when something happened to a group. A live message is as the sender wrote
    /// it; in the history, the server's database has written it in its own way.
    #[serde(with = "shared_text")]
    pub json: Arc<str>,
    /// When it was written. Live messages are exact to the nanosecond, those from the history to the microsecond, and those from the
    /// history about a group to the second.
    pub create_time: Timestamp,
    /// When it was edited last. If it was never edited, this is [`create_time`](Self::create_time).
    pub update_time: Timestamp,
    /// Whether it is in the server's history.
    pub persistent: bool,
}

impl ChatMessage {
    /// `known` is the sender, if they have a presence: then the ids are shared.
    pub(super) fn new(message: api::ChannelMessage, known: Option<&PresenceInfo>) -> Self {
        let sender_id = match known.filter(|known| known.user_id == *message.sender_id) {
            Some(known) => known.user_id.clone(),
            None => message.sender_id.into(),
        };
        let username = match known.filter(|known| known.username == *message.username) {
            Some(known) => known.username.clone(),
            None => message.username.into(),
        };
        Self {
            message_id: message.message_id.into(),
            kind: message.code.unwrap_or_default().into(),
            sender_id,
            username,
            json: message.content.into(),
            create_time: message.create_time.unwrap_or_default(),
            update_time: message.update_time.unwrap_or_default(),
            persistent: message.persistent.unwrap_or_default(),
        }
    }

    /// The content as a value.
    ///
    /// ```
    /// # use bevy_nakama::prelude::*;
    /// # use bevy_ecs::prelude::*;
    /// #[derive(serde::Deserialize)]
    /// struct Say {
    ///     text: String,
    /// }
    ///
    /// fn hear(mut chat: MessageReader<ChatMessageReceived>) {
    ///     for received in chat.read() {
    ///         match received.message.content::<Say>() {
    ///             Ok(say) => println!("{}: {}", received.message.username, say.text),
    ///             Err(error) => println!("not for us: {error}"),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The content is something else. It comes from other players, so it can be anything.
    #[cfg(feature = "serde")]
    pub fn content<T: serde::de::DeserializeOwned>(&self) -> Result<T, crate::error::PayloadError> {
        serde_json::from_str(&self.json).map_err(crate::error::PayloadError::new)
    }
}

/// What a chat message is. Mirrors `ChannelMessage.code`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Reflect, Serialize)]
#[type_path = "bevy_nakama::chat"]
#[serde(from = "i32", into = "i32")]
#[non_exhaustive]
pub enum ChatMessageKind {
    /// 0: a new message.
    Chat,
    /// 1: an edit of a message.
    Update,
    /// 2: the removal of a message.
    Remove,
    /// 3: a user joined the group.
    GroupJoin,
    /// 4: a user was added to the group.
    GroupAdd,
    /// 5: a user left the group.
    GroupLeave,
    /// 6: a user was removed from the group.
    GroupKick,
    /// 7: a user was promoted in the group.
    GroupPromote,
    /// 8: a user was banned from the group.
    GroupBan,
    /// 9: a user was demoted in the group.
    GroupDemote,
    /// A code that this crate does not know.
    Unknown(i32),
}

impl ChatMessageKind {
    /// The number on the wire.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Chat => 0,
            Self::Update => 1,
            Self::Remove => 2,
            Self::GroupJoin => 3,
            Self::GroupAdd => 4,
            Self::GroupLeave => 5,
            Self::GroupKick => 6,
            Self::GroupPromote => 7,
            Self::GroupBan => 8,
            Self::GroupDemote => 9,
            Self::Unknown(code) => code,
        }
    }
}

impl From<ChatMessageKind> for i32 {
    fn from(kind: ChatMessageKind) -> Self {
        kind.code()
    }
}

impl From<i32> for ChatMessageKind {
    fn from(code: i32) -> Self {
        match code {
            0 => Self::Chat,
            1 => Self::Update,
            2 => Self::Remove,
            3 => Self::GroupJoin,
            4 => Self::GroupAdd,
            5 => Self::GroupLeave,
            6 => Self::GroupKick,
            7 => Self::GroupPromote,
            8 => Self::GroupBan,
            9 => Self::GroupDemote,
            other => Self::Unknown(other),
        }
    }
}
