//! Whose turn it is, and when whose turn comes.

use std::{
    collections::BTreeSet,
    hash::Hash,
    mem,
    time::{Duration, Instant},
};

use hashbrown::{HashMap, HashSet};

/// Who is due now, and who will be when. What it costs to ask does not grow with the number of those who wait.
///
/// Each has a turn per round. Whoever is due again during a round has its next turn in the next one, when everybody else had theirs.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    /// In the order in which they became due, each once.
    due: Vec<T>,
    is_due: HashSet<T>,
    timeouts: BTreeSet<(Instant, T)>,
    timeout_of: HashMap<T, Instant>,
}

impl<T: Copy + Eq + Hash + Ord> Agenda<T> {
    pub(super) fn new() -> Self {
        Self {
            due: Vec::new(),
            is_due: HashSet::new(),
            timeouts: BTreeSet::new(),
            timeout_of: HashMap::new(),
        }
    }

    /// Something happened that concerns `who`: it has a turn in the next round.
    pub(super) fn mark(&mut self, who: T) {
        if self.is_due.insert(who) {
            self.due.push(who);
        }
    }

    /// When `who` is due although nothing happens. It replaces what was said before.
    pub(super) fn set_timeout(&mut self, who: T, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.timeout_of.insert(who, at),
            None => self.timeout_of.remove(&who),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.timeouts.remove(&(before, who));
        }
        if let Some(at) = at {
            self.timeouts.insert((at, who));
        }
    }

    /// Forgets `who`.
    pub(super) fn remove(&mut self, who: T) {
        self.set_timeout(who, None);
        if self.is_due.remove(&who) {
            self.due.retain(|it| *it != who);
        }
    }

    /// Begins a round: who has a turn in it.
    pub(super) fn begin_round(&mut self, now: Instant) -> Vec<T> {
        while let Some(&(at, who)) = self.timeouts.first()
            && at <= now
        {
            self.set_timeout(who, None);
            self.mark(who);
        }
        self.is_due.clear();
        mem::take(&mut self.due)
    }

    /// How long it is until somebody is due; `None` if nobody will be by itself.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        if !self.due.is_empty() {
            return Some(Duration::ZERO);
        }
        let (at, _) = self.timeouts.first()?;
        Some(at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_has_one_turn_per_round_in_the_order_in_which_they_became_due() {
        let now = Instant::now();
        let mut agenda = Agenda::new();
        for who in [3, 1, 3, 2, 1] {
            agenda.mark(who);
        }
        assert_eq!(agenda.wait(now), Some(Duration::ZERO));
        assert_eq!(agenda.begin_round(now), [3, 1, 2]);
        assert_eq!(agenda.wait(now), None, "nobody is due by itself");
        assert!(agenda.begin_round(now).is_empty());
    }

    #[test]
    fn who_is_due_again_during_a_round_waits_for_the_next() {
        let now = Instant::now();
        let mut agenda = Agenda::new();
        agenda.mark(1);
        agenda.mark(2);
        for who in agenda.begin_round(now) {
            agenda.mark(who);
        }
        assert_eq!(agenda.begin_round(now), [1, 2]);
    }

    #[test]
    fn a_timeout_gives_a_turn_once_it_is_reached() {
        let now = Instant::now();
        let mut agenda = Agenda::new();
        agenda.set_timeout(1, Some(now + 2 * SECOND));
        agenda.set_timeout(2, Some(now + SECOND));
        agenda.set_timeout(3, Some(now + SECOND));
        assert_eq!(agenda.wait(now), Some(SECOND));
        assert!(agenda.begin_round(now + SECOND / 2).is_empty());
        assert_eq!(agenda.begin_round(now + SECOND), [2, 3]);
        assert_eq!(agenda.wait(now + SECOND), Some(SECOND));
        assert_eq!(agenda.begin_round(now + 5 * SECOND), [1]);
        assert_eq!(agenda.wait(now + 5 * SECOND), None);
    }

    #[test]
    fn a_timeout_of_now_gives_a_turn_in_the_next_round() {
        let now = Instant::now();
        let mut agenda = Agenda::new();
        agenda.set_timeout(1, Some(now));
        assert_eq!(agenda.wait(now), Some(Duration::ZERO));
        assert_eq!(agenda.begin_round(now), [1]);
        agenda.set_timeout(1, Some(now));
        assert_eq!(agenda.begin_round(now), [1], "and again, if it says so");
    }

    #[test]
    fn a_new_timeout_replaces_the_one_before() {
        let now = Instant::now();
        let mut agenda = Agenda::new();
        agenda.set_timeout(1, Some(now + SECOND));
        agenda.set_timeout(1, Some(now + 3 * SECOND));
        assert!(agenda.begin_round(now + 2 * SECOND).is_empty(), "later");
        agenda.set_timeout(1, Some(now));
        assert_eq!(agenda.begin_round(now + 2 * SECOND), [1], "sooner");
        agenda.set_timeout(1, Some(now));
        agenda.set_timeout(1, None);
        assert!(agenda.begin_round(now + 9 * SECOND).is_empty(), "never");
        assert_eq!(agenda.wait(now), None);
    }

    #[test]
    fn who_is_due_for_two_reasons_has_one_turn() {
        let now = Instant::now();
        let mut agenda = Agenda::new();
        agenda.set_timeout(1, Some(now));
        agenda.mark(1);
        assert_eq!(agenda.begin_round(now), [1]);
        assert!(agenda.begin_round(now).is_empty());
    }

    #[test]
    fn who_is_removed_has_no_turn_any_more() {
        let now = Instant::now();
        let mut agenda = Agenda::new();
        for who in [1, 2] {
            agenda.mark(who);
            agenda.set_timeout(who, Some(now + SECOND));
        }
        agenda.remove(1);
        assert_eq!(agenda.begin_round(now), [2]);
        agenda.mark(1);
        assert_eq!(agenda.begin_round(now), [1], "and may come back");
        assert_eq!(agenda.begin_round(now + SECOND), [2]);
    }
}
