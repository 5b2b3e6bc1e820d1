//! What waits to be sent, in order, at its pace.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hashbrown::HashSet;

use crate::{
    proto::Kind,
    transport::{command::RequestId, core::pacing::Pacer},
};

/// At once, and then one per interval: 4 per millisecond. A server's queue for each receiver holds 64.
const BURST: u32 = 32;
const INTERVAL: Duration = Duration::from_micros(250);

/// A message on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) frame: Bytes,
    pub(super) kind: Kind,
    pub(super) origin: Origin,
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

/// A queue in strict order: a leave must not overtake the data before it.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: VecDeque<Outgoing>,
    pacer: Pacer,
    limit: usize,
}

impl Outbox {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            pacer: Pacer::new(BURST, INTERVAL),
            limit,
        }
    }

    /// Whether more data may be queued; requests always may, the game bounds them itself.
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < self.limit
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn push(&mut self, outgoing: Outgoing) {
        self.queue.push_back(outgoing);
    }

    /// The next message that may leave now.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Outgoing> {
        let first = self.queue.front()?;
        if fans_out(first.kind) {
            if self.pacer.blocked_until(now).is_some() {
                return None;
            }
            self.pacer.take(now);
        }
        self.queue.pop_front()
    }

    /// When the first message may leave; not later than `now` if it may already.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let first = self.queue.front()?;
        let blocked = self
            .pacer
            .blocked_until(now)
            .filter(|_| fans_out(first.kind));
        Some(blocked.unwrap_or(now))
    }

    /// Takes out the requests that nobody waits for any more.
    pub(super) fn remove(&mut self, given_up: &HashSet<RequestId>) {
        let is_given_up = |outgoing: &Outgoing| matches!(outgoing.origin, Origin::Request(id) if given_up.contains(&id));
        if !given_up.is_empty() {
            self.queue.retain(|outgoing| !is_given_up(outgoing));
        }
    }

    /// Takes everything out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Outgoing> + '_ {
        self.queue.drain(..)
    }
}

/// Whether the server passes a message on to others.
pub(super) fn fans_out(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::MatchDataSend
            | Kind::PartyDataSend
            | Kind::ChannelMessageSend
            | Kind::ChannelMessageUpdate
            | Kind::ChannelMessageRemove
    )
}
