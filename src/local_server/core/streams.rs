//! What clients receive from streams that game code has made.

use super::{
    ids::text_of,
    presence::{Event, Presence, Stream},
};
use crate::proto::{
    Message, UserPresence,
    realtime::{self, StreamData, StreamPresenceEvent},
};

pub(super) fn presence_event(event: &Event) -> Message {
    Message::StreamPresenceEvent(StreamPresenceEvent {
        stream: Some(to_proto(&event.stream)),
        joins: event.join.iter().map(without_status).collect(),
        leaves: event.leave.iter().map(without_status).collect(),
    })
}

/// Data from the server itself.
pub(super) fn data(stream: &Stream, data: String, reliable: bool) -> StreamData {
    StreamData {
        stream: Some(to_proto(stream)),
        sender: None,
        data,
        reliable,
    }
}

fn without_status(presence: &Presence) -> UserPresence {
    UserPresence {
        status: None,
        ..presence.to_proto()
    }
}

fn to_proto(stream: &Stream) -> realtime::Stream {
    realtime::Stream {
        mode: stream.mode.0.into(),
        subject: text_of(stream.subject),
        subcontext: text_of(stream.subcontext),
        label: stream.label.clone(),
    }
}
