//! One connection, from its beginning to its end, under the rules.

use std::{io, sync::Arc, time::Instant};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    time::sleep_until,
};
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::{
    log::{ChaosEventKind, Flow, Record},
    moment::Direction,
    rule::Action,
    rules::{Act, Connection, Rules, Ruling},
    scan::{self, Seen},
    way::{Ended, Next, Piece, Way},
};

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// A connection through the proxy.
pub(super) struct Line {
    number: u64,
    opened: Instant,
    is_socket: bool,
    rules: watch::Sender<Rules>,
    news: watch::Receiver<Rules>,
    record: Arc<Record>,
    up: Way,
    down: Way,
    fate: Fate,
    /// A close frame that waits until the client has got the frame that it is in the middle of.
    closing: Option<Bytes>,
}

/// What has become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It carries bytes.
    Open,
    /// Nothing gets through, and nobody hears of that.
    HalfOpen,
    /// The proxy has ended it. Its last words still arrive.
    Farewell,
    /// Both ends have said that they say no more, and know that of each other.
    Ended,
    /// It is to be reset.
    Reset,
}

impl Line {
    pub(super) fn new(number: u64, rules: watch::Sender<Rules>, record: Arc<Record>) -> Self {
        let way = |direction| Way::new(number, direction, record.clone());
        Self {
            number,
            opened: Instant::now(),
            is_socket: false,
            news: rules.subscribe(),
            rules,
            up: way(Direction::ToServer),
            down: way(Direction::ToClient),
            record,
            fate: Fate::Open,
            closing: None,
        }
    }

    pub(super) fn flow(&self, direction: Direction) -> Flow {
        match direction {
            Direction::ToServer => self.up.flow(),
            Direction::ToClient => self.down.flow(),
        }
    }

    /// Does what rules say about a connection that has just been opened.
    pub(super) fn begin(&mut self) -> Fate {
        self.obey();
        self.fate
    }

    /// Carries everything, up to the end.
    pub(super) async fn run(&mut self, client: &mut TcpStream, server: &mut TcpStream) -> Fate {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let (mut from_up, mut from_down) = (vec![0; CHUNK], vec![0; CHUNK]);
        loop {
            self.obey();
            if self.is_over() {
                return self.fate;
            }
            let (up, down) = (self.up.next(), self.down.next());
            if let Next::Reset = up {
                return Fate::Reset;
            }
            if let Next::Reset = down {
                return Fate::Reset;
            }
            if let Next::End = up {
                self.up.end(ended(to_server.shutdown().await));
                continue;
            }
            if let Next::End = down {
                self.down.end(ended(to_client.shutdown().await));
                continue;
            }
            let alarm = [up.time(), down.time(), self.alarm()];
            let alarm = alarm.into_iter().flatten().min();
            tokio::select! {
                news = self.news.changed() => {
                    if news.is_err() {
                        return Fate::Reset;
                    }
                }
                () = sleep_until(alarm.unwrap_or_else(Instant::now).into()), if alarm.is_some() => {}
                written = to_server.write(up.bytes()), if up.is_write() => self.up.written(written),
                written = to_client.write(down.bytes()), if down.is_write() => {
                    self.down.written(written);
                }
                read = from_client.read(&mut from_up), if self.may_read(Direction::ToServer, &up) => {
                    self.take(Direction::ToServer, read, &from_up);
                }
                read = from_server.read(&mut from_down), if self.may_read(Direction::ToClient, &down) => {
                    self.take(Direction::ToClient, read, &from_down);
                }
            }
        }
    }

    /// A connection that never reaches the server: takes what the client says, up to its end.
    pub(super) async fn swallow(&mut self, client: &mut TcpStream) {
        let mut buffer = vec![0; CHUNK];
        while !self.up.is_read() {
            let read = client.read(&mut buffer).await;
            self.take(Direction::ToServer, read, &buffer);
        }
    }

    fn is_over(&mut self) -> bool {
        match self.fate {
            Fate::Ended | Fate::Reset => true,
            Fate::HalfOpen => self.up.is_read() && self.down.is_read(),
            Fate::Farewell => self.up.is_read() && self.up.is_empty() && self.down.is_empty(),
            Fate::Open => {
                let (Some(up), Some(down)) = (self.up.ended(), self.down.ended()) else {
                    return false;
                };
                let is_in_peace = (up, down) == (Ended::Said, Ended::Said);
                self.fate = if is_in_peace {
                    Fate::Ended
                } else {
                    Fate::Reset
                };
                true
            }
        }
    }

    fn may_read(&self, direction: Direction, next: &Next) -> bool {
        let way = self.way(direction);
        match self.fate {
            Fate::Open => way.may_read(next),
            _ => !way.is_read(),
        }
    }

    fn alarm(&self) -> Option<Instant> {
        let is_open = self.fate == Fate::Open;
        let alarm = || self.rules.borrow().next_alarm(self.connection());
        is_open.then(alarm).flatten()
    }

    /// Takes what was read, under the rules of this moment.
    fn take(&mut self, direction: Direction, read: io::Result<usize>, buffer: &[u8]) {
        self.obey();
        let end = match read {
            Ok(0) => Piece::End,
            Ok(length) => {
                if self.fate == Fate::Open {
                    self.way_mut(direction).scanner.feed(&buffer[..length]);
                    self.scan(direction);
                }
                // A rule that is added when the log has these bytes is for later ones.
                self.way_mut(direction).read(length);
                return;
            }
            Err(_) => Piece::Reset,
        };
        self.way_mut(direction).end_read();
        if self.fate == Fate::Open {
            if let Some(Seen::Bytes(rest)) = self.way_mut(direction).scanner.rest() {
                self.pass(direction, Piece::Bytes(rest));
            }
            self.pass(direction, end);
        }
    }

    /// Does what the rules say now.
    fn obey(&mut self) {
        self.news.mark_unchanged();
        if self.fate != Fate::Open {
            return;
        }
        let (connection, now) = (self.connection(), Instant::now());
        for act in self.meet(|rules| rules.at_time(connection, now)) {
            self.act(&act, None);
        }
        for direction in Direction::BOTH {
            self.scan(direction);
            let ruling = self.ruling(direction);
            self.way_mut(direction).release(ruling);
        }
    }

    /// Asks the rules. Other connections need not look at them for that.
    fn meet(&self, ask: impl FnOnce(&mut Rules) -> Vec<Act>) -> Vec<Act> {
        let mut acts = Vec::new();
        self.rules.send_if_modified(|rules| {
            acts = ask(rules);
            false
        });
        acts
    }

    fn scan(&mut self, direction: Direction) {
        while self.fate == Fate::Open {
            let whole = self.must_see_whole(direction);
            let Some(seen) = self.way_mut(direction).scanner.next(whole) else {
                break;
            };
            self.see(direction, seen);
        }
        self.close_between_frames();
    }

    fn close_between_frames(&mut self) {
        if self.fate == Fate::Open
            && self.down.scanner.is_between_frames()
            && let Some(close_frame) = self.closing.take()
        {
            self.say_farewell(None, Some(close_frame));
        }
    }

    fn must_see_whole(&self, direction: Direction) -> bool {
        let rules = self.rules.borrow();
        let must_close = direction == Direction::ToClient && self.closing.is_some();
        must_close
            || rules.wait_for_frames(self.number, direction)
            || direction == Direction::ToServer && rules.wait_for_requests(self.number)
    }

    fn see(&mut self, direction: Direction, seen: Seen) {
        let number = self.number;
        let pieces = match seen {
            Seen::Bytes(bytes) => vec![bytes],
            Seen::Answer { bytes, is_socket } => {
                self.is_socket = is_socket;
                if is_socket {
                    self.up.scanner.expect_frames();
                } else {
                    self.up.scanner.expect_head();
                }
                vec![bytes]
            }
            Seen::Request {
                bytes,
                path,
                is_upgrade,
            } => {
                if is_upgrade {
                    self.down.scanner.expect_head();
                }
                for act in self.meet(|rules| rules.on_request(number, &path)) {
                    self.act(&act, None);
                }
                vec![bytes]
            }
            Seen::Frame { bytes, kind } => {
                let mut frames = vec![bytes];
                for act in self.meet(|rules| rules.on_frame(number, direction, kind)) {
                    self.act(&act, Some((direction, &mut frames)));
                }
                self.close_between_frames();
                frames
            }
        };
        if self.fate == Fate::Open {
            for bytes in pieces {
                self.pass(direction, Piece::Bytes(bytes));
            }
        }
    }

    /// A rule acts, perhaps on a frame.
    fn act(&mut self, act: &Act, frame: Option<(Direction, &mut Vec<Bytes>)>) {
        if self.fate != Fate::Open {
            return;
        }
        let (id, rule) = (act.id, act.rule.clone());
        self.record
            .add(self.number, ChaosEventKind::Acted { id, rule });
        match (&act.rule.action, frame) {
            (Action::Reset, _) => self.fate = Fate::Reset,
            (Action::HalfOpen, _) => {
                self.fate = Fate::HalfOpen;
                self.up.empty();
                self.down.empty();
            }
            (Action::Close(words), _) => {
                let content = scan::close_words(words.as_ref());
                let close = OpCode::Control(Control::Close);
                self.closing = Some(scan::frame(Direction::ToClient, close, &content));
            }
            (Action::Answer(status), _) => {
                self.say_farewell(None, Some(scan::response(*status)));
                self.down
                    .send(Piece::End, self.ruling(Direction::ToClient).delay);
            }
            (Action::DropFrame, Some((_, frames))) => frames.clear(),
            (Action::ReplaceFrame(with), Some((direction, frames))) => {
                let frame = scan::frame(direction, OpCode::Data(Data::Binary), with);
                frames.fill(frame);
            }
            (Action::DuplicateFrame, Some((_, frames))) => frames.extend_from_within(..),
            (Action::CutFrame, Some((direction, frames))) => {
                let half = frames.first().map(|frame| frame.slice(..frame.len() / 2));
                match direction {
                    Direction::ToServer => self.say_farewell(half, None),
                    Direction::ToClient => self.say_farewell(None, half),
                }
                self.down
                    .send(Piece::End, self.ruling(Direction::ToClient).delay);
            }
            // In force from now on, or about a frame where there is no frame.
            _ => {}
        }
    }

    /// The proxy ends the connection: the server hears that nothing more comes, and then nothing of either end matters.
    fn say_farewell(&mut self, to_server: Option<Bytes>, to_client: Option<Bytes>) {
        self.fate = Fate::Farewell;
        self.up.empty();
        self.down.drop_held();
        if let Some(bytes) = to_server {
            self.up
                .send(Piece::Bytes(bytes), self.ruling(Direction::ToServer).delay);
        }
        self.up
            .send(Piece::End, self.ruling(Direction::ToServer).delay);
        if let Some(bytes) = to_client {
            self.down
                .send(Piece::Bytes(bytes), self.ruling(Direction::ToClient).delay);
        }
    }

    fn pass(&mut self, direction: Direction, piece: Piece) {
        let ruling = self.ruling(direction);
        self.way_mut(direction).pass(piece, ruling);
    }

    fn ruling(&self, direction: Direction) -> Ruling {
        self.rules.borrow().ruling(self.number, direction)
    }

    fn connection(&self) -> Connection {
        Connection {
            number: self.number,
            opened: self.opened,
            is_socket: self.is_socket,
        }
    }

    fn way(&self, direction: Direction) -> &Way {
        match direction {
            Direction::ToServer => &self.up,
            Direction::ToClient => &self.down,
        }
    }

    fn way_mut(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::ToServer => &mut self.up,
            Direction::ToClient => &mut self.down,
        }
    }
}

fn ended(said: io::Result<()>) -> Ended {
    said.map_or(Ended::Gone, |()| Ended::Said)
}
