//! Match tokens. Whoever has a token can join, so `Debug` does not show it.

use std::fmt;

use super::realtime::{MatchJoin, MatchmakerMatched, match_join, matchmaker_matched};

const REDACTED: &str = "<redacted>";

impl fmt::Debug for MatchJoin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metadata, id } = self;
        // What a game sends to its server about a player may be a password.
        f.debug_struct("MatchJoin")
            .field("metadata", &metadata.keys())
            .field("id", id)
            .finish()
    }
}

impl fmt::Debug for MatchmakerMatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ticket,
            users,
            self_,
            id,
        } = self;
        f.debug_struct("MatchmakerMatched")
            .field("ticket", ticket)
            .field("users", users)
            .field("self_", self_)
            .field("id", id)
            .finish()
    }
}

impl fmt::Debug for match_join::Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MatchId(id) => f.debug_tuple("MatchId").field(id).finish(),
            Self::Token(_) => f.debug_tuple("Token").field(&REDACTED).finish(),
        }
    }
}

impl fmt::Debug for matchmaker_matched::Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MatchId(id) => f.debug_tuple("MatchId").field(id).finish(),
            Self::Token(_) => f.debug_tuple("Token").field(&REDACTED).finish(),
        }
    }
}
