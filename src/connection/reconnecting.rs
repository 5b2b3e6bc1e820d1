//! What is known of a connection that was lost and comes back, to look at.

use std::{collections::VecDeque, time::Duration};

use bevy_reflect::{Reflect, impl_reflect_opaque};

use crate::transport::DisconnectReason;

/// How far a lost connection has come on its way back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::connection"]
#[non_exhaustive]
pub enum ReconnectStep {
    /// It waits for the next try.
    Waiting,
    /// It gets new tokens for the session.
    Refreshing,
    /// It waits until the same user has logged in, see [`LoginNeeded`](super::LoginNeeded).
    LoginNeeded,
    /// The socket is being opened.
    Opening,
    /// The socket is open, and the local user enters again what they were in.
    Reentering,
}

/// A connection that was lost and is to come back, see [`NakamaConnection::reconnecting`](super::NakamaConnection::reconnecting).
#[derive(Clone, Debug, Reflect)]
#[type_path = "bevy_nakama::connection"]
pub struct Reconnecting {
    pub(super) since: Duration,
    #[reflect(skip_serializing, default = "unknown")]
    pub(super) cause: DisconnectReason,
    pub(super) step: ReconnectStep,
    pub(super) attempt: u32,
    pub(super) next_try: Option<Duration>,
    #[reflect(skip_serializing, default)]
    pub(super) last_failure: Option<DisconnectReason>,
    /// When the socket was opened again.
    pub(super) reopened: Duration,
    /// Whether the session got new tokens for the try that is under way. If the server refuses those, too, newer ones do not help.
    #[reflect(ignore)]
    pub(super) has_renewed: bool,
    /// Whether the game was told that a login is needed, for the try that is under way. If that does not help, it waits before it says so again.
    #[reflect(ignore)]
    pub(super) has_asked: bool,
}

/// How long the connection was away last time.
#[derive(Clone, Copy, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::connection"]
pub(crate) struct Outage {
    /// How long the server had been silent when the connection was given up.
    pub(crate) noticed_after: Duration,
    /// From the loss until the connection was back.
    pub(crate) away: Duration,
    /// From the open socket until the connection was back.
    pub(crate) reentry: Duration,
}

pub(super) fn unknown() -> DisconnectReason {
    DisconnectReason::Requested
}

impl Reconnecting {
    pub(super) fn new(since: Duration, cause: DisconnectReason) -> Self {
        Self {
            since,
            cause,
            step: ReconnectStep::Waiting,
            attempt: 0,
            next_try: None,
            last_failure: None,
            reopened: Duration::ZERO,
            has_renewed: false,
            has_asked: false,
        }
    }

    /// Since when, in time since the app's start (`Time<Real>`).
    #[must_use]
    pub fn since(&self) -> Duration {
        self.since
    }

    /// Why the connection was lost, or why the first try failed.
    #[must_use]
    pub fn cause(&self) -> &DisconnectReason {
        &self.cause
    }

    /// What it is doing.
    #[must_use]
    pub fn step(&self) -> ReconnectStep {
        self.step
    }

    /// The number of the try that is under way or comes next. The first one is 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the next try is, in time since the app's start (`Time<Real>`). `None` unless it is [`Waiting`](ReconnectStep::Waiting).
    #[must_use]
    pub fn next_try(&self) -> Option<Duration> {
        self.next_try
    }

    /// Why the last try failed.
    #[must_use]
    pub fn last_failure(&self) -> Option<&DisconnectReason> {
        self.last_failure.as_ref()
    }
}

/// Something that happened to the connection, see [`NakamaConnection::history`](super::NakamaConnection::history).
#[derive(Clone, Debug, Reflect)]
#[type_path = "bevy_nakama::connection"]
pub struct Transition {
    /// When, in time since the app's start (`Time<Real>`).
    pub at: Duration,
    /// What.
    pub what: TransitionKind,
}

/// What happened to the connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TransitionKind {
    /// Your game asked for a connection.
    Connecting,
    /// The socket was open, for the first time.
    Connected,
    /// The connection was lost.
    Lost(DisconnectReason),
    /// A try to open the socket again failed.
    TryFailed {
        /// Its number.
        attempt: u32,
        /// Why.
        reason: DisconnectReason,
    },
    /// The server wanted a login, see [`LoginNeeded`](super::LoginNeeded).
    LoginNeeded(DisconnectReason),
    /// The socket was open again.
    Reopened {
        /// Which try that was.
        attempt: u32,
    },
    /// The local user was back in everything that could be entered again.
    Resumed {
        /// How long the connection was away.
        away: Duration,
    },
    /// The connection ended.
    Disconnected(DisconnectReason),
}

impl_reflect_opaque!((in bevy_nakama::connection) TransitionKind(Clone, Debug));

/// How many transitions are remembered.
const HISTORY: usize = 64;

/// The last transitions, oldest first.
#[derive(Clone, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::connection"]
pub(super) struct History(pub(super) VecDeque<Transition>);

impl History {
    pub(super) fn add(&mut self, at: Duration, what: TransitionKind) {
        if self.0.len() == HISTORY {
            self.0.pop_front();
        }
        self.0.push_back(Transition { at, what });
    }
}
