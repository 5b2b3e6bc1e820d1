//! What was counted.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

/// The longest time that is told apart, in microseconds.
const LONGEST: u64 = 600_000_000;

/// What some bots have counted.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    /// How many messages the others in the room should have got of those.
    pub(crate) expected: u64,
    pub(crate) delivered: u64,
    /// What arrived twice or in the wrong order. It does not count as delivered.
    pub(crate) out_of_order: u64,
    /// Messages for which a frame came too late: the bots' own machine is too slow.
    pub(crate) skipped: u64,
    /// From the call that sends to the frame that receives, in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// How often a connection was lost that came back or is to come back, by reason.
    pub(crate) lost: Reasons,
    /// Whose connection has ended, by reason.
    pub(crate) kicked: Reasons,
    /// What the plugin told with `SendFailed`, by reason.
    pub(crate) send_failed: Reasons,
}

/// How often something happened for each reason.
pub(crate) type Reasons = BTreeMap<String, u64>;

impl Default for Tally {
    fn default() -> Self {
        Self {
            sent: 0,
            expected: 0,
            delivered: 0,
            out_of_order: 0,
            skipped: 0,
            // It fails only for bounds that make no sense.
            latency: Histogram::new_with_bounds(1, LONGEST, 3)
                .unwrap_or_else(|_| unreachable!("the bounds are constants")),
            lost: Reasons::new(),
            kicked: Reasons::new(),
            send_failed: Reasons::new(),
        }
    }
}

impl Tally {
    /// A message has arrived for the first time.
    pub(crate) fn deliver(&mut self, took: Duration) {
        self.delivered += 1;
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST);
        self.latency.saturating_record(micros.clamp(1, LONGEST));
    }

    /// Adds what others have counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.expected += other.expected;
        self.delivered += other.delivered;
        self.out_of_order += other.out_of_order;
        self.skipped += other.skipped;
        self.latency += &other.latency;
        for (own, others) in [
            (&mut self.lost, &other.lost),
            (&mut self.kicked, &other.kicked),
            (&mut self.send_failed, &other.send_failed),
        ] {
            for (reason, count) in others {
                *own.entry(reason.clone()).or_default() += count;
            }
        }
    }

    /// How often a connection was lost that came back.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.values().sum()
    }

    /// How many connections have ended.
    pub(crate) fn kicked(&self) -> u64 {
        self.kicked.values().sum()
    }

    /// What share of the expected messages has arrived.
    pub(crate) fn share(&self) -> f64 {
        match self.expected {
            0 => 1.0,
            expected => self.delivered as f64 / expected as f64,
        }
    }

    /// The time within which so many of a hundred messages arrived.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        Duration::from_micros(self.latency.value_at_percentile(percent))
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_micros(self.latency.max())
    }
}

/// Which messages of whom have arrived: each counts once, and in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(BTreeMap<u32, u32>);

impl Seen {
    /// Whether this one of the sender is newer than all before it.
    pub(crate) fn is_new(&mut self, sender: u32, number: u32) -> bool {
        let next = self.0.entry(sender).or_default();
        let is_new = number >= *next;
        if is_new {
            *next = number + 1;
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_count_is_added_up() {
        let mut sum = Tally::default();
        for millis in [10, 20, 30] {
            let mut tally = Tally {
                sent: 1,
                expected: 2,
                ..Tally::default()
            };
            tally.deliver(Duration::from_millis(millis));
            tally.kicked.insert("a reason".into(), 2);
            sum.add(&tally);
        }
        assert_eq!((sum.sent, sum.expected, sum.delivered), (3, 6, 3));
        assert_eq!(sum.share(), 0.5);
        assert_eq!(sum.kicked(), 6);
        let within = |millis| {
            move |time: Duration| (time.as_secs_f64() * 1000.0 - f64::from(millis)).abs() < 0.1
        };
        assert!(within(20)(sum.percentile(50.0)));
        assert!(within(30)(sum.longest()));
    }

    #[test]
    fn a_message_counts_once_and_in_order() {
        let mut seen = Seen::default();
        let news = [(1, 0), (1, 1), (1, 1), (2, 0), (1, 3), (1, 2), (1, 4)]
            .map(|(sender, number)| seen.is_new(sender, number));
        assert_eq!(news, [true, true, false, true, true, false, true]);
    }

    #[test]
    fn whoever_expects_nothing_has_lost_nothing() {
        assert_eq!(Tally::default().share(), 1.0);
    }

    #[test]
    fn a_time_beyond_measure_counts_as_the_longest() {
        let mut tally = Tally::default();
        tally.deliver(Duration::from_secs(10_000));
        tally.deliver(Duration::ZERO);
        assert_eq!(tally.delivered, 2);
        assert!(tally.longest() >= Duration::from_secs(599));
    }
}
