//! The boundary between a game and the network thread: what crosses it, and the two ends.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use crossbeam_channel::{Receiver, TryRecvError};
use serde::de::IgnoredAny;

use super::{
    address::{NakamaServer, Secret},
    decode::{MatchData, PartyData, StreamData},
    encode::OutgoingMatchData,
    error::{BadAddress, DisconnectReason, TransportError, Unreachable},
    received::Received,
};
use crate::proto::{Kind, Message, PartyLayout};

/// Names a request from the moment it is made; its `cid` on the wire.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Ticket(pub(crate) u64);

/// What a game tells the network thread.
#[derive(Debug)]
pub(crate) enum LinkCommand {
    /// Open a socket; one that is open is closed first. Ends in [`LinkEvent::Opened`] or [`LinkEvent::Closed`].
    Connect(Box<ConnectPlan>),
    /// Send what is queued, then close the socket.
    Disconnect,
    /// Send a message and expect an answer: exactly one [`LinkEvent::Answer`].
    Request {
        /// Names the answer.
        ticket: Ticket,
        /// What to send.
        message: Box<Message>,
        /// How long to wait for the answer.
        timeout: Duration,
    },
    /// Make a REST call: exactly one [`LinkEvent::Answer`]. Needs no socket.
    Rest {
        /// Names the answer.
        ticket: Ticket,
        /// What to call.
        call: Box<RestCall>,
        /// How long to wait for the answer.
        timeout: Duration,
    },
    /// Send match data. Nothing comes back, but for a [`LinkEvent::SendFailed`] with the same `origin`.
    Send {
        /// Whatever the game likes.
        origin: u64,
        /// What to send.
        data: OutgoingMatchData,
    },
    /// Whether every envelope is also reported raw.
    Tap(bool),
}

/// Which socket to open.
#[derive(Clone, Debug)]
pub(crate) struct ConnectPlan {
    /// Where.
    pub(crate) server: NakamaServer,
    /// The session token.
    pub(crate) token: Secret,
    /// Whether followers see the user as online.
    pub(crate) appear_online: bool,
    /// Language tag, like `en`.
    pub(crate) lang: String,
}

/// A REST call.
#[derive(Clone)]
pub(crate) struct RestCall {
    /// Where.
    pub(crate) server: NakamaServer,
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub(crate) method: &'static str,
    /// Path and query, percent-encoded, from the slash on.
    pub(crate) target: String,
    /// How the call shows who it is.
    pub(crate) auth: Auth,
    /// A JSON text, or nothing.
    pub(crate) body: Option<String>,
}

impl fmt::Debug for RestCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies hold passwords and tokens, and queries may.
        let path = self.target.split('?').next().unwrap_or_default();
        f.debug_struct("RestCall")
            .field("method", &self.method)
            .field("path", &path)
            .finish_non_exhaustive()
    }
}

/// How a REST call shows who it is.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    /// The server key, for logins.
    ServerKey,
    /// The HTTP key, for calls of functions without a user.
    HttpKey(Secret),
    /// A session token.
    Bearer(Secret),
}

/// A REST answer, whatever its status.
#[derive(Clone, Debug)]
pub(crate) struct RestResponse {
    /// HTTP status.
    pub(crate) status: u16,
    /// The body, JSON as a rule.
    pub(crate) body: Bytes,
}

impl RestResponse {
    /// Whether the server did what it was asked.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a function of the game failed: there, `error` is an object. In errors of the server itself it is a text, if it
    /// is there.
    pub(crate) fn is_error_of_function(&self) -> bool {
        #[derive(serde::Deserialize)]
        struct Body {
            #[serde(rename = "error")]
            _error: BTreeMap<String, IgnoredAny>,
        }
        serde_json::from_slice::<Body>(&self.body).is_ok()
    }
}

/// What the network thread tells a game, in order.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// The socket is open.
    Opened,
    /// There is no socket any more, or none came about. The last event of a connection; all its requests are answered.
    Closed(DisconnectReason),
    /// The answer to a request. `late`: the request had been answered with [`Failure::Timeout`] before.
    Answer {
        /// Which request.
        ticket: Ticket,
        /// How it went.
        answer: Answer,
        /// Whether this is what came after the deadline.
        late: bool,
    },
    /// A request that had been answered with [`Failure::Timeout`] will have no late answer either.
    GivenUp {
        /// Which request.
        ticket: Ticket,
    },
    /// Match data.
    MatchData(MatchData),
    /// Party data.
    PartyData(PartyData),
    /// Stream data.
    StreamData(StreamData),
    /// Any other message that the server sent by itself.
    Pushed(Box<Received>),
    /// So many data messages were left out here, because the game did not read for too long.
    Dropped {
        /// How many.
        count: u64,
    },
    /// Data could not be sent.
    SendFailed {
        /// As in [`LinkCommand::Send`].
        origin: u64,
        /// Its op code.
        op_code: i64,
        /// Why.
        reason: Failure,
    },
    /// The server sent a party: how it numbers its fields. Comes before what is told of the party.
    PartyLayout(PartyLayout),
    /// A round trip was measured.
    RoundTrip(Duration),
    /// An envelope as it is, before the event it becomes. Only while tapped.
    Raw(Box<RawEnvelope>),
}

/// How a request went.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The server's message; `None` is the plain acknowledgement.
    Message(Option<Box<Received>>),
    /// The server's REST answer.
    Rest(RestResponse),
    /// No answer.
    Failed(Failure),
}

/// Why a request has no answer.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Nothing came in time.
    Timeout {
        /// The deadline.
        after: Duration,
    },
    /// There was no socket to send it over.
    NotConnected,
    /// The socket went while it was under way.
    ConnectionLost {
        /// Whether it had been sent, so that the server may have done it.
        maybe_executed: bool,
    },
    /// The server would have closed the socket.
    TooLarge {
        /// Encoded size, in bytes.
        size: usize,
        /// What the server accepts.
        limit: usize,
    },
    /// More is waiting to be sent than the queue holds.
    QueueFull {
        /// The size of the queue.
        limit: usize,
    },
    /// The call goes nowhere.
    BadAddress(BadAddress),
    /// The REST interface could not be reached.
    Unreachable(Unreachable),
}

/// Which way an envelope went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    /// From the server.
    Received,
    /// To the server.
    Sent,
}

/// An envelope as it was on the wire.
#[derive(Clone, Debug)]
pub(crate) struct RawEnvelope {
    /// When the network thread read it, or handed it to the socket.
    pub(crate) at: Instant,
    /// Which way.
    pub(crate) direction: Direction,
    /// What it carries; `None` is the plain acknowledgement, or a kind that this crate does not know.
    pub(crate) kind: Option<Kind>,
    /// Ties a request to its answer; empty if pushed.
    pub(crate) cid: String,
    /// The encoded envelope.
    pub(crate) frame: Bytes,
    /// Counts the connections of this link.
    pub(crate) link: u64,
}

/// The rules of one link.
#[derive(Clone, Debug)]
pub(crate) struct LinkSettings {
    /// How long a socket may take to open, looking up the name included.
    pub(crate) connect_timeout: Duration,
    /// The largest envelope that the server accepts, in bytes (`socket.max_message_size_bytes`).
    pub(crate) max_envelope: usize,
    /// How many bytes may wait for the game before data messages are left out. Above twice that the link ends.
    pub(crate) hand_over_limit: usize,
    /// How many messages may wait to be sent.
    pub(crate) send_queue: usize,
    /// How long a disconnect may go on sending what is queued.
    pub(crate) drain_timeout: Duration,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            max_envelope: 4096,
            hand_over_limit: 64 * 1024 * 1024,
            send_queue: 4096,
            drain_timeout: Duration::from_millis(250),
        }
    }
}

/// Counters of one link, since it was made. Written by the network thread.
#[derive(Debug, Default)]
pub(crate) struct LinkStats {
    /// Envelopes received.
    pub(crate) frames_in: AtomicU64,
    /// Their bytes, without WebSocket framing.
    pub(crate) bytes_in: AtomicU64,
    /// Envelopes sent.
    pub(crate) frames_out: AtomicU64,
    /// Their bytes, without WebSocket framing.
    pub(crate) bytes_out: AtomicU64,
    /// Answers to nothing: unknown `cid`, or answered already.
    pub(crate) strays: AtomicU64,
    /// Messages waiting to be sent.
    pub(crate) queued_out: AtomicUsize,
    /// Bytes waiting for the game.
    pub(crate) waiting: AtomicUsize,
}

/// [`LinkStats`], read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TrafficTotals {
    pub(crate) frames_in: u64,
    pub(crate) bytes_in: u64,
    pub(crate) frames_out: u64,
    pub(crate) bytes_out: u64,
    pub(crate) strays: u64,
    pub(crate) queued_out: usize,
    pub(crate) waiting_bytes: usize,
}

/// One hand-over's worth of events, and what they weigh.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<LinkEvent>,
    pub(crate) weight: usize,
}

/// Takes a link's commands to whoever drives it: the network thread, or a test.
pub(crate) trait Driver: Send + Sync {
    /// Must not block.
    fn hand_over(&self, commands: Vec<LinkCommand>);
}

/// The game's end.
pub(crate) struct Link {
    /// `None` if the thread never started.
    driver: Option<Box<dyn Driver>>,
    events: Receiver<Batch>,
    stats: Arc<LinkStats>,
    staged: Vec<LinkCommand>,
    /// The rest of the batch that is being read.
    current: VecDeque<LinkEvent>,
    /// How many more batches may be taken in this frame.
    batches_left: usize,
    is_dead: bool,
}

impl Link {
    pub(crate) fn new(
        driver: Box<dyn Driver>,
        events: Receiver<Batch>,
        stats: Arc<LinkStats>,
    ) -> Self {
        Self {
            driver: Some(driver),
            events,
            stats,
            staged: Vec::new(),
            current: VecDeque::new(),
            batches_left: 0,
            is_dead: false,
        }
    }

    /// A link without a thread, for when there is none to be had: it refuses everything.
    pub(crate) fn dead() -> Self {
        let (_, events) = crossbeam_channel::bounded(0);
        Self {
            driver: None,
            events,
            stats: Arc::default(),
            staged: Vec::new(),
            current: VecDeque::new(),
            batches_left: 0,
            is_dead: true,
        }
    }

    /// Whether the thread is gone, and everything that there was to say about it has been read.
    pub(crate) fn is_over(&self) -> bool {
        self.is_dead && self.staged.is_empty() && self.current.is_empty()
    }

    /// How many connections are put aside.
    pub(crate) fn staged_connects(&self) -> usize {
        let is_connect = |it: &&LinkCommand| matches!(it, LinkCommand::Connect(_));
        self.staged.iter().filter(is_connect).count()
    }

    /// Whether a connection was asked for since the thread ended, which is for a new thread once everything that there was to say
    /// about this one has been read. A link that never had a thread refuses it instead.
    fn has_work_for_the_next(&self) -> bool {
        self.is_dead && self.driver.is_some() && self.staged_connects() > 0
    }

    /// What is put aside for a new thread, if this one is gone and everything that there was to say about it has been read.
    pub(crate) fn take_work_for_the_next(&mut self) -> Option<Vec<LinkCommand>> {
        let is_time = self.has_work_for_the_next() && self.current.is_empty();
        is_time.then(|| std::mem::take(&mut self.staged))
    }

    /// Puts a command aside until [`hand_over`](Self::hand_over).
    pub(crate) fn stage(&mut self, command: LinkCommand) {
        self.staged.push(command);
    }

    /// Takes back the requests over the socket that are put aside, up to the first new connection.
    pub(crate) fn take_unsent(&mut self) -> Vec<Ticket> {
        let mut is_old = true;
        let mut unsent = Vec::new();
        self.staged.retain(|command| {
            is_old &= !matches!(command, LinkCommand::Connect(_));
            match command {
                LinkCommand::Request { ticket, .. } if is_old => unsent.push(*ticket),
                _ => return true,
            }
            false
        });
        unsent
    }

    /// What is put aside; the link ends.
    pub(crate) fn into_staged(self) -> Vec<LinkCommand> {
        self.staged
    }

    /// Gives everything staged to the network thread and wakes it. Never blocks.
    pub(crate) fn hand_over(&mut self) {
        match &self.driver {
            _ if self.staged.is_empty() || self.has_work_for_the_next() => {}
            Some(driver) if !self.is_dead => {
                let room = self.staged.len();
                driver.hand_over(std::mem::replace(
                    &mut self.staged,
                    Vec::with_capacity(room),
                ));
            }
            _ => self
                .current
                .extend(self.staged.drain(..).filter_map(refuse)),
        }
    }

    /// Marks what has arrived until now as this frame's.
    pub(crate) fn begin_frame(&mut self) {
        self.batches_left = self.events.len();
        // So that a thread that is gone is noticed although nothing arrived.
        self.batches_left = self.batches_left.max(1);
    }

    /// The next of this frame's events. Never blocks.
    pub(crate) fn next_event(&mut self) -> Option<LinkEvent> {
        loop {
            if let Some(event) = self.current.pop_front() {
                return Some(event);
            }
            self.batches_left = self.batches_left.checked_sub(1)?;
            match self.events.try_recv() {
                Ok(batch) => {
                    self.stats
                        .waiting
                        .fetch_sub(batch.weight, Ordering::Relaxed);
                    self.current = batch.events.into();
                }
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) if self.is_dead => return None,
                Err(TryRecvError::Disconnected) => {
                    self.is_dead = true;
                    // One end for all connections, after the answers to what had not left.
                    let unsent = self.staged.drain(..);
                    let unsent = unsent.filter(|it| !matches!(it, LinkCommand::Connect(_)));
                    self.current.extend(unsent.filter_map(refuse));
                    let end = LinkEvent::Closed(DisconnectReason::NetworkThread);
                    self.current.push_back(end);
                }
            }
        }
    }

    /// The link's counters, as they stand.
    pub(crate) fn totals(&self) -> TrafficTotals {
        let LinkStats {
            frames_in,
            bytes_in,
            frames_out,
            bytes_out,
            strays,
            queued_out,
            waiting,
        } = &*self.stats;
        TrafficTotals {
            frames_in: frames_in.load(Ordering::Relaxed),
            bytes_in: bytes_in.load(Ordering::Relaxed),
            frames_out: frames_out.load(Ordering::Relaxed),
            bytes_out: bytes_out.load(Ordering::Relaxed),
            strays: strays.load(Ordering::Relaxed),
            queued_out: queued_out.load(Ordering::Relaxed),
            waiting_bytes: waiting.load(Ordering::Relaxed),
        }
    }
}

/// What a thread that is gone says to a command.
fn refuse(command: LinkCommand) -> Option<LinkEvent> {
    Some(match command {
        LinkCommand::Connect(_) => LinkEvent::Closed(DisconnectReason::NetworkThread),
        LinkCommand::Request { ticket, .. } => LinkEvent::Answer {
            ticket,
            answer: Answer::Failed(Failure::NotConnected),
            late: false,
        },
        LinkCommand::Rest { ticket, call, .. } => LinkEvent::Answer {
            ticket,
            answer: Answer::Failed(Failure::Unreachable(
                TransportError::NetworkThread.at(&call.server),
            )),
            late: false,
        },
        LinkCommand::Send { origin, data } => LinkEvent::SendFailed {
            origin,
            op_code: data.op_code,
            reason: Failure::NotConnected,
        },
        LinkCommand::Disconnect | LinkCommand::Tap(_) => return None,
    })
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl LinkEvent {
    /// How many bytes this counts for while it waits for the game.
    pub(crate) fn weight(&self) -> usize {
        let payload = match self {
            Self::MatchData(data) => data.data.len(),
            Self::PartyData(data) => data.data.len(),
            Self::StreamData(data) => data.data.len(),
            Self::Pushed(received) => received.message.encoded_len(),
            Self::Answer {
                answer: Answer::Message(Some(received)),
                ..
            } => received.message.encoded_len(),
            Self::Answer {
                answer: Answer::Rest(response),
                ..
            } => response.body.len(),
            Self::Raw(raw) => raw.frame.len() + raw.cid.len(),
            _ => 0,
        };
        size_of::<Self>() + payload
    }

    /// Whether this may be left out when too much is waiting.
    pub(crate) fn is_data(&self) -> bool {
        matches!(
            self,
            Self::MatchData(_) | Self::PartyData(_) | Self::StreamData(_)
        )
    }
}
