//! What a server says about status and streams.

use super::{presences, user_presence};
use crate::{
    areas::stream::Stream,
    proto::{Message, UserPresence, realtime},
};

fn online(sessions: &[(&str, &str)]) -> Vec<UserPresence> {
    let session = |(name, status): &(&str, &str)| UserPresence {
        status: Some((*status).into()),
        ..user_presence(name)
    };
    sessions.iter().map(session).collect()
}

/// The answer to a follow: these users are online, each with a status.
#[must_use]
pub fn followed(users: &[(&str, &str)]) -> Message {
    Message::Status(realtime::Status {
        presences: online(users),
    })
}

/// Users came online with a status, or went offline. Who is in both lists has changed the status.
#[must_use]
pub fn status_presences(joins: &[(&str, &str)], leaves: &[&str]) -> Message {
    Message::StatusPresenceEvent(realtime::StatusPresenceEvent {
        joins: online(joins),
        leaves: presences(leaves),
    })
}

/// Somebody joined or left a stream.
#[must_use]
pub fn stream_presences(stream: &Stream, joins: &[&str], leaves: &[&str]) -> Message {
    Message::StreamPresenceEvent(realtime::StreamPresenceEvent {
        stream: Some(stream.into()),
        joins: presences(joins),
        leaves: presences(leaves),
    })
}

/// Code on the server sent data to a stream.
#[must_use]
pub fn stream_data(stream: &Stream, data: impl Into<String>) -> Message {
    Message::StreamData(realtime::StreamData {
        stream: Some(stream.into()),
        sender: None,
        data: data.into(),
        reliable: true,
    })
}
