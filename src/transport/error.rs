//! What can go wrong below the protocol, and why a connection ended.
//!
//! Each error says in one line what happened, where, and why. It has no `source()` that would say a part of it again.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use super::{
    address::{BadAddress, NakamaServer},
    wire::error_text::one_line,
};

/// The server could not be reached. Try again later, or check the address.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{address} cannot be reached: {error}")]
#[non_exhaustive]
pub struct Unreachable {
    /// The address of the server, as you gave it.
    pub address: String,
    /// What went wrong.
    pub error: TransportError,
}

impl Unreachable {
    /// Whether another try may help. From here it never does if TLS is not built in, if a header would be malformed, or if the address has the
    /// wrong one of `http` and `https`.
    pub(crate) fn heals(&self) -> bool {
        !matches!(
            self.error,
            TransportError::TlsNotBuilt
                | TransportError::InvalidHeader(_)
                | TransportError::NoTls
                | TransportError::OnlyTls
        )
    }
}

/// The connection to the server could not be opened, or broke.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The server's name has no address.
    #[error("the host {host} was not found: {error}")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// The TCP connection could not be opened.
    #[error("could not connect to {address}: {error}")]
    Connect {
        /// The address that was tried last.
        address: SocketAddr,
        /// What the system said, for example that the port is closed.
        error: Arc<io::Error>,
    },
    /// The connection was not open within the deadline.
    #[error("no connection within {}", seconds(*after))]
    TimedOut {
        /// The deadline.
        after: Duration,
    },
    /// TLS could not be set up.
    #[error("TLS failed: {0}")]
    Tls(Arc<io::Error>),
    /// The address is `https://`, and what answers there does not speak TLS.
    #[error("it does not speak TLS; is the address http:// instead of https://?")]
    NoTls,
    /// The address is `http://`, and what answers there wants TLS.
    #[error("it wants TLS; is the address https:// instead of http://?")]
    OnlyTls,
    /// The address is `https://`, but the crate was built without its feature `rustls`.
    #[error("`https` needs the feature `rustls`")]
    TlsNotBuilt,
    /// The other side does not speak HTTP as it should.
    #[error("malformed answer: {0}")]
    Http(&'static str),
    /// A token or name holds characters that cannot be sent.
    #[error("{0} cannot be sent in a header")]
    InvalidHeader(&'static str),
    /// The connection broke. This is what the system says.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// The server closed the connection and gave no reason.
    #[error("the server hung up")]
    Eof,
    /// The network thread could not be started, or has ended.
    #[error("the network thread is not running")]
    NetworkThread,
}

impl TransportError {
    /// The same, with the address of the server.
    #[must_use]
    pub fn at(self, server: &NakamaServer) -> Unreachable {
        Unreachable {
            address: server.shown_url().to_owned(),
            error: self,
        }
    }
}

/// Whether what was read is not TLS at all.
#[cfg(feature = "rustls")]
fn is_no_tls(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref());
    matches!(
        error,
        Some(rustls::Error::InvalidMessage(
            rustls::InvalidMessage::InvalidContentType
        ))
    )
}

impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Eof,
            #[cfg(feature = "rustls")]
            io::ErrorKind::InvalidData if is_no_tls(&error) => Self::NoTls,
            // rustls reports its own failures in this dress.
            io::ErrorKind::InvalidData => Self::Tls(Arc::new(error)),
            _ => Self::Io(Arc::new(error)),
        }
    }
}

/// The server sent something that does not belong on this socket.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A frame that is not an envelope.
    #[error("a frame is not an envelope: {0}")]
    Garbage(String),
    /// A text frame, although the client asked for protobuf.
    #[error("a text frame on a binary socket")]
    TextFrame,
    /// A breach of the WebSocket protocol.
    #[error("{0}")]
    WebSocket(String),
}

/// Why there is no connection.
///
/// A connection that [heals](crate::connection::ConnectOptions) is opened again after some of these; each says whether that is so, and
/// [`heals`](Self::heals) tells it to your code.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The game asked for it.
    ///
    /// Does not heal.
    #[error("the game disconnected")]
    Requested,
    /// The game connected before anybody was logged in, and no login was under way. Or the user logged out before the socket was opened.
    ///
    /// Does not heal.
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// The connection waited for a login, and the login failed. `Replied<LogIn>` has the typed error. To try again, log in again, and
    /// connect.
    ///
    /// Does not heal.
    #[error("the login failed: {}", one_line(message))]
    LoginFailed {
        /// The login's error.
        message: String,
    },
    /// The connection was lost and waited for a login, and somebody else logged in. To play as that user, connect again.
    ///
    /// Does not heal.
    #[error("{username} logged in instead")]
    OtherUser {
        /// The name of the user who logged in.
        username: String,
    },
    /// The session token has ended, and the server does not refresh the session any more. Log in again.
    ///
    /// Does not heal.
    #[error("the session has ended: {}", one_line(message))]
    SessionEnded {
        /// The server's text.
        message: String,
    },
    /// The session token has ended, and the server could not refresh the session just now. Try again later.
    ///
    /// Heals.
    #[error("the session cannot be refreshed: {}", one_line(message))]
    RefreshFailed {
        /// The server's text, or that of a proxy in its place.
        message: String,
    },
    /// The address is malformed. Trying again does not help.
    ///
    /// Does not heal.
    #[error(transparent)]
    BadAddress(BadAddress),
    /// The server could not be reached. Try again later, or check the address.
    ///
    /// Heals, unless no try can help: TLS is not built in, a header would be malformed, or the address has `http` in place of `https` or the
    /// other way round.
    #[error(transparent)]
    Unreachable(Unreachable),
    /// The server refused the socket. 401 means that it does not accept the session token, not even a refreshed one, or that there is no
    /// refresh token: log in again.
    ///
    /// Heals with status 404, 408, 425, 429 and 5xx, which a server or proxy sends that is about to start. After 401, a connection that heals
    /// gets new tokens and tries again.
    #[error("the server refused the socket with {status}: {}", one_line(message))]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's text, in one line.
        message: String,
    },
    /// The server closed the socket. Nakama closes with 1000 for nearly every reason.
    ///
    /// Heals: a server that restarts, and one that disconnects a player without banning them, say the same.
    #[error("the server closed the socket{}", words(*code, reason))]
    ClosedByServer {
        /// WebSocket close code, if it sent one.
        code: Option<u16>,
        /// The server's text, often empty.
        reason: String,
    },
    /// The server's queue for this client was full, so it closed the socket. The queue holds `socket.outgoing_queue_size` messages, 64 by
    /// default. Most of the time, more came at once than the server could send on: other members sent a burst, or this game asked for too
    /// much. It also fills up while this game's process or line stands still. [`send`](crate::send#how-many-how-often) says what you can do.
    ///
    /// You do not always hear of it:
    ///
    /// * Nakama 3.27 closes without a text: that is [`ClosedByServer`](Self::ClosedByServer) without a code, or [`Lost`](Self::Lost).
    /// * Nakama 3.40 does not always get to say it: in some of a hundred cases, and always if this game's line stands still, it is
    ///   [`Lost`](Self::Lost).
    ///
    /// Heals.
    #[error(
        "too much came at once: the server's queue for this client was full (others sent a burst, this game asked for too much, or its line \
         stood still); `socket.outgoing_queue_size` of the server is its size"
    )]
    OutgoingQueueFull,
    /// The same account opened another socket, and the server allows only one (notification −7, `session.single_socket`).
    ///
    /// Does not heal: the two sockets would replace each other for ever.
    #[error("replaced by a newer socket of the same account")]
    Replaced,
    /// The account was banned (notification −8).
    ///
    /// Does not heal.
    #[error("the account is banned")]
    Banned,
    /// The connection broke.
    ///
    /// Heals.
    #[error("the connection was lost: {0}")]
    Lost(TransportError),
    /// The server sent nothing for this long and did not answer heartbeats. Or it sent something, but no answer to a heartbeat for this long:
    /// nothing arrived that this game sent.
    ///
    /// Heals.
    #[error("the server was silent for {}", seconds(*silence))]
    Silent {
        /// Time since its last frame, or its last answer to a heartbeat.
        silence: Duration,
    },
    /// The server sent something that is not an envelope.
    ///
    /// Does not heal.
    #[error("the server broke the protocol: {0}")]
    Protocol(ProtocolError),
    /// More than twice [`NakamaSettings::hand_over_limit`](crate::plugin::NakamaSettings::hand_over_limit) was waiting while the game ran no
    /// frames.
    ///
    /// Heals.
    #[error("{bytes} bytes were waiting for the game")]
    Overflow {
        /// What was waiting.
        bytes: usize,
    },
    /// The network thread could not be started, or ended.
    ///
    /// Does not heal. Connect again, and there is another thread.
    #[error("the network thread is not running")]
    NetworkThread,
}

/// What Nakama says when it closes a socket whose queue is full.
const QUEUE_FULL: &str = "session outgoing queue full";

impl DisconnectReason {
    /// Whether a connection that ended for this reason is worth another try with the same user: the line or the server may be back. A connection
    /// that [heals](crate::connection::ConnectOptions) is opened again after such an end, and stops after all others. It also
    /// goes on if somebody else than Nakama answers at the address of a connection that was open before.
    #[must_use]
    pub fn heals(&self) -> bool {
        match self {
            Self::Lost(_)
            | Self::Silent { .. }
            | Self::ClosedByServer { .. }
            | Self::OutgoingQueueFull
            | Self::RefreshFailed { .. }
            | Self::Overflow { .. } => true,
            Self::Unreachable(unreachable) => unreachable.heals(),
            Self::Refused { status, .. } => {
                matches!(status, 404 | 408 | 425 | 429 | 500..=599)
            }
            Self::Requested
            | Self::NotLoggedIn
            | Self::LoginFailed { .. }
            | Self::OtherUser { .. }
            | Self::SessionEnded { .. }
            | Self::BadAddress(_)
            | Self::Replaced
            | Self::Banned
            | Self::Protocol(_)
            | Self::NetworkThread => false,
        }
    }

    /// The same for a connection that was open before. Its address is right, so if somebody else answers there, that passes: a hotel wants the
    /// guest to agree to something, or what stands before the server is about to start.
    pub(crate) fn heals_once_open(&self) -> bool {
        let is_somebody_else = match self {
            Self::Unreachable(Unreachable { error, .. }) => {
                matches!(error, TransportError::NoTls | TransportError::OnlyTls)
            }
            Self::Refused { status, .. } => *status < 400,
            _ => false,
        };
        is_somebody_else || self.heals()
    }

    /// The server closed the socket, with a code and a text or without.
    pub(crate) fn of_close(words: Option<(u16, String)>) -> Self {
        match words.unzip() {
            (_, Some(reason)) if reason == QUEUE_FULL => Self::OutgoingQueueFull,
            (code, reason) => Self::ClosedByServer {
                code,
                reason: reason.unwrap_or_default(),
            },
        }
    }
}

/// What a close frame said, to be put behind a sentence.
fn words(code: Option<u16>, reason: &str) -> String {
    match (code, reason) {
        (None, _) => " without a word".into(),
        (Some(code), "") => format!(" ({code})"),
        (Some(code), reason) => format!(" ({code}: {})", one_line(reason)),
    }
}

/// A duration for people: with one decimal.
pub(crate) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 0.1 {
        format!("{:.1} ms", seconds * 1000.0)
    } else {
        format!("{seconds:.1} s")
    }
}
