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
        if by < WORTH_TELLING || !had_to_wait || !self.told.insert(what.clone()) {
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
