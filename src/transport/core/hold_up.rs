//! Requests that hold up their socket: while one runs, the server handles nothing else that came over it.

use std::{
    fmt,
    time::{Duration, Instant},
};

use hashbrown::{HashMap, HashSet};

use crate::{
    proto::{Kind, Message},
    transport::{command::RequestId, error::seconds},
};

/// From here on it is worth a line in the log.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// The requests that are under way, and may run code of the game on the server.
#[derive(Debug, Default)]
pub(super) struct HoldUps {
    running: HashMap<RequestId, Running>,
    /// When the server was last heard to have handled something.
    last_handled: Option<Instant>,
    /// When the server last said something by itself.
    last_pushed: Option<Instant>,
    told: HashSet<What>,
}

#[derive(Debug)]
struct Running {
    what: What,
    sent_at: Option<Instant>,
}

/// What may hold up a socket.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum What {
    Function(String),
    Request(Kind),
}

/// A request held up its socket, and data had to wait.
#[derive(Debug)]
pub(super) struct HeldUp {
    what: What,
    by: Duration,
}

impl HoldUps {
    /// A request is made.
    pub(super) fn on_made(&mut self, id: RequestId, message: &Message) {
        let what = match message {
            Message::Rpc(call) => What::Function(call.id.clone()),
            Message::MatchJoin(_) | Message::MatchCreate(_) => What::Request(Kind::of(message)),
            _ => return,
        };
        let sent_at = None;
        self.running.insert(id, Running { what, sent_at });
    }

    pub(super) fn on_sent(&mut self, now: Instant, id: RequestId) {
        if let Some(running) = self.running.get_mut(&id) {
            running.sent_at = Some(now);
        }
    }

    /// Nothing will be heard of it.
    pub(super) fn on_given_up(&mut self, id: RequestId) {
        self.running.remove(&id);
    }

    /// The server has said something by itself: the line does not stand still.
    pub(super) fn on_pushed(&mut self, now: Instant) {
        self.last_pushed = Some(now);
    }

    /// The server has answered a ping.
    pub(super) fn on_handled(&mut self, now: Instant) {
        self.last_handled = Some(now);
    }

    /// The server has answered. Data had to wait last at `closed_at`. What is worth telling is told once.
    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        id: RequestId,
        closed_at: Option<Instant>,
    ) -> Option<HeldUp> {
        let last_handled = self.last_handled.replace(now);
        let Running { what, sent_at } = self.running.remove(&id)?;
        let began = sent_at?.max(last_handled.unwrap_or(sent_at?));
        let by = now.saturating_duration_since(began);
        let had_to_wait = closed_at.is_some_and(|at| at >= began);
        let was_alive = self.last_pushed.is_some_and(|at| at > began);
        if by < WORTH_TELLING || !had_to_wait || !was_alive || !self.told.insert(what.clone()) {
            return None;
        }
        Some(HeldUp { what, by })
    }
}

impl fmt::Display for HeldUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = seconds(self.by);
        match &self.what {
            What::Function(id) => write!(
                f,
                "the call of `{}` held up this socket for {by}, and data had to wait; use `over_rest`",
                id.escape_debug()
            ),
            What::Request(kind) => write!(
                f,
                "the server took {by} for a `{kind}`, which held up this socket, and data had to wait"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::api::Rpc;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_worth_telling_is_told_once_for_each_function() {
        let start = Instant::now();
        let mut hold_ups = HoldUps::default();
        let mut told = Vec::new();
        for (number, function) in ["slow", "slow", "slower"].into_iter().enumerate() {
            let began = start + 10 * SECOND * number as u32;
            let id = RequestId(number as u64);
            let call = Rpc {
                id: function.into(),
                ..Default::default()
            };
            hold_ups.on_made(id, &Message::Rpc(call));
            hold_ups.on_sent(began, id);
            let closed_at = Some(began + SECOND);
            hold_ups.on_pushed(began + SECOND);
            let held_up = hold_ups.on_answer(began + 2 * SECOND, id, closed_at);
            told.extend(held_up.map(|it| it.to_string()));
        }
        assert_eq!(
            told,
            ["slow", "slower"].map(|function| format!(
                "the call of `{function}` held up this socket for 2.0 s, and data had to wait; use `over_rest`"
            ))
        );
    }

    #[test]
    fn a_call_is_not_blamed_for_a_line_that_stood_still() {
        let now = Instant::now();
        let mut hold_ups = HoldUps::default();
        let id = RequestId(1);
        hold_ups.on_made(id, &Message::MatchJoin(Default::default()));
        hold_ups.on_sent(now, id);
        let closed_at = Some(now + SECOND);
        let held_up = hold_ups.on_answer(now + 4 * SECOND, id, closed_at);
        assert!(held_up.is_none(), "{held_up:?}");
    }

    #[test]
    fn a_call_behind_another_is_not_blamed_for_it() {
        let now = Instant::now();
        let mut hold_ups = HoldUps::default();
        for id in [RequestId(1), RequestId(2)] {
            hold_ups.on_made(id, &Message::MatchJoin(Default::default()));
            hold_ups.on_sent(now, id);
        }
        let closed_at = Some(now + SECOND);
        hold_ups.on_pushed(now + SECOND);
        let first = hold_ups.on_answer(now + 3 * SECOND, RequestId(1), closed_at);
        assert_eq!(
            first.map(|it| it.to_string()).as_deref(),
            Some(
                "the server took 3.0 s for a `match_join`, which held up this socket, and data had to wait"
            )
        );
        let soon_after = now + 3 * SECOND + SECOND / 10;
        let second = hold_ups.on_answer(soon_after, RequestId(2), closed_at);
        assert!(second.is_none(), "{second:?}");
    }
}
