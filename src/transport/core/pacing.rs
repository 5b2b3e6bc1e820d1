//! How fast traffic that fans out may leave.

use std::time::{Duration, Instant};

/// A token bucket: so many at once, then one per interval.
///
/// A Nakama server queues at most 64 messages for a receiver and disconnects who has more. A burst would hit everybody
/// else in the match, not the sender.
#[derive(Clone, Debug)]
pub(crate) struct Pacer {
    interval: Duration,
    /// How far ahead of an even flow a burst may be.
    allowance: Duration,
    /// When the next message would leave in an even flow.
    due: Option<Instant>,
}

impl Pacer {
    pub(crate) fn new(burst: u32, interval: Duration) -> Self {
        Self {
            interval,
            allowance: interval * burst.saturating_sub(1),
            due: None,
        }
    }

    /// When the next message may leave: `None` is now.
    pub(crate) fn blocked_until(&self, now: Instant) -> Option<Instant> {
        let earliest = self.due?.checked_sub(self.allowance)?;
        (earliest > now).then_some(earliest)
    }

    /// One message leaves.
    pub(crate) fn take(&mut self, now: Instant) {
        let due = self.due.map_or(now, |due| due.max(now));
        self.due = Some(due + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_is_spread() {
        let start = Instant::now();
        let mut pacer = Pacer::new(32, Duration::from_micros(250));
        let mut now = start;
        let mut left_at = Vec::new();
        for _ in 0..500 {
            while let Some(later) = pacer.blocked_until(now) {
                now = later;
            }
            pacer.take(now);
            left_at.push(now - start);
        }
        assert_eq!(left_at[31], Duration::ZERO, "32 at once");
        assert_eq!(left_at[32], Duration::from_micros(250));
        assert_eq!(
            left_at[499],
            Duration::from_micros(250 * 468),
            "then 4 per millisecond"
        );
    }

    #[test]
    fn a_pause_fills_the_bucket_but_not_beyond_its_size() {
        let start = Instant::now();
        let mut pacer = Pacer::new(32, Duration::from_micros(250));
        pacer.take(start);
        let later = start + Duration::from_secs(60);
        let burst = (0..).take_while(|_| {
            let free = pacer.blocked_until(later).is_none();
            pacer.take(later);
            free
        });
        assert_eq!(burst.count(), 32);
    }
}
