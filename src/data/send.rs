//! Data that was not sent, and how the game hears of it.

use std::{
    mem::{Discriminant, discriminant},
    time::Duration,
};

use bevy_ecs::prelude::*;

pub use super::outgoing::OutgoingData;
pub use crate::transport::SendPolicy;
use crate::{
    ecs::observed,
    error::{PayloadError, ServerError},
    request::Unconfirmed,
    transport::{Failure, seconds},
};

/// Data was not sent. This is an event of the match's or party's entity, triggered in
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive) of one of the next frames. If you do not observe it, you find
/// a warning in the log, once for each connection, op code and kind of reason.
#[derive(Clone, Debug, EntityEvent)]
pub struct SendFailed {
    /// The match or party that it was for.
    #[event_target]
    pub context: Entity,
    /// The op code of the data.
    pub op_code: i64,
    /// Why.
    pub reason: SendError,
}

/// Why data was not sent.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no connection.
    #[error("not connected")]
    NotConnected,
    /// The connection was lost before the server confirmed that it had handled it. The other members may have received it.
    #[error("the connection was lost before the server confirmed it")]
    Unconfirmed,
    /// The server refused it. Only data for parties has an answer.
    #[error("{message}")]
    Refused {
        /// The server's text.
        message: String,
    },
    /// The server did not answer in time. Only data for parties has an answer.
    #[error("no answer")]
    Unanswered,
    /// The entity is not a match or party that the local user is in.
    #[error("not a member")]
    NotAMember,
    /// None of the chosen receivers is in the match.
    #[error("none of the receivers is in the match")]
    NoReceivers,
    /// It is too large: the server would close the socket over it.
    #[error("{size} bytes are above the server's limit of {limit}")]
    TooLarge {
        /// The size of the whole envelope, in bytes.
        size: usize,
        /// The largest size that the server accepts.
        limit: usize,
    },
    /// Too many messages wait to be sent: the line has stalled, or your game sends faster than the pace allows.
    #[error("{waiting} messages are waiting to be sent")]
    QueueFull {
        /// How many wait: with this op code in the context, or in all if [`NakamaSettings::send_queue`](crate::plugin::NakamaSettings) is
        /// used up.
        waiting: usize,
    },
    /// It waited for as long as its [policy](crate::send::SendPolicy::Queue) lets it.
    #[error("it could not be sent within {}", seconds(*after))]
    Expired {
        /// How long that is.
        after: Duration,
    },
    /// It could not be sent at once, as [`SendPolicy::Drop`](crate::send::SendPolicy::Drop) demands.
    #[error("it could not be sent at once")]
    Dropped,
    /// The codec could not encode the payload, for this reason.
    #[error("it cannot be encoded: {}", .0.cause())]
    Unencodable(PayloadError),
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooLarge { size, limit } => Self::TooLarge { size, limit },
            Failure::QueueFull { waiting } => Self::QueueFull { waiting },
            Failure::NotConnected => Self::NotConnected,
            Failure::ConnectionLost { .. } => Self::Unconfirmed,
            Failure::Expired { after } => Self::Expired { after },
            Failure::Dropped | Failure::Replaced => Self::Dropped,
            Failure::Timeout { .. } | Failure::BadAddress(_) | Failure::Unreachable(_) => {
                Self::Unanswered
            }
        }
    }
}

impl From<Unconfirmed> for SendError {
    fn from(answer: Unconfirmed) -> Self {
        match answer {
            Unconfirmed::Refused(ServerError { message, .. }) => Self::Refused { message },
            Unconfirmed::Failed(failure) => failure.into(),
            Unconfirmed::Unexpected => Self::Unanswered,
        }
    }
}

/// What the log tells once: a kind of reason for an op code.
pub(super) type Logged = (i64, Discriminant<SendError>);

/// The network thread could not send something, named by the bits of its entity.
pub(crate) fn on_send_failed(world: &mut World, origin: u64, op_code: i64, failure: Failure) {
    if let Some(context) = Entity::try_from_bits(origin) {
        tell(world, context, op_code, failure.into());
    }
}

/// Tells the game that something was not sent.
pub(crate) fn tell(world: &mut World, context: Entity, op_code: i64, reason: SendError) {
    log::debug!("op code {op_code} was not sent: {reason}");
    let failed = SendFailed {
        context,
        op_code,
        reason,
    };
    let key: Logged = (op_code, discriminant(&failed.reason));
    if observed::is_news::<SendFailed, _>(world, Some(context), key) {
        log::warn!(
            "data with op code {op_code} was not sent, and the game does not observe `SendFailed`: {}",
            failed.reason
        );
    }
    world.trigger(failed);
    world.flush();
}
