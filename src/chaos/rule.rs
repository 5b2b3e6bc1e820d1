//! What goes wrong, when, and how often.

use std::{fmt, time::Duration};

use bytes::Bytes;

use super::moment::{Direction, Frames, Moment, Requests, When};

/// Something that goes wrong: what, when, where and how often. [`ChaosProxy::add`](super::ChaosProxy::add) puts it in force.
///
/// Without any of the methods below, a rule acts at once on each connection that is open, and on each new one when it is opened, until
/// you remove the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) action: Action,
    pub(super) moment: Moment,
    pub(super) scope: Scope,
    /// It begins with this one of its moments.
    pub(super) nth: u64,
    pub(super) times: Option<u64>,
    pub(super) lasting: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Note,
    Hold(Direction),
    Delay(Direction, Duration),
    Reset,
    HalfOpen,
    /// With the code and the text of the close frame.
    Close(Option<(u16, String)>),
    /// With this HTTP status.
    Answer(u16),
    DropFrame,
    ReplaceFrame(Bytes),
    DuplicateFrame,
    CutFrame,
}

/// On which connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    /// Opened after the rule was added.
    New,
    /// Open when the rule was added.
    Open,
    Numbered(u64),
}

/// What goes wrong.
impl Rule {
    /// Nothing goes wrong: the log says that the moment has come. With [`when`](Self::when), this counts frames and requests.
    #[must_use]
    pub fn note() -> Self {
        Self::new(Action::Note)
    }

    /// Nothing gets through on this way. When the rule is removed, all of it goes on at once, in order.
    ///
    /// What is already [delayed](Self::delay) still arrives: the line is stalled where it begins. The proxy keeps up to 16 MiB for each
    /// direction of a connection, which includes its end. After that, it reads no more, and the sender gets to feel it.
    #[must_use]
    pub fn hold(direction: Direction) -> Self {
        Self::new(Action::Hold(direction))
    }

    /// Every byte arrives this much later. The order stays, even if the delay gets shorter. Up to 16 MiB under way, nothing slows it
    /// down.
    ///
    /// The proxy accepts a connection at once, so TCP's handshake takes no time, unlike on a line that is really long.
    #[must_use]
    pub fn delay(direction: Direction, delay: Duration) -> Self {
        Self::new(Action::Delay(direction, delay))
    }

    /// The connection is reset, at both ends. What was under way is lost.
    #[must_use]
    pub fn reset() -> Self {
        Self::new(Action::Reset)
    }

    /// New connections are accepted and reset at once. The server does not hear of them.
    ///
    /// If nobody is to accept them, see [`ChaosProxy::stop_listening`](super::ChaosProxy::stop_listening).
    #[must_use]
    pub fn refuse() -> Self {
        Self::reset().for_new_connections()
    }

    /// From now on, nothing gets through on either way, and neither end hears that the other has gone: a cable is cut, or a router has
    /// forgotten the connection. Unlike after [`hold`](Self::hold), the connection stays like that when the rule is removed.
    ///
    /// A connection that is half-open from its beginning never reaches the server.
    #[must_use]
    pub fn half_open() -> Self {
        Self::new(Action::HalfOpen)
    }

    /// The client of an open socket gets a close frame, as from a server that ends the session. The server sees that the client is
    /// gone. TCP's connection to the client stays open until the client closes it. Other connections are left alone.
    #[must_use]
    pub fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::new(Action::Close(Some((code, reason.into()))))
    }

    /// The same with an empty close frame, which clients know as code 1005.
    #[must_use]
    pub fn close_without_code() -> Self {
        Self::new(Action::Close(None))
    }

    /// The proxy answers these requests itself, with an HTTP status like 503 or 401, and ends the connection.
    #[must_use]
    pub fn answer(requests: Requests, status: u16) -> Self {
        Self::new(Action::Answer(status)).when(requests)
    }

    /// These frames do not arrive.
    #[must_use]
    pub fn drop_frame(frames: Frames) -> Self {
        Self::new(Action::DropFrame).when(frames)
    }

    /// In place of each of these frames, another one arrives, with these bytes in it. [`proto::encode`](crate::proto::encode) makes them
    /// of an envelope.
    #[must_use]
    pub fn replace_frame(frames: Frames, with: impl Into<Bytes>) -> Self {
        Self::new(Action::ReplaceFrame(with.into())).when(frames)
    }

    /// Each of these frames arrives twice.
    #[must_use]
    pub fn duplicate_frame(frames: Frames) -> Self {
        Self::new(Action::DuplicateFrame).when(frames)
    }

    /// Half of the frame arrives, and then the end of the connection.
    #[must_use]
    pub fn cut_frame(frames: Frames) -> Self {
        Self::new(Action::CutFrame).when(frames)
    }

    fn new(action: Action) -> Self {
        Self {
            action,
            moment: Moment::Opened,
            scope: Scope::All,
            nth: 1,
            times: None,
            lasting: None,
        }
    }

    /// Whether it is in force from its moment on, until it is removed.
    pub(super) fn is_lasting_state(&self) -> bool {
        matches!(self.action, Action::Hold(_) | Action::Delay(..))
    }
}

/// When, where, and how often.
impl Rule {
    /// It acts at the moment when the proxy sees such a frame or request, before it passes it on: what a rule resets or holds up does
    /// not arrive.
    ///
    /// A rule that does something with frames or requests was made for them. It keeps its moment.
    #[must_use]
    pub fn when(mut self, when: impl Into<When>) -> Self {
        let When(moment) = when.into();
        let fits = match &self.action {
            Action::Answer(_) => {
                matches!(moment, Moment::Request(_)) && self.moment == Moment::Opened
            }
            Action::DropFrame
            | Action::ReplaceFrame(_)
            | Action::DuplicateFrame
            | Action::CutFrame => {
                matches!(moment, Moment::Frame(_)) && self.moment == Moment::Opened
            }
            _ => true,
        };
        if fits {
            self.moment = moment;
        }
        self
    }

    /// It acts this long after the connection was opened. Does nothing to a rule that was made for frames or requests.
    #[must_use]
    pub fn after(mut self, open_for: Duration) -> Self {
        if self.moment == Moment::Opened {
            self.moment = Moment::OpenFor(open_for);
        }
        self
    }

    /// Only for connections that are opened after the rule is added. The others are as they were.
    #[must_use]
    pub fn for_new_connections(self) -> Self {
        self.within(Scope::New)
    }

    /// Only for connections that are open when the rule is added. New ones are as they would be without the rule.
    #[must_use]
    pub fn for_open_connections(self) -> Self {
        self.within(Scope::Open)
    }

    /// Only for the connection with this number. The first one of a proxy is 1; the [log](super::ChaosProxy::log) has the numbers.
    #[must_use]
    pub fn for_connection(self, number: u64) -> Self {
        self.within(Scope::Numbered(number))
    }

    fn within(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// It leaves the first `n - 1` of its moments alone: the connections, frames or requests that it is about. They are counted from
    /// when the rule is added, over all connections.
    ///
    /// With [`once`](Self::once), only the n-th is left.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.nth = n;
        self
    }

    /// It acts once, on the first connection, frame or request that comes. The default is: each time.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// It acts this often, and then no more.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// The rule is removed so long after it was added.
    #[must_use]
    pub fn lasting(mut self, time: Duration) -> Self {
        self.lasting = Some(time);
        self
    }
}

/// What happens, in words: `reset at "match_data" to the client, once`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.action {
            Action::Note => write!(f, "note")?,
            Action::Hold(direction) => write!(f, "hold {direction}")?,
            Action::Delay(direction, delay) => write!(f, "delay {direction} by {delay:?}")?,
            Action::Reset => write!(f, "reset")?,
            Action::HalfOpen => write!(f, "half-open")?,
            Action::Close(Some((code, reason))) => write!(f, "close {code} {reason:?}")?,
            Action::Close(None) => write!(f, "close without a code")?,
            Action::Answer(status) => write!(f, "answer {status}")?,
            Action::DropFrame => write!(f, "drop")?,
            Action::ReplaceFrame(bytes) => write!(f, "replace by {} bytes", bytes.len())?,
            Action::DuplicateFrame => write!(f, "duplicate")?,
            Action::CutFrame => write!(f, "cut")?,
        }
        match &self.moment {
            Moment::Opened => {}
            Moment::OpenFor(time) => write!(f, " after {time:?}")?,
            Moment::Frame(frames) => write!(f, " at {frames}")?,
            Moment::Request(requests) => write!(f, " at {requests}")?,
        }
        match self.scope {
            Scope::All => {}
            Scope::New => write!(f, ", new connections")?,
            Scope::Open => write!(f, ", open connections")?,
            Scope::Numbered(number) => write!(f, ", connection {number}")?,
        }
        if self.nth > 1 {
            write!(f, ", from number {} on", self.nth)?;
        }
        match self.times {
            None => {}
            Some(1) => write!(f, ", once")?,
            Some(times) => write!(f, ", {times} times")?,
        }
        match self.lasting {
            None => Ok(()),
            Some(time) => write!(f, ", for {time:?}"),
        }
    }
}

/// Names a [`Rule`] that was added to a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RuleId(pub(super) u64);
