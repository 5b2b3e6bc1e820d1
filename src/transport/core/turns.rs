//! Turns that come late.

use std::time::{Duration, Instant};

/// Whoever is this late was stopped.
const LATE: Duration = Duration::from_secs(2);

/// When the last turn was, and when the next one should be.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Option<Instant>,
    next: Option<Instant>,
}

impl Turns {
    /// Something happens, in a turn of its own or in one that goes on. Whether the turn comes so late that the process was stopped (a
    /// debugger, the lid of a laptop). Says so once.
    pub(super) fn is_late(&mut self, now: Instant) -> bool {
        let last = self.last.replace(now);
        let Some(next) = self.next.take() else {
            return false;
        };
        let asked_for = last.map_or(next, |last| next.max(last));
        now.saturating_duration_since(asked_for) > LATE
    }

    /// The turn is over, and asks for the next one.
    pub(super) fn end(&mut self, next: Option<Instant>) {
        self.next = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_turn_is_late_if_it_comes_long_after_it_was_asked_for() {
        let start = Instant::now();
        let mut turns = Turns::default();
        assert!(!turns.is_late(start));
        turns.end(Some(start + 5 * SECOND));
        assert!(!turns.is_late(start + 7 * SECOND));
        assert!(!turns.is_late(start + 20 * SECOND), "the same turn");
        turns.end(Some(start + 5 * SECOND));
        assert!(
            !turns.is_late(start + 21 * SECOND),
            "what was due then was not done"
        );
        turns.end(Some(start + 22 * SECOND));
        assert!(turns.is_late(start + 25 * SECOND));
        assert!(!turns.is_late(start + 25 * SECOND), "it is said once");
    }

    #[test]
    fn who_asked_for_nothing_is_never_late() {
        let start = Instant::now();
        let mut turns = Turns::default();
        turns.is_late(start);
        turns.end(None);
        assert!(!turns.is_late(start + 3600 * SECOND));
    }
}
