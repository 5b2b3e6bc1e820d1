//! The core as the crate's own tests see it: a server on a clock that the test moves.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use rand::{SeedableRng as _, rngs::StdRng};
use uuid::Uuid;

use super::{
    Core,
    accounts::{Credential, Profile, User},
    channels,
    ids::UserId,
    presence::{Mode, Stream},
    sessions::Ending,
};
pub use super::{
    ids::SessionId,
    sessions::{Incoming, Transmit},
};
use crate::local_server::LocalServerConfig;

/// A match, a party, a channel, or a user who is online.
#[derive(Clone, Debug)]
pub struct PlaceByHand {
    /// The number of its kind: 1 a user, 2 a room, 5 and 6 a match, 7 a party.
    pub mode: u8,
    /// Its id on the wire.
    pub id: String,
    /// User, session and status of everybody in it, in order of joining.
    pub members: Vec<(String, String, Option<String>)>,
    /// If it is a party: the session that leads it, whether it is open, and the sessions that ask to join.
    pub party: Option<(String, bool, Vec<String>)>,
}

/// A server without sockets and without a clock.
pub struct ServerByHand(Core);

impl ServerByHand {
    /// A server that starts now, `epoch` after 1970.
    pub fn new(config: LocalServerConfig, seed: u64, epoch: Duration) -> Self {
        Self(Core::new(config, StdRng::seed_from_u64(seed), epoch))
    }

    /// Makes an account with a known id, unless the name is taken. It logs in with the device `device-of-NAME`.
    pub fn add_user(&mut self, id: Uuid, username: &str) {
        let now = self.0.clock.timestamp_seconds();
        let _taken = self.0.accounts.insert(User {
            id: UserId(id),
            username: username.to_owned(),
            credential: Credential::Device(format!("device-of-{username}")),
            password: None,
            profile: Profile::default(),
            created: now,
            updated: now,
        });
    }

    /// Moves time on to `now`, since the start.
    pub fn advance(&mut self, now: Duration) {
        self.0.advance(now);
    }

    /// When [`advance`](Self::advance) has something to do.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.0.next_deadline()
    }

    /// Answers a REST call.
    pub fn request(&mut self, now: Duration, request: &Request<Bytes>) -> Response<Bytes> {
        self.0.request(now, request)
    }

    /// Opens a socket, if the handshake is good.
    pub fn open(&mut self, now: Duration, request: &Request<()>) -> Option<SessionId> {
        self.0.open(now, request).socket.map(|(session, _)| session)
    }

    /// Takes what came in on a socket.
    pub fn receive(&mut self, now: Duration, socket: SessionId, incoming: Incoming) {
        self.0.receive(now, socket, incoming);
    }

    /// What the server does next with a socket, if anything.
    pub fn transmit(&mut self, socket: SessionId) -> Option<Transmit> {
        self.0.transmit(socket)
    }

    /// A server that takes the place of this one, `epoch` after 1970, with the same keys and the same database. Whoever was connected is not.
    pub fn restarted(self, seed: u64, epoch: Duration) -> Self {
        let before = self.0;
        let rng = StdRng::seed_from_u64(seed);
        Self(Core {
            tokens: before.tokens,
            accounts: before.accounts,
            groups: before.groups,
            history: before.history,
            notifications: before.notifications,
            storage: before.storage,
            ..Core::new(before.config, rng, epoch)
        })
    }

    /// Ends a socket, as an administrator does.
    pub fn end(&mut self, now: Duration, socket: SessionId) {
        self.0.advance(now);
        self.0.end(socket, Ending::ServerSide);
        self.0.deliver_events();
    }

    /// Everybody who is in a match, a party, a channel or online, place by place.
    pub fn places(&self) -> Vec<PlaceByHand> {
        let modes = [
            Mode::STATUS,
            Mode::ROOM,
            Mode::MATCH_RELAYED,
            Mode::MATCH_AUTHORITATIVE,
            Mode::PARTY,
        ];
        let streams = modes
            .into_iter()
            .flat_map(|mode| self.0.tracker.streams(mode));
        streams.map(|stream| self.place(stream)).collect()
    }

    fn place(&self, stream: &Stream) -> PlaceByHand {
        let members = self.0.tracker.visible(stream).map(|presence| {
            let peer = &presence.peer;
            (
                peer.user.to_string(),
                peer.session.to_string(),
                presence.status.clone(),
            )
        });
        let id = match stream.mode {
            Mode::STATUS => stream.subject.to_string(),
            Mode::ROOM => channels::id_of(stream),
            _ => stream.id(),
        };
        let party = self.0.parties.look(stream);
        PlaceByHand {
            mode: stream.mode.0,
            id,
            members: members.collect(),
            party,
        }
    }

    /// The open sockets: user and session.
    pub fn sessions(&self) -> Vec<(String, String)> {
        let peers = self.0.sessions.open_peers();
        peers
            .map(|peer| (peer.user.to_string(), peer.session.to_string()))
            .collect()
    }

    /// Which session follows which user.
    pub fn follows(&self) -> Vec<(String, String)> {
        self.0.follows.pairs()
    }

    /// The tickets, with the sessions of each.
    pub fn tickets(&self) -> Vec<(String, Vec<String>)> {
        self.0.matchmaker.look()
    }

    /// Whether the server has given a socket up.
    pub fn is_gone(&self, socket: SessionId) -> bool {
        self.0.is_gone(socket)
    }
}
