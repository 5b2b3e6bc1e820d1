//! Where messages name presences.

use super::{Message, UserPresence};

/// Hands out every presence that a message of the server names, in a fixed order.
pub(crate) fn for_each_presence(message: &Message, see: impl FnMut(&UserPresence)) {
    match message {
        Message::Channel(channel) => channel.presences.iter().chain(&channel.self_).for_each(see),
        Message::ChannelPresenceEvent(event) => {
            event.joins.iter().chain(&event.leaves).for_each(see)
        }
        Message::Match(joined) => joined.presences.iter().chain(&joined.self_).for_each(see),
        Message::MatchData(data) => data.presence.iter().for_each(see),
        Message::MatchPresenceEvent(event) => event.joins.iter().chain(&event.leaves).for_each(see),
        Message::MatchmakerMatched(matched) => {
            matched
                .users
                .iter()
                .chain(&matched.self_)
                .filter_map(|user| user.presence.as_ref())
                .for_each(see);
        }
        Message::Party(party) => {
            party
                .presences
                .iter()
                .chain(&party.self_)
                .chain(&party.leader)
                .for_each(see);
        }
        Message::PartyData(data) => data.presence.iter().for_each(see),
        Message::PartyJoinRequest(request) => request.presences.iter().for_each(see),
        Message::PartyLeader(leader) => leader.presence.iter().for_each(see),
        Message::PartyPresenceEvent(event) => event.joins.iter().chain(&event.leaves).for_each(see),
        Message::Status(status) => status.presences.iter().for_each(see),
        Message::StatusPresenceEvent(event) => {
            event.joins.iter().chain(&event.leaves).for_each(see)
        }
        Message::StreamData(data) => data.sender.iter().for_each(see),
        Message::StreamPresenceEvent(event) => {
            event.joins.iter().chain(&event.leaves).for_each(see)
        }
        Message::ChannelMessage(_)
        | Message::ChannelMessageAck(_)
        | Message::Error(_)
        | Message::MatchmakerTicket(_)
        | Message::Notifications(_)
        | Message::PartyClose(_)
        | Message::PartyMatchmakerTicket(_)
        | Message::PartyUpdate(_)
        | Message::Ping(_)
        | Message::Pong(_)
        | Message::Rpc(_) => {}
        // What only clients send.
        Message::ChannelJoin(_)
        | Message::ChannelLeave(_)
        | Message::ChannelMessageRemove(_)
        | Message::ChannelMessageSend(_)
        | Message::ChannelMessageUpdate(_)
        | Message::MatchCreate(_)
        | Message::MatchDataSend(_)
        | Message::MatchJoin(_)
        | Message::MatchLeave(_)
        | Message::MatchmakerAdd(_)
        | Message::MatchmakerRemove(_)
        | Message::PartyAccept(_)
        | Message::PartyCreate(_)
        | Message::PartyDataSend(_)
        | Message::PartyJoin(_)
        | Message::PartyJoinRequestList(_)
        | Message::PartyLeave(_)
        | Message::PartyMatchmakerAdd(_)
        | Message::PartyMatchmakerRemove(_)
        | Message::PartyPromote(_)
        | Message::PartyRemove(_)
        | Message::StatusFollow(_)
        | Message::StatusUnfollow(_)
        | Message::StatusUpdate(_) => {}
    }
}
