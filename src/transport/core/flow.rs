//! How much may be under way to others: a window that closes when the line stalls.
//!
//! A line that stalls delivers everything at once when it goes on. The server has a queue of 64 for each receiver, and disconnects who has
//! more, so such a burst would cost *other members* their connection.
//!
//! A server handles the messages of a socket in order. So a pong acknowledges what was sent before its ping, and an answer what was sent
//! before its request. What is acknowledged is gone from here. Of the rest, what left in an even flow within the last one and a half round
//! trips is in normal flight. Everything else counts: what is older, what is of a burst, and what had to wait for the line.
//!
//! That the server has handled a message does not mean that it has written it to the receivers. After a stall, everybody goes on at the same
//! time. So the room that is made by acknowledging what was held up is there a little later.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What is queued within so much time is one moment. What is more than in the moments before is a burst.
const MOMENT: Duration = Duration::from_millis(5);
/// More in one moment is a burst in any case.
const EVEN: usize = 8;
/// The round trip as long as none was measured.
const GUESS: Duration = Duration::from_millis(400);
/// How long a server may take to write what it has handled.
const WRITING: Duration = Duration::from_millis(30);
/// What comes back after so much time is not late, whatever the round trip.
const PATIENCE: Duration = Duration::from_millis(20);
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
    /// The pings and requests without an answer, with their places and when they were sent.
    covers: VecDeque<(u64, Instant)>,
    /// How much that was held up has been acknowledged, and when.
    resting: VecDeque<(Instant, usize)>,
    round_trip: RoundTrips,
    rate: Rate,
    moment: Moment,
    /// When something had to wait last.
    closed: Option<Instant>,
    /// When something had to wait last because the line had stalled.
    stalled: Option<Instant>,
    /// Whether the game has asked for the end: what waits is the last, and has little time.
    is_ending: bool,
}

/// Whether a message may leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Gate {
    Open,
    /// Not before this moment.
    Until(Instant),
    /// Not before something is acknowledged.
    Shut,
}

/// A message that the server has not acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWay {
    /// Its place in the order of sending.
    pub(super) place: u64,
    pub(super) sent_at: Instant,
    /// Whether it counts at once: it is of a burst, or the line had held it up.
    pub(super) is_extra: bool,
    /// Whether it had to wait because the line had stalled.
    pub(super) is_backlog: bool,
    /// Whether it is a request: its own answer acknowledges it.
    pub(super) is_request: bool,
    /// Who is told if it is lost, and of which op code.
    pub(super) told: Option<(u64, i64)>,
}

impl Flow {
    /// The socket is gone: takes out what the server has not acknowledged. What is known about the line is forgotten.
    pub(super) fn take(&mut self) -> impl Iterator<Item = UnderWay> + use<> {
        std::mem::take(self).sent.into_iter()
    }

    /// A message joins the queue. Whether it is of a burst.
    pub(super) fn on_queued(&mut self, now: Instant) -> bool {
        self.rate.add(now);
        self.moment.add(now)
    }

    /// Whether one more may leave that has this window.
    pub(super) fn gate(&self, now: Instant, window: u32) -> Gate {
        if self.is_ending && !self.is_stalled(now) {
            return Gate::Open;
        }
        let room = (window.max(1) as usize).saturating_sub(self.counted(now));
        if room == 0 {
            return Gate::Shut;
        }
        let room = room + (self.rate.steady(now) * WRITING.as_secs_f64()) as usize;
        let mut unwritten = 0;
        // From the last one on: there is room as soon as all but these have been written.
        for (acknowledged_at, count) in self.resting.iter().rev() {
            unwritten += count;
            let written_at = *acknowledged_at + WRITING;
            if written_at > now && unwritten >= room {
                return Gate::Until(written_at);
            }
        }
        Gate::Open
    }

    /// The game has asked for the end of the connection.
    pub(super) fn on_ending(&mut self) {
        self.is_ending = true;
    }

    /// Something has to wait.
    pub(super) fn on_closed(&mut self, now: Instant) {
        self.closed = Some(now);
        if self.is_stalled(now) {
            self.stalled = Some(now);
        }
    }

    /// What has waited for another socket may leave: as after a stall.
    pub(super) fn on_released(&mut self, now: Instant) {
        self.stalled = Some(now);
    }

    /// Whether something that was queued then had to wait because the line had stalled.
    pub(super) fn is_backlog(&self, queued_at: Instant) -> bool {
        self.stalled.is_some_and(|at| at >= queued_at)
    }

    /// When something had to wait last.
    pub(super) fn closed_at(&self) -> Option<Instant> {
        self.closed
    }

    /// A message leaves.
    pub(super) fn on_sent(&mut self, message: UnderWay) {
        if message.is_backlog {
            // What was queued behind it until now leaves as it does.
            self.stalled = Some(message.sent_at);
        }
        self.age(message.sent_at);
        self.young_extra += usize::from(message.is_extra);
        self.uncovered += 1;
        self.sent.push_back(message);
        if message.is_request {
            self.on_covered(message.sent_at, message.place);
        }
    }

    /// A ping or a request leaves: what comes back for it acknowledges all that was sent before.
    pub(super) fn on_covered(&mut self, now: Instant, place: u64) {
        self.covers.push_back((place, now));
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
    pub(super) fn on_handled(&mut self, now: Instant, place: u64) {
        self.age(now);
        let mut is_late = false;
        while let Some((covered, sent_at)) = self.covers.front().copied()
            && covered <= place
        {
            is_late = self.is_late(now, sent_at); // the last one is what was answered
            self.covers.pop_front();
        }
        if is_late {
            self.stalled = Some(now);
        }
        let mut held_up = 0;
        while let Some(first) = self.sent.front()
            && first.place <= place
        {
            held_up += usize::from(first.is_backlog || (is_late && self.old > 0));
            if self.old > 0 {
                self.old -= 1;
            } else {
                self.young_extra -= usize::from(first.is_extra);
            }
            self.sent.pop_front();
        }
        self.uncovered = self.uncovered.min(self.sent.len());
        if held_up > 0 {
            self.resting.push_back((now, held_up));
        }
        while let Some((acknowledged_at, _)) = self.resting.front()
            && *acknowledged_at + WRITING <= now
        {
            self.resting.pop_front();
        }
    }

    /// A round trip was measured.
    pub(super) fn on_round_trip(&mut self, now: Instant, sample: Duration) {
        self.round_trip.add(now, sample.max(NOISE));
    }

    /// How many messages the server has not acknowledged.
    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    /// How many of them count.
    fn counted(&self, now: Instant) -> usize {
        let (young, extra) = self.young(now);
        let steady = (self.rate.steady(now) * self.flight().as_secs_f64()) as usize;
        self.sent.len() - (young - extra).max(steady).min(young)
    }

    /// How many of them are not older than normal flight takes, and how many of those are of no even flow.
    fn young(&self, now: Instant) -> (usize, usize) {
        let flight = self.flight();
        let is_old = |it: &&UnderWay| now.saturating_duration_since(it.sent_at) >= flight;
        let aged = self.sent.range(self.old..).take_while(is_old);
        let (aged, aged_extra) = aged.fold((0, 0), |(all, extra), it| {
            (all + 1, extra + usize::from(it.is_extra))
        });
        let young = self.sent.len() - self.old - aged;
        (young, self.young_extra - aged_extra)
    }

    /// Notes which messages are old by now.
    fn age(&mut self, now: Instant) {
        let (young, extra) = self.young(now);
        self.old = self.sent.len() - young;
        self.young_extra = extra;
    }

    /// Whether what comes back now for something that was sent then comes late: the line had stalled, or the server was at work.
    fn is_late(&self, now: Instant, sent_at: Instant) -> bool {
        let usual = self.round_trip.usual().unwrap_or(GUESS) * 3 / 2;
        now.saturating_duration_since(sent_at) >= usual.max(self.flight()).max(PATIENCE)
    }

    /// Whether the line stands still, as far as it can be known.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        let first = self.covers.front();
        first.is_some_and(|(_, sent_at)| self.is_late(now, *sent_at))
    }

    /// How long a message is in normal flight.
    fn flight(&self) -> Duration {
        self.round_trip.flight().unwrap_or(GUESS * 3 / 2)
    }
}

/// What is queued at one moment, and was at the moments before.
#[derive(Debug, Default)]
struct Moment {
    began: Option<Instant>,
    count: usize,
    /// How many there were in the last two.
    last: [Option<usize>; 2],
}

impl Moment {
    /// One more is queued. Whether it is more than usual.
    fn add(&mut self, now: Instant) -> bool {
        let goes_on = self
            .began
            .is_some_and(|began| now.saturating_duration_since(began) < MOMENT);
        if !goes_on {
            let before = self.began.map(|_| self.count);
            self.last = [before, self.last[0]];
            self.began = Some(now);
            self.count = 0;
        }
        self.count += 1;
        let usual = self.last.iter().flatten().min().copied();
        self.count > usual.unwrap_or(1).clamp(1, EVEN)
    }
}

/// The round trips of the last seconds.
#[derive(Debug, Default)]
struct RoundTrips {
    /// Smoothed. A stall is taken for no more than twice the usual.
    usual: Option<Duration>,
    since: Option<Instant>,
    /// The shortest of the interval that is going on, and of the one before.
    shortest: [Option<Duration>; 2],
}

impl RoundTrips {
    const INTERVAL: Duration = Duration::from_secs(5);
    /// A line that takes this many times as long as at its best is not taken for a longer line: somebody is busy.
    const BUSY: u32 = 8;

    fn add(&mut self, now: Instant, sample: Duration) {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= Self::INTERVAL {
            self.since = Some(now);
            self.shortest = [None, self.shortest[0]];
        }
        let shortest = self.shortest[0].map_or(sample, |before| before.min(sample));
        self.shortest[0] = Some(shortest);
        self.usual = Some(
            self.usual
                .map_or(sample, |before| (before * 7 + sample.min(before * 2)) / 8),
        );
    }

    fn usual(&self) -> Option<Duration> {
        self.usual
    }

    /// How long a message is in normal flight: one and a half of the shortest round trips, or the usual one if that varies.
    fn flight(&self) -> Option<Duration> {
        let shortest = self.shortest.iter().flatten().min().copied()?;
        let usual = self.usual?.min(shortest * Self::BUSY);
        Some((shortest * 3 / 2).max(usual))
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
