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

/// Somebody, maybe the local user, wrote in a channel that the local user is in; or an earlier message was edited or removed; or
/// something happened to the channel's group. Written in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// Everything that arrives is here. That includes edits and removals of somebody else's message, which a member whose messages are
/// not stored can send. [`ChatLog`](super::ChatLog) takes those from the author only; whoever keeps lines of their own
/// should compare [`sender_id`](ChatMessage::sender_id), too.
///
/// Mirrors `ChannelMessage`.
///
/// While virtual time is paused, Bevy keeps it even after you have read it, see [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message, PartialEq)]
pub struct ChatMessageReceived {
    /// The channel. If this message says that the local user is out of its group, the entity is
    /// [`Departed`](crate::presence::Departed), and still alive.
    pub context: Entity,
    /// The sender's presence in the channel. `None` if there is none: they are hidden, or left, or their join has not
    /// arrived yet, or never joined the channel of their group.
    ///
    /// The server names the user, not the session. If a user is there with several, it is the local user's, or else the one that
    /// joined last.
    pub sender: Option<Entity>,
    /// What was said.
    pub message: ChatMessage,
}

/// A message in a channel. A copy costs four reference counts.
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
    /// Whose it is. Of what happened to a group, the user that it happened to.
    pub sender_id: UserId,
    /// The sender's name, when it was written or edited last.
    pub username: Username,
    /// The content: a JSON object. `{}` in a removal and in what happened to a group. Live messages are as the sender wrote
    /// them; the server's database writes JSON its own way.
    #[serde(with = "shared_text")]
    pub json: Arc<str>,
    /// When it was written. To the nanosecond if it arrived live, to the microsecond from the history, to the second if it
    /// is about a group and from the history.
    pub create_time: Timestamp,
    /// When it was edited last; otherwise as [`create_time`](Self::create_time).
    pub update_time: Timestamp,
    /// Whether it is in the server's history.
    pub persistent: bool,
}

impl ChatMessage {
    /// `known` is who sent it, if that is known: it is shared then.
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
    /// It is something else. Content comes from other players: anything is possible.
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
    /// 0: somebody said something.
    Chat,
    /// 1: somebody edited a message.
    Update,
    /// 2: somebody removed a message.
    Remove,
    /// 3: a user joined the group.
    GroupJoin,
    /// 4: a user was added to the group.
    GroupAdd,
    /// 5: a user left the group.
    GroupLeave,
    /// 6: a user was thrown out of the group.
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
