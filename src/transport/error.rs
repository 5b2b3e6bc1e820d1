//! What can go wrong below the protocol, and why a connection ended.
//!
//! Each error says in one line what happened, where, and why. It has no `source()` that would say a part of it again.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use super::{
    address::{BadAddress, NakamaServer},
    wire::error_text::one_line,
};

/// The server could not be reached. Try again later, or look at the address.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{address} cannot be reached: {error}")]
#[non_exhaustive]
pub struct Unreachable {
    /// The address of the server, as it was given.
    pub address: String,
    /// What went wrong.
    pub error: TransportError,
}

/// The way to the server did not come about, or broke.
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
    /// No TCP connection came about.
    #[error("could not connect to {address}: {error}")]
    Connect {
        /// The address that was tried last.
        address: SocketAddr,
        /// What the system said, for example that the port is closed.
        error: Arc<io::Error>,
    },
    /// Nothing came about within the deadline.
    #[error("no connection within {}", seconds(*after))]
    TimedOut {
        /// The deadline.
        after: Duration,
    },
    /// TLS could not be set up.
    #[error("TLS failed: {0}")]
    Tls(Arc<io::Error>),
    /// The address asks for TLS, and what answers there does not speak it.
    #[error("it does not speak TLS; is the address http:// instead of https://?")]
    NoTls,
    /// The address asks for no TLS, and what answers there wants it.
    #[error("it wants TLS; is the address https:// instead of http://?")]
    OnlyTls,
    /// The address asks for TLS, but the crate was built without its feature `rustls`.
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
    /// The connection was shut without a word.
    #[error("the server hung up")]
    Eof,
    /// The network thread could not be started, or ended.
    #[error("the network thread is not running")]
    NetworkThread,
}

impl TransportError {
    /// The same, with the server that was to be reached.
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

/// The server sent what does not belong on this socket.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A frame that is no envelope.
    #[error("a frame is not an envelope: {0}")]
    Garbage(String),
    /// A text frame, although protobuf was asked for.
    #[error("a text frame on a binary socket")]
    TextFrame,
    /// A breach of the WebSocket protocol.
    #[error("{0}")]
    WebSocket(String),
}

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The game asked for it.
    #[error("the game disconnected")]
    Requested,
    /// The game connected before anybody was logged in, and no login was under way.
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// The connection waited for a login, and the login failed. `Replied<LogIn>` has the typed error. To try again, log in again, and
    /// connect.
    #[error("the login failed: {}", one_line(message))]
    LoginFailed {
        /// The login's error.
        message: String,
    },
    /// The session token has ended, and the server does not refresh the session any more. Log in again.
    #[error("the session has ended: {}", one_line(message))]
    SessionEnded {
        /// The server's text.
        message: String,
    },
    /// The session token has ended, and the server could not refresh the session just now. Try again later.
    #[error("the session cannot be refreshed: {}", one_line(message))]
    RefreshFailed {
        /// The server's text, or that of a proxy in its place.
        message: String,
    },
    /// The address cannot be one of a server. Trying again does not help.
    #[error(transparent)]
    BadAddress(BadAddress),
    /// No connection came about. Try again later, or look at the address.
    #[error(transparent)]
    Unreachable(Unreachable),
    /// The server refused the socket. 401: it takes the session token no more, not even a new one, or there is no refresh token to get
    /// a new one with, so log in again.
    #[error("the server refused the socket with {status}: {}", one_line(message))]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's text, in one line.
        message: String,
    },
    /// The server closed the socket. Nakama closes with 1000 for nearly every reason.
    #[error("the server closed the socket{}", words(*code, reason))]
    ClosedByServer {
        /// WebSocket close code, if it sent one.
        code: Option<u16>,
        /// The server's text, often empty.
        reason: String,
    },
    /// The same account opened another socket, and the server allows one (notification −7, `session.single_socket`).
    #[error("replaced by a newer socket of the same account")]
    Replaced,
    /// The account was banned (notification −8).
    #[error("the account is banned")]
    Banned,
    /// The connection broke.
    #[error("the connection was lost: {0}")]
    Lost(TransportError),
    /// The server said nothing for this long, although it was asked to.
    #[error("the server was silent for {}", seconds(*silence))]
    Silent {
        /// Time since its last frame.
        silence: Duration,
    },
    /// The server sent what is no envelope.
    #[error("the server broke the protocol: {0}")]
    Protocol(ProtocolError),
    /// More than the hand-over may hold was waiting for a game that did not read.
    #[error("{bytes} bytes were waiting for the game")]
    Overflow {
        /// What was waiting.
        bytes: usize,
    },
    /// The network thread could not be started, or ended.
    #[error("the network thread is not running")]
    NetworkThread,
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
