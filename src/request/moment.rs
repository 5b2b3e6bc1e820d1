//! The order of requests and received envelopes.

use bevy_ecs::prelude::*;

/// Counts the moments.
#[derive(Default, Resource)]
pub(crate) struct Moments {
    /// The last moment that a "since" may refer to.
    now: Moment,
}

impl Moments {
    /// Now, in the order of requests and received envelopes.
    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    /// A new moment, later than everything that has happened.
    pub(crate) fn next(&mut self) -> Moment {
        self.now.0 += 1;
        self.now
    }
}

/// A point in the order of requests and received envelopes. What happens after it has this moment or a later one.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Moment(u64);
