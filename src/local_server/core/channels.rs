//! Chat channels: their ids, and who is in them.

use uuid::Uuid;

use super::{
    Core,
    ids::{UserId, optional, text_of},
    notifications::Notice,
    presence::{Event, Mode, Peer, Presence, Stream},
    requests::{Answer, Refusal, Reply},
};
use crate::proto::{
    Message,
    api::ChannelMessage,
    realtime::{Channel, ChannelJoin, ChannelLeave, ChannelPresenceEvent, channel_join::Type},
};

/// The longest name of a room, in bytes.
const MAX_ROOM_NAME: usize = 64;

/// `<mode>.<subject>.<subcontext>.<label>`, the parts being empty where a type has none.
pub(super) fn id_of(stream: &Stream) -> String {
    let (mode, label) = (stream.mode.0, &stream.label);
    let [subject, subcontext] = [stream.subject, stream.subcontext].map(text_of);
    format!("{mode}.{subject}.{subcontext}.{label}")
}

/// The channel with an id, `None` if the id is malformed.
pub(super) fn stream_of(id: &str) -> Option<Stream> {
    let mut parts = id.splitn(4, '.');
    let [mode, subject, subcontext, label] =
        [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    match mode {
        "2" if subject.is_empty() && subcontext.is_empty() => {
            let is_name = (1..=MAX_ROOM_NAME).contains(&label.len());
            is_name.then(|| Stream::new(Mode::ROOM, Uuid::nil()).labelled(label))
        }
        "3" if subcontext.is_empty() && label.is_empty() => {
            Some(Stream::new(Mode::GROUP, optional(subject)?))
        }
        "4" if label.is_empty() => Some(direct(optional(subject)?, optional(subcontext)?)),
        _ => None,
    }
}

pub(super) fn group(id: Uuid) -> Stream {
    Stream::new(Mode::GROUP, id)
}

fn direct(one: Uuid, two: Uuid) -> Stream {
    Stream {
        subcontext: two,
        ..Stream::new(Mode::DIRECT, one)
    }
}

/// A message that says nothing but where it is: the channel's id, and those parts of it that a channel of its type has.
pub(super) fn message_in(stream: &Stream) -> ChannelMessage {
    let message = ChannelMessage {
        channel_id: id_of(stream),
        ..ChannelMessage::default()
    };
    match stream.mode {
        Mode::GROUP => ChannelMessage {
            group_id: stream.subject.to_string(),
            ..message
        },
        Mode::DIRECT => ChannelMessage {
            user_id_one: stream.subject.to_string(),
            user_id_two: stream.subcontext.to_string(),
            ..message
        },
        _ => ChannelMessage {
            room_name: stream.label.clone(),
            ..message
        },
    }
}

pub(super) fn presence_event(event: &Event) -> Message {
    let place = message_in(&event.stream);
    Message::ChannelPresenceEvent(ChannelPresenceEvent {
        channel_id: place.channel_id,
        joins: event.join.iter().map(Presence::to_proto).collect(),
        leaves: event.leave.iter().map(Presence::to_proto).collect(),
        room_name: place.room_name,
        group_id: place.group_id,
        user_id_one: place.user_id_one,
        user_id_two: place.user_id_two,
    })
}

impl Core {
    pub(super) fn channel_join(&mut self, caller: &Peer, request: &ChannelJoin) -> Answer {
        let stream = self.channel_for(caller, request)?;
        let presence = Presence {
            hidden: request.hidden.unwrap_or(false),
            persistence: request.persistence.unwrap_or(true),
            ..Presence::new(caller.clone())
        };
        let own = presence.to_proto();
        let is_new = self.tracker.track(&stream, presence);
        if is_new && stream.mode == Mode::DIRECT {
            self.invite_to_chat(caller, &stream);
        }
        let place = message_in(&stream);
        Ok(Message::Channel(Channel {
            id: place.channel_id,
            // Who comes is not listed, who is there already is.
            presences: self.others_in(&stream, is_new.then_some(caller.session)),
            self_: Some(own),
            room_name: place.room_name,
            group_id: place.group_id,
            user_id_one: place.user_id_one,
            user_id_two: place.user_id_two,
        })
        .into())
    }

    pub(super) fn channel_leave(&mut self, caller: &Peer, request: &ChannelLeave) -> Answer {
        let stream = stream_of(&request.channel_id).ok_or_else(invalid_id)?;
        self.tracker.untrack(&stream, caller.session);
        Ok(Reply::Acknowledged)
    }

    /// The channel that somebody wants to join, if they may.
    fn channel_for(&self, caller: &Peer, request: &ChannelJoin) -> Result<Stream, Refusal> {
        let target = &*request.target;
        let refused = |problem: &str| {
            Err(Refusal::bad_input(format!(
                "{problem}: Invalid channel target"
            )))
        };
        if target.is_empty() {
            return Err(Refusal::bad_input("Invalid channel target"));
        }
        match Type::try_from(request.r#type) {
            Err(_) => Err(Refusal::bad_input("Invalid channel type")),
            Ok(Type::Unspecified | Type::Room) => {
                if target.len() > MAX_ROOM_NAME {
                    return refused("Channel name is required and must be 1-64 chars");
                }
                if target.bytes().any(|c| c.is_ascii_control()) {
                    return refused("Channel name must not contain control chars");
                }
                Ok(Stream::new(Mode::ROOM, Uuid::nil()).labelled(target))
            }
            Ok(Type::DirectMessage) => match Uuid::parse_str(target) {
                Ok(other) if !other.is_nil() => {
                    if self.accounts.get(UserId(other)).is_none() {
                        return refused("User ID not found");
                    }
                    let own = caller.user.0;
                    Ok(direct(own.min(other), own.max(other)))
                }
                _ => refused("Invalid user ID in direct message join"),
            },
            Ok(Type::Group) => match Uuid::parse_str(target) {
                Ok(id) if self.groups.is_member(id, caller.user) => Ok(group(id)),
                Ok(_) => refused("Group not found"),
                Err(_) => refused("Invalid group ID in group channel join"),
            },
        }
    }

    /// Tells the other one of two that somebody waits for them, unless they are there.
    fn invite_to_chat(&mut self, caller: &Peer, stream: &Stream) {
        let [one, two] = [stream.subject, stream.subcontext].map(UserId);
        let other = if caller.user == one { two } else { one };
        let is_there = self
            .tracker
            .visible(stream)
            .any(|presence| presence.peer.user == other);
        if !is_there {
            let notice = Notice {
                content: serde_json::json!({ "username": &*caller.username }).to_string(),
                sender: Some(caller.user),
                persistent: true,
                ..Notice::new(-1, format!("{} wants to chat", caller.username))
            };
            self.notify(other, [notice]);
        }
    }
}

pub(super) fn invalid_id() -> Refusal {
    Refusal::bad_input("Invalid channel identifier")
}
