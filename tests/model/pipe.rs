//! A connection between a game and the server: frames on their way, and what faults do to them.

use std::{collections::VecDeque, time::Duration};

use bevy_nakama::__testing::{LineSocket, SessionId};
use bytes::Bytes;
use http::Request;

use crate::common::schedule::Way;

/// On its way to the server.
pub(crate) enum Up {
    Handshake(Request<()>),
    Frame(Bytes),
    Pong,
    Closed,
}

/// On its way to the game.
pub(crate) enum Down {
    Opened,
    Refused(u16),
    Unreachable,
    Frame(Bytes),
    Ping,
    Close(u16, &'static str),
    Eof,
}

/// What is on its way in one direction, in order.
pub(crate) struct Lane<T> {
    queue: VecDeque<(Duration, T)>,
    /// Nothing arrives any more, and nobody hears of that.
    pub(crate) is_dead: bool,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            is_dead: false,
        }
    }
}

impl<T> Lane<T> {
    /// Sends something, which arrives then.
    pub(crate) fn send(&mut self, due: Duration, what: T) {
        if !self.is_dead {
            self.queue.push_back((due, what));
        }
    }

    /// What has arrived.
    pub(crate) fn arrived(&mut self, now: Duration) -> Option<(Duration, T)> {
        self.queue.pop_front_if(|(due, _)| *due <= now)
    }

    pub(crate) fn kill(&mut self) {
        self.is_dead = true;
        self.queue.clear();
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.queue.is_empty()
    }
}

/// A connection.
pub(crate) struct Pipe {
    pub(crate) socket: LineSocket,
    /// In which life of the server it was opened.
    pub(crate) life: u64,
    pub(crate) session: Option<SessionId>,
    /// The how manieth open socket of the game it is.
    pub(crate) link: u32,
    pub(crate) up: Lane<Up>,
    pub(crate) down: Lane<Down>,
    /// The game does not want it any more.
    pub(crate) is_closed: bool,
    /// The server is done with it.
    pub(crate) is_dropped: bool,
}

impl Pipe {
    pub(crate) fn new(socket: LineSocket) -> Self {
        Self {
            socket,
            life: 0,
            session: None,
            link: 0,
            up: Lane::default(),
            down: Lane::default(),
            is_closed: false,
            is_dropped: false,
        }
    }

    /// The game hears that it is gone, if it hears anything.
    pub(crate) fn reset(&mut self, now: Duration) {
        self.up.kill();
        if !self.down.is_dead {
            self.down.queue.clear();
            self.down.send(now, Down::Eof);
            self.down.is_dead = true;
        }
    }

    /// It is dead in this direction.
    pub(crate) fn half_open(&mut self, way: Way) {
        if way != Way::ToClient {
            self.up.kill();
        }
        if way != Way::ToServer {
            self.down.kill();
        }
    }
}

/// Until when nothing passes a line in each direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Held {
    pub(crate) up: Duration,
    pub(crate) down: Duration,
}

impl Held {
    pub(crate) fn hold(&mut self, way: Way, until: Duration) {
        if way != Way::ToClient {
            self.up = self.up.max(until);
        }
        if way != Way::ToServer {
            self.down = self.down.max(until);
        }
    }
}
