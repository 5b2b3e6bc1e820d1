//! Who has left a match, party, channel or stream lately.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::ids::SessionId;
use crate::request::Moment;

/// When those who left last did so.
#[derive(Debug, Default)]
pub(super) struct Leavers {
    /// When, and which of all leaves that was.
    when: HashMap<SessionId, (Moment, u64)>,
    /// Oldest first. A session that came back may still be in it, or be in it twice.
    order: VecDeque<(SessionId, u64)>,
    count: u64,
}

/// How many of those who left a context are remembered.
const LEAVERS: usize = 1024;

impl Leavers {
    /// When a session left last, if it has not come back.
    pub(super) fn when(&self, session: &SessionId) -> Option<Moment> {
        self.when.get(session).map(|(moment, _)| *moment)
    }

    /// A session is back.
    pub(super) fn is_back(&mut self, session: &SessionId) {
        self.when.remove(session);
    }

    pub(super) fn add(&mut self, session: SessionId, moment: Moment) {
        if self.order.len() == LEAVERS
            && let Some((oldest, number)) = self.order.pop_front()
            && self.when.get(&oldest).is_some_and(|last| last.1 == number)
        {
            self.when.remove(&oldest);
        }
        self.count += 1;
        self.when.insert(session.clone(), (moment, self.count));
        self.order.push_back((session, self.count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last leavers are remembered, also those who have left before and come back in between, in the same moment.
    #[test]
    fn the_last_leavers_are_remembered() {
        let mut left = Leavers::default();
        let session = |n: usize| SessionId::from(format!("session {n}"));
        let moment = crate::request::Moments::default().next();
        left.add(session(0), moment);
        left.is_back(&session(0));
        left.add(session(0), moment);
        for n in 1..LEAVERS {
            left.add(session(n), moment);
        }
        assert!(left.when(&session(0)).is_some());
        left.add(session(LEAVERS), moment);
        assert!(left.when(&session(0)).is_none(), "that is too long ago");
        assert_eq!(left.order.len(), LEAVERS);
        assert!(left.when.len() <= LEAVERS);
    }
}
