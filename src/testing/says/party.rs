//! What a server says about parties.

use bytes::Bytes;

use super::{presences, user_presence};
use crate::proto::{Message, realtime};

/// The local user is in a party: open, for eight, led by the first of its members. An answer to its creation, or a push.
#[must_use]
pub fn party_joined(party_id: &str, me: &str, members: &[&str]) -> Message {
    Message::Party(realtime::Party {
        party_id: party_id.into(),
        open: true,
        max_size: 8,
        self_: Some(user_presence(me)),
        leader: members.first().map(|leader| user_presence(leader)),
        presences: presences(members),
        ..Default::default()
    })
}

/// Somebody joined or left a party.
#[must_use]
pub fn party_presences(party_id: &str, joins: &[&str], leaves: &[&str]) -> Message {
    Message::PartyPresenceEvent(realtime::PartyPresenceEvent {
        party_id: party_id.into(),
        joins: presences(joins),
        leaves: presences(leaves),
    })
}

/// A party has a new leader.
#[must_use]
pub fn party_leader(party_id: &str, leader: &str) -> Message {
    Message::PartyLeader(realtime::PartyLeader {
        party_id: party_id.into(),
        presence: Some(user_presence(leader)),
    })
}

/// These people ask to join a party: a push to its leader, or the answer to a list.
#[must_use]
pub fn party_join_request(party_id: &str, askers: &[&str]) -> Message {
    Message::PartyJoinRequest(realtime::PartyJoinRequest {
        party_id: party_id.into(),
        presences: presences(askers),
    })
}

/// A party was closed, or the local user was kicked from it.
#[must_use]
pub fn party_closed(party_id: &str) -> Message {
    Message::PartyClose(realtime::PartyClose {
        party_id: party_id.into(),
    })
}

/// Somebody sent data to a party.
#[must_use]
pub fn party_data(party_id: &str, sender: &str, op_code: i64, data: impl Into<Bytes>) -> Message {
    Message::PartyData(realtime::PartyData {
        party_id: party_id.into(),
        presence: Some(user_presence(sender)),
        op_code,
        data: data.into(),
    })
}
