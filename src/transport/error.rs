//! What can go wrong below the protocol, and why a connection ended.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

/// The server could not be reached, or the way to it broke.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The address of the server makes no sense.
    #[error("the server's address cannot be used: {problem}")]
    InvalidUrl {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The server's name has no address.
    #[error("the host `{host}` was not found")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// No TCP connection came about.
    #[error("could not connect to {address}")]
    Connect {
        /// The address that was tried last.
        address: SocketAddr,
        /// What the system said, for example that the port is closed.
        source: Arc<io::Error>,
    },
    /// Nothing came about within the deadline.
    #[error("no connection within {after:?}")]
    TimedOut {
        /// The deadline.
        after: Duration,
    },
    /// TLS could not be set up.
    #[error("TLS failed")]
    Tls(#[source] Arc<io::Error>),
    /// The address asks for TLS, but the crate was built without its feature `rustls`.
    #[error("`https` needs the feature `rustls`")]
    TlsNotBuilt,
    /// The other side does not speak HTTP as it should.
    #[error("malformed answer: {0}")]
    Http(&'static str),
    /// A token or name holds characters that cannot be sent.
    #[error("{0} cannot be sent in a header")]
    InvalidHeader(&'static str),
    /// The connection broke.
    #[error("the connection broke")]
    Io(#[source] Arc<io::Error>),
    /// The connection was shut without a word.
    #[error("the server hung up")]
    Eof,
    /// The network thread could not be started, or ended.
    #[error("the network thread is not running")]
    NetworkThread,
}

impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Eof,
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
    /// No connection came about. Try again later, or look at the address.
    #[error("the server cannot be reached")]
    Unreachable(#[source] TransportError),
    /// The server refused the socket: 401 for a token that expired or is not its own. Log in again.
    #[error("the server refused the socket with {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's text.
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
    #[error("the connection was lost")]
    Lost(#[source] TransportError),
    /// The server said nothing for this long, although it was asked to.
    #[error("the server was silent for {silence:?}")]
    Silent {
        /// Time since its last frame.
        silence: Duration,
    },
    /// The server sent what is no envelope.
    #[error("the server broke the protocol")]
    Protocol(#[source] ProtocolError),
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
        (Some(code), reason) => format!(" ({code}: {reason})"),
    }
}
