//! Why a request did not bring what it should.

use std::{error::Error, time::Duration};

use crate::{
    error::{PayloadError, RestError, ServerError},
    transport::{BadAddress, Failure, Unreachable, seconds},
};

/// Why a request did not bring what it should.
///
/// `E` is how the server says no, an enum for each area.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError<E: Error + 'static = ServerError> {
    /// The server said no.
    #[error(transparent)]
    Refused(E),
    /// The server takes the session's tokens no more (REST): the session was logged out, or has expired and cannot be refreshed.
    /// The socket stays open all the same. Log in again.
    #[error("the session has ended: {0}")]
    SessionEnded(RestError),
    /// Nothing came in time. The server may have done it all the same; if it says so later, the plugin takes it back.
    #[error("no answer within {}", seconds(*after))]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
    /// There is no connection.
    #[error("not connected")]
    NotConnected,
    /// The connection went while the request was under way.
    #[error("the connection was lost{}", if *maybe_executed { " before the answer" } else { " before it was sent" })]
    ConnectionLost {
        /// Whether the server may have done it.
        maybe_executed: bool,
    },
    /// The server would close the socket over it, so it was not sent.
    #[error("{size} bytes are above the server's limit of {limit}")]
    TooLarge {
        /// Size of the whole envelope, in bytes.
        size: usize,
        /// What the server accepts, see [`NakamaSettings::max_envelope`](crate::plugin::NakamaSettings).
        limit: usize,
    },
    /// So many messages wait to be sent already: the game sends faster than its pace.
    #[error("{limit} messages are waiting to be sent")]
    QueueFull {
        /// The size of the queue, see [`NakamaSettings::send_queue`](crate::plugin::NakamaSettings).
        limit: usize,
    },
    /// What was to be sent has no such form.
    #[error("it cannot be encoded: {}", .0.cause())]
    Unencodable(PayloadError),
    /// The answer is there, and what it returns is not of the type that was expected.
    #[error("what it returned cannot be decoded: {}", error.cause())]
    Undecodable {
        /// What it returned.
        text: String,
        /// What is wrong with it.
        error: PayloadError,
    },
    /// There cannot be a server at this address, or the path of the call is none (REST). Nothing was sent.
    #[error(transparent)]
    BadAddress(BadAddress),
    /// The server could not be reached (REST).
    #[error(transparent)]
    Unreachable(Unreachable),
    /// The server answered with something else.
    #[error("the server answered with {got}")]
    UnexpectedReply {
        /// What it sent.
        got: String,
    },
    /// The request's entity was despawned before the answer; what it had brought about was taken back, where
    /// that can be: deleted notifications stay deleted.
    #[error("it was withdrawn")]
    Withdrawn,
    /// The server's REST interface does not find an id with a slash in it, so it was not asked.
    #[error("the server cannot be asked for `{id}` over REST: it holds a slash")]
    SlashInId {
        /// The id.
        id: String,
    },
    /// The server is too old for it, so it was not sent.
    #[error("it needs {since}")]
    Unsupported {
        /// What it needs.
        since: &'static str,
    },
    /// The entity that it was about is not, or no longer, what it should be.
    #[error("the entity is no {expected}")]
    WrongEntity {
        /// What was expected.
        expected: &'static str,
    },
}

impl<E: Error> From<Failure> for RequestError<E> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Timeout { after } => Self::Timeout { after },
            Failure::NotConnected => Self::NotConnected,
            Failure::ConnectionLost { maybe_executed } => Self::ConnectionLost { maybe_executed },
            Failure::TooLarge { size, limit } => Self::TooLarge { size, limit },
            Failure::QueueFull { limit } => Self::QueueFull { limit },
            Failure::BadAddress(error) => Self::BadAddress(error),
            Failure::Unreachable(error) => Self::Unreachable(error),
        }
    }
}
