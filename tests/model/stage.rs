//! Several games and a server on one clock.

use std::{collections::VecDeque, time::Duration};

use bevy::prelude::App;
use bevy_nakama::{
    __testing::{Incoming, LineCall, LineEvent, ServerByHand, Transmit, WireSeed},
    connection::TransportError,
    prelude::*,
    testing::{TestGame, server},
};
use bytes::Bytes;
use http::Request;

use super::{
    pipe::{Down, Held, Pipe, Up},
    server::{EPOCH, config, log_in, truth_of},
};
use crate::common::{
    history::{Recorder, Tape, Truth, What, datums_in},
    schedule::{Fault, Mix, Stage, Way, opt_in},
};

/// How far the clock moves at a time while something happens, and while nothing does. A game that nothing happens to has longer frames.
const BUSY: Duration = Duration::from_millis(10);
const IDLE: Duration = Duration::from_millis(250);
const LONGEST_FRAME: Duration = Duration::from_millis(60);
/// So long after something has happened, frames are short.
const BUSY_FOR: Duration = Duration::from_millis(60);
/// A cable that is out.
const FOR_EVER: Duration = Duration::from_secs(1 << 32);

/// Several games and a server on one clock.
pub(crate) struct OnOneClock {
    now: Duration,
    busy_until: Duration,
    server: ServerByHand,
    is_up: bool,
    /// Counts the servers.
    life: u64,
    /// When this server has started.
    started: Duration,
    games: Vec<Player>,
    tape: Tape,
    mix: Mix,
}

/// A game and its line.
struct Player {
    game: TestGame,
    pipes: Vec<Pipe>,
    calls: VecDeque<(Duration, LineCall, Rest)>,
    held: Held,
    links: u32,
    /// When it had its last frame.
    last_frame: Duration,
    /// Whether something has happened to it since.
    is_due: bool,
    /// One way.
    latency: Duration,
}

/// How far a call is.
enum Rest {
    Request(Box<Request<Bytes>>),
    Response(u16, Bytes),
    Fails,
}

impl OnOneClock {
    /// So many games, logged in and not connected. With some seeds, the last one and the first one are two
    /// devices of one user.
    pub(crate) fn new(seed: u64, games: usize) -> Self {
        let two_devices = seed % 8 == 5;
        let mut mix = Mix::new(seed ^ 0xC10C);
        let mut server_by_hand = ServerByHand::new(config(), seed, EPOCH);
        let mut users = Vec::new();
        let mut players = Vec::new();
        for index in 0..games {
            let user = if two_devices && index + 1 == games {
                0
            } else {
                index
            };
            let (token, refresh) = log_in(&mut server_by_hand, &format!("player{user}"));
            let session = NakamaSession::restore(&token, Some(&refresh));
            let session = session.expect("a token of the embedded server");
            users.push(session.user_id().to_string());
            let seed = WireSeed(mix.next());
            let plugins = move |app: &mut App| {
                app.insert_resource(seed);
            };
            let mut game = TestGame::of(plugins);
            game.take_the_line();
            game.commands(|commands| commands.nakama().use_session(&server(), session));
            players.push(Player {
                game,
                pipes: Vec::new(),
                calls: VecDeque::new(),
                held: Held::default(),
                links: 0,
                last_frame: Duration::ZERO,
                is_due: true,
                latency: Duration::from_millis(3 + mix.below(40)),
            });
        }
        let tape = Tape::on_a_virtual_clock(users);
        for (index, player) in players.iter_mut().enumerate() {
            Recorder::listen(&mut player.game.app, &tape, index);
            opt_in(&mut player.game.app, index);
        }
        Self {
            now: Duration::ZERO,
            busy_until: Duration::ZERO,
            server: server_by_hand,
            is_up: true,
            life: 1,
            started: Duration::ZERO,
            games: players,
            tape,
            mix,
        }
    }

    fn tick(&mut self, step: Duration) {
        self.now += step;
        self.tape.set_clock(self.now);
        if self.is_up {
            self.server.advance(self.now - self.started);
        }
        self.carry_up();
        self.serve();
        for index in 0..self.games.len() {
            self.carry_down(index);
            let player = &mut self.games[index];
            let frame = self.now - player.last_frame;
            if player.is_due || frame >= LONGEST_FRAME {
                player.is_due = false;
                player.last_frame = self.now;
                player.game.update_by(frame);
                self.take_events(index);
            }
        }
    }

    /// What has arrived at the server, in order of arrival.
    fn carry_up(&mut self) {
        let mut arrived = Vec::new();
        for (index, player) in self.games.iter_mut().enumerate() {
            if player.held.up > self.now {
                continue;
            }
            for pipe in &mut player.pipes {
                while let Some((due, what)) = pipe.up.arrived(self.now) {
                    arrived.push((due, index, pipe.socket, what));
                }
            }
        }
        arrived.sort_by_key(|(due, ..)| *due);
        for (_, index, socket, what) in arrived {
            self.busy();
            let due = self.now + self.games[index].latency;
            let pipes = &mut self.games[index].pipes;
            let Some(pipe) = pipes.iter_mut().find(|pipe| pipe.socket == socket) else {
                continue;
            };
            let now = self.now.saturating_sub(self.started);
            if let Up::Handshake(request) = what {
                if !self.is_up {
                    pipe.down.send(due, Down::Unreachable);
                    continue;
                }
                pipe.life = self.life;
                pipe.session = self.server.open(now, &request);
                let answer = match pipe.session {
                    Some(_) => Down::Opened,
                    None => Down::Refused(401),
                };
                pipe.down.send(due, answer);
                continue;
            }
            let (Some(session), true) = (pipe.session, self.is_up && pipe.life == self.life) else {
                continue;
            };
            let incoming = match what {
                Up::Handshake(_) => continue,
                Up::Frame(frame) => Incoming::Binary(frame),
                Up::Pong => Incoming::Pong,
                Up::Closed => Incoming::Closed,
            };
            self.server.receive(now, session, incoming);
        }
        self.answer_calls();
    }

    fn answer_calls(&mut self) {
        let (now, is_up) = (self.now, self.is_up);
        for player in &mut self.games {
            if player.held.up.max(player.held.down) > now {
                continue;
            }
            for (due, call, rest) in &mut player.calls {
                if *due > now {
                    continue;
                }
                match rest {
                    Rest::Request(request) => {
                        *due = now + player.latency;
                        *rest = if is_up {
                            let response = self.server.request(now - self.started, request);
                            let status = response.status().as_u16();
                            Rest::Response(status, response.into_body())
                        } else {
                            Rest::Fails
                        };
                    }
                    Rest::Response(status, body) => {
                        player.is_due = true;
                        player.game.line_responds(*call, *status, body.clone());
                        *due = FOR_EVER;
                    }
                    Rest::Fails => {
                        player.is_due = true;
                        player.game.line_fails(*call, &server());
                        *due = FOR_EVER;
                    }
                }
            }
            player.calls.retain(|(due, ..)| *due != FOR_EVER);
        }
    }

    /// What the server sends.
    fn serve(&mut self) {
        if !self.is_up {
            return;
        }
        let now = self.now;
        let mut is_busy = false;
        for player in &mut self.games {
            let due = now + player.latency;
            for pipe in &mut player.pipes {
                let Some(session) = pipe.session else {
                    continue;
                };
                if pipe.life != self.life || pipe.is_dropped {
                    continue;
                }
                while let Some(transmit) = self.server.transmit(session) {
                    is_busy = true;
                    let down = match transmit {
                        Transmit::Message(frame) => Down::Frame(frame),
                        Transmit::Ping => Down::Ping,
                        Transmit::Close(frame) => {
                            let (code, reason) = frame.unwrap_or((1005, ""));
                            Down::Close(code, reason)
                        }
                        Transmit::Drop => {
                            pipe.is_dropped = true;
                            pipe.down.send(due, Down::Eof);
                            break;
                        }
                    };
                    pipe.down.send(due, down);
                }
            }
        }
        if is_busy {
            self.busy();
        }
    }

    /// What has arrived at a game.
    fn carry_down(&mut self, index: usize) {
        let (now, tape) = (self.now, &self.tape);
        let Player {
            game,
            pipes,
            held,
            links,
            latency,
            is_due,
            ..
        } = &mut self.games[index];
        if held.down > now {
            return;
        }
        for pipe in pipes.iter_mut() {
            while let Some((_, what)) = pipe.down.arrived(now) {
                if pipe.is_closed {
                    continue;
                }
                *is_due = true;
                let socket = pipe.socket;
                match what {
                    Down::Opened => {
                        *links += 1;
                        pipe.link = *links;
                        tape.add(index, What::Linked(*links));
                        game.line_is_open(socket);
                    }
                    Down::Refused(status) => {
                        let message = String::new();
                        let reason = DisconnectReason::Refused { status, message };
                        game.line_ends(socket, reason);
                    }
                    Down::Unreachable => {
                        let error = TransportError::Eof.at(&server());
                        game.line_ends(socket, DisconnectReason::Unreachable(error));
                    }
                    Down::Frame(frame) => {
                        for datum in datums_in(&frame) {
                            let link = pipe.link;
                            tape.add(index, What::Carried { link, datum });
                        }
                        game.line_brings(socket, frame);
                    }
                    Down::Ping => {
                        game.line_is_alive(socket);
                        pipe.up.send(now + *latency, Up::Pong);
                    }
                    Down::Close(code, reason) => {
                        let code = Some(code);
                        let reason = reason.to_owned();
                        game.line_ends(socket, DisconnectReason::ClosedByServer { code, reason });
                    }
                    Down::Eof => {
                        game.line_ends(socket, DisconnectReason::Lost(TransportError::Eof));
                    }
                }
                self.busy_until = now + BUSY_FOR;
            }
        }
    }

    /// What a game has done to its line.
    fn take_events(&mut self, index: usize) {
        let player = &mut self.games[index];
        let due = self.now + player.latency;
        let events = player.game.line_events();
        if !events.is_empty() {
            // What it does next may depend on what it has done.
            player.is_due = true;
            self.busy_until = self.now + BUSY_FOR;
        }
        for event in events {
            match event {
                LineEvent::Opens(socket, handshake) => {
                    let mut pipe = Pipe::new(socket);
                    pipe.up.send(due, Up::Handshake(handshake));
                    player.pipes.push(pipe);
                }
                LineEvent::Closes(socket) => {
                    if let Some(pipe) = player.pipes.iter_mut().find(|it| it.socket == socket) {
                        pipe.is_closed = true;
                        pipe.up.send(due, Up::Closed);
                    }
                }
                LineEvent::Sends(socket, frame) => {
                    if let Some(pipe) = player.pipes.iter_mut().find(|it| it.socket == socket) {
                        pipe.up.send(due, Up::Frame(frame));
                    }
                }
                LineEvent::Calls(call, request) => {
                    player
                        .calls
                        .push_back((due, call, Rest::Request(Box::new(request))));
                }
                LineEvent::Abandons(call) => player.calls.retain(|(_, it, _)| *it != call),
            }
        }
    }

    fn busy(&mut self) {
        self.busy_until = self.now + BUSY_FOR;
    }

    fn is_busy(&self) -> bool {
        let on_the_way = |player: &Player| {
            !player.calls.is_empty()
                || player
                    .pipes
                    .iter()
                    .any(|pipe| pipe.up.is_busy() || pipe.down.is_busy())
        };
        self.now < self.busy_until
            || self.games.iter().any(|player| {
                player.held.up.max(player.held.down) <= self.now && on_the_way(player)
            })
    }
}

impl Stage for OnOneClock {
    fn games(&self) -> usize {
        self.games.len()
    }

    fn app(&mut self, game: usize) -> &mut App {
        self.busy();
        self.games[game].is_due = true;
        &mut self.games[game].game.app
    }

    fn tape(&self) -> Tape {
        self.tape.clone()
    }

    fn line(&mut self, game: usize, fault: Fault) {
        self.busy();
        let (now, life) = (self.now, self.life);
        let player = &mut self.games[game];
        match fault {
            Fault::Reset => {
                for pipe in &mut player.pipes {
                    let is_alive = self.is_up && pipe.life == life && !pipe.up.is_dead;
                    if let Some(session) = pipe.session.filter(|_| is_alive) {
                        let at = now.saturating_sub(self.started);
                        self.server.receive(at, session, Incoming::Closed);
                        pipe.is_dropped = true;
                    }
                    pipe.reset(now);
                }
            }
            Fault::HalfOpen(way) => {
                for pipe in &mut player.pipes {
                    pipe.half_open(way);
                }
            }
            Fault::Close(_) => {
                let pipe = player.pipes.iter().rev().find(|it| !it.is_closed);
                let session = pipe.and_then(|it| it.session.filter(|_| it.life == life));
                if let Some(session) = session.filter(|_| self.is_up) {
                    let at = now.saturating_sub(self.started);
                    self.server.end(at, session);
                }
            }
            Fault::Hold(way, millis) => {
                let until = now + Duration::from_millis(millis.into());
                player.held.hold(way, until);
            }
            Fault::Unplug => player.held.hold(Way::Both, FOR_EVER),
            Fault::Plug => {
                player.held.up = player.held.up.min(now);
                player.held.down = player.held.down.min(now);
            }
        }
    }

    fn server_dies(&mut self) {
        if !self.is_up {
            return;
        }
        self.busy();
        self.is_up = false;
        for player in &mut self.games {
            for pipe in &mut player.pipes {
                if pipe.life == self.life && !pipe.is_dropped {
                    pipe.is_dropped = true;
                    pipe.down.send(self.now + player.latency, Down::Eof);
                }
            }
        }
    }

    fn server_starts(&mut self) {
        if self.is_up {
            return;
        }
        self.busy();
        self.is_up = true;
        self.life += 1;
        self.started = self.now;
        let nobody = ServerByHand::new(config(), 0, EPOCH);
        let before = std::mem::replace(&mut self.server, nobody);
        self.server = before.restarted(self.mix.next(), EPOCH + self.now);
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            let step = if self.is_busy() { BUSY } else { IDLE };
            self.tick(step.min(until - self.now));
        }
        for player in &mut self.games {
            player.pipes.retain(|pipe| {
                let is_over = pipe.is_closed && !pipe.up.is_busy();
                !(is_over && (pipe.is_dropped || pipe.life != self.life))
            });
        }
    }

    fn quiet_time(&self) -> Duration {
        Duration::from_secs(110)
    }

    fn truth(&mut self) -> Option<Truth> {
        Some(truth_of(&self.server))
    }
}
