//! The server without input and output. It has no clock, socket, thread or source of randomness of its own: each input comes with
//! the time it happened at, and what is to be written is taken out afterwards.
//!
//! Inputs are a REST call ([`request`](Core::request)), the opening of a socket ([`open`](Core::open)), what comes in on one
//! ([`receive`](Core::receive)), and time ([`advance`](Core::advance), due at [`next_deadline`](Core::next_deadline)). Outputs are
//! responses, and for each socket in [`take_woken`](Core::take_woken) what [`transmit`](Core::transmit) has to say.
//!
//! The areas (matches, status, …) are one file each: their data, and methods on [`Core`] that answer requests. What all share
//! is the [`presence`] tracker.

mod accounts;
mod authenticate;
mod authoritative;
#[cfg(feature = "__testing")]
pub(crate) mod by_hand;
mod channels;
mod chat;
mod clock;
mod codec;
mod cors;
mod cursor;
mod delivery;
mod group_api;
mod groups;
mod handshake;
mod history;
mod http;
mod ids;
mod json;
mod label;
mod listed;
mod match_api;
mod matches;
mod matching;
mod matchmaker;
mod notifications;
mod parties;
mod party_api;
mod passwords;
mod presence;
mod query;
mod requests;
mod routes;
mod rpc_api;
pub(super) mod runtime;
mod sessions;
mod status;
mod storage;
mod storage_api;
mod streams;
mod timers;
mod tokens;
mod users;
mod wildcard;

use std::time::Duration;

use rand::rngs::StdRng;
use uuid::Uuid;

use self::{
    accounts::Accounts,
    authoritative::Matches,
    clock::Clock,
    groups::Groups,
    history::History,
    ids::Ids,
    matchmaker::Matchmaker,
    notifications::Notifications,
    parties::Parties,
    presence::Tracker,
    sessions::{Ending, Sessions},
    status::Follows,
    storage::Storage,
    timers::Timers,
    tokens::Tokens,
};
pub(super) use self::{
    codec::Format,
    handshake::Handshake,
    http::{body_too_large, plain_response},
    ids::SessionId,
    sessions::{Incoming, Transmit},
};
use super::LocalServerConfig;

/// The whole state.
pub(super) struct Core {
    config: LocalServerConfig,
    clock: Clock,
    ids: Ids,
    timers: Timers<Timer>,
    tokens: Tokens,
    accounts: Accounts,
    sessions: Sessions,
    tracker: Tracker,
    follows: Follows,
    parties: Parties,
    groups: Groups,
    history: History,
    notifications: Notifications,
    storage: Storage,
    matchmaker: Matchmaker,
    running: Matches,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// A socket is to be pinged.
    Ping(SessionId),
    /// A socket has given no sign of life.
    Silence(SessionId),
    /// A socket has lingered long enough after its close frame.
    Drop(SessionId),
    /// An interval of the matchmaker ends.
    Matchmaker,
    /// A match does a round of its loop.
    MatchTick(Uuid),
}

impl Core {
    /// A server that starts now, `epoch` after 1970.
    pub(super) fn new(config: LocalServerConfig, rng: StdRng, epoch: Duration) -> Self {
        let mut ids = Ids::new(rng);
        Self {
            tokens: Tokens::new(&mut ids, &config),
            clock: Clock::new(epoch),
            timers: Timers::new(),
            accounts: Accounts::default(),
            sessions: Sessions::default(),
            tracker: Tracker::default(),
            follows: Follows::default(),
            parties: Parties::default(),
            groups: Groups::default(),
            history: History::default(),
            notifications: Notifications::default(),
            storage: Storage::default(),
            matchmaker: Matchmaker::default(),
            running: Matches::default(),
            config,
            ids,
        }
    }

    /// When [`advance`](Self::advance) has something to do.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// Moves time on to `now` (since the start), doing in order what is due till then.
    pub(super) fn advance(&mut self, now: Duration) {
        while let Some((at, timer)) = self.timers.pop(now) {
            self.clock.advance(at);
            match timer {
                Timer::Ping(session) => self.ping(session),
                Timer::Silence(session) => self.end(session, Ending::Silent),
                Timer::Drop(session) => self.finish(session),
                Timer::Matchmaker => self.run_matchmaker(),
                Timer::MatchTick(id) => self.tick_match(id, now),
            }
            self.deliver_events();
        }
        self.clock.advance(now);
    }
}
