//! How much may be under way to others: a window that closes when the line stalls.
//!
//! A line that stalls delivers everything at once when it goes on. The server has a queue of 64 for each receiver, and disconnects who has
//! more, so such a burst would cost *other members* their connection.
//!
//! A server handles the messages of a socket in order. So a pong acknowledges what was sent before its ping, and an answer what was sent
//! before its request. What is acknowledged is gone from here. Of the rest, what left in an even flow within the last one and a half round
//! trips is in normal flight. Everything else counts: what is older, what is of a burst, and what had to wait before it left.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What is queued within so much time is one moment: an even flow has one message in it, the others are a burst.
const MOMENT: Duration = Duration::from_millis(5);
/// The round trip as long as none was measured.
const GUESS: Duration = Duration::from_millis(200);
/// The least round trip that a sample may count as: below it, everything is noise.
const NOISE: Duration = Duration::from_millis(1);

/// What is under way to others.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// What has been sent and not acknowledged, in that order.
    sent: VecDeque<UnderWay>,
    /// How many of them, from the front, are older than normal flight takes.
    old: usize,
    /// How many of the others are of no even flow.
    young_extra: usize,
    /// How many of them, from the back, neither a ping nor a request has followed.
    uncovered: usize,
    round_trip: Option<Duration>,
    rate: Rate,
    moment: Option<Instant>,
    /// When something had to wait last.
    closed: Option<Instant>,
}

/// A message that the server has not acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWay {
    /// Its place in the order of sending.
    pub(super) place: u64,
    pub(super) sent_at: Instant,
    /// Whether it counts at once: it is of a burst, or it had to wait.
    pub(super) is_extra: bool,
    /// Whether it is a request: its own answer acknowledges it.
    pub(super) is_request: bool,
    /// Who is told if it is lost.
    pub(super) origin: u64,
    pub(super) op_code: i64,
}

impl Flow {
    /// The socket is gone: takes out what the server has not acknowledged. What is known about the line is forgotten.
    pub(super) fn take(&mut self) -> impl Iterator<Item = UnderWay> + use<> {
        std::mem::take(self).sent.into_iter()
    }

    /// A message joins the queue. Whether it is of a burst.
    pub(super) fn on_queued(&mut self, now: Instant) -> bool {
        self.rate.add(now);
        let is_burst = self
            .moment
            .is_some_and(|first| now.saturating_duration_since(first) < MOMENT);
        if !is_burst {
            self.moment = Some(now);
        }
        is_burst
    }

    /// Whether one more may leave that has this window.
    pub(super) fn is_open(&self, now: Instant, window: u32) -> bool {
        self.counted(now) < window.max(1) as usize
    }

    /// Something has to wait.
    pub(super) fn on_closed(&mut self, now: Instant) {
        self.closed = Some(now);
    }

    /// When something had to wait last.
    pub(super) fn closed_at(&self) -> Option<Instant> {
        self.closed
    }

    /// A message leaves.
    pub(super) fn on_sent(&mut self, message: UnderWay) {
        let flight = self.flight();
        while let Some(next) = self.sent.get(self.old)
            && message.sent_at.saturating_duration_since(next.sent_at) >= flight
        {
            self.young_extra -= usize::from(next.is_extra);
            self.old += 1;
        }
        self.young_extra += usize::from(message.is_extra);
        self.uncovered += 1;
        self.sent.push_back(message);
        if message.is_request {
            self.on_covered();
        }
    }

    /// A ping or a request leaves: what comes back for it acknowledges all that was sent before.
    pub(super) fn on_covered(&mut self) {
        self.uncovered = 0;
    }

    /// Whether a ping has to leave so that a window like this stays open: what was sent since the last one is half of it.
    pub(super) fn needs_ping(&self, window: u32) -> bool {
        self.uncovered >= (window as usize / 2).max(1)
    }

    /// Whether there is something that nothing on its way will acknowledge.
    pub(super) fn is_uncovered(&self) -> bool {
        self.uncovered > 0
    }

    /// The server has handled everything up to this place.
    pub(super) fn on_handled(&mut self, place: u64) {
        while let Some(first) = self.sent.front()
            && first.place <= place
        {
            if self.old > 0 {
                self.old -= 1;
            } else {
                self.young_extra -= usize::from(first.is_extra);
            }
            self.sent.pop_front();
        }
        self.uncovered = self.uncovered.min(self.sent.len());
    }

    /// A round trip was measured.
    pub(super) fn on_round_trip(&mut self, sample: Duration) {
        let sample = sample.max(NOISE);
        self.round_trip = Some(match self.round_trip {
            None => sample,
            // Only the line counts, and not how long it stalled.
            Some(before) => (before * 7 + sample.min(before * 2)) / 8,
        });
    }

    /// How many messages the server has not acknowledged.
    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    /// How many of them count.
    fn counted(&self, now: Instant) -> usize {
        let flight = self.flight();
        let is_old = |it: &&UnderWay| now.saturating_duration_since(it.sent_at) >= flight;
        let aged = self.sent.range(self.old..).take_while(is_old);
        let (aged, aged_extra) = aged.fold((0, 0), |(all, extra), it| {
            (all + 1, extra + usize::from(it.is_extra))
        });
        let young = self.sent.len() - self.old - aged;
        let even = young - (self.young_extra - aged_extra);
        let steady = (self.rate.steady(now) * flight.as_secs_f64()) as usize;
        self.sent.len() - even.max(steady).min(young)
    }

    /// How long a message is in normal flight.
    fn flight(&self) -> Duration {
        self.round_trip.unwrap_or(GUESS) * 3 / 2
    }
}

/// How many messages a second the game queues, as a rule.
#[derive(Debug, Default)]
struct Rate {
    /// Numbers of the last intervals; the one that is going on is the first.
    counts: [u32; Self::INTERVALS],
    /// When that one began.
    since: Option<Instant>,
}

impl Rate {
    const INTERVAL: Duration = Duration::from_millis(250);
    const SECOND: usize = 4;
    const INTERVALS: usize = 1 + 2 * Self::SECOND;

    fn add(&mut self, now: Instant) {
        self.advance(now);
        self.counts[0] += 1;
    }

    /// The lower number of the last second and of the second before, so that no burst is taken for a habit.
    fn steady(&self, now: Instant) -> f64 {
        let passed = self.passed(now);
        let count = |interval: usize| {
            let index = interval.checked_sub(passed)?;
            self.counts.get(index).copied()
        };
        let sum = |from: usize| (from..from + Self::SECOND).filter_map(count).sum::<u32>();
        sum(1).min(sum(1 + Self::SECOND)).into()
    }

    fn advance(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let passed = self.passed(now);
        if passed == 0 {
            return;
        }
        let gone = passed.min(Self::INTERVALS);
        self.counts.rotate_right(gone % Self::INTERVALS);
        self.counts[..gone].fill(0);
        self.since = Some(if gone < passed {
            now
        } else {
            since + Self::INTERVAL * gone as u32
        });
    }

    /// How many intervals have passed since the first began.
    fn passed(&self, now: Instant) -> usize {
        let passed = self.since.map(|it| now.saturating_duration_since(it));
        let passed = passed.unwrap_or_default().as_millis() / Self::INTERVAL.as_millis();
        usize::try_from(passed).unwrap_or(usize::MAX)
    }
}
