//! Sockets: what is waiting to be written to each, whether it is alive, and how it ends.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;

use super::{
    Core, Timer,
    codec::{self, Format, Outgoing},
    ids::SessionId,
    presence::Peer,
};
use crate::proto::PartyLayout;

/// How long a socket whose close frame is written stays open, for the peer's answer.
const CLOSE_ACK_WAIT: Duration = Duration::from_secs(2);

/// So many messages from the client count as a sign of life.
const MESSAGES_PER_SIGN_OF_LIFE: u32 = 20;

/// What came in on a socket.
#[derive(Clone, Debug)]
#[allow(unreachable_pub, reason = "`__testing` shows it")]
pub enum Incoming {
    /// A message in JSON.
    Text(Bytes),
    /// A message in protobuf.
    Binary(Bytes),
    /// The answer to a ping.
    Pong,
    /// A message above the limit. It was not read.
    TooLong,
    /// The connection has ended, with or without a close frame.
    Closed,
}

/// What is to be done next with a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(unreachable_pub, reason = "`__testing` shows it")]
pub enum Transmit {
    /// Write an envelope, in the format of the socket.
    Message(Bytes),
    /// Ask for a sign of life.
    Ping,
    /// Write a close frame.
    Close(CloseFrame),
    /// Give the connection up. The last one.
    Drop,
}

/// Code and reason, or an empty frame.
pub(in crate::local_server) type CloseFrame = Option<(u16, &'static str)>;

/// Why the server ends a socket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// The client sent something unusable; nothing more is read from it.
    BadInput(&'static str),
    /// No sign of life.
    Silent,
    /// A message above the limit.
    TooLong,
    /// The receiver does not keep up. What is queued for it is lost.
    QueueFull,
    /// The server does not want it any more.
    ServerSide,
    /// The same, on a request of the socket itself. The server waits for nothing then.
    ByItself,
}

impl Ending {
    /// The close frame: old servers leave it empty, mostly.
    fn close_frame(self, layout: PartyLayout) -> CloseFrame {
        let reason = match self {
            Self::TooLong => return Some((1009, "")),
            Self::BadInput(reason) => reason,
            Self::Silent => "i/o timeout",
            Self::QueueFull => "session outgoing queue full",
            Self::ServerSide | Self::ByItself => "server-side session disconnect",
        };
        (layout == PartyLayout::Current).then_some((1000, reason))
    }

    /// What happens after the close frame.
    fn linger(self, layout: PartyLayout) -> Linger {
        match (layout, self) {
            (PartyLayout::Before3_28, _) | (_, Self::TooLong) => Linger::No,
            (_, Self::BadInput(_) | Self::Silent | Self::ByItself) => Linger::Deaf,
            (_, Self::QueueFull | Self::ServerSide) => Linger::UntilAnswered,
        }
    }
}

/// Whether a connection stays open when its close frame is written. At most for [`CLOSE_ACK_WAIT`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Linger {
    No,
    /// Until the peer has answered with its own.
    UntilAnswered,
    /// For the whole time, listening to nothing.
    Deaf,
}

/// A socket.
struct Session {
    peer: Peer,
    format: Format,
    /// The language asked for in the handshake.
    lang: String,
    queue: VecDeque<Bytes>,
    ping_due: bool,
    /// The close frame that is still to be written.
    close_frame: Option<CloseFrame>,
    /// Set when the server has ended the socket.
    closing: Option<Linger>,
    messages_until_sign_of_life: u32,
}

/// All sockets.
#[derive(Default)]
pub(super) struct Sessions {
    by_id: HashMap<SessionId, Session>,
    woken: BTreeSet<SessionId>,
}

/// A receiver's queue is full.
pub(super) struct QueueFull;

impl Sessions {
    pub(super) fn open(&mut self, peer: Peer, format: Format, lang: String) {
        let session = Session {
            queue: VecDeque::new(),
            ping_due: false,
            close_frame: None,
            closing: None,
            messages_until_sign_of_life: MESSAGES_PER_SIGN_OF_LIFE,
            format,
            lang,
            peer,
        };
        self.by_id.insert(session.peer.session, session);
    }

    /// Who is behind an open socket.
    pub(super) fn peer(&self, id: SessionId) -> Option<&Peer> {
        let session = self.by_id.get(&id)?;
        session.closing.is_none().then_some(&session.peer)
    }

    /// Everybody with an open socket.
    #[cfg(feature = "__testing")]
    pub(super) fn open_peers(&self) -> impl Iterator<Item = &Peer> {
        let open = self.by_id.values().filter(|it| it.closing.is_none());
        open.map(|session| &session.peer)
    }

    /// The language that a socket was opened with, if it said so.
    pub(super) fn lang(&self, id: SessionId) -> Option<&str> {
        let session = self.by_id.get(&id)?;
        (!session.lang.is_empty()).then_some(&session.lang)
    }

    /// Queues a message for an open socket; for others it is dropped.
    pub(super) fn send(
        &mut self,
        id: SessionId,
        message: &mut Outgoing,
        limit: usize,
    ) -> Result<(), QueueFull> {
        let Some(session) = self.open_mut(id) else {
            return Ok(());
        };
        if session.queue.len() >= limit {
            return Err(QueueFull);
        }
        session.queue.push_back(message.frame(session.format));
        self.woken.insert(id);
        Ok(())
    }

    fn open_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.by_id
            .get_mut(&id)
            .filter(|session| session.closing.is_none())
    }
}

/// What the shell does with sockets.
impl Core {
    /// Takes the sockets that [`transmit`](Self::transmit) has something new for.
    pub(in crate::local_server) fn take_woken(&mut self) -> BTreeSet<SessionId> {
        std::mem::take(&mut self.sessions.woken)
    }

    /// What to do next with a socket, if anything. A message taken here does not count for the queue any more.
    pub(in crate::local_server) fn transmit(&mut self, id: SessionId) -> Option<Transmit> {
        let Some(session) = self.sessions.by_id.get_mut(&id) else {
            return Some(Transmit::Drop);
        };
        if let Some(message) = session.queue.pop_front() {
            return Some(Transmit::Message(message));
        }
        if let Some(frame) = session.close_frame.take() {
            if session.closing == Some(Linger::No) {
                self.finish(id);
            }
            return Some(Transmit::Close(frame));
        }
        std::mem::take(&mut session.ping_due).then_some(Transmit::Ping)
    }

    /// Whether messages wait to be written.
    pub(in crate::local_server) fn has_something_to_write(&self) -> bool {
        let mut sessions = self.sessions.by_id.values();
        sessions.any(|session| !session.queue.is_empty())
    }

    /// Whether a socket is to be given up even if something is still being written to it.
    pub(in crate::local_server) fn is_gone(&self, id: SessionId) -> bool {
        !self.sessions.by_id.contains_key(&id)
    }

    /// Takes what came in on a socket.
    pub(in crate::local_server) fn receive(
        &mut self,
        now: Duration,
        id: SessionId,
        incoming: Incoming,
    ) {
        self.advance(now);
        let Some(session) = self.sessions.by_id.get(&id) else {
            return;
        };
        match (session.closing, incoming) {
            (None, Incoming::Text(frame)) => self.receive_frame(id, Format::Json, frame),
            (None, Incoming::Binary(frame)) => self.receive_frame(id, Format::Protobuf, frame),
            (None, Incoming::Pong) => self.sign_of_life(id),
            (None, Incoming::TooLong) => self.end(id, Ending::TooLong),
            (None, Incoming::Closed) => {
                self.forget(id);
                self.finish(id);
            }
            (Some(Linger::UntilAnswered), Incoming::Closed) => self.finish(id),
            (Some(_), _) => {}
        }
        self.deliver_events();
    }

    fn receive_frame(&mut self, id: SessionId, format: Format, frame: Bytes) {
        let Some(session) = self.sessions.open_mut(id) else {
            return;
        };
        if session.format != format {
            let reason = "received unexpected WebSocket message type";
            return self.end(id, Ending::BadInput(reason));
        }
        session.messages_until_sign_of_life -= 1;
        if session.messages_until_sign_of_life == 0 {
            session.messages_until_sign_of_life = MESSAGES_PER_SIGN_OF_LIFE;
            self.sign_of_life(id);
        }
        match codec::decode(format, self.config.party_layout, frame) {
            Some(envelope) => self.answer_envelope(id, envelope),
            None => self.end(id, Ending::BadInput("received malformed payload")),
        }
    }
}

/// Life and death of a socket.
impl Core {
    /// Puts off the next ping and the death of a silent socket.
    pub(super) fn sign_of_life(&mut self, id: SessionId) {
        let now = self.clock.now();
        let later = |wait| now.saturating_add(wait);
        self.timers
            .set(Timer::Ping(id), later(self.config.ping_period));
        self.timers
            .set(Timer::Silence(id), later(self.config.pong_wait));
    }

    /// A ping is due. The next one comes only after a sign of life.
    pub(super) fn ping(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.open_mut(id) {
            session.ping_due = true;
            self.sessions.woken.insert(id);
        }
    }

    /// Ends a socket from this side.
    pub(super) fn end(&mut self, id: SessionId, ending: Ending) {
        let layout = self.config.party_layout;
        let Some(session) = self.sessions.open_mut(id) else {
            return;
        };
        log::debug!("session {id} ends: {ending:?}");
        session.close_frame = Some(ending.close_frame(layout));
        session.ping_due = false;
        if matches!(ending, Ending::QueueFull) {
            session.queue.clear();
        }
        session.closing = Some(ending.linger(layout));
        self.sessions.woken.insert(id);
        let at = self.clock.now() + CLOSE_ACK_WAIT;
        self.timers.set(Timer::Drop(id), at);
        self.forget(id);
    }

    /// Gives a connection up.
    pub(super) fn finish(&mut self, id: SessionId) {
        self.sessions.by_id.remove(&id);
        self.sessions.woken.insert(id);
        self.timers.cancel(Timer::Drop(id));
    }

    /// Takes a socket out of everything it was in.
    fn forget(&mut self, id: SessionId) {
        self.timers.cancel(Timer::Ping(id));
        self.timers.cancel(Timer::Silence(id));
        self.tracker.untrack_all(id);
        self.follows.unfollow_all(id);
        self.matchmaker.forget(id);
    }
}
