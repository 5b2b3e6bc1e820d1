//! From the beginning of a connection to its end, over any number of sockets.

use std::{
    collections::VecDeque,
    mem,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use hashbrown::HashSet;

use super::{
    Action, Core, Open, Stage, deadline::deadline, hold_up::HoldUps, liveness::Liveness,
    outgoing::Origin,
};
use crate::transport::{
    address::Secret,
    command::{ConnectPlan, Epoch},
    error::{DisconnectReason, TransportError},
    event::{Failure, LinkEvent},
};

/// A try this young is not started anew.
const YOUNG: Duration = Duration::from_secs(1);

impl Core {
    /// Ends the connection before.
    fn begin(&mut self, epoch: Epoch) {
        self.end(DisconnectReason::Requested);
        self.epoch = epoch;
        self.hand_over.begin(epoch);
    }

    pub(super) fn connect(&mut self, now: Instant, plan: Box<ConnectPlan>) {
        self.begin(plan.epoch);
        self.was_open = false;
        self.is_anew = false;
        self.backoff.begin(now);
        self.open(now, plan);
    }

    /// A connection ends, whatever its stage; or the next one ends before it has begun.
    pub(super) fn give_up(&mut self, epoch: Epoch, reason: DisconnectReason) {
        if epoch == self.epoch {
            return self.end(reason);
        }
        self.begin(epoch);
        self.hand_over.push(LinkEvent::Closed(reason));
    }

    fn open(&mut self, now: Instant, plan: Box<ConnectPlan>) {
        let longest = self.settings.connect_timeout;
        let patience = self.backoff.patience(now, longest);
        self.stage = Stage::Opening {
            since: now,
            deadline: deadline(now, patience),
            patience,
        };
        self.plan = Some(plan.clone());
        match plan.server.endpoint() {
            Ok(endpoint) => {
                self.socket.0 += 1;
                self.stats.attempts.fetch_add(1, Ordering::Relaxed);
                let action = Action::Open(self.socket, plan, endpoint);
                self.actions.push_back(action);
            }
            Err(bad) => self.end(DisconnectReason::BadAddress(bad)),
        }
    }

    pub(super) fn on_opened(&mut self, now: Instant) {
        if !matches!(self.stage, Stage::Opening { .. }) {
            return;
        }
        self.stage = Stage::Open(Box::new(Open {
            liveness: Liveness::new(now),
            pings: 0,
            ping_due: false,
            waiting_pings: VecDeque::new(),
            draining_until: None,
            farewell: None,
        }));
        self.is_anew = false;
        self.backoff.on_opened(now);
        let healed = mem::replace(&mut self.was_open, true);
        let reconnects = &self.stats.reconnects;
        reconnects.fetch_add(u64::from(healed), Ordering::Relaxed);
        self.hand_over.push(LinkEvent::Opened);
    }

    pub(super) fn on_opening_too_long(&mut self, now: Instant, after: Duration) {
        let error = TransportError::TimedOut { after };
        if let Some(plan) = &self.plan {
            let error = error.at(&plan.server);
            self.break_off(now, DisconnectReason::Unreachable(error));
        }
    }

    /// The socket has ended, or could not be opened.
    pub(super) fn on_ended(&mut self, now: Instant, reason: DisconnectReason) {
        match self.stage {
            Stage::Idle | Stage::Waiting { .. } | Stage::Asking => {}
            Stage::Opening { .. } | Stage::Open(_) => self.break_off(now, reason),
        }
    }

    /// Gives the socket up: the connection heals, or ends.
    pub(super) fn break_off(&mut self, now: Instant, reason: DisconnectReason) {
        if self.plan.is_none() {
            return;
        }
        let farewell = match &self.stage {
            Stage::Open(open) if reason.heals() => open.farewell.clone(),
            _ => None,
        };
        let reason = farewell.unwrap_or(reason);
        let may_heal = self.may_try_again();
        let wants_token = matches!(reason, DisconnectReason::Refused { status: 401, .. });
        let heals = if self.was_open {
            reason.heals_once_open()
        } else {
            reason.heals()
        };
        if !may_heal || self.is_draining() || !(heals || wants_token) {
            return self.end(reason);
        }
        self.drop_socket(false, self.was_open);
        if wants_token {
            return self.ask(true);
        }
        let was_open = matches!(self.stage, Stage::Open(_));
        let reason = if was_open {
            self.hand_over.push(LinkEvent::Lost(reason));
            None
        } else {
            Some(reason)
        };
        self.wait(now, reason);
    }

    /// Whether a socket that is lost, or cannot be opened, is followed by another one.
    fn may_try_again(&self) -> bool {
        let plan = self.plan.as_ref();
        plan.is_some_and(|plan| {
            if self.was_open {
                plan.heals
            } else {
                plan.retries
            }
        })
    }

    /// Waits for the next try.
    fn wait(&mut self, now: Instant, reason: Option<DisconnectReason>) {
        self.is_anew = false;
        let next = self.backoff.next(now);
        self.stage = Stage::Waiting {
            until: deadline(now, next.wait),
        };
        self.hand_over.push(LinkEvent::Waiting {
            attempt: next.attempt,
            wait: next.wait,
            reason,
        });
    }

    /// It is time for the next try, for which the game has to give a token.
    pub(super) fn ask(&mut self, refused: bool) {
        self.stage = Stage::Asking;
        let attempt = self.backoff.attempt();
        self.hand_over.push(LinkEvent::Due { attempt, refused });
    }

    pub(super) fn reopen(&mut self, now: Instant, token: Secret, appear_online: bool) {
        if matches!(self.stage, Stage::Asking)
            && let Some(plan) = self.plan.take()
        {
            let plan = ConnectPlan {
                token,
                appear_online,
                ..*plan
            };
            self.open(now, Box::new(plan));
        }
    }

    pub(super) fn postpone(&mut self, now: Instant, reason: DisconnectReason) {
        if matches!(self.stage, Stage::Asking) {
            self.wait(now, Some(reason));
        }
    }

    pub(super) fn hurry(&mut self, now: Instant) {
        let may_try_again = self.may_try_again();
        match &mut self.stage {
            Stage::Waiting { .. } => self.ask(false),
            Stage::Open(open) => open.liveness.probe(now),
            // It was begun on a network that may be gone. The one in its place has its time, however often the game asks.
            Stage::Opening { since, .. }
                if may_try_again
                    && !self.is_anew
                    && now.saturating_duration_since(*since) >= YOUNG =>
            {
                self.drop_socket(false, self.was_open);
                self.is_anew = true;
                self.ask(false);
            }
            Stage::Idle | Stage::Opening { .. } | Stage::Asking => {}
        }
    }

    pub(super) fn resume(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Open(_)) && self.outbox.release() {
            self.flow.on_released(now);
        }
    }

    pub(super) fn forget(&mut self, context: u64) {
        for unsent in self.outbox.forget(context) {
            self.on_unsent(unsent);
        }
    }

    /// The game wants to disconnect: what is queued is sent before, if it can be.
    pub(super) fn disconnect(&mut self, now: Instant) {
        let has_more = !self.outbox.is_empty() && !self.outbox.is_held();
        match &mut self.stage {
            Stage::Open(open) if has_more => {
                self.flow.on_ending();
                let until = deadline(now, self.settings.drain_timeout);
                open.draining_until.get_or_insert(until);
            }
            _ => self.end(DisconnectReason::Requested),
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.draining_until.is_some())
    }

    /// Ends the connection, if there is one. One [`LinkEvent::Closed`] comes last.
    pub(super) fn end(&mut self, reason: DisconnectReason) {
        if matches!(self.stage, Stage::Idle) {
            return;
        }
        let is_wanted = self.is_draining() || matches!(reason, DisconnectReason::Requested);
        self.drop_socket(is_wanted, false);
        self.stage = Stage::Idle;
        self.plan = None;
        self.hand_over.push(LinkEvent::Closed(reason));
    }

    /// The socket is gone: every request over it is answered, and everything is reported that does not wait for another one.
    fn drop_socket(&mut self, is_wanted: bool, heals: bool) {
        if matches!(self.stage, Stage::Opening { .. } | Stage::Open(_)) {
            self.actions.push_back(Action::Close(self.socket));
        }
        self.hold_ups = HoldUps::default();
        self.stats.window.store(0, Ordering::Relaxed);
        let unconfirmed = self.flow.take().filter_map(|message| message.told);
        for (origin, op_code) in unconfirmed.filter(|_| !is_wanted) {
            let reason = Failure::ConnectionLost {
                maybe_executed: true,
            };
            self.tell_unsent(origin, op_code, reason);
        }
        for origin in self.outbox.on_lost(heals) {
            if let Origin::Data { origin, op_code } = origin {
                self.tell_unsent(origin, op_code, Failure::NotConnected);
            }
        }
        let kept = if heals {
            self.outbox.requests()
        } else {
            HashSet::new()
        };
        for (id, maybe_executed) in self.requests.on_lost(&kept) {
            self.fail(id, Failure::ConnectionLost { maybe_executed });
        }
        for id in self.requests.take_late() {
            self.hand_over.push(LinkEvent::GivenUp { id });
        }
    }
}
