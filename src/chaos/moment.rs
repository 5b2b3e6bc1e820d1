//! When something goes wrong.

use std::{fmt, time::Duration};

use crate::proto::Kind;

/// A way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the game to the server.
    ToServer,
    /// From the server to the game.
    ToClient,
}

impl Direction {
    /// Both ways.
    pub const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ToServer => "to the server",
            Self::ToClient => "to the client",
        })
    }
}

/// Which frames of a socket a rule is about: binary WebSocket frames, each of which holds an envelope.
///
/// The proxy does not look into messages in JSON, or into messages that come in several pieces. Nakama and this crate do not split theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frames {
    pub(super) direction: Direction,
    pub(super) kind: Option<Kind>,
}

impl Frames {
    /// Frames of this kind from the server to the game.
    #[must_use]
    pub const fn to_client(kind: Kind) -> Self {
        Self {
            direction: Direction::ToClient,
            kind: Some(kind),
        }
    }

    /// Frames of this kind from the game to the server.
    #[must_use]
    pub const fn to_server(kind: Kind) -> Self {
        Self {
            direction: Direction::ToServer,
            kind: Some(kind),
        }
    }

    /// All frames on one way, also those that hold no envelope.
    #[must_use]
    pub const fn any(direction: Direction) -> Self {
        Self {
            direction,
            kind: None,
        }
    }

    pub(super) fn fits(&self, direction: Direction, kind: Option<Kind>) -> bool {
        self.direction == direction && (self.kind.is_none() || self.kind == kind)
    }
}

impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "`{kind}` {}", self.direction),
            None => write!(f, "any frame {}", self.direction),
        }
    }
}

/// Which HTTP requests a rule is about: calls over REST, and the request that opens a socket.
///
/// The proxy looks at the requests of a connection up to the first one with a body in chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    pub(super) path: String,
}

impl Requests {
    /// Requests whose path begins with this, like `/v2/account`. Sockets open at `/ws`.
    #[must_use]
    pub fn to(path: impl Into<String>) -> Self {
        Self { path: path.into() }
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a request to {}", self.path)
    }
}

/// The moment at which a [`Rule`](super::Rule) acts. Make it from [`Frames`] or [`Requests`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When(pub(super) Moment);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// When the rule is added, or when the connection is opened.
    Opened,
    /// So long after the connection was opened.
    OpenFor(Duration),
    Frame(Frames),
    Request(Requests),
}

impl From<Frames> for When {
    fn from(frames: Frames) -> Self {
        Self(Moment::Frame(frames))
    }
}

impl From<Requests> for When {
    fn from(requests: Requests) -> Self {
        Self(Moment::Request(requests))
    }
}
