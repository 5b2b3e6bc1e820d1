//! What a game tells the network thread.

use std::{fmt, time::Duration};

use super::{
    address::{NakamaServer, Secret},
    wire::encode::OutgoingMatchData,
};
use crate::proto::Message;

/// Names a request from the moment it is made; its `cid` on the wire.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct RequestId(pub(crate) u64);

/// Counts the connections that a game asks for. The latest is the game's; nothing of an earlier one is applied.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Epoch(pub(crate) u64);

/// What a game tells the network thread.
#[derive(Debug)]
pub(crate) enum LinkCommand {
    /// Open a socket; one that is open is closed first. Ends in [`LinkEvent::Opened`] or [`LinkEvent::Closed`].
    Connect(Box<ConnectPlan>),
    /// Send what is queued, then close the socket.
    Disconnect,
    /// Send a message and expect an answer: exactly one [`LinkEvent::Answer`].
    Request {
        /// Names the answer.
        ticket: RequestId,
        /// What to send.
        message: Box<Message>,
        /// How long to wait for the answer.
        timeout: Duration,
    },
    /// Make a REST call: exactly one [`LinkEvent::Answer`]. Needs no socket.
    Rest {
        /// Names the answer.
        ticket: RequestId,
        /// What to call.
        call: Box<RestCall>,
        /// How long to wait for the answer.
        timeout: Duration,
    },
    /// Send match data. Nothing comes back, but for a [`LinkEvent::SendFailed`] with the same `origin`.
    Send {
        /// Whatever the game likes.
        origin: u64,
        /// What to send.
        data: OutgoingMatchData,
    },
    /// Whether every envelope is also reported raw.
    Tap(bool),
}

/// Which socket to open.
#[derive(Clone, Debug)]
pub(crate) struct ConnectPlan {
    /// Which connection this is. Later ones have higher numbers.
    pub(crate) epoch: Epoch,
    /// Where.
    pub(crate) server: NakamaServer,
    /// The session token.
    pub(crate) token: Secret,
    /// Whether followers see the user as online.
    pub(crate) appear_online: bool,
    /// Language tag, like `en`.
    pub(crate) lang: String,
}

/// A REST call.
#[derive(Clone)]
pub(crate) struct RestCall {
    /// Where.
    pub(crate) server: NakamaServer,
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub(crate) method: &'static str,
    /// Path and query, percent-encoded, from the slash on.
    pub(crate) target: String,
    /// How the call shows who it is.
    pub(crate) auth: Auth,
    /// A JSON text, or nothing.
    pub(crate) body: Option<String>,
}

impl fmt::Debug for RestCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies hold passwords and tokens, and queries may.
        let path = self.target.split('?').next().unwrap_or_default();
        f.debug_struct("RestCall")
            .field("method", &self.method)
            .field("path", &path)
            .finish_non_exhaustive()
    }
}

/// How a REST call shows who it is.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    /// The server key, for logins.
    ServerKey,
    /// The HTTP key, for calls of functions without a user.
    HttpKey(Secret),
    /// A session token.
    Bearer(Secret),
}
