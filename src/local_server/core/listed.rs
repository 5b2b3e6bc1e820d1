//! What lists show, which is a little behind.

use std::time::Duration;

/// How long it takes until a list shows something new.
const LAG: Duration = Duration::from_secs(1);

/// A value, and what lists show of it.
pub(super) struct Listed<T> {
    current: T,
    /// What is shown until the current value is.
    before: Option<T>,
    since: Duration,
}

impl<T> Listed<T> {
    /// Something new, to be shown later.
    pub(super) fn new(value: T, now: Duration) -> Self {
        Self {
            current: value,
            before: None,
            since: now,
        }
    }

    pub(super) fn current(&self) -> &T {
        &self.current
    }

    pub(super) fn set(&mut self, value: T, now: Duration) {
        let old = std::mem::replace(&mut self.current, value);
        if now.saturating_sub(self.since) >= LAG {
            self.before = Some(old);
            self.since = now;
        }
    }

    /// What a list shows, if anything.
    pub(super) fn shown(&self, now: Duration) -> Option<&T> {
        if now.saturating_sub(self.since) >= LAG {
            Some(&self.current)
        } else {
            self.before.as_ref()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_together_after_a_second() {
        let at = Duration::from_millis;
        let mut listed = Listed::new(1, at(0));
        assert_eq!(listed.shown(at(999)), None);
        assert_eq!(listed.shown(at(1000)), Some(&1));
        listed.set(2, at(5000));
        listed.set(3, at(5900));
        assert_eq!(listed.shown(at(5999)), Some(&1));
        assert_eq!(listed.shown(at(6000)), Some(&3));
    }
}
