//! The core as the crate's own tests see it: a server on a clock that the test moves.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use rand::{SeedableRng as _, rngs::StdRng};
use uuid::Uuid;

use super::{
    Core,
    accounts::{Credential, Profile, User},
    ids::UserId,
};
pub use super::{
    ids::SessionId,
    sessions::{Incoming, Transmit},
};
use crate::local_server::LocalServerConfig;

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

    /// Whether the server has given a socket up.
    pub fn is_gone(&self, socket: SessionId) -> bool {
        self.0.is_gone(socket)
    }
}
