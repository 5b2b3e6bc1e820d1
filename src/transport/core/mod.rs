//! The heart of the network thread: what happens when, without a clock, a socket or a thread.
//!
//! The driver (the network thread, or a test with a clock of its own) puts in what happens with the moment it happens
//! at, takes out what is to be done, and asks when to come back.

mod commands;
pub(crate) mod deadline;
mod flow;
mod hold_up;
mod lane;
mod liveness;
mod outbox;
mod pacing;
mod requests;
mod sending;

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use bytes::Bytes;
use crossbeam_channel::{Receiver, unbounded};
use hashbrown::HashSet;

use self::{
    flow::Flow,
    hold_up::HoldUps,
    liveness::{Liveness, Verdict},
    outbox::{Origin, Outbox},
    requests::{Answered, Expired, RequestTable, Way},
};
use crate::{
    proto::{Envelope, Kind, Message, party_layout_of},
    transport::{
        address::{Endpoint, NakamaServer},
        command::{ConnectPlan, Epoch, LinkCommand, RequestId, RestCall},
        error::{DisconnectReason, ProtocolError, TransportError, Unreachable},
        event::{Answer, Direction, Failure, LinkEvent, Pushed, RawEnvelope, RestResponse},
        hand_over::HandOver,
        link::{Batch, LinkSettings},
        stats::LinkStats,
        wire::{
            decode::{Decoded, Decoder, decode},
            received::Received,
        },
    },
};

/// Notifications that come before the server closes the socket for good.
const REPLACED: i32 = -7;
const BANNED: i32 = -8;

/// What happens.
#[derive(Debug)]
pub(crate) enum Input {
    Command(LinkCommand),
    /// The socket is open.
    Opened(Epoch),
    /// A binary message arrived.
    Frame(Epoch, Bytes),
    /// A control frame arrived.
    Alive(Epoch),
    /// The socket is closed, or could not be opened.
    Ended(Epoch, DisconnectReason),
    /// A REST call is over.
    RestDone(RequestId, Result<RestResponse, Unreachable>),
    /// Time went by. Due once per turn, and whenever [`Core::next_timeout`] says.
    Tick,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Open a socket; [`Input::Opened`] or [`Input::Ended`] follows.
    Open(Epoch, Box<ConnectPlan>, Endpoint),
    /// Close the socket, politely if it is open. Nothing follows.
    Close(Epoch),
    /// Make a REST call; [`Input::RestDone`] follows.
    Rest(RequestId, Box<RestCall>, Endpoint),
    /// Nobody waits for this REST call any more.
    AbandonRest(RequestId),
}

pub(crate) struct Core {
    settings: LinkSettings,
    stats: Arc<LinkStats>,
    epoch: Epoch,
    stage: Stage,
    requests: RequestTable,
    outbox: Outbox,
    flow: Flow,
    hold_ups: HoldUps,
    decoder: Decoder,
    hand_over: HandOver,
    actions: VecDeque<Action>,
    is_tapped: bool,
}

/// How far the connection is. Reconnecting will be a stage of its own.
enum Stage {
    Idle,
    Opening {
        server: NakamaServer,
        deadline: Instant,
    },
    Open(Box<Open>),
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
            settings,
            stats: stats.clone(),
            epoch: Epoch::default(),
            stage: Stage::Idle,
            requests: RequestTable::default(),
            decoder: Decoder::default(),
            hand_over,
            actions: VecDeque::new(),
            is_tapped: false,
        };
        (core, events, stats)
    }

    pub(crate) fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Command(command) => self.on_command(now, command),
            Input::Opened(epoch) if epoch == self.epoch => self.on_opened(now),
            Input::Frame(epoch, frame) if epoch == self.epoch => self.on_frame(now, frame),
            Input::Alive(epoch) if epoch == self.epoch => {
                if let Stage::Open(open) = &mut self.stage {
                    open.liveness.on_frame(now);
                }
            }
            Input::Ended(epoch, reason) if epoch == self.epoch => self.end(reason),
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
            // What an older connection has to say goes nowhere.
            Input::Opened(_) | Input::Frame(..) | Input::Alive(_) | Input::Ended(..) => {}
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
            Stage::Idle => [None, None],
            Stage::Opening { deadline, .. } => [Some(*deadline), None],
            Stage::Open(open) => [open.draining_until, Some(open.liveness.next_timeout())],
        };
        let waiting = [self.requests.next_timeout(), self.outbox.next_timeout()];
        stage.into_iter().chain(waiting).flatten().min()
    }

    /// When there is a frame to be asked for, if the socket takes one.
    pub(crate) fn next_frame_due(&self, now: Instant) -> Option<Instant> {
        let may_ask = self.may_ask();
        match &self.stage {
            Stage::Open(open) if open.ping_due => Some(now),
            Stage::Open(_) => self.outbox.due(now, &self.flow, may_ask),
            Stage::Idle | Stage::Opening { .. } => None,
        }
    }

    /// Gives what has happened to the game. To be called once per turn.
    pub(crate) fn flush(&mut self) {
        if self.hand_over.is_overflowing() && !matches!(self.stage, Stage::Idle) {
            let bytes = self.hand_over.waiting();
            self.end(DisconnectReason::Overflow { bytes });
        }
        for unsent in self.outbox.keep_bounds() {
            self.on_unsent(unsent);
        }
        for id in self.requests.take_given_up() {
            self.hold_ups.on_given_up(id);
            self.hand_over.push(LinkEvent::GivenUp { id });
        }
        self.count();
        self.hand_over.flush();
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

    fn on_opened(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Opening { .. }) {
            self.stage = Stage::Open(Box::new(Open {
                liveness: Liveness::new(now),
                pings: 0,
                ping_due: false,
                waiting_pings: VecDeque::new(),
                draining_until: None,
                farewell: None,
            }));
            self.hand_over.push(LinkEvent::Opened);
        }
    }

    fn on_frame(&mut self, now: Instant, frame: Bytes) {
        let Stage::Open(open) = &mut self.stage else {
            return;
        };
        open.liveness.on_frame(now);
        self.stats.frames_in.fetch_add(1, Ordering::Relaxed);
        self.stats
            .bytes_in
            .fetch_add(frame.len() as u64, Ordering::Relaxed);
        let decoded = match decode(&frame, &mut self.decoder) {
            Ok(decoded) => decoded,
            Err(error) => {
                let reason = DisconnectReason::Protocol(ProtocolError::Garbage(error.to_string()));
                return self.end(reason);
            }
        };
        if self.is_tapped {
            let (kind, cid) = match &decoded {
                Decoded::MatchData(_) => (Some(Kind::MatchData), ""),
                Decoded::PartyData(_) => (Some(Kind::PartyData), ""),
                Decoded::StreamData(_) => (Some(Kind::StreamData), ""),
                Decoded::Envelope(envelope) => (
                    envelope.message.as_ref().map(Kind::of),
                    envelope.cid.as_str(),
                ),
            };
            self.tap(now, Direction::Received, kind, cid.to_owned(), &frame);
        }
        if let Decoded::Envelope(Envelope {
            message: Some(Message::Party(_)),
            ..
        }) = &decoded
        {
            self.hand_over
                .push(LinkEvent::PartyLayout(party_layout_of(&frame)));
        }
        let data = match decoded {
            Decoded::MatchData(data) => Pushed::MatchData(data),
            Decoded::PartyData(data) => Pushed::PartyData(data),
            Decoded::StreamData(data) => Pushed::StreamData(data),
            Decoded::Envelope(Envelope { cid, message }) if cid.is_empty() => {
                self.hold_ups.on_pushed(now);
                return self.on_pushed(message);
            }
            Decoded::Envelope(Envelope { cid, message }) => {
                return self.on_answer(now, &cid, message);
            }
        };
        self.hold_ups.on_pushed(now);
        self.hand_over.push(LinkEvent::Pushed(data));
    }

    /// A message with a `cid`.
    fn on_answer(&mut self, now: Instant, cid: &str, message: Option<Message>) {
        let Some(id) = parse_request_cid(cid) else {
            return self.on_pong(now, cid);
        };
        let (late, place) = match self.requests.on_answer(id) {
            Answered::Open(place) => (false, place),
            Answered::Late(place) => (true, place),
            Answered::Stray => {
                self.stats.strays.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        let closed_at = self.flow.closed_at();
        if let Some(held_up) = self.hold_ups.on_answer(now, id, closed_at) {
            log::warn!("{held_up}");
        }
        self.flow.on_handled(now, place);
        let answer = Answer::Message(
            message.map(|message| Box::new(Received::new(message, &mut self.decoder.interner))),
        );
        self.hand_over.push(LinkEvent::Answer { id, answer, late });
    }

    fn on_pong(&mut self, now: Instant, cid: &str) {
        let Stage::Open(open) = &mut self.stage else {
            return;
        };
        let mut waiting = open.waiting_pings.iter();
        let Some(index) = waiting.position(|ping| ping_cid(ping.number) == cid) else {
            self.stats.strays.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let Some(ping) = open.waiting_pings.drain(..=index).next_back() else {
            return;
        };
        self.requests.on_handled(ping.place);
        self.flow.on_handled(now, ping.place);
        self.hold_ups.on_handled(now);
        if ping.is_sample {
            let round_trip = now.saturating_duration_since(ping.sent);
            self.flow.on_round_trip(now, round_trip);
            self.hand_over.push(LinkEvent::RoundTrip(round_trip));
        }
    }

    /// A message without a `cid`. Without a message either, it is an answer to what had none, or a kind of the future.
    fn on_pushed(&mut self, message: Option<Message>) {
        let Some(message) = message else { return };
        if let (Message::Notifications(list), Stage::Open(open)) = (&message, &mut self.stage) {
            for notification in &list.notifications {
                match notification.code {
                    REPLACED => open.farewell = Some(DisconnectReason::Replaced),
                    BANNED => open.farewell = Some(DisconnectReason::Banned),
                    _ => {}
                }
            }
        }
        let received = Received::new(message, &mut self.decoder.interner);
        self.hand_over
            .push(LinkEvent::Pushed(Pushed::Message(Box::new(received))));
    }

    fn on_time(&mut self, now: Instant) {
        let mut unsent = HashSet::new();
        while let Some(Expired { id, after, way }) = self.requests.next_expired(now) {
            let was_sent = !matches!(way, Way::Socket { place: None });
            match way {
                Way::Rest => self.actions.push_back(Action::AbandonRest(id)),
                Way::Socket { place: None } => {
                    unsent.insert(id);
                }
                Way::Socket { place: Some(_) } => {}
            }
            self.fail(id, Failure::Timeout { after, was_sent });
        }
        self.outbox.remove(&unsent);
        for unsent in self.outbox.expire(now) {
            self.on_unsent(unsent);
        }
        match &mut self.stage {
            Stage::Idle => {}
            Stage::Opening { server, deadline } if now >= *deadline => {
                let error = TransportError::TimedOut {
                    after: self.settings.connect_timeout,
                };
                let error = error.at(server);
                self.end(DisconnectReason::Unreachable(error));
            }
            Stage::Opening { .. } => {}
            Stage::Open(open) if open.draining_until.is_some_and(|until| now >= until) => {
                self.end(DisconnectReason::Requested);
            }
            Stage::Open(open) => match open.liveness.poll(now, self.requests.is_server_busy()) {
                Some(Verdict::Ping) => open.ping_due = true,
                Some(Verdict::Dead(silence)) => self.end(DisconnectReason::Silent { silence }),
                None => {}
            },
        }
    }

    /// Ends the connection, if there is one: every request is answered, everything queued is reported, and one
    /// [`LinkEvent::Closed`] comes last.
    fn end(&mut self, reason: DisconnectReason) {
        let was_asked_for = self.is_draining();
        let reason = match mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Idle => return,
            Stage::Opening { .. } => reason,
            Stage::Open(open) => match (&reason, open.farewell) {
                (
                    DisconnectReason::ClosedByServer { .. } | DisconnectReason::Lost(_),
                    Some(farewell),
                ) => farewell,
                _ => reason,
            },
        };
        self.actions.push_back(Action::Close(self.epoch));
        self.hold_ups = HoldUps::default();
        self.stats.window.store(0, Ordering::Relaxed);
        let is_wanted = was_asked_for || matches!(reason, DisconnectReason::Requested);
        let unconfirmed = self.flow.take().filter_map(|message| message.told);
        for (origin, op_code) in unconfirmed.filter(|_| !is_wanted) {
            let reason = Failure::ConnectionLost {
                maybe_executed: true,
            };
            self.tell_unsent(origin, op_code, reason);
        }
        for origin in self.outbox.drain() {
            if let Origin::Data { origin, op_code } = origin {
                self.tell_unsent(origin, op_code, Failure::NotConnected);
            }
        }
        for (id, maybe_executed) in self.requests.drain_socket() {
            self.fail(id, Failure::ConnectionLost { maybe_executed });
        }
        self.hand_over.push(LinkEvent::Closed(reason));
    }

    fn fail(&mut self, id: RequestId, failure: Failure) {
        self.hand_over.push(LinkEvent::failed(id, failure));
    }

    fn is_draining(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.draining_until.is_some())
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
