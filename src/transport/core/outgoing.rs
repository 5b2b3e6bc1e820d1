//! A message on its way out.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{
    proto::Kind,
    transport::{
        command::RequestId,
        event::Failure,
        terms::{SendPolicy, Terms},
    },
};

/// Every message is offered to the socket once before it can be too old.
const A_TURN: Duration = Duration::from_millis(1);

/// A message on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) frame: Bytes,
    pub(super) kind: Kind,
    pub(super) origin: Origin,
    /// If others receive what comes of it.
    pub(super) to_others: Option<ToOthers>,
    pub(super) queued_at: Instant,
    /// Whether it is a request that enters again what the local user was in.
    pub(super) for_reentry: bool,
}

/// Whose message it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    Request(RequestId),
    /// Match data, with the game's own mark.
    Data {
        origin: u64,
        op_code: i64,
    },
}

/// How a message leaves that others receive.
#[derive(Debug)]
pub(super) struct ToOthers {
    pub(super) terms: Terms,
    pub(super) topic: Topic,
    /// A hash of whom it is for, if not for everybody.
    pub(super) receivers: u64,
    /// Whether it is of a burst.
    pub(super) is_burst: bool,
}

/// What a message is about: the bounds of [`SendPolicy::Queue`] are for each topic.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Topic {
    pub(super) context: u64,
    pub(super) kind: Kind,
    pub(super) op_code: i64,
}

impl Topic {
    pub(super) fn is_data(&self) -> bool {
        matches!(self.kind, Kind::MatchDataSend | Kind::PartyDataSend)
    }
}

/// What only the newest is wanted of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Subject {
    pub(super) topic: Topic,
    receivers: u64,
    key: u64,
}

/// A message that is not sent after all.
pub(super) struct Unsent {
    pub(super) origin: Origin,
    pub(super) failure: Failure,
}

impl Outgoing {
    pub(super) fn policy(&self) -> Option<SendPolicy> {
        self.to_others.as_ref().map(|it| it.terms.policy)
    }

    /// Whether it waits for the next socket.
    pub(super) fn waits_while_away(&self) -> bool {
        let terms = self.to_others.as_ref().map(|it| it.terms);
        terms.is_some_and(|terms| terms.waits_while_away)
    }

    pub(super) fn max_age(&self) -> Option<Duration> {
        match self.policy()? {
            SendPolicy::Queue { max_age, .. } => Some(max_age),
            SendPolicy::Latest | SendPolicy::Drop => None,
        }
    }

    pub(super) fn expires(&self) -> Option<Instant> {
        self.queued_at.checked_add(self.max_age()?.max(A_TURN))
    }
}

impl ToOthers {
    /// What only the newest is wanted of, if so.
    pub(super) fn subject(&self) -> Option<Subject> {
        (self.terms.policy == SendPolicy::Latest).then_some(Subject {
            topic: self.topic,
            receivers: self.receivers,
            key: self.terms.key,
        })
    }
}
