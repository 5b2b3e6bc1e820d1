//! How the server says no.

use crate::{error::ServerError, transport::one_line};

/// How the server refuses something about the matchmaker. The server's own text is in the error.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchmakerRefusal {
    /// Fewer than two players, or fewer at most than at least.
    #[error(transparent)]
    InvalidCount(ServerError),
    /// The multiple is 0, or does not divide the counts.
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
    /// There is no such ticket, or not any more. If it was the local user's own, it has just been matched: [`MatchmakerMatched`](super::MatchmakerMatched)
    /// is under way. A party's may also have gone in silence, see [the module](super); its mirror goes with this refusal.
    #[error(transparent)]
    TicketNotFound(ServerError),
    /// There is no such party, or not any more.
    #[error(transparent)]
    PartyNotFound(ServerError),
    /// Only the leader may do this for a party.
    #[error(transparent)]
    NotLeader(ServerError),
    /// An id has a form that the server does not take.
    #[error(transparent)]
    InvalidInput(ServerError),
    /// Something else.
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
