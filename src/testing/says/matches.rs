//! What a server says about matches.

use bytes::Bytes;

use super::{presences, user_presence};
use crate::proto::{Message, realtime};

/// The answer to a join: a relayed match with these people in it. The first is the local user.
#[must_use]
pub fn match_joined(match_id: &str, names: &[&str]) -> Message {
    let others = presences(names.get(1..).unwrap_or_default());
    Message::Match(realtime::Match {
        match_id: match_id.into(),
        size: i32::try_from(others.len()).unwrap_or(i32::MAX),
        presences: others,
        self_: names.first().map(|me| user_presence(me)),
        ..Default::default()
    })
}

/// Somebody joined or left a match.
#[must_use]
pub fn match_presences(match_id: &str, joins: &[&str], leaves: &[&str]) -> Message {
    Message::MatchPresenceEvent(realtime::MatchPresenceEvent {
        match_id: match_id.into(),
        joins: presences(joins),
        leaves: presences(leaves),
    })
}

/// Somebody sent data to a match; without a name, the server's match handler did.
#[must_use]
pub fn match_data_sent(
    match_id: &str,
    sender: Option<&str>,
    op_code: i64,
    data: impl Into<Bytes>,
) -> Message {
    Message::MatchData(realtime::MatchData {
        match_id: match_id.into(),
        presence: sender.map(user_presence),
        op_code,
        data: data.into(),
        reliable: true,
    })
}
