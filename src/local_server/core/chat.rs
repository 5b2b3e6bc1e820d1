//! Lines of chat: sent, changed and removed.

use uuid::Uuid;

use super::{
    Core,
    channels::{self, invalid_id},
    history::HistoryError,
    json,
    presence::{Peer, Stream},
    requests::{Answer, ErrorCode, Refusal, Reply},
};
use crate::proto::{
    Message,
    api::ChannelMessage,
    realtime::{ChannelMessageAck, ChannelMessageRemove, ChannelMessageSend, ChannelMessageUpdate},
};

const CHAT: i32 = 0;
const UPDATE: i32 = 1;
const REMOVE: i32 = 2;

impl Core {
    pub(super) fn message_send(&mut self, caller: &Peer, request: ChannelMessageSend) -> Answer {
        let stream = channels::stream_of(&request.channel_id).ok_or_else(invalid_id)?;
        check_content(&request.content)?;
        let message = ChannelMessage {
            message_id: self.ids.random().to_string(),
            code: Some(CHAT),
            content: request.content,
            ..self.line(caller, &stream, request.channel_id, "sending")?
        };
        if message.persistent == Some(true) {
            self.history
                .insert(&stream, message.clone())
                .map_err(|error| refusal(&error, "send", "message"))?;
        }
        Ok(self.say(&stream, message))
    }

    /// Changes a line. Who does not store lines may change any, also those of others: nobody checks.
    pub(super) fn message_update(
        &mut self,
        caller: &Peer,
        request: ChannelMessageUpdate,
    ) -> Answer {
        let id = parse_id(&request.message_id)?;
        let stream = channels::stream_of(&request.channel_id).ok_or_else(invalid_id)?;
        check_content(&request.content)?;
        let mut message = ChannelMessage {
            message_id: request.message_id,
            code: Some(UPDATE),
            content: request.content,
            ..self.line(caller, &stream, request.channel_id, "updating")?
        };
        if message.persistent == Some(true) {
            let stored = self
                .history
                .update(id, &message)
                .map_err(|error| refusal(&error, "update", "message update"))?;
            message.create_time = stored.create_time;
        }
        Ok(self.say(&stream, message))
    }

    /// Removes a line, with as few checks as [`message_update`](Self::message_update).
    pub(super) fn message_remove(
        &mut self,
        caller: &Peer,
        request: ChannelMessageRemove,
    ) -> Answer {
        let id = parse_id(&request.message_id)?;
        let stream = channels::stream_of(&request.channel_id).ok_or_else(invalid_id)?;
        let mut message = ChannelMessage {
            message_id: request.message_id,
            code: Some(REMOVE),
            content: "{}".to_owned(),
            ..self.line(caller, &stream, request.channel_id, "removing")?
        };
        if message.persistent == Some(true) {
            let stored = self
                .history
                .remove(id, &message.sender_id)
                .map_err(|error| refusal(&error, "remove", "message remove"))?;
            message.create_time = stored.create_time;
            message.update_time = stored.update_time;
        }
        Ok(self.say(&stream, message))
    }

    /// A message of the caller's, still without id, code and content; an error if they are not in the channel.
    fn line(
        &self,
        caller: &Peer,
        stream: &Stream,
        channel_id: String,
        doing: &str,
    ) -> Result<ChannelMessage, Refusal> {
        let presence = self.tracker.get(stream, caller.session).ok_or_else(|| {
            Refusal::bad_input(format!("Must join channel before {doing} messages"))
        })?;
        let now = Some(self.clock.timestamp());
        Ok(ChannelMessage {
            channel_id,
            sender_id: caller.user.to_string(),
            username: caller.username.to_string(),
            create_time: now,
            update_time: now,
            persistent: Some(presence.persistence),
            ..channels::message_in(stream)
        })
    }

    /// Tells everybody in the channel, the sender included.
    fn say(&mut self, stream: &Stream, message: ChannelMessage) -> Reply {
        let ack = acknowledgement(message.clone());
        self.broadcast(stream, Message::ChannelMessage(message));
        Message::ChannelMessageAck(ack).into()
    }
}

/// What the sender of a message is answered with: the same without sender and content.
fn acknowledgement(message: ChannelMessage) -> ChannelMessageAck {
    ChannelMessageAck {
        channel_id: message.channel_id,
        message_id: message.message_id,
        code: message.code,
        username: message.username,
        create_time: message.create_time,
        update_time: message.update_time,
        persistent: message.persistent,
        room_name: message.room_name,
        group_id: message.group_id,
        user_id_one: message.user_id_one,
        user_id_two: message.user_id_two,
    }
}

fn parse_id(id: &str) -> Result<Uuid, Refusal> {
    Uuid::parse_str(id).map_err(|_| Refusal::bad_input("Invalid message identifier"))
}

fn check_content(content: &str) -> Result<(), Refusal> {
    if json::is_object(content) {
        Ok(())
    } else {
        Err(Refusal::bad_input(
            "Message content must be a valid JSON object",
        ))
    }
}

fn refusal(error: &HistoryError, doing: &str, what: &str) -> Refusal {
    match error {
        HistoryError::NotFound => Refusal::bad_input(format!(
            "Could not find message to {doing} in channel history"
        )),
        HistoryError::NotStorable => Refusal::new(
            ErrorCode::RuntimeException,
            format!("Could not persist {what} to channel history"),
        ),
    }
}
