//! Sending, editing and removing messages.

use bevy_ecs::prelude::*;

use super::{ChatChannel, ChatClosedReason, ChatIndex, ChatMessageKind, ChatRefusal, close};
use crate::{
    commands::NakamaCommands,
    data::terms_to,
    error::ServerError,
    mirror::{
        ask_about,
        presence::{ChannelId, MessageId, Username},
    },
    proto::{Message, Timestamp, realtime},
    request::{Consent, Outcome, RequestError, SocketRequest, expect_message, request},
    transport::{Received, Terms},
};

/// The server has passed a message on. The message itself has arrived before this, as a
/// [`ChatMessageReceived`](super::ChatMessageReceived), like the messages of other members.
///
/// Mirrors `ChannelMessageAck`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ChatMessageAck {
    /// The id of the message, with which you can edit or remove it.
    pub message_id: MessageId,
    /// What was done: [`Chat`](ChatMessageKind::Chat), [`Update`](ChatMessageKind::Update) or
    /// [`Remove`](ChatMessageKind::Remove).
    pub kind: ChatMessageKind,
    /// The local user's name.
    pub username: Username,
    /// When the message was written.
    pub create_time: Timestamp,
    /// When it was edited last.
    pub update_time: Timestamp,
    /// Whether it is in the server's history.
    pub persistent: bool,
}

impl ChatMessageAck {
    fn read<E: std::error::Error>(reply: Option<Received>) -> Result<Self, RequestError<E>> {
        let (ack, _) = expect_message!(reply, ChannelMessageAck);
        Ok(Self {
            message_id: ack.message_id.into(),
            kind: ack.code.unwrap_or_default().into(),
            username: ack.username.into(),
            create_time: ack.create_time.unwrap_or_default(),
            update_time: ack.update_time.unwrap_or_default(),
            persistent: ack.persistent.unwrap_or_default(),
        })
    }
}

/// Sends a message to a channel. Mirrors `ChannelMessageSend`.
///
/// Once it is sent, a message stays, even if the answer comes too late or you despawn the request's entity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SendChatMessage {
    id: ChannelId,
    json: String,
}

/// Edits a message of the local user. Mirrors `ChannelMessageUpdate`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpdateChatMessage {
    id: ChannelId,
    message_id: MessageId,
    json: String,
}

/// Removes a message of the local user. Mirrors `ChannelMessageRemove`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RemoveChatMessage {
    id: ChannelId,
    message_id: MessageId,
}

macro_rules! acknowledged_requests {
    ($($Name:ident: $to_message:expr,)*) => {$(
        request!($Name -> ChatMessageAck, ChatRefusal);

        impl SocketRequest for $Name {
            const IS_TRANSIENT: bool = true;

            fn to_message(&self) -> Message {
                let to_message: fn(&Self) -> Message = $to_message;
                to_message(self)
            }

            fn terms(&self, world: &World) -> Option<Terms> {
                terms_to(world, &self.id)
            }

            fn succeed(self, _: &mut World, consent: Consent) -> Outcome<Self> {
                ChatMessageAck::read(consent.reply)
            }

            fn refused(self, world: &mut World, error: ServerError) -> ChatRefusal {
                refused(world, &self.id, error)
            }
        }
    )*};
}

acknowledged_requests! {
    SendChatMessage: |request| Message::ChannelMessageSend(realtime::ChannelMessageSend {
        channel_id: request.id.to_string(),
        content: request.json.clone(),
    }),
    UpdateChatMessage: |request| Message::ChannelMessageUpdate(realtime::ChannelMessageUpdate {
        channel_id: request.id.to_string(),
        message_id: request.message_id.to_string(),
        content: request.json.clone(),
    }),
    RemoveChatMessage: |request| Message::ChannelMessageRemove(realtime::ChannelMessageRemove {
        channel_id: request.id.to_string(),
        message_id: request.message_id.to_string(),
    }),
}

/// A refusal may be the first sign that the local user is not in the channel. The server handles messages one after the other, so a
/// mirror that exists when this arrives is older than it.
fn refused(world: &mut World, id: &ChannelId, error: ServerError) -> ChatRefusal {
    let refusal = ChatRefusal::from(error);
    if matches!(refusal, ChatRefusal::NotJoined(_))
        && let Some(channel) = world.resource::<ChatIndex>().get(id)
    {
        close(world, channel, ChatClosedReason::NotJoined);
    }
    refusal
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Sends a message to a channel. In JSON, the value must be an object, so use a struct or a map. The answer is a
    /// [`Replied<SendChatMessage>`](crate::request::Replied).
    ///
    /// ```
    /// # use bevy_nakama::prelude::*;
    /// # use bevy_ecs::prelude::*;
    /// #[derive(serde::Serialize)]
    /// struct Say<'a> {
    ///     text: &'a str,
    /// }
    ///
    /// fn greet(added: On<Add, ChatChannel>, mut commands: Commands) {
    ///     commands.nakama().send_chat(added.entity, &Say { text: "hello" });
    /// }
    /// ```
    #[cfg(feature = "serde")]
    pub fn send_chat<T: serde::Serialize + ?Sized>(
        self,
        channel: Entity,
        content: &T,
    ) -> EntityCommands<'a> {
        let json = to_json(content);
        self.request_with(move |world, entity| match json {
            Ok(json) => submit_send(world, entity, channel, json),
            Err(error) => crate::request::refuse::<SendChatMessage>(world, entity, error),
        })
    }

    /// Sends a message to a channel, as the text of a JSON object. The answer is a
    /// [`Replied<SendChatMessage>`](crate::request::Replied).
    pub fn send_chat_json(self, channel: Entity, json: impl Into<String>) -> EntityCommands<'a> {
        let json = json.into();
        self.request_with(move |world, entity| submit_send(world, entity, channel, json))
    }

    /// Edits a message of the local user. In JSON, the value must be an object, so use a struct or a map. The answer is a
    /// [`Replied<UpdateChatMessage>`](crate::request::Replied).
    #[cfg(feature = "serde")]
    pub fn update_chat_message<T: serde::Serialize + ?Sized>(
        self,
        channel: Entity,
        message: impl Into<MessageId>,
        content: &T,
    ) -> EntityCommands<'a> {
        let (message, json) = (message.into(), to_json(content));
        self.request_with(move |world, entity| match json {
            Ok(json) => submit_update(world, entity, channel, message, json),
            Err(error) => crate::request::refuse::<UpdateChatMessage>(world, entity, error),
        })
    }

    /// Edits a message of the local user, as the text of a JSON object. The answer is a
    /// [`Replied<UpdateChatMessage>`](crate::request::Replied).
    pub fn update_chat_message_json(
        self,
        channel: Entity,
        message: impl Into<MessageId>,
        json: impl Into<String>,
    ) -> EntityCommands<'a> {
        let (message, json) = (message.into(), json.into());
        self.request_with(move |world, entity| submit_update(world, entity, channel, message, json))
    }

    /// Removes a message of the local user. The answer is a [`Replied<RemoveChatMessage>`](crate::request::Replied).
    pub fn remove_chat_message(
        self,
        channel: Entity,
        message: impl Into<MessageId>,
    ) -> EntityCommands<'a> {
        let message_id = message.into();
        self.request_with(move |world, entity| {
            ask_about::<ChatChannel, _>(world, entity, channel, |id| RemoveChatMessage {
                id,
                message_id,
            });
        })
    }
}

#[cfg(feature = "serde")]
fn to_json<T: serde::Serialize + ?Sized>(content: &T) -> Result<String, RequestError<ChatRefusal>> {
    crate::data::json::to_string(content).map_err(RequestError::Unencodable)
}

fn submit_send(world: &mut World, entity: Entity, channel: Entity, json: String) {
    ask_about::<ChatChannel, _>(world, entity, channel, |id| SendChatMessage { id, json });
}

fn submit_update(
    world: &mut World,
    entity: Entity,
    channel: Entity,
    message_id: MessageId,
    json: String,
) {
    ask_about::<ChatChannel, _>(world, entity, channel, |id| UpdateChatMessage {
        id,
        message_id,
        json,
    });
}
