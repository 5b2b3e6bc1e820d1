//! Why the server refuses a request of the matchmaker.

use bevy_ecs::prelude::*;

use crate::{error::ServerError, mirror, transport::one_line};

/// Why the server refuses a request of the matchmaker. The server's own text is in the error.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchmakerRefusal {
    /// `min_count` is less than 2, or `max_count` is less than `min_count`.
    #[error(transparent)]
    InvalidCount(ServerError),
    /// `count_multiple` is 0, or does not divide both counts.
    #[error(transparent)]
    InvalidMultiple(ServerError),
    /// The query does not parse, **or** the connection or the party has as many tickets as the server allows (3 by default).
    /// The server does not say which.
    #[error(
        "{error}: the query `{}` does not parse, or there are as many tickets as the server allows",
        one_line(query)
    )]
    NotAdded {
        /// The query that was sent.
        query: String,
        /// What the server said.
        error: ServerError,
    },
    /// The server does not have this ticket any more. If it is the local user's own, it has just been matched, and
    /// [`MatchmakerMatched`](super::MatchmakerMatched) is on its way. A party's ticket may also have ended without a report, see
    /// [the module](super): its entity is despawned with this refusal.
    #[error(transparent)]
    TicketNotFound(ServerError),
    /// The server does not have this party any more.
    #[error(transparent)]
    PartyNotFound(ServerError),
    /// Only the leader of the party may do this.
    #[error(transparent)]
    NotLeader(ServerError),
    /// Only the leader of the party may do this, and the local user's *old* session still leads it: the connection was lost, and the server
    /// has not noticed. It drops that session within about 25 s. Then the member who has been in the party longest leads it.
    #[error(transparent)]
    GhostLeads(ServerError),
    /// A malformed id.
    #[error(transparent)]
    InvalidInput(ServerError),
    /// Any other reason.
    #[error(transparent)]
    Other(ServerError),
}

impl MatchmakerRefusal {
    /// The refusal of a request with this query.
    pub(super) fn of(query: String, error: ServerError) -> Self {
        match error.into() {
            Self::NotAdded { error, .. } => Self::NotAdded { query, error },
            other => other,
        }
    }

    /// The same, if only the leader of this party may make the request.
    pub(super) fn for_leader(self, world: &World, party: Entity) -> Self {
        match self {
            Self::NotLeader(error) if mirror::is_led_by_ghost(world, party) => {
                Self::GhostLeads(error)
            }
            other => other,
        }
    }
}

impl From<ServerError> for MatchmakerRefusal {
    fn from(error: ServerError) -> Self {
        let text = error.message.to_ascii_lowercase();
        if text.starts_with("invalid minimum count") || text.starts_with("invalid maximum count") {
            Self::InvalidCount(error)
        } else if text.starts_with("invalid count multiple") {
            Self::InvalidMultiple(error)
        } else if text.ends_with("error adding to matchmaker") {
            Self::NotAdded {
                query: String::new(), // the request knows it
                error,
            }
        } else if text.ends_with("matchmaker ticket not found") {
            Self::TicketNotFound(error)
        } else if text.ends_with(": party not found") {
            Self::PartyNotFound(error)
        } else if text.ends_with(": party leader only") {
            Self::NotLeader(error)
        } else if text.starts_with("invalid ") {
            Self::InvalidInput(error)
        } else {
            Self::Other(error)
        }
    }
}
