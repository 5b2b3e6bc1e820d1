//! One way of one connection: what waits on it, and what is under way.

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf as _, Bytes};

use super::{
    log::{ChaosEventKind, Flow, Record},
    moment::Direction,
    rules::{LONGEST, Ruling},
    scan::Scanner,
};

/// With so many bytes under way or held, no more are read.
const LIMIT: usize = 16 * 1024 * 1024;

/// A queue with a delay, between a reader and a writer.
pub(super) struct Way {
    connection: u64,
    direction: Direction,
    record: Arc<Record>,
    pub(super) scanner: Scanner,
    flow: Flow,
    /// What waits at the beginning of the line.
    held: Vec<Piece>,
    /// What is under way, and when it arrives.
    under_way: VecDeque<(Instant, Piece)>,
    /// How many bytes are held or under way.
    queued: usize,
    /// The end was read.
    is_read: bool,
    ended: Option<Ended>,
}

#[derive(Clone)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// The sender says no more.
    End,
    /// The sender has reset the connection.
    Reset,
}

/// How a way has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The receiver knows that nothing more comes.
    Said,
    /// The receiver is gone. What it has said before may still be on its own way.
    Gone,
}

/// What this way has to do next.
pub(super) enum Next {
    Write(Bytes),
    /// Say that nothing more comes.
    End,
    Reset,
    /// Nothing before this time.
    Wait(Option<Instant>),
}

impl Way {
    pub(super) fn new(connection: u64, direction: Direction, record: Arc<Record>) -> Self {
        Self {
            connection,
            direction,
            record,
            scanner: Scanner::new(direction),
            flow: Flow::default(),
            held: Vec::new(),
            under_way: VecDeque::new(),
            queued: 0,
            is_read: false,
            ended: None,
        }
    }

    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    pub(super) fn ended(&self) -> Option<Ended> {
        self.ended
    }

    pub(super) fn end(&mut self, ended: Ended) {
        self.ended = Some(ended);
        self.empty();
    }

    /// Whether the sender says no more.
    pub(super) fn is_read(&self) -> bool {
        self.is_read
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.under_way.is_empty()
    }

    /// Whether there is room. With a receiver that does not read, the sender must feel it.
    pub(super) fn may_read(&self, next: &Next) -> bool {
        let is_due = matches!(next, Next::Write(_));
        !self.is_read && self.ended.is_none() && !is_due && self.queued < LIMIT
    }

    /// The end was read.
    pub(super) fn end_read(&mut self) {
        self.is_read = true;
    }

    /// So many bytes were read, and are where the rules want them.
    pub(super) fn read(&mut self, length: usize) {
        self.flow.received += length as u64;
        self.record.received(self.direction, length as u64);
    }

    /// What was read goes on, or waits.
    pub(super) fn pass(&mut self, piece: Piece, ruling: Ruling) {
        if !ruling.is_held {
            self.send(piece, ruling.delay);
            return;
        }
        if self.held.is_empty() {
            let direction = self.direction;
            self.record
                .add(self.connection, ChaosEventKind::Held { direction });
        }
        self.queued += piece.len();
        self.held.push(piece);
    }

    /// What was held up goes on, unless a rule still holds it.
    pub(super) fn release(&mut self, ruling: Ruling) {
        if ruling.is_held || self.held.is_empty() {
            return;
        }
        let mut bytes = 0;
        for piece in std::mem::take(&mut self.held) {
            bytes += piece.len();
            self.queued -= piece.len();
            self.send(piece, ruling.delay);
        }
        let direction = self.direction;
        let bytes = bytes as u64;
        self.record.add(
            self.connection,
            ChaosEventKind::Released { direction, bytes },
        );
    }

    /// Sends it on its way. It arrives after what left before, even if its own time is earlier.
    pub(super) fn send(&mut self, piece: Piece, delay: Duration) {
        self.queued += piece.len();
        let at = Instant::now() + delay.min(LONGEST);
        self.under_way.push_back((at, piece));
    }

    /// What waits does not leave.
    pub(super) fn drop_held(&mut self) {
        let held: usize = self.held.drain(..).map(|piece| piece.len()).sum();
        self.queued -= held;
    }

    /// Nothing of it arrives.
    pub(super) fn empty(&mut self) {
        self.held.clear();
        self.under_way.clear();
        self.queued = 0;
    }

    pub(super) fn next(&self) -> Next {
        match self.under_way.front() {
            None => Next::Wait(None),
            Some((at, _)) if *at > Instant::now() => Next::Wait(Some(*at)),
            Some((_, Piece::Bytes(bytes))) => Next::Write(bytes.clone()),
            Some((_, Piece::End)) => Next::End,
            Some((_, Piece::Reset)) => Next::Reset,
        }
    }

    /// So many bytes have arrived, or the receiver is gone.
    pub(super) fn written(&mut self, written: io::Result<usize>) {
        let Ok(length) = written else {
            self.end(Ended::Gone);
            return;
        };
        self.flow.delivered += length as u64;
        self.record.delivered(self.direction, length as u64);
        self.queued -= length;
        if let Some((_, Piece::Bytes(bytes))) = self.under_way.front_mut() {
            bytes.advance(length);
            if bytes.is_empty() {
                self.under_way.pop_front();
            }
        }
    }
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::End | Self::Reset => 0,
        }
    }
}

impl Next {
    pub(super) fn is_write(&self) -> bool {
        matches!(self, Self::Write(_))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Write(bytes) => bytes,
            _ => &[],
        }
    }

    pub(super) fn time(&self) -> Option<Instant> {
        match self {
            Self::Wait(time) => *time,
            _ => None,
        }
    }
}
