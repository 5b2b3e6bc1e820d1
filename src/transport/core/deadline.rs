//! Deadlines.

use std::time::{Duration, Instant};

/// The longest that anything waits: a year. Clocks cannot count to the end of time.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The moment that is so long from now, or a year.
pub(crate) fn deadline(now: Instant, wait: Duration) -> Instant {
    now + wait.min(LONGEST)
}
