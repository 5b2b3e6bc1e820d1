//! The network thread's end of the way to the game: batches in an unbounded channel, and a count of what waits in it.
//!
//! The thread never waits for the game. A server hangs up on a client that does not read, so a game that stalls must not
//! stop the reading; what it may cost in memory is bounded here.

use std::{
    mem,
    sync::{Arc, atomic::Ordering},
};

use crossbeam_channel::{Sender, bounded};

use super::{
    alarm::Alarm,
    command::Epoch,
    event::{LinkEvent, Told},
    link::{Batch, LinkSettings},
    stats::LinkStats,
};

/// The least that a game can be given, in bytes. With less, a connection would end with its first message.
const LEAST: usize = 64 * 1024;

pub(crate) struct HandOver {
    to_game: Sender<Batch>,
    stats: Arc<LinkStats>,
    limit: usize,
    alarm: Alarm,
    batch: Batch,
    /// Whether the batch has something that the game can see.
    is_news: bool,
    /// The connection that events are of.
    epoch: Epoch,
    /// Data messages left out since the last event that was not.
    withheld: u64,
}

impl HandOver {
    pub(crate) fn new(
        to_game: Sender<Batch>,
        stats: Arc<LinkStats>,
        settings: &LinkSettings,
    ) -> Self {
        Self {
            to_game,
            stats,
            limit: settings.hand_over_limit.max(LEAST),
            alarm: settings.alarm.clone(),
            batch: Batch::default(),
            is_news: false,
            epoch: Epoch::default(),
            withheld: 0,
        }
    }

    /// A connection begins: events are of it from now on.
    pub(crate) fn begin(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    /// Adds an event. While too much is waiting, data is dropped, and one [`LinkEvent::Dropped`] stands in its place. Raw copies are
    /// dropped without a trace, because the envelopes themselves are not lost.
    pub(crate) fn push(&mut self, event: LinkEvent) {
        let is_copy = matches!(event, LinkEvent::Raw(_));
        if (event.is_data() || is_copy) && self.waiting() > self.limit {
            self.withheld += u64::from(!is_copy);
            return;
        }
        if self.withheld > 0 {
            let count = mem::take(&mut self.withheld);
            self.append(LinkEvent::Dropped { count });
        }
        self.append(event);
    }

    fn append(&mut self, event: LinkEvent) {
        self.batch.weight += event.weight();
        // Heartbeats, and copies of them, are no reason to wake anybody.
        self.is_news |= !matches!(event, LinkEvent::RoundTrip(_) | LinkEvent::Raw(_));
        let epoch = self.epoch;
        self.batch.events.push(Told { epoch, event });
    }

    /// Bytes that wait for the game.
    pub(crate) fn waiting(&self) -> usize {
        self.stats.waiting.load(Ordering::Relaxed) + self.batch.weight
    }

    /// Whether so much waits that the link must end.
    pub(crate) fn is_overflowing(&self) -> bool {
        self.waiting() > self.limit.saturating_mul(2)
    }

    /// Wakes the game if it sleeps.
    pub(crate) fn wake(&self) {
        self.alarm.ring();
    }

    /// Gives the batch to the game, and wakes it if it sleeps.
    pub(crate) fn flush(&mut self) {
        if self.batch.events.is_empty() {
            return;
        }
        self.stats
            .waiting
            .fetch_add(self.batch.weight, Ordering::Relaxed);
        let room = self.batch.events.len().min(256);
        let next = Batch {
            events: Vec::with_capacity(room),
            weight: 0,
        };
        // A game that is gone reads nothing more; its link is about to be dropped.
        let _ = self.to_game.send(mem::replace(&mut self.batch, next));
        if mem::take(&mut self.is_news) {
            self.alarm.ring();
        }
    }
}

impl Drop for HandOver {
    /// The network thread ends, or the game is gone. A game that is there hears of the end from the channel, so the channel is closed
    /// before the game is woken.
    fn drop(&mut self) {
        let to_game = mem::replace(&mut self.to_game, bounded(0).0);
        if to_game.send(Batch::default()).is_ok() {
            drop(to_game);
            self.alarm.ring();
        }
    }
}
