//! One way of one connection.

use std::{collections::VecDeque, mem, sync::Arc, time::Duration};

use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::tcp::{ReadHalf, WriteHalf},
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    ChaosEventKind, Direction, Flow,
    log::Record,
    rule::{Rules, Ruling},
};

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// With so many bytes under way or held, no more are read.
const LIMIT: u64 = 16 * 1024 * 1024;

/// The longest delay: a year. Clocks cannot count to the end of time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Carries bytes from one socket to the other, as the rules say.
pub(super) struct Pipe {
    connection: u64,
    direction: Direction,
    rules: watch::Receiver<Rules>,
    record: Arc<Record>,
    flow: Flow,
    /// What waits at the beginning of the line.
    held: Vec<Piece>,
    /// What is under way, and when it arrives.
    under_way: VecDeque<(Instant, Piece)>,
    /// The end was read.
    is_read: bool,
}

#[derive(Clone)]
enum Piece {
    Bytes(Bytes),
    /// The sender says no more.
    End,
    /// The sender has reset the connection.
    Reset,
}

/// How a way ends.
pub(super) enum End {
    /// The receiver knows that nothing more comes.
    Said,
    /// The receiver is gone. What it has said before may still be on its own way.
    Gone,
}

/// The sender has reset the connection, and it is time for the receiver to know that. Nobody is left for whom the other way matters.
pub(super) struct Reset;

impl Pipe {
    pub(super) fn new(
        connection: u64,
        direction: Direction,
        rules: watch::Receiver<Rules>,
        record: Arc<Record>,
    ) -> Self {
        Self {
            connection,
            direction,
            rules,
            record,
            flow: Flow::default(),
            held: Vec::new(),
            under_way: VecDeque::new(),
            is_read: false,
        }
    }

    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    /// Carries everything, up to the end.
    pub(super) async fn run(
        &mut self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> Result<End, Reset> {
        let mut buffer = vec![0; CHUNK];
        loop {
            self.release();
            let next = self.under_way.front().cloned();
            let is_due = next.as_ref().is_some_and(|(at, _)| *at <= Instant::now());
            // With a receiver that does not read, the sender must feel it.
            let may_read =
                !self.is_read && !is_due && self.flow.received - self.flow.delivered < LIMIT;
            let (at, bytes) = match next {
                Some((_, Piece::End)) if is_due => {
                    let said = to.shutdown().await;
                    return Ok(said.map_or(End::Gone, |()| End::Said));
                }
                Some((_, Piece::Reset)) if is_due => return Err(Reset),
                Some((at, Piece::Bytes(bytes))) if is_due => (Some(at), bytes),
                Some((at, _)) => (Some(at), Bytes::new()),
                None => (None, Bytes::new()),
            };
            tokio::select! {
                biased;
                changed = self.rules.changed() => {
                    if changed.is_err() {
                        return Err(Reset);
                    }
                }
                written = to.write(&bytes), if is_due => match written {
                    Ok(written) => self.written(written),
                    Err(_) => return Ok(End::Gone),
                },
                () = sleep_until(at.unwrap_or_else(Instant::now)), if at.is_some() && !is_due => {}
                read = from.read(&mut buffer), if may_read => match read {
                    Ok(0) => self.take(Piece::End),
                    Ok(length) => self.take(Piece::Bytes(Bytes::copy_from_slice(&buffer[..length]))),
                    Err(_) => self.take(Piece::Reset),
                },
            }
        }
    }

    /// Takes what was read, under the rules of this moment.
    fn take(&mut self, piece: Piece) {
        let ruling = self.release();
        if let Piece::Bytes(bytes) = &piece {
            let bytes = bytes.len() as u64;
            self.flow.received += bytes;
            self.record.received(self.direction, bytes);
        } else {
            self.is_read = true;
        }
        if !ruling.is_held {
            self.send(piece, ruling.delay);
            return;
        }
        if self.held.is_empty() {
            let direction = self.direction;
            self.record
                .add(self.connection, ChaosEventKind::Held { direction });
        }
        self.held.push(piece);
    }

    /// What was held up goes on, unless a rule still holds it. Returns what the rules say now.
    fn release(&mut self) -> Ruling {
        let rules = self.rules.borrow_and_update();
        let ruling = rules.ruling(self.connection, self.direction);
        drop(rules);
        if !ruling.is_held && !self.held.is_empty() {
            let mut bytes = 0;
            for piece in mem::take(&mut self.held) {
                if let Piece::Bytes(piece) = &piece {
                    bytes += piece.len() as u64;
                }
                self.send(piece, ruling.delay);
            }
            let direction = self.direction;
            self.record.add(
                self.connection,
                ChaosEventKind::Released { direction, bytes },
            );
        }
        ruling
    }

    /// Sends it on its way. It arrives after what left before, even if its own time is earlier.
    fn send(&mut self, piece: Piece, delay: Duration) {
        let at = Instant::now() + delay.min(LONGEST);
        self.under_way.push_back((at, piece));
    }

    /// So many bytes have arrived.
    fn written(&mut self, length: usize) {
        self.flow.delivered += length as u64;
        self.record.delivered(self.direction, length as u64);
        if let Some((_, Piece::Bytes(bytes))) = self.under_way.front_mut() {
            bytes.advance(length);
            if bytes.is_empty() {
                self.under_way.pop_front();
            }
        }
    }
}
