//! What the server says about the matchmaker.

use super::user_presence;
use crate::{
    mirror::presence::JoinWith,
    proto::{
        Message,
        realtime::{
            self,
            matchmaker_matched::{Id, MatchmakerUser},
        },
    },
};

/// The answer to a request for a ticket.
#[must_use]
pub fn matchmaker_ticket(ticket: &str) -> Message {
    Message::MatchmakerTicket(realtime::MatchmakerTicket {
        ticket: ticket.into(),
    })
}

/// A party has a ticket: the answer to its leader, or a push to another member.
#[must_use]
pub fn party_matchmaker_ticket(party_id: &str, ticket: &str) -> Message {
    Message::PartyMatchmakerTicket(realtime::PartyMatchmakerTicket {
        party_id: party_id.into(),
        ticket: ticket.into(),
    })
}

/// These people were matched, without properties, and can join a match. The first is the local user; `party` is a party and who
/// of them is in it.
#[must_use]
pub fn matchmaker_matched(
    ticket: &str,
    join: JoinWith,
    names: &[&str],
    party: Option<(&str, &[&str])>,
) -> Message {
    let user = |name: &&str| MatchmakerUser {
        presence: Some(user_presence(name)),
        party_id: party
            .filter(|(_, members)| members.contains(name))
            .map_or_else(String::new, |(id, _)| id.into()),
        ..Default::default()
    };
    Message::MatchmakerMatched(realtime::MatchmakerMatched {
        ticket: ticket.into(),
        id: Some(match join {
            JoinWith::Token(token) => Id::Token(token.expose().into()),
            JoinWith::Id(id) => Id::MatchId(id.to_string()),
        }),
        users: names.iter().map(user).collect(),
        self_: names.first().map(user),
    })
}
