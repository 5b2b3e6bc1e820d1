//! Time, as the inputs tell it.

use std::time::Duration;

use crate::proto::Timestamp;

/// The time of the input being handled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    now: Duration,
    epoch: Duration,
}

impl Clock {
    /// A clock at the start of the server, which is `epoch` after 1970.
    pub(super) fn new(epoch: Duration) -> Self {
        Self {
            now: Duration::ZERO,
            epoch,
        }
    }

    /// Moves on; never back.
    pub(super) fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    /// Time since the start of the server.
    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// Time since 1970.
    pub(super) fn unix(&self) -> Duration {
        self.epoch + self.now
    }

    /// Whole seconds since 1970.
    pub(super) fn unix_seconds(&self) -> i64 {
        self.unix().as_secs().cast_signed()
    }

    /// The wall clock, to the nanosecond.
    pub(super) fn timestamp(&self) -> Timestamp {
        let unix = self.unix();
        Timestamp {
            seconds: unix.as_secs().cast_signed(),
            nanos: unix.subsec_nanos().cast_signed(),
        }
    }

    /// The wall clock as the database keeps it: to the microsecond.
    pub(super) fn timestamp_micros(&self) -> Timestamp {
        let now = self.timestamp();
        Timestamp {
            nanos: now.nanos - now.nanos % 1_000,
            ..now
        }
    }

    /// The wall clock, to the second.
    pub(super) fn timestamp_seconds(&self) -> Timestamp {
        Timestamp {
            nanos: 0,
            ..self.timestamp()
        }
    }
}
