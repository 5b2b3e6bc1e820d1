//! The heart of the network thread: what happens when, without a clock, a socket or a thread.
//!
//! The driver (the network thread, or a test with a clock of its own) puts in what happens with the moment it happens
//! at, takes out what is to be done, and asks when to come back.

pub(crate) mod backoff;
mod commands;
pub(crate) mod deadline;
mod flow;
mod healing;
mod hold_up;
mod lane;
mod liveness;
mod outbox;
mod outgoing;
mod pacing;
mod receiving;
mod requests;
mod sending;
mod stopped;
mod turns;

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use crossbeam_channel::{Receiver, unbounded};
use hashbrown::HashSet;

use self::{
    backoff::Backoff,
    flow::Flow,
    hold_up::HoldUps,
    liveness::{Liveness, Verdict},
    outbox::Outbox,
    requests::{Expired, RequestTable, Way},
    turns::Turns,
};
use crate::{
    proto::Kind,
    transport::{
        address::Endpoint,
        command::{ConnectPlan, Epoch, LinkCommand, RequestId, RestCall},
        error::{DisconnectReason, Unreachable},
        event::{Answer, Direction, Failure, LinkEvent, RawEnvelope, RestResponse},
        hand_over::HandOver,
        link::{Batch, LinkSettings},
        stats::LinkStats,
        wire::decode::Decoder,
    },
};

/// Counts the sockets of a link. Nothing that an older one has to say is heard.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct SocketId(u64);

/// What happens.
#[derive(Debug)]
pub(crate) enum Input {
    Command(LinkCommand),
    /// The socket is open.
    Opened(SocketId),
    /// A binary message arrived.
    Frame(SocketId, Bytes),
    /// A control frame arrived.
    Alive(SocketId),
    /// The socket is closed, or could not be opened.
    Ended(SocketId, DisconnectReason),
    /// A REST call is over.
    RestDone(RequestId, Result<RestResponse, Unreachable>),
    /// The process, or the machine, was stopped for a while, although the clock does not say so.
    Stopped,
    /// Time went by. Due once per turn, and whenever [`Core::next_timeout`] says.
    Tick,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Open a socket; [`Input::Opened`] or [`Input::Ended`] follows.
    Open(SocketId, Box<ConnectPlan>, Endpoint),
    /// Close the socket, politely if it is open. Nothing follows.
    Close(SocketId),
    /// Make a REST call; [`Input::RestDone`] follows.
    Rest(RequestId, Box<RestCall>, Endpoint),
    /// Nobody waits for this REST call any more.
    AbandonRest(RequestId),
}

pub(crate) struct Core {
    settings: LinkSettings,
    stats: Arc<LinkStats>,
    epoch: Epoch,
    /// What the game has asked for, unless the link is idle.
    plan: Option<Box<ConnectPlan>>,
    /// Whether the connection was open before.
    was_open: bool,
    /// Whether the try under way takes the place of one that was dropped.
    is_anew: bool,
    backoff: Backoff,
    /// The last one.
    socket: SocketId,
    stage: Stage,
    requests: RequestTable,
    outbox: Outbox,
    flow: Flow,
    hold_ups: HoldUps,
    decoder: Decoder,
    hand_over: HandOver,
    actions: VecDeque<Action>,
    is_tapped: bool,
    /// When the game has something to do, although nothing arrives.
    wake_at: Option<Instant>,
    turns: Turns,
}

/// How far the connection is.
enum Stage {
    Idle,
    Opening {
        since: Instant,
        deadline: Instant,
        /// How long it may take.
        patience: Duration,
    },
    Open(Box<Open>),
    /// The next try is then.
    Waiting {
        until: Instant,
    },
    /// The next try is as soon as there is a token.
    Asking,
}

struct Open {
    liveness: Liveness,
    pings: u64,
    ping_due: bool,
    /// Those without a pong, in order of sending.
    waiting_pings: VecDeque<Ping>,
    /// The game wants to disconnect: what is queued is sent until then.
    draining_until: Option<Instant>,
    /// The server said why it is about to close.
    farewell: Option<DisconnectReason>,
}

/// A ping without a pong.
struct Ping {
    number: u64,
    sent: Instant,
    place: u64,
    /// Whether its pong tells the round trip: not if the server was busy with something else.
    is_sample: bool,
}

impl Core {
    /// A core, what it tells the game, and what it counts.
    pub(crate) fn new(settings: LinkSettings) -> (Self, Receiver<Batch>, Arc<LinkStats>) {
        let stats = Arc::new(LinkStats::default());
        let (to_game, events) = unbounded();
        let hand_over = HandOver::new(to_game, stats.clone(), &settings);
        let core = Self {
            outbox: Outbox::new(settings.send_queue),
            flow: Flow::default(),
            hold_ups: HoldUps::default(),
            backoff: Backoff::new(settings.seed),
            settings,
            stats: stats.clone(),
            epoch: Epoch::default(),
            plan: None,
            was_open: false,
            is_anew: false,
            socket: SocketId::default(),
            stage: Stage::Idle,
            requests: RequestTable::default(),
            decoder: Decoder::default(),
            hand_over,
            actions: VecDeque::new(),
            is_tapped: false,
            wake_at: None,
            turns: Turns::default(),
        };
        (core, events, stats)
    }

    pub(crate) fn handle(&mut self, now: Instant, input: Input) {
        if self.turns.is_late(now) {
            self.on_stopped(now);
        }
        match input {
            Input::Command(command) => self.on_command(now, command),
            Input::Opened(socket) if socket == self.socket => self.on_opened(now),
            Input::Frame(socket, frame) if socket == self.socket => self.on_frame(now, frame),
            Input::Alive(socket) if socket == self.socket => {
                if let Stage::Open(open) = &mut self.stage {
                    open.liveness.on_frame(now);
                }
            }
            Input::Ended(socket, reason) if socket == self.socket => self.on_ended(now, reason),
            Input::RestDone(id, result) => {
                if self.requests.on_rest_answer(id) {
                    match result {
                        Ok(response) => {
                            let answer = Answer::Rest(response);
                            let late = false;
                            self.hand_over.push(LinkEvent::Answer { id, answer, late });
                        }
                        Err(error) => self.fail(id, Failure::Unreachable(error)),
                    }
                }
            }
            // What an older socket has to say goes nowhere.
            Input::Opened(_) | Input::Frame(..) | Input::Alive(_) | Input::Ended(..) => {}
            Input::Stopped => self.on_stopped(now),
            Input::Tick => self.on_time(now),
        }
    }

    /// The next thing to do.
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to come back, if nothing happens before.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let stage = match &self.stage {
            Stage::Idle | Stage::Asking => [None, None],
            Stage::Opening { deadline, .. } => [Some(*deadline), None],
            Stage::Waiting { until } => [Some(*until), None],
            Stage::Open(open) => [open.draining_until, Some(open.liveness.next_timeout())],
        };
        let waiting = [
            self.requests.next_timeout(),
            self.outbox.next_timeout(),
            self.wake_at,
        ];
        stage.into_iter().chain(waiting).flatten().min()
    }

    /// When there is a frame to be asked for, if the socket takes one.
    pub(crate) fn next_frame_due(&self, now: Instant) -> Option<Instant> {
        let may_ask = self.may_ask();
        match &self.stage {
            Stage::Open(open) if open.ping_due => Some(now),
            Stage::Open(_) => self.outbox.due(now, &self.flow, may_ask),
            Stage::Idle | Stage::Opening { .. } | Stage::Waiting { .. } | Stage::Asking => None,
        }
    }

    /// Gives what has happened to the game. To be called once per turn.
    pub(crate) fn flush(&mut self) {
        for unsent in self.outbox.keep_bounds() {
            self.on_unsent(unsent);
        }
        for id in self.requests.take_given_up() {
            self.hold_ups.on_given_up(id);
            self.hand_over.push(LinkEvent::GivenUp { id });
        }
        self.count();
        self.hand_over.flush();
        self.turns.end(self.next_timeout());
    }

    fn count(&self) {
        let counts = [
            (&self.stats.queued_out, self.outbox.len()),
            (&self.stats.queued_bytes, self.outbox.bytes()),
            (&self.stats.in_flight, self.requests.in_flight()),
            (&self.stats.unacknowledged, self.flow.len()),
        ];
        for (counter, value) in counts {
            counter.store(value, Ordering::Relaxed);
        }
        let (replaced, refused) = (self.outbox.replaced, self.outbox.refused);
        self.stats.replaced.store(replaced, Ordering::Relaxed);
        self.stats.refused.store(refused, Ordering::Relaxed);
    }

    fn on_time(&mut self, now: Instant) {
        if self.wake_at.take_if(|at| now >= *at).is_some() {
            self.hand_over.wake();
        }
        let mut unsent = HashSet::new();
        while let Some(Expired { id, after, way }) = self.requests.next_expired(now) {
            let was_sent = !matches!(way, Way::Socket { place: None });
            match way {
                Way::Rest => self.actions.push_back(Action::AbandonRest(id)),
                Way::Socket { place: None } => {
                    unsent.insert(id);
                }
                Way::Socket { place: Some(place) } => self.on_given_up(now, place),
            }
            self.fail(id, Failure::Timeout { after, was_sent });
        }
        self.outbox.remove(&unsent);
        for unsent in self.outbox.expire(now) {
            self.on_unsent(unsent);
        }
        match &mut self.stage {
            Stage::Open(_) if self.hand_over.is_overflowing() => {
                let bytes = self.hand_over.waiting();
                self.break_off(now, DisconnectReason::Overflow { bytes });
            }
            Stage::Open(open) if open.draining_until.is_some_and(|until| now >= until) => {
                self.end(DisconnectReason::Requested);
            }
            Stage::Open(open) => {
                let ping = open
                    .waiting_pings
                    .front()
                    .filter(|_| open.liveness.seems_deaf(now));
                if ping.is_some_and(|ping| self.requests.is_open_before(ping.place)) {
                    open.liveness.be_patient(now);
                }
                match open.liveness.poll(now, self.requests.is_server_busy()) {
                    Some(Verdict::Ping) => open.ping_due = true,
                    Some(Verdict::Dead(silence)) => {
                        self.break_off(now, DisconnectReason::Silent { silence });
                    }
                    None => {}
                }
            }
            Stage::Opening {
                deadline, patience, ..
            } if now >= *deadline => {
                let after = *patience;
                self.on_opening_too_long(now, after);
            }
            Stage::Waiting { until } if now >= *until => self.ask(false),
            Stage::Idle | Stage::Opening { .. } | Stage::Waiting { .. } | Stage::Asking => {}
        }
    }

    /// Nobody waits any more for what was sent at this place. Until now the server did not have to answer the pings behind it.
    fn on_given_up(&mut self, now: Instant, place: u64) {
        if let Stage::Open(open) = &mut self.stage {
            let first = open.waiting_pings.front();
            if first.is_none_or(|ping| place < ping.place) {
                open.liveness.be_patient(now);
            }
        }
    }

    fn fail(&mut self, id: RequestId, failure: Failure) {
        self.hand_over.push(LinkEvent::failed(id, failure));
    }

    fn tap(
        &mut self,
        at: Instant,
        direction: Direction,
        kind: Option<Kind>,
        cid: String,
        frame: &Bytes,
    ) {
        let frame = Bytes::copy_from_slice(frame); // a kept one must not keep the read buffer
        let raw = RawEnvelope {
            at,
            direction,
            kind,
            cid,
            frame,
            link: self.epoch.0,
        };
        self.hand_over.push(LinkEvent::Raw(Box::new(raw)));
    }
}

fn request_cid(id: RequestId) -> String {
    id.0.to_string()
}

pub(crate) fn parse_request_cid(cid: &str) -> Option<RequestId> {
    cid.parse()
        .ok()
        .map(RequestId)
        .filter(|_| !cid.starts_with(['+', '0']))
}

fn ping_cid(number: u64) -> String {
    format!("p{number}")
}

#[cfg(test)]
mod tests;
