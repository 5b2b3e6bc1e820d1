//! What the proxy did, to assert on.

use std::{
    collections::VecDeque,
    fmt, io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    moment::Direction,
    rule::{Rule, RuleId},
};

/// How many events are remembered.
const MEMORY: usize = 10_000;

/// What a proxy has done since it was started.
#[derive(Clone, Debug)]
pub struct ChaosLog {
    start: Instant,
    events: VecDeque<ChaosEvent>,
    open: usize,
    is_listening: bool,
    to_server: Flow,
    to_client: Flow,
}

impl ChaosLog {
    /// What has happened, in order. The proxy remembers the last 10,000 events.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &ChaosEvent> + ExactSizeIterator {
        self.events.iter()
    }

    /// The bytes of all connections, also of those that have ended.
    #[must_use]
    pub fn flow(&self, direction: Direction) -> Flow {
        match direction {
            Direction::ToServer => self.to_server,
            Direction::ToClient => self.to_client,
        }
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.open
    }

    /// How often a rule has acted.
    #[must_use]
    pub fn acts(&self, rule: RuleId) -> usize {
        let is_act = |event: &&ChaosEvent| matches!(event.kind, ChaosEventKind::Acted { id, .. } if id == rule);
        self.events.iter().filter(is_act).count()
    }

    pub(super) fn is_listening(&self) -> bool {
        self.is_listening
    }

    fn add(&mut self, connection: u64, kind: ChaosEventKind) {
        match kind {
            ChaosEventKind::Opened => self.open += 1,
            ChaosEventKind::Closed { .. } | ChaosEventKind::Unreachable { .. } => self.open -= 1,
            ChaosEventKind::Listening => self.is_listening = true,
            ChaosEventKind::StoppedListening => self.is_listening = false,
            ChaosEventKind::Acted { .. }
            | ChaosEventKind::Held { .. }
            | ChaosEventKind::Released { .. } => {}
        }
        if self.events.len() == MEMORY {
            self.events.pop_front();
        }
        self.events.push_back(ChaosEvent {
            at: Instant::now(),
            connection,
            kind,
        });
    }

    fn flow_mut(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

/// A line for each event, with the seconds since the start.
impl fmt::Display for ChaosLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.events {
            let seconds = event.at.duration_since(self.start).as_secs_f64();
            match event.connection {
                0 => writeln!(f, "{seconds:9.3} {}", event.kind)?,
                number => writeln!(f, "{seconds:9.3} #{number} {}", event.kind)?,
            }
        }
        let (to_server, to_client) = (self.to_server, self.to_client);
        let open = self.open;
        write!(
            f,
            "{open} open; to the server: {to_server}; to the client: {to_client}"
        )
    }
}

/// How many bytes went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flow {
    /// Bytes that the proxy has read.
    pub received: u64,
    /// Bytes that it has passed on.
    pub delivered: u64,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.delivered, self.received)
    }
}

/// An event in the [log](ChaosLog) of a proxy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChaosEvent {
    /// When it happened.
    pub at: Instant,
    /// The number of the connection. The first one is 1; 0 stands for the proxy as a whole.
    pub connection: u64,
    /// What happened.
    pub kind: ChaosEventKind,
}

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChaosEventKind {
    /// A client has connected.
    Opened,
    /// The proxy cannot reach the server. The connection is over.
    Unreachable {
        /// Why.
        error: io::ErrorKind,
    },
    /// A rule acts. A rule that holds or delays a line does so when that begins.
    Acted {
        /// Its name.
        id: RuleId,
        /// What it does.
        rule: Rule,
    },
    /// A [`Rule::hold`] holds something up now. A held line on which nobody sends has no such event.
    Held {
        /// On which way.
        direction: Direction,
    },
    /// What was held up goes on.
    Released {
        /// On which way.
        direction: Direction,
        /// How many bytes it is.
        bytes: u64,
    },
    /// From now on, the proxy refuses connections, as if nobody listened.
    StoppedListening,
    /// The proxy accepts connections again.
    Listening,
    /// The connection is over, on both ways.
    Closed {
        /// The bytes that it brought to the server.
        to_server: Flow,
        /// The bytes that it brought to the client.
        to_client: Flow,
    },
}

impl fmt::Display for ChaosEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => write!(f, "opened"),
            Self::Unreachable { error } => write!(f, "the server cannot be reached: {error}"),
            Self::Acted { rule, .. } => write!(f, "{rule}"),
            Self::Held { direction } => write!(f, "held {direction}"),
            Self::Released { direction, bytes } => {
                write!(f, "released {direction}: {bytes} bytes")
            }
            Self::StoppedListening => write!(f, "does not listen"),
            Self::Listening => write!(f, "listens again"),
            Self::Closed {
                to_server,
                to_client,
            } => write!(
                f,
                "closed; to the server: {to_server}; to the client: {to_client}"
            ),
        }
    }
}

/// The log, as the thread of the proxy writes it and the game reads it.
pub(super) struct Record {
    log: Mutex<ChaosLog>,
    changed: Condvar,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            log: Mutex::new(ChaosLog {
                start: Instant::now(),
                events: VecDeque::new(),
                open: 0,
                is_listening: true,
                to_server: Flow::default(),
                to_client: Flow::default(),
            }),
            changed: Condvar::new(),
        }
    }
}

impl Record {
    pub(super) fn add(&self, connection: u64, kind: ChaosEventKind) {
        self.lock().add(connection, kind);
        self.changed.notify_all();
    }

    /// Counts bytes that were read.
    pub(super) fn received(&self, direction: Direction, bytes: u64) {
        self.lock().flow_mut(direction).received += bytes;
        self.changed.notify_all();
    }

    /// Counts bytes that were passed on.
    pub(super) fn delivered(&self, direction: Direction, bytes: u64) {
        self.lock().flow_mut(direction).delivered += bytes;
        self.changed.notify_all();
    }

    pub(super) fn read(&self) -> ChaosLog {
        self.lock().clone()
    }

    pub(super) fn wait_until(
        &self,
        patience: Duration,
        mut has_happened: impl FnMut(&ChaosLog) -> bool,
    ) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), patience, |log| !has_happened(log));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, ChaosLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
