//! A match of several games on lines of their own, simulated: each game is a core, the lines have a delay and can be held, and the server
//! has a queue of 64 for each socket, as a real one.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    mem,
    time::{Duration, Instant},
};

use bytes::Bytes;
use crossbeam_channel::Receiver;
use prost::Message as _;

use crate::{
    proto::{Envelope, Message, UserPresence, api, realtime},
    transport::{
        Action, Answer, ConnectPlan, Core, Epoch, Input, LinkCommand, LinkEvent, LinkSettings,
        MatchId, NakamaServer, OutgoingMatchData, RequestId, Terms, link::Batch,
    },
};

/// What a server's queue for a socket holds.
const QUEUE: usize = 64;
/// How long a server takes to write a message to a socket.
const WRITING: Duration = Duration::from_micros(20);
/// How long it takes after a stop until it writes to everybody again: it has much to read first.
const WAKING: Duration = Duration::from_millis(20);

/// The whole simulation.
pub(super) struct Room {
    start: Instant,
    now: Instant,
    events: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    last_event: u64,
    pub(super) players: Vec<Player>,
    /// Until when the server is stopped.
    stopped_until: Instant,
    /// Until when it writes nothing to some of the players.
    writes_from: Instant,
    /// What it has yet to read.
    unread: Vec<(usize, Bytes)>,
}

#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    AtServer(usize, Bytes),
    AtClient(usize, Bytes),
    Wake(usize),
    /// The server goes on with what came over this socket, or all of them.
    GoOn(Option<usize>),
}

pub(super) struct Player {
    core: Core,
    heard: Receiver<Batch>,
    /// One way, and how much more or less it takes at random.
    delay: Duration,
    jitter: Duration,
    random: u64,
    uplink: Line,
    /// When the last message arrives that the server has sent.
    last_arrival: Instant,
    pub(super) is_open: bool,
    /// When the server's writer has written each message of its queue.
    queue: VecDeque<Instant>,
    /// The call that the server is at work on, with its `cid`.
    running: Option<(String, api::Rpc)>,
    /// What has arrived over the socket meanwhile.
    behind: VecDeque<Bytes>,
    wakes_at: Option<Instant>,
    last_request: u64,
    last_data: i64,
    /// The server has disconnected it for the length of its queue.
    pub(super) is_kicked: bool,
    /// When each message was queued, by op code.
    pub(super) queued: BTreeMap<i64, Instant>,
    /// When each left, by op code.
    pub(super) left: BTreeMap<i64, Instant>,
    /// What the server passed on, by op code.
    pub(super) delivered: Vec<i64>,
    /// What the game was told that it was not sent.
    pub(super) told: Vec<(i64, String)>,
    /// Answers to requests.
    pub(super) answers: Vec<(u64, String)>,
    /// Bytes in both directions: all, and those of pings and pongs that are not for the game.
    pub(super) bytes: [usize; 2],
}

/// One direction of a line.
struct Line {
    held_until: Instant,
    /// Whether nothing arrives any more.
    is_cut: bool,
    last_arrival: Instant,
}

impl Room {
    /// So many players, in one match, each with this round trip to the server.
    pub(super) fn new(count: usize, round_trip: Duration) -> Self {
        let start = Instant::now();
        let players = (0..count).map(|_| Player::new(start, round_trip / 2));
        Self {
            start,
            now: start,
            events: BinaryHeap::new(),
            last_event: 0,
            players: players.collect(),
            stopped_until: start,
            writes_from: start,
            unread: Vec::new(),
        }
    }

    /// Since the beginning.
    pub(super) fn time(&self) -> Duration {
        self.now - self.start
    }

    /// When something was, since the beginning.
    pub(super) fn since_start(&self, at: Instant) -> Duration {
        at - self.start
    }

    /// The terms that the plugin gives to data for this match.
    pub(super) fn terms(&self) -> Terms {
        let others = (self.players.len() as u32 - 1).max(1);
        Terms {
            window: (48 / others).max(2),
            ..Terms::default()
        }
    }

    /// A player sends to all others. The op code is the number of the message.
    pub(super) fn send(&mut self, player: usize) {
        let terms = self.terms();
        let now = self.now;
        let it = &mut self.players[player];
        it.last_data += 1;
        it.queued.insert(it.last_data, now);
        let data = OutgoingMatchData {
            match_id: MatchId::from("2fbbc3e5-7d64-4f0a-a1e5-3c70eb6a7a33."),
            op_code: it.last_data,
            data: vec![7; 12].into(),
            receivers: Vec::new(),
            reliable: true,
        };
        let command = LinkCommand::Send {
            origin: 1,
            data,
            terms,
        };
        it.core.handle(now, Input::Command(command));
        self.turn(player);
    }

    /// A player calls a function that takes so long.
    pub(super) fn call(&mut self, player: usize, takes: Duration) {
        let now = self.now;
        let it = &mut self.players[player];
        it.last_request += 1;
        let message = Message::Rpc(api::Rpc {
            id: "slow".into(),
            payload: takes.as_millis().to_string(),
            ..Default::default()
        });
        let command = LinkCommand::Request {
            id: RequestId(it.last_request),
            message: Box::new(message),
            timeout: Duration::from_secs(30),
            terms: None,
            for_reentry: false,
        };
        it.core.handle(now, Input::Command(command));
        self.turn(player);
    }

    /// Nothing that a player sends arrives for so long; then all of it arrives at once.
    pub(super) fn hold(&mut self, player: usize, duration: Duration) {
        let until = self.now + duration;
        let line = &mut self.players[player].uplink;
        line.held_until = line.held_until.max(until);
    }

    /// From now on, nothing gets through to a player or from them.
    pub(super) fn cut(&mut self, player: usize) {
        self.players[player].uplink.is_cut = true;
    }

    /// From now on, everybody's round trip is of this length, and up to so much longer.
    pub(super) fn set_round_trip(&mut self, round_trip: Duration, jitter: Duration) {
        for player in &mut self.players {
            player.delay = round_trip / 2;
            player.jitter = jitter / 2;
        }
    }

    /// The server does nothing for so long.
    pub(super) fn stop_server(&mut self, duration: Duration) {
        self.stopped_until = self.stopped_until.max(self.now + duration);
        self.writes_from = self.stopped_until + WAKING;
        self.schedule(self.stopped_until, Event::GoOn(None));
    }

    /// Runs until this much has passed since the beginning.
    pub(super) fn run_until(&mut self, time: Duration) {
        let until = self.start + time;
        while let Some(Reverse((at, ..))) = self.events.peek()
            && *at <= until
        {
            let Some(Reverse((at, _, event))) = self.events.pop() else {
                break;
            };
            self.now = at;
            self.on_event(event);
        }
        self.now = until;
    }

    /// The numbers of the players whom the server has disconnected.
    pub(super) fn kicked(&self) -> Vec<usize> {
        (0..self.players.len())
            .filter(|player| self.players[*player].is_kicked)
            .collect()
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        self.last_event += 1;
        self.events.push(Reverse((at, self.last_event, event)));
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::AtServer(player, frame) => {
                if self.now < self.stopped_until {
                    self.unread.push((player, frame));
                } else {
                    self.read(player, frame);
                }
            }
            Event::GoOn(None) => {
                if self.now >= self.stopped_until {
                    for (player, frame) in mem::take(&mut self.unread) {
                        self.read(player, frame);
                    }
                }
            }
            Event::GoOn(Some(player)) => {
                if let Some((cid, call)) = self.players[player].running.take() {
                    self.say(player, &cid, Some(Message::Rpc(call)));
                }
                while self.players[player].running.is_none()
                    && let Some(frame) = self.players[player].behind.pop_front()
                {
                    self.handle(player, frame);
                }
            }
            Event::AtClient(player, frame) => {
                let it = &mut self.players[player];
                let socket = it.core.socket;
                it.core.handle(self.now, Input::Frame(socket, frame));
                self.turn(player);
            }
            Event::Wake(player) => {
                self.players[player].wakes_at = None;
                self.turn(player);
            }
        }
    }

    /// The server reads a frame. It handles those of a socket one after the other.
    fn read(&mut self, player: usize, frame: Bytes) {
        let it = &mut self.players[player];
        if it.is_kicked {
        } else if it.running.is_some() || !it.behind.is_empty() {
            it.behind.push_back(frame);
        } else {
            self.handle(player, frame);
        }
    }

    fn handle(&mut self, player: usize, frame: Bytes) {
        let Envelope { cid, message } = Envelope::decode(frame).expect("our own envelope");
        match message {
            Some(Message::Ping(_)) => {
                let pong = Message::Pong(realtime::Pong {});
                self.say(player, &cid, Some(pong));
            }
            Some(Message::MatchDataSend(data)) => {
                self.players[player].delivered.push(data.op_code);
                for other in (0..self.players.len()).filter(|other| *other != player) {
                    let data = Message::MatchData(realtime::MatchData {
                        match_id: data.match_id.clone(),
                        presence: Some(UserPresence {
                            user_id: "d5f1a3c2-9b1e-4c53-8e0f-1a2b3c4d5e6f".into(),
                            session_id: "d5f1a3c2-9b1e-11ee-8e0f-1a2b3c4d5e6f".into(),
                            username: "somebody".into(),
                            ..Default::default()
                        }),
                        op_code: data.op_code,
                        data: data.data.clone(),
                        reliable: true,
                    });
                    self.say(other, "", Some(data));
                }
            }
            Some(Message::Rpc(call)) => {
                let takes = call.payload.parse().expect("our own number");
                let done = self.now + Duration::from_millis(takes);
                self.players[player].running = Some((cid, call));
                self.schedule(done, Event::GoOn(Some(player)));
            }
            other => panic!("the server is not made for {other:?}"),
        }
    }

    /// The server queues something for a socket.
    fn say(&mut self, player: usize, cid: &str, message: Option<Message>) {
        let at = self.now;
        // Some wake late.
        let writes_from = if player.is_multiple_of(3) {
            self.writes_from
        } else {
            at
        };
        let is_pong = matches!(message, Some(Message::Pong(_)));
        let cid = cid.to_owned();
        let frame = Bytes::from(Envelope { cid, message }.encode_to_vec());
        let it = &mut self.players[player];
        while it.queue.front().is_some_and(|written| *written <= at) {
            it.queue.pop_front();
        }
        if it.queue.len() >= QUEUE {
            it.is_kicked = true;
        }
        if it.is_kicked {
            return;
        }
        let written = it
            .queue
            .back()
            .copied()
            .unwrap_or(at)
            .max(at)
            .max(writes_from)
            + WRITING;
        it.queue.push_back(written);
        it.bytes[0] += frame.len() + 2;
        it.bytes[1] += if is_pong { frame.len() + 2 } else { 0 };
        if it.uplink.is_cut {
            return;
        }
        let arrival = (written + it.delay()).max(it.last_arrival);
        it.last_arrival = arrival;
        self.schedule(arrival, Event::AtClient(player, frame));
    }

    /// A turn of a player's network thread.
    fn turn(&mut self, player: usize) {
        let now = self.now;
        let it = &mut self.players[player];
        it.core.handle(now, Input::Tick);
        let mut sent = Vec::new();
        while it.is_open
            && let Some(frame) = it.core.next_frame(now)
        {
            sent.push(frame);
        }
        it.core.flush();
        while let Some(action) = it.core.next_action() {
            if matches!(action, Action::Close(_)) {
                it.is_open = false;
            }
        }
        it.listen();
        let mut arriving = Vec::new();
        for frame in sent {
            it.bytes[0] += frame.len() + 6;
            match Envelope::decode(frame.clone()).map(|envelope| envelope.message) {
                Ok(Some(Message::Ping(_))) => it.bytes[1] += frame.len() + 6,
                Ok(Some(Message::MatchDataSend(data))) => {
                    it.left.insert(data.op_code, now);
                }
                _ => {}
            }
            let delay = it.delay();
            let line = &mut it.uplink;
            if line.is_cut {
                continue;
            }
            let arrival = (now + delay).max(line.held_until).max(line.last_arrival);
            line.last_arrival = arrival;
            arriving.push((arrival, frame));
        }
        let due = [it.core.next_timeout(), it.core.next_frame_due(now)];
        let next = due.into_iter().flatten().min().map(|at| at.max(now));
        if let Some(next) = next
            && it.is_open
            && it.wakes_at.is_none_or(|at| next < at)
        {
            it.wakes_at = Some(next);
            self.schedule(next, Event::Wake(player));
        }
        for (arrival, frame) in arriving {
            self.schedule(arrival, Event::AtServer(player, frame));
        }
    }
}

impl Player {
    fn new(now: Instant, delay: Duration) -> Self {
        let (mut core, heard, _) = Core::new(LinkSettings::default());
        let plan = ConnectPlan {
            epoch: Epoch(1),
            server: NakamaServer::new("http://test.invalid", "key"),
            token: "token".into(),
            appear_online: true,
            lang: "en".into(),
            heals: false,
            retries: false,
        };
        core.handle(now, Input::Command(LinkCommand::Connect(Box::new(plan))));
        while core.next_action().is_some() {}
        core.handle(now, Input::Opened(core.socket));
        Self {
            core,
            heard,
            delay,
            jitter: Duration::ZERO,
            random: 1,
            uplink: Line {
                held_until: now,
                is_cut: false,
                last_arrival: now,
            },
            last_arrival: now,
            is_open: true,
            queue: VecDeque::new(),
            behind: VecDeque::new(),
            running: None,
            wakes_at: None,
            last_request: 0,
            last_data: 0,
            is_kicked: false,
            queued: BTreeMap::new(),
            left: BTreeMap::new(),
            delivered: Vec::new(),
            told: Vec::new(),
            answers: Vec::new(),
            bytes: [0; 2],
        }
    }

    /// How long the next message is on its way.
    fn delay(&mut self) -> Duration {
        // An everyday generator: a schedule is the same in each run.
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let share = (self.random >> 33) as f64 / f64::from(1_u32 << 31);
        self.delay + self.jitter.mul_f64(share)
    }

    /// The messages of which it does not know what became of them.
    pub(super) fn lost(&self) -> Vec<i64> {
        let numbers = self.queued.keys().copied();
        let is_told = |number: &i64| self.told.iter().any(|(told, _)| told == number);
        numbers
            .filter(|number| !self.delivered.contains(number) && !is_told(number))
            .collect()
    }

    fn listen(&mut self) {
        let batches = self.heard.try_iter().flat_map(|batch| batch.events);
        for told in batches {
            match told.event {
                LinkEvent::SendFailed {
                    op_code, reason, ..
                } => self.told.push((op_code, format!("{reason:?}"))),
                LinkEvent::Answer { id, answer, .. } => {
                    let answer = match answer {
                        Answer::Failed(failure) => format!("{failure:?}"),
                        _ => "answered".into(),
                    };
                    self.answers.push((id.0, answer));
                }
                _ => {}
            }
        }
    }
}
