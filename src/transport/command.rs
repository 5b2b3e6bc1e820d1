//! What a game tells the network thread.

use std::{
    fmt,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    address::{BadAddress, Endpoint, NakamaServer, Secret},
    error::DisconnectReason,
    terms::Terms,
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
    /// A connection that cannot be opened, for this reason. A connection that is open is closed first. Ends in [`LinkEvent::Closed`].
    GiveUp(Epoch, DisconnectReason),
    /// The answer to [`LinkEvent::Due`]: try now, with this token.
    Reopen {
        /// The session token.
        token: Secret,
        /// As in [`ConnectPlan`].
        appear_online: bool,
    },
    /// The other answer to [`LinkEvent::Due`]: there is no token just now, for this reason. Wait, as after a try that failed.
    Postpone(DisconnectReason),
    /// Do not wait: try again now if the link waits for that, or else ask the server for a sign of life.
    Hurry,
    /// The local user has entered again what they were in: from now on everything passes.
    Resume,
    /// What waits for this match or party is not wanted any more.
    Forget {
        /// As in [`LinkCommand::Send`].
        origin: u64,
    },
    /// Send what is queued, then close the socket.
    Disconnect,
    /// Send a message and expect an answer: exactly one [`LinkEvent::Answer`].
    Request {
        /// Names the answer.
        id: RequestId,
        /// What to send.
        message: Box<Message>,
        /// How long to wait for the answer.
        timeout: Duration,
        /// How it leaves, if others receive what comes of it.
        terms: Option<Terms>,
        /// Whether it enters again what the local user was in: until [`LinkCommand::Resume`], nothing else passes.
        for_reentry: bool,
    },
    /// Make a REST call: exactly one [`LinkEvent::Answer`]. Needs no socket.
    Rest {
        /// Names the answer.
        id: RequestId,
        /// What to call.
        call: Box<RestCall>,
        /// How long to wait for the answer.
        timeout: Duration,
    },
    /// Nobody waits for a REST call any more: it has no answer.
    Abandon {
        /// As in [`LinkCommand::Rest`].
        id: RequestId,
    },
    /// Send match data. Nothing comes back, but for a [`LinkEvent::SendFailed`] with the same `origin`.
    Send {
        /// Whatever the game likes.
        origin: u64,
        /// What to send.
        data: OutgoingMatchData,
        /// How it leaves.
        terms: Terms,
    },
    /// Whether every envelope is also reported raw.
    Tap(bool),
    /// The game has something to do at that moment, although nothing may arrive until then: wake it if it sleeps. It counts in place of the
    /// one before.
    WakeAt(Option<Instant>),
}

impl LinkCommand {
    /// The connection that begins with it, even if nothing comes of that.
    pub(crate) fn begins(&self) -> Option<Epoch> {
        match self {
            Self::Connect(plan) => Some(plan.epoch),
            Self::GiveUp(epoch, _) => Some(*epoch),
            _ => None,
        }
    }
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
    /// Whether a connection that is lost is opened again.
    pub(crate) heals: bool,
    /// Whether the first attempt is repeated, too, if it fails.
    pub(crate) retries: bool,
}

impl ConnectPlan {
    /// Path and query of the opening request, percent-encoded, from the slash on.
    pub(crate) fn target(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("lang", &self.lang)
            .append_pair("status", if self.appear_online { "true" } else { "false" })
            .append_pair("format", "protobuf")
            .finish();
        format!("/ws?{query}")
    }

    /// The value of the header that shows whose socket it is.
    pub(crate) fn authorization(&self) -> String {
        bearer(&self.token)
    }
}

fn bearer(token: &Secret) -> String {
    format!("Bearer {}", token.expose())
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

impl RestCall {
    /// The value of the header that shows who calls.
    pub(crate) fn authorization(&self) -> String {
        let basic = |key: &Secret| {
            let credentials = BASE64_STANDARD.encode(format!("{}:", key.expose()));
            format!("Basic {credentials}")
        };
        match &self.auth {
            Auth::ServerKey => basic(self.server.key()),
            Auth::HttpKey(key) => basic(key),
            Auth::Bearer(token) => bearer(token),
        }
    }

    /// Where the call goes, if it can go anywhere.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, BadAddress> {
        let endpoint = self.server.endpoint()?;
        let problem = if !self.target.starts_with('/') {
            "a path should begin with a slash"
        } else if !self.target.bytes().all(|byte| byte.is_ascii_graphic()) {
            "a path holds characters that must be percent-encoded"
        } else {
            return Ok(endpoint);
        };
        let path = self.target.split('?').next().unwrap_or_default();
        let address = format!("{}{}", self.server.shown_url(), path.escape_debug());
        Err(BadAddress { address, problem })
    }
}

/// Whether a server can find this text as one segment of a path. A Nakama decodes the path before it looks for the slashes in it, and
/// nothing, `.` and `..` lead elsewhere.
pub(crate) fn is_path_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains('/')
}

/// Percent-encodes a text, so that it is one segment of a path.
pub(crate) fn path_segment(text: &str) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, ESCAPED).to_string()
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

#[cfg(test)]
mod tests {
    use super::path_segment;

    #[test]
    fn a_segment_holds_nothing_that_a_path_or_query_would_be_read_by() {
        assert_eq!(path_segment("2...lobby-1_~"), "2...lobby-1_~");
        assert_eq!(path_segment("2...a b/c?d#e%f"), "2...a%20b%2Fc%3Fd%23e%25f");
        assert_eq!(path_segment("ä漢"), "%C3%A4%E6%BC%A2");
        assert_eq!(path_segment(""), "");
    }
}
