//! Players in one match who send all the time, and what became of each message.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use bevy::{
    ecs::schedule::{Schedules, SingleThreadedExecutor},
    prelude::*,
};
use bevy_nakama::{
    connection::Network, diagnostics, healing::ConnectionLost, prelude::*, proto::Kind,
};

use crate::common::{
    game::{Game, keep},
    scenes::fresh,
};

/// A frame of each game.
pub(super) const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// Each player sends in every third frame, which is 20 times a second.
const FRAMES_PER_MESSAGE: usize = 3;

/// What a message weighs: a position, and what a game puts beside it.
const PAYLOAD: usize = 40;

/// How long a crowd may take to come together.
const PATIENCE: Duration = Duration::from_secs(60);

/// All players of a match. One thread runs their games, frame by frame.
pub(super) struct Crowd {
    pub(super) players: Vec<Player>,
    /// When each frame began.
    frames: Vec<Instant>,
    next: Instant,
}

/// A game that sends numbered messages. The op code is the number of the message.
pub(super) struct Player {
    pub(super) game: Game,
    here: Entity,
    /// The frame in which each message was sent.
    sent_in: Vec<usize>,
    /// When each message left.
    left_at: BTreeMap<i64, Instant>,
    told: Arc<Mutex<BTreeMap<i64, String>>>,
    /// The numbers of the messages that arrived, by their senders, in order.
    heard: Vec<Vec<i64>>,
    /// Pings and pongs, and their bytes with WebSocket framing.
    pub(super) pings: usize,
    pub(super) ping_bytes: usize,
    /// Why the connection ended.
    pub(super) end: Option<String>,
    tap: bool,
}

/// What became of the messages of a player.
#[derive(Debug, Default)]
pub(super) struct Fate {
    pub(super) sent: usize,
    pub(super) told: usize,
    /// Neither was it told that they failed, nor has everybody who stayed heard them.
    pub(super) lost: usize,
    /// Somebody has heard messages twice, or in another order.
    pub(super) muddled: usize,
}

impl Crowd {
    /// A match with a player for each server, which are addresses of the same server.
    #[track_caller]
    pub(super) fn new(network: &Network, servers: &[NakamaServer]) -> Self {
        let name = fresh("crowd");
        let count = servers.len();
        let mut players: Vec<_> = servers
            .iter()
            .map(|server| Player::new(network, server, &name, count))
            .collect();
        let begin = Instant::now();
        while !players.iter_mut().all(|it| it.members() == count) {
            players.iter_mut().for_each(|it| it.game.app.update());
            assert!(begin.elapsed() < PATIENCE, "they did not come together");
            thread::sleep(FRAME);
        }
        Self {
            players,
            frames: Vec::new(),
            next: Instant::now(),
        }
    }

    /// From now on, looks at each envelope.
    pub(super) fn open_taps(&mut self) {
        for player in &mut self.players {
            let world = player.game.app.world_mut();
            world.resource_mut::<EnvelopeTap>().open();
            keep::<EnvelopeSent>(&mut player.game.app);
            keep::<EnvelopeReceived>(&mut player.game.app);
            player.tap = true;
        }
    }

    /// Runs all games for a while, in which they send.
    pub(super) fn play(&mut self, time: Duration) {
        self.run(time, true, |_| false);
    }

    /// Runs all games, without sending, until everything is settled, or for this long.
    pub(super) fn settle(&mut self, time: Duration) {
        self.run(time, false, |crowd| {
            (0..crowd.players.len()).all(|it| crowd.fate(it).lost == 0)
        });
    }

    fn run(&mut self, time: Duration, sends: bool, is_done: impl Fn(&Self) -> bool) {
        self.next = Instant::now();
        let end = self.next + time;
        while Instant::now() < end {
            thread::sleep(self.next.saturating_duration_since(Instant::now()));
            // A frame that came late is not made up for.
            self.next = Instant::now().max(self.next) + FRAME;
            let frame = self.frames.len();
            self.frames.push(Instant::now());
            for (number, player) in self.players.iter_mut().enumerate() {
                if sends && (frame + number).is_multiple_of(FRAMES_PER_MESSAGE) {
                    player.send(number, frame);
                }
                player.update();
            }
            if frame.is_multiple_of(30) && is_done(self) {
                return;
            }
        }
    }

    /// Everybody who was disconnected: the number of the player, and why.
    pub(super) fn ends(&self) -> Vec<(usize, String)> {
        let ends = self.players.iter().enumerate();
        ends.filter_map(|(number, it)| Some((number, it.end.clone()?)))
            .collect()
    }

    /// What became of a player's messages, with everybody else who is still connected.
    pub(super) fn fate(&self, sender: usize) -> Fate {
        let told = self.players[sender].told();
        let told: BTreeSet<i64> = told.into_keys().collect();
        let sent = self.players[sender].sent_in.len();
        let mut lost = BTreeSet::new();
        let mut muddled = 0;
        for (number, player) in self.players.iter().enumerate() {
            if number == sender || player.end.is_some() {
                continue;
            }
            let heard = &player.heard[sender];
            muddled += heard.windows(2).filter(|pair| pair[0] >= pair[1]).count();
            let heard: BTreeSet<i64> = heard.iter().copied().collect();
            let missing = (0..sent as i64).filter(|it| !heard.contains(it) && !told.contains(it));
            lost.extend(missing);
        }
        Fate {
            sent,
            told: told.len(),
            lost: lost.len(),
            muddled,
        }
    }

    /// How many frames after its own each message left, with taps open. One that has not left counts for 1000.
    pub(super) fn frames_late(&self) -> BTreeMap<usize, usize> {
        let mut late = BTreeMap::new();
        for player in &self.players {
            for (number, sent_in) in player.sent_in.iter().enumerate() {
                let left_at = player.left_at.get(&(number as i64));
                let left_in =
                    left_at.map(|at| self.frames.partition_point(|begin| begin <= at) - 1);
                let frames = left_in.map_or(1000, |left_in| left_in.saturating_sub(*sent_in));
                *late.entry(frames).or_default() += 1;
            }
        }
        late
    }

    /// How many messages had to wait for the window.
    pub(super) fn held_back(&self) -> usize {
        let players = self.players.iter();
        let held_back = players.map(|it| it.game.read(&diagnostics::HELD_BACK) as usize);
        held_back.sum()
    }

    /// How long the frames were, as they ran: the 99th percentile.
    pub(super) fn frame_time(&self) -> Duration {
        let mut times: Vec<_> = self.frames.windows(2).map(|it| it[1] - it[0]).collect();
        times.sort_unstable();
        let at = times.len() * 99 / 100;
        times.get(at).copied().unwrap_or_default()
    }
}

impl Player {
    #[track_caller]
    fn new(network: &Network, server: &NakamaServer, name: &str, count: usize) -> Self {
        let mut game = Game::on(network);
        // Games this small are quicker on one thread, and there are many of them.
        let mut schedules = game.app.world_mut().resource_mut::<Schedules>();
        for (_, schedule) in schedules.iter_mut() {
            schedule.set_executor(SingleThreadedExecutor::new());
        }
        let told = Arc::new(Mutex::new(BTreeMap::new()));
        let seen = told.clone();
        game.app.add_observer(move |failed: On<SendFailed>| {
            let mut told = seen.lock().expect("unpoisoned");
            told.insert(failed.op_code, failed.reason.to_string());
        });
        // It would come back. That is an end here.
        let phases = game.phases.clone();
        game.app
            .add_observer(move |lost: On<ConnectionLost>| phases.add(lost.cause.to_string()));
        game.log_in(server, Login::device(fresh("device-of-a-player")));
        let create = CreateMatch::named(name);
        let created = game.ask::<CreateMatch>(|nakama| nakama.create_match(create).id());
        let here = created.expect("a match").entity;
        Self {
            game,
            here,
            sent_in: Vec::new(),
            left_at: BTreeMap::new(),
            told,
            heard: vec![Vec::new(); count],
            pings: 0,
            ping_bytes: 0,
            end: None,
            tap: false,
        }
    }

    fn members(&self) -> usize {
        let presences = self.game.app.world().get::<MatchPresences>(self.here);
        presences.map_or(0, |presences| presences.len())
    }

    /// The messages that failed, as it was told, and why.
    pub(super) fn told(&self) -> BTreeMap<i64, String> {
        self.told.lock().expect("unpoisoned").clone()
    }

    fn send(&mut self, number: usize, frame: usize) {
        if self.end.is_some() {
            return;
        }
        let op_code = self.sent_in.len() as i64;
        self.sent_in.push(frame);
        let here = self.here;
        let mut payload = vec![0; PAYLOAD];
        payload[0] = number as u8;
        self.game.commands(|commands| {
            let data = OutgoingData::raw(op_code, payload);
            commands.nakama().send_data(here, data);
        });
    }

    fn update(&mut self) {
        let app = &mut self.game.app;
        app.update();
        for data in Game::arrived::<MatchDataReceived>(app) {
            let sender = usize::from(data.data[0]);
            self.heard[sender].push(data.op_code);
        }
        if self.tap {
            self.look_at_envelopes();
        }
        self.end = self.end.take().or_else(|| self.game.phases.take_first());
    }

    fn look_at_envelopes(&mut self) {
        let app = &mut self.game.app;
        for sent in Game::arrived::<EnvelopeSent>(app) {
            match sent.kind {
                Some(Kind::MatchDataSend) => {
                    let envelope = sent.decode().expect("an envelope");
                    if let Some(bevy_nakama::proto::Message::MatchDataSend(data)) = envelope.message
                    {
                        self.left_at.insert(data.op_code, sent.at);
                    }
                }
                Some(Kind::Ping) => {
                    self.pings += 1;
                    self.ping_bytes += sent.frame.len() + 6; // WebSocket's head and mask
                }
                _ => {}
            }
        }
        for received in Game::arrived::<EnvelopeReceived>(app) {
            if received.kind == Some(Kind::Pong) {
                self.ping_bytes += received.frame.len() + 2; // WebSocket's head
            }
        }
    }
}
