//! Requests and their answers.
//!
//! A request is a method of [`commands.nakama()`](crate::commands::NakamaCommandsExt::nakama) and returns an entity. It
//! gets exactly one [`Replied`]: the server's answer, its refusal, or what went wrong. The reply comes at the earliest in
//! the next [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive), also when it is known at once, so an
//! observer that is chained to the call always sees it.
//!
//! ```
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! fn join(mut commands: Commands) {
//!     commands.nakama().join_match(JoinMatch::by_id("gone")).observe(
//!         |reply: On<Replied<JoinMatch>>| match &reply.result {
//!             Ok(joined) => println!("in {}", joined.entity),
//!             Err(RequestError::Refused(MatchRefusal::NotFound(_))) => println!("too late"),
//!             Err(RequestError::Timeout { .. } | RequestError::ConnectionLost { .. }) => println!("who knows"),
//!             Err(error) => println!("{error}"),
//!         },
//!     );
//! }
//! ```
//!
//! What the server refuses is an enum of the area ([`MatchRefusal`](crate::matches::MatchRefusal), …) that knows the texts which a
//! game would act upon, and keeps the server's own; everything else is the same for all, see [`RequestError`].
//! [`RequestFailed`] tells of every failure, whatever the type. A failure that the game observes with neither is a warning in the
//! log. Entities of requests that leave nothing behind, and of those that
//! failed, are despawned in `Last` of the frame of their answer. Despawning one earlier withdraws the request: what it should have
//! brought is undone when the server agrees.

mod rest;
mod socket;
mod table;
mod user;

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;

pub(crate) use self::{
    rest::{RestRequest, instead_of, read_object, submit_rest},
    socket::{
        Acknowledged, SocketRequest, no_message, room, room_for_fields, send_or_tell, send_then,
        submit, text_size, unexpected,
    },
    table::{
        Requests, fail_all, forget_late, on_answer, on_given_up, refuse, refuse_wrong_entity,
        settle_at_once,
    },
    user::{UserCall, forget_refresh, submit_as_user, tick},
};
use crate::{
    error::{PayloadError, ServerError},
    transport::{BadAddress, Failure, Unreachable, seconds},
};

/// One round trip.
pub trait Request: fmt::Debug + Send + Sync + Sized + 'static {
    /// What the server's consent brings.
    type Reply: fmt::Debug + Send + Sync + 'static;
    /// How the server says no.
    type Refusal: Error + Clone + Send + Sync + 'static;
    /// What it is called, in lists and logs.
    const NAME: &'static str;
}

/// The one answer to a request, as an event of the request's entity.
///
/// Observe it on the entity that the call returned, or globally for all requests of a type. When it is triggered, the
/// world already shows what it says.
#[derive(Debug, EntityEvent)]
pub struct Replied<R: Request> {
    /// The entity that the call returned. If the request failed, or is one that leaves nothing behind, the entity is
    /// despawned in `Last` of this frame.
    #[event_target]
    pub request: Entity,
    /// How it went.
    pub result: Result<R::Reply, RequestError<R::Refusal>>,
}

/// A request failed, whatever its type: for logs and tools, which cannot observe every [`Replied`] there is. Global event,
/// triggered right before the [`Replied`] that tells the same. Costs nothing while nobody observes it.
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct RequestFailed {
    /// The entity that the call returned. May be gone, if the request was withdrawn.
    pub request: Entity,
    /// What the request is called: [`Request::NAME`].
    pub name: &'static str,
    /// The error, in one line.
    pub reason: String,
}

/// Why a request did not bring what it should.
///
/// `E` is how the server says no, an enum for each area.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError<E: Error + 'static = ServerError> {
    /// The server said no.
    #[error(transparent)]
    Refused(E),
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

/// What a request comes to.
pub(crate) type Outcome<R> = Result<<R as Request>::Reply, RequestError<<R as Request>::Refusal>>;

/// Marks a request that has no answer yet.
#[derive(Clone, Component, Debug, Reflect)]
#[component(immutable)]
#[reflect(Component)]
pub struct PendingRequest {
    /// What it is called.
    pub name: Cow<'static, str>,
    /// When it was made, in time since the app's start (`Time<Real>`).
    pub since: Duration,
}

/// Divides a list into as few lists as it takes, each of at most `room` bytes. What is too large by itself is alone.
pub(crate) fn in_parts<T>(all: Vec<T>, room: usize, size: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut parts = vec![Vec::new()];
    let mut used = 0;
    for one in all {
        let size = size(&one);
        if used + size > room && used > 0 {
            parts.push(Vec::new());
            used = 0;
        }
        used += size;
        if let Some(part) = parts.last_mut() {
            part.push(one);
        }
    }
    parts
}
