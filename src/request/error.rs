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
    /// The server does not take the session's tokens any more (REST): the session was logged out, or it has expired and cannot be
    /// refreshed. The socket stays open all the same. Log in again.
    #[error("the session has ended: {0}")]
    SessionEnded(RestError),
    /// No answer came in time. The server may have done it all the same. Over the socket, the server may say so later; then the plugin
    /// takes it back. Over REST, nothing more is heard of it.
    #[error("{} within {}", if *maybe_executed { "no answer" } else { "it could not be sent" }, seconds(*after))]
    Timeout {
        /// How long the plugin waited.
        after: Duration,
        /// Whether the server may have done it. If not, the plugin had not sent it yet: too many other requests were unanswered (see
        /// [`NakamaSettings::requests_in_flight`](crate::plugin::NakamaSettings)), the line stood still (see [sending](crate::send)), or the
        /// call waited for a session token. A call over REST may have waited for a connection even if this is true.
        maybe_executed: bool,
    },
    /// There is no connection.
    #[error("not connected")]
    NotConnected,
    /// Nobody is logged in, and no login is under way (REST). Or the login that the call waited for failed. Or the local user logged out,
    /// or somebody else logged in, while the call waited for a new session token or between its parts.
    #[error("not logged in")]
    NotLoggedIn,
    /// The socket's connection ended while the request was under way. A request over REST has a connection of its own, see
    /// [`Unreachable`](Self::Unreachable).
    #[error("the connection was lost{}", if *maybe_executed { " before the answer" } else { " before it was sent" })]
    ConnectionLost {
        /// Whether the server may have done it.
        maybe_executed: bool,
    },
    /// The message is so large that the server would close the socket. The plugin did not send it.
    #[error("{size} bytes are above the server's limit of {limit}")]
    TooLarge {
        /// Size of the whole envelope, in bytes.
        size: usize,
        /// What the server accepts, see [`NakamaSettings::max_envelope`](crate::plugin::NakamaSettings).
        limit: usize,
    },
    /// Too many messages to others wait to be sent, see [sending](crate::send).
    #[error("{waiting} messages are waiting to be sent")]
    QueueFull {
        /// How many wait.
        waiting: usize,
    },
    /// What you want to send cannot be encoded.
    #[error("it cannot be encoded: {}", .0.cause())]
    Unencodable(PayloadError),
    /// The answer is there, and what it returns is not of the type that you expect.
    #[error("what it returned cannot be decoded: {}", error.cause())]
    Undecodable {
        /// What it returned.
        text: String,
        /// What is wrong with it.
        error: PayloadError,
    },
    /// There cannot be a server at this address, or the path of the call is malformed (REST). The plugin sent nothing.
    #[error(transparent)]
    BadAddress(BadAddress),
    /// The server could not be reached, or the connection broke before the whole answer was there (REST). In the second case the
    /// server may have done it.
    #[error(transparent)]
    Unreachable(Unreachable),
    /// The server answered with something else.
    #[error("the server answered with {got}")]
    UnexpectedReply {
        /// What it sent.
        got: String,
    },
    /// Your game despawned the request's entity before the answer. The plugin took back what the request had done, where
    /// that is possible: deleted notifications stay deleted.
    #[error("it was withdrawn")]
    Withdrawn,
    /// The server's REST interface does not find such an id or name: it is empty, or `.` or `..`, or has a slash in it. The plugin did
    /// not ask.
    #[error(
        "the server cannot be asked for `{id}` over REST: it {}",
        problem_of_id(id)
    )]
    UnusableId {
        /// The id.
        id: String,
    },
    /// The server is too old for it. The plugin did not send it.
    #[error("it needs {since}")]
    Unsupported {
        /// What it needs.
        since: &'static str,
    },
    /// The entity that the request is about is not, or no longer, what it should be.
    #[error("the entity is not a {expected}")]
    WrongEntity {
        /// What was expected.
        expected: &'static str,
    },
}

fn problem_of_id(id: &str) -> &'static str {
    match id {
        "" => "is empty",
        id if id.contains('/') => "holds a slash",
        _ => "means another path",
    }
}

impl<E: Error> From<Failure> for RequestError<E> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Timeout { after, was_sent } => Self::Timeout {
                after,
                maybe_executed: was_sent,
            },
            Failure::Expired { after } => Self::Timeout {
                after,
                maybe_executed: false,
            },
            Failure::Dropped | Failure::Replaced => Self::Withdrawn,
            Failure::NotConnected => Self::NotConnected,
            Failure::ConnectionLost { maybe_executed } => Self::ConnectionLost { maybe_executed },
            Failure::TooLarge { size, limit } => Self::TooLarge { size, limit },
            Failure::QueueFull { waiting } => Self::QueueFull { waiting },
            Failure::BadAddress(error) => Self::BadAddress(error),
            Failure::Unreachable(error) => Self::Unreachable(error),
        }
    }
}
