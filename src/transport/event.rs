//! What the network thread tells a game.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde::de::IgnoredAny;

use super::{
    address::BadAddress,
    command::{Epoch, RequestId},
    error::{DisconnectReason, Unreachable},
    wire::{
        decode::{MatchData, PartyData, StreamData},
        received::Received,
    },
};
use crate::proto::{Kind, PartyLayout};

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

/// An event, and the connection that was the game's when it happened.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) epoch: Epoch,
    pub(crate) event: LinkEvent,
}

/// What the network thread tells a game, in order.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// The socket is open.
    Opened,
    /// The socket is closed, or could not be opened. The last event of a connection; all its requests are answered.
    Closed(DisconnectReason),
    /// The socket is gone, and the link heals. All its requests are answered.
    Lost(DisconnectReason),
    /// The link waits before it tries to open a socket again.
    Waiting {
        /// Which try that will be, from 1. The loss of a socket that was open for a moment only goes on counting.
        attempt: u32,
        /// How long.
        wait: Duration,
        /// Why the try before failed, if there was one.
        reason: Option<DisconnectReason>,
    },
    /// The link tries to open a socket again, as soon as it has a token: [`LinkCommand::Reopen`].
    Due {
        /// Which try it is.
        attempt: u32,
        /// Whether the server has refused the last token.
        refused: bool,
    },
    /// The answer to a request. `late`: the request had been answered with [`Failure::Timeout`] before.
    Answer {
        /// Which request.
        id: RequestId,
        /// How it went.
        answer: Answer,
        /// Whether this is what came after the deadline.
        late: bool,
    },
    /// A request that had been answered with [`Failure::Timeout`] will have no late answer either.
    GivenUp {
        /// Which request.
        id: RequestId,
    },
    /// Something that the server sent by itself.
    Pushed(Pushed),
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
    /// The server sent a party: this is how it numbers the fields. Comes before the events of the party.
    PartyLayout(PartyLayout),
    /// A round trip was measured.
    RoundTrip(Duration),
    /// An envelope as it is, before the event it becomes. Only while tapped.
    Raw(Box<RawEnvelope>),
}

/// Something that the server sent by itself, and not as an answer.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// Match data.
    MatchData(MatchData),
    /// Party data.
    PartyData(PartyData),
    /// Stream data.
    StreamData(StreamData),
    /// Any other message.
    Message(Box<Received>),
}

impl Pushed {
    /// What kind of message it is.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::MatchData(_) => Kind::MatchData,
            Self::PartyData(_) => Kind::PartyData,
            Self::StreamData(_) => Kind::StreamData,
            Self::Message(received) => Kind::of(&received.message),
        }
    }

    /// Whether it is data of the game: frequent, and of no meaning to the plugin.
    pub(crate) fn is_data(&self) -> bool {
        !matches!(self, Self::Message(_))
    }

    /// How large it is, in bytes: about what it weighs in memory.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::MatchData(data) => data.data.len(),
            Self::PartyData(data) => data.data.len(),
            Self::StreamData(data) => data.data.len(),
            Self::Message(received) => received.message.encoded_len(),
        }
    }
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
        /// Whether it was sent, so that the server may have done it.
        was_sent: bool,
    },
    /// It waited to be sent for as long as its policy lets it.
    Expired {
        /// How long that is.
        after: Duration,
    },
    /// It could not be sent at once, and was not to wait.
    Dropped,
    /// It waited to be sent, and a newer one has taken its place.
    Replaced,
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
    /// Too much waits to be sent.
    QueueFull {
        /// How many messages wait.
        waiting: usize,
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
    /// Counts the connections that the game has asked for.
    pub(crate) link: u64,
}

impl LinkEvent {
    /// The answer to a request that has no other.
    pub(crate) fn failed(id: RequestId, failure: Failure) -> Self {
        Self::Answer {
            id,
            answer: Answer::Failed(failure),
            late: false,
        }
    }

    /// How many bytes this counts for while it waits for the game.
    pub(crate) fn weight(&self) -> usize {
        let payload = match self {
            Self::Pushed(pushed) => pushed.size(),
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
        matches!(self, Self::Pushed(pushed) if pushed.is_data())
    }
}
