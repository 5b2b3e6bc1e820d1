//! How long to wait before the next try.

use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// The first try follows at once: the longest wait before it.
const FIRST: Duration = Duration::from_millis(250);
/// The longest wait before the second one. It doubles with each further try,
const SECOND: Duration = Duration::from_millis(500);
/// up to this at first,
const EARLY_CAP: Duration = Duration::from_secs(2);
/// and up to this later.
const CAP: Duration = Duration::from_secs(15);
/// How long it is early.
const EARLY: Duration = Duration::from_secs(30);
/// How long a try may take as long as it is early.
const EARLY_PATIENCE: Duration = Duration::from_secs(3);
/// How long a socket has to be open until its loss is a new outage.
const STEADY: Duration = Duration::from_secs(5);

/// Counts the tries of an outage. Everybody loses a server at the same time, so each wait is a random part of its limit.
#[derive(Debug)]
pub(crate) struct Backoff {
    random: StdRng,
    /// Tries after the first socket.
    tries: u32,
    /// When the outage began.
    since: Option<Instant>,
    /// When the socket was opened.
    opened: Option<Instant>,
}

impl Backoff {
    /// A seed makes its waits repeatable.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self {
            random: seed.map_or_else(rand::make_rng, StdRng::seed_from_u64),
            tries: 0,
            since: None,
            opened: None,
        }
    }

    /// The game has asked for a connection.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.tries = 0;
        self.since = Some(now);
        self.opened = None;
    }

    /// The socket is open.
    pub(super) fn on_opened(&mut self, now: Instant) {
        self.opened = Some(now);
    }

    /// The socket is gone, or was not opened. A socket that was open for a moment only does not end the outage.
    pub(crate) fn next(&mut self, now: Instant) -> Wait {
        let opened = self.opened.take();
        if opened.is_some_and(|at| now.saturating_duration_since(at) >= STEADY) {
            self.begin(now);
        }
        let longest = self.longest(now);
        self.tries = self.tries.saturating_add(1);
        Wait {
            attempt: self.tries,
            wait: longest.mul_f64(self.random.random()),
        }
    }

    /// How long the next try may take: at most `longest`.
    pub(super) fn patience(&self, now: Instant, longest: Duration) -> Duration {
        if self.tries > 0 && self.is_early(now) {
            longest.min(EARLY_PATIENCE)
        } else {
            longest
        }
    }

    /// Which try it is.
    pub(super) fn attempt(&self) -> u32 {
        self.tries
    }

    fn longest(&self, now: Instant) -> Duration {
        let Some(doublings) = self.tries.checked_sub(1) else {
            return FIRST;
        };
        let cap = if self.is_early(now) { EARLY_CAP } else { CAP };
        let factor = 2_u32.saturating_pow(doublings);
        SECOND.saturating_mul(factor).min(cap)
    }

    fn is_early(&self, now: Instant) -> bool {
        self.since
            .is_none_or(|since| now.saturating_duration_since(since) < EARLY)
    }
}

/// When the next try is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Wait {
    /// Which one it will be, from 1.
    pub(crate) attempt: u32,
    pub(crate) wait: Duration,
}
