//! What the server says by itself.

use bevy_nakama::{
    proto::{Message, realtime},
    testing::*,
};

use super::{Session, match_id, party_id, steps::Push};

impl Session {
    pub(super) fn push(&mut self, push: Push) {
        let lists = |joins: bool| {
            if joins {
                (&["eve"][..], &[][..])
            } else {
                (&[][..], &["eve"][..])
            }
        };
        let message = match push {
            Push::MatchPresence(n, joins) => {
                let (joins, leaves) = lists(joins);
                match_presences(&match_id(n), joins, leaves)
            }
            Push::MatchData(n) => match_data_sent(&match_id(n), Some("eve"), 1, &b"x"[..]),
            Push::Party(n) => {
                let id = party_id(n);
                let is_let_in = self.asks.remove(&id);
                if self.is_orderly && !is_let_in {
                    return;
                }
                if self.is_open() {
                    self.parties.insert(id.clone());
                }
                party_joined(&id, "ada", &["bob", "ada"])
            }
            Push::PartyClose(n) => {
                let id = party_id(n);
                if !self.parties.remove(&id) && self.is_orderly {
                    return;
                }
                party_closed(&id)
            }
            Push::PartyLeader(n, is_me) => {
                party_leader(&party_id(n), if is_me { "ada" } else { "bob" })
            }
            Push::PartyPresence(n, joins) => {
                let (joins, leaves) = lists(joins);
                party_presences(&party_id(n), joins, leaves)
            }
            Push::Error => Message::Error(realtime::Error::default()),
        };
        self.game.server_says(message);
    }
}
