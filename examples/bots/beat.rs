//! When what happens again and again is due.

use std::time::{Duration, Instant};

/// An even beat. Beats that nobody had time for are left out: they never come all at once.
#[derive(Clone, Debug)]
pub(crate) struct Beat {
    next: Instant,
    interval: Duration,
}

impl Beat {
    pub(crate) fn new(first: Instant, interval: Duration) -> Self {
        Self {
            next: first,
            interval,
        }
    }

    /// Of several that share an interval, the one with this number: their beats are spread over it.
    pub(crate) fn spread(start: Instant, interval: Duration, number: u32, count: u32) -> Self {
        let share = f64::from(number) / f64::from(count.max(1));
        Self::new(start + interval.mul_f64(share), interval)
    }

    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// How many beats were due since the last time. Of more than `limit`, the oldest are left out; they are the second number.
    pub(crate) fn take(&mut self, now: Instant, limit: u32) -> (u32, u32) {
        let Some(late) = now.checked_duration_since(self.next) else {
            return (0, 0);
        };
        let due = (late.as_nanos() / self.interval.as_nanos().max(1)) as u32 + 1;
        self.next += self.interval * due;
        let taken = due.min(limit);
        (taken, due - taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(50);

    #[test]
    fn each_beat_is_due_once() {
        let start = Instant::now();
        let mut beat = Beat::new(start + STEP, STEP);
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(beat.take(at(49), 3), (0, 0));
        assert_eq!(beat.take(at(50), 3), (1, 0));
        assert_eq!(beat.take(at(60), 3), (0, 0));
        assert_eq!(beat.take(at(205), 3), (3, 0));
        assert_eq!(beat.next(), at(250));
    }

    #[test]
    fn after_a_pause_the_oldest_are_left_out() {
        let start = Instant::now();
        let mut beat = Beat::new(start, STEP);
        assert_eq!(beat.take(start + STEP * 9, 2), (2, 8));
        assert_eq!(beat.next(), start + STEP * 10, "in step as before");
    }

    #[test]
    fn several_are_spread_over_the_interval() {
        let start = Instant::now();
        let firsts = [0, 1, 2, 3].map(|number| Beat::spread(start, STEP, number, 4).next() - start);
        assert_eq!(
            firsts.map(|first| first.as_micros()),
            [0, 12_500, 25_000, 37_500]
        );
    }
}
