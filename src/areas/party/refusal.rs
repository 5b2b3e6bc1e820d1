//! How the server refuses something about parties.

use bevy_ecs::prelude::*;

use super::PartyIndex;
use crate::{
    error::{ServerError, refusals},
    mirror::{self, presence::PartyId},
};

refusals! {
    /// How the server refuses something about parties. The server's own text is in the error.
    pub enum PartyRefusal(ServerError) {
        /// There is no such party, or it has closed.
        NotFound,
        /// Only the leader may do this. Users who are not in the party get this refusal, too.
        NotLeader,
        /// Only the leader may do this, and the local user's *old* session still leads the party: the connection was lost, and the server
        /// has not noticed. It drops that session within about 25 s. Then the member who has been in the party longest leads it.
        GhostLeads,
        /// The party has as many members as it may have.
        Full,
        /// The party has as many open join requests as it may have members.
        RequestsFull,
        /// The server has a join request of the local user already: from another device, from before the game was started again, or one
        /// that was withdrawn. [`join_party`](crate::commands::NakamaCommands::join_party) never fails with this: the local user
        /// [is asking](super#joining).
        AlreadyAsked,
        /// There is no such join request, or not any more.
        RequestNotFound,
        /// The session that asked to join is gone: the player is offline, or has lost the connection and is coming back. The decision is
        /// kept for 30 s: if the same user asks again, the plugin accepts without a question. See
        /// [healing](crate::healing#parties).
        AskerGone,
        /// There is no such member.
        MemberNotFound,
        /// A leader cannot remove themselves. Leave the party instead.
        CannotRemoveSelf,
        /// The label is not a JSON object, is too long, or the party is hidden, which allows no label.
        InvalidLabel,
        /// An id, a size or a presence is malformed.
        InvalidInput,
        /// Something else.
        Other,
    }
}

impl PartyRefusal {
    /// The refusal of a request that only the leader of this party may make.
    pub(super) fn for_leader(world: &World, party: &PartyId, error: ServerError) -> Self {
        let party = world.resource::<PartyIndex>().get(party);
        let ghost_leads = party.is_some_and(|party| mirror::is_led_by_ghost(world, party));
        match error.into() {
            Self::NotLeader(error) if ghost_leads => Self::GhostLeads(error),
            other => other,
        }
    }
}

impl From<ServerError> for PartyRefusal {
    fn from(error: ServerError) -> Self {
        let says = |text| error.message.ends_with(text);
        // The server has one code for all of this, so its words have to do.
        if says(": party not found") {
            Self::NotFound(error)
        } else if says(": party leader only") {
            Self::NotLeader(error)
        } else if says(": party full") {
            Self::Full(error)
        } else if says(": party join requests full") {
            Self::RequestsFull(error)
        } else if says(": party join request duplicate") {
            Self::AlreadyAsked(error)
        } else if says(": party join request not found") {
            Self::RequestNotFound(error)
        } else if says(": party could not accept request") {
            Self::AskerGone(error)
        } else if says(": party member not found") {
            Self::MemberNotFound(error)
        } else if says(": party cannot remove self") {
            Self::CannotRemoveSelf(error)
        } else if error.message.contains("label") {
            Self::InvalidLabel(error)
        } else if error.message.starts_with("Invalid ") {
            Self::InvalidInput(error)
        } else {
            Self::Other(error)
        }
    }
}
