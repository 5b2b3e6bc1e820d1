//! A bad line between a game and its server: a proxy that holds up and delays what passes through it, when you tell it to.
//!
//! Put a [`ChaosProxy`] in front of an [embedded server](crate::local_server) or of a Nakama, and let the game connect to the address of
//! the proxy. Without a [`Rule`], everything passes at once and unchanged. Add and remove rules while the game plays, and look at what
//! your game makes of it, or test it: the [log](ChaosProxy::log) says what the proxy did.
//!
//! REST calls and sockets both pass through it. It is for plain `http://` addresses.
//!
//! # Rules
//!
//! A rule is what goes wrong, when, where and how often:
//!
//! | what | what it is like |
//! |---|---|
//! | [`Rule::hold`] | a stalled line: nothing gets through, and nothing is lost. When you remove the rule, all of it goes on at once, in order |
//! | [`Rule::delay`] | a long line: every byte arrives that much later, in order, however many there are |
//! | [`Rule::half_open`] | a cable that is cut: nothing gets through, and neither end hears of that |
//! | [`Rule::reset`], [`Rule::refuse`] | a process that has died: the connection is reset, at once or when it is opened |
//! | [`Rule::close`], [`Rule::close_without_code`] | a server that ends the session, with a close frame |
//! | [`Rule::answer`] | a gateway that answers in place of the server, with an HTTP status |
//! | [`Rule::drop_frame`], [`Rule::replace_frame`], [`Rule::duplicate_frame`], [`Rule::cut_frame`] | a line that damages what passes |
//! | [`Rule::note`] | nothing: the log counts the moments |
//!
//! | when | |
//! |---|---|
//! | as it is | at once, and when a connection is opened |
//! | [`Rule::after`] | so long after a connection was opened |
//! | [`Rule::when`] with [`Frames`] | when an envelope of a kind passes, on the way that you name |
//! | [`Rule::when`] with [`Requests`] | when a request to a path passes: a call over REST, or the opening of a socket |
//!
//! A rule is for all connections, or for [new ones](Rule::for_new_connections), [open ones](Rule::for_open_connections) or
//! [a single one](Rule::for_connection). It acts each time, [once](Rule::once) or [n times](Rule::times), perhaps beginning with
//! [the n-th](Rule::nth) of its moments, until you remove it or its [time](Rule::lasting) is over. Several delays add up.
//!
//! The proxy looks into what passes only as far as rules have to know, and passes on what it cannot read. A [`Schedule`] adds rules at
//! times that come from a seed. The server itself can go and come back somewhere else: [`ChaosProxy::stop_listening`],
//! [`ChaosProxy::set_target`].
//!
//! # Examples
//!
//! The line of a player is bad, stalls for two seconds, and is reset at the third message of a match:
//!
//! ```no_run
//! use std::{thread, time::Duration};
//!
//! use bevy_nakama::{
//!     chaos::{ChaosProxy, Direction, Frames, Rule},
//!     local_server::{LocalServer, LocalServerConfig},
//!     prelude::*,
//!     proto::Kind,
//! };
//!
//! let local = LocalServer::start(LocalServerConfig::default())?;
//! let proxy = ChaosProxy::start(local.url())?;
//! // Log in there.
//! let server = NakamaServer::new(proxy.url(), local.server_key());
//!
//! for direction in Direction::BOTH {
//!     proxy.add(Rule::delay(direction, Duration::from_millis(50)));
//! }
//! let stall = proxy.add(Rule::hold(Direction::ToServer));
//! thread::sleep(Duration::from_secs(2));
//! proxy.remove(stall);
//!
//! let reset = Rule::reset().when(Frames::to_client(Kind::MatchData));
//! let reset = proxy.add(reset.nth(3).once());
//! proxy.wait_until(Duration::from_secs(60), |log| log.acts(reset) == 1);
//! println!("{}", proxy.log());
//! # std::io::Result::Ok(())
//! ```

mod line;
mod log;
mod moment;
mod rule;
mod rules;
mod scan;
mod schedule;
mod shell;
mod way;

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::{oneshot, watch};

use self::{log::Record, rules::Rules, shell::Prepared};
pub use self::{
    log::{ChaosEvent, ChaosEventKind, ChaosLog, Flow},
    moment::{Direction, Frames, Requests, When},
    rule::{Rule, RuleId},
    schedule::Schedule,
};

/// How long the thread of a proxy may take to do what it is told.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running proxy. Dropping it cuts all connections and ends its thread, within milliseconds.
pub struct ChaosProxy {
    address: SocketAddr,
    rules: watch::Sender<Rules>,
    record: Arc<Record>,
    /// Stops the thread when it is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ChaosProxy {
    /// Starts a proxy in front of a server, on a free port of this machine. It is ready when this returns.
    ///
    /// `target` is where the server is, as `http://127.0.0.1:7350` or `127.0.0.1:7350`. The server need not run yet: the proxy looks up
    /// the address and connects anew for each connection that it gets. If that fails, it resets the connection.
    ///
    /// # Errors
    ///
    /// `target` has no port, or begins with `https://`. Or the system has no port, thread or file descriptors left.
    pub fn start(target: impl AsRef<str>) -> io::Result<Self> {
        let target = host_and_port(target.as_ref())?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let rules = watch::Sender::new(Rules::new(target));
        let record = Arc::new(Record::default());
        let prepared = Prepared::new(listener, rules.clone(), record.clone())?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("nakama-chaos-proxy".to_owned())
            .spawn(move || prepared.run(stopped))?;
        Ok(Self {
            address,
            rules,
            record,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where clients connect, like `http://127.0.0.1:49152`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that the proxy listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a rule. Whatever the proxy reads after this returns is under that rule.
    pub fn add(&self, rule: Rule) -> RuleId {
        let mut id = None;
        self.rules.send_modify(|rules| id = Some(rules.add(rule)));
        id.unwrap_or_default()
    }

    /// Removes a rule. If it held something up, all of that goes on now. Returns `false` if the rule was removed before.
    pub fn remove(&self, rule: RuleId) -> bool {
        self.rules.send_if_modified(|rules| rules.remove(rule))
    }

    /// Removes all rules, and what schedules still have to add.
    pub fn clear(&self) {
        self.rules.send_modify(Rules::clear);
    }

    /// Adds each rule of a schedule when its time has come, counted from now.
    pub fn play(&self, schedule: &Schedule) {
        self.rules.send_modify(|rules| {
            for (after, rule) in schedule.steps() {
                rules.plan(*after, rule.clone());
            }
        });
    }

    /// From now on, new connections lead to another address: the server has come back somewhere else.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn set_target(&self, target: impl AsRef<str>) -> io::Result<()> {
        let target = host_and_port(target.as_ref())?;
        self.rules.send_modify(|rules| rules.target = target);
        Ok(())
    }

    /// From now on, whoever connects is refused, as if no proxy were there. What is open stays open.
    ///
    /// # Errors
    ///
    /// The system does not let the proxy keep its port.
    pub fn stop_listening(&self) -> io::Result<()> {
        self.set_listening(false)
    }

    /// Accepts connections again, at the same address.
    ///
    /// # Errors
    ///
    /// The system does not give the proxy its port back.
    pub fn listen_again(&self) -> io::Result<()> {
        self.set_listening(true)
    }

    fn set_listening(&self, is_listening: bool) -> io::Result<()> {
        self.rules
            .send_modify(|rules| rules.is_listening = is_listening);
        let is_done = self.wait_until(PATIENCE, |log| log.is_listening() == is_listening);
        is_done.then_some(()).ok_or_else(|| {
            let text = format!("the port {} is not available", self.address.port());
            io::Error::new(io::ErrorKind::AddrNotAvailable, text)
        })
    }

    /// What has happened so far.
    #[must_use]
    pub fn log(&self) -> ChaosLog {
        self.record.read()
    }

    /// Waits until the log says that something has happened, for at most `patience`. Returns whether it has.
    ///
    /// `has_happened` is asked after each change of the log.
    pub fn wait_until(
        &self,
        patience: Duration,
        has_happened: impl FnMut(&ChaosLog) -> bool,
    ) -> bool {
        self.record.wait_until(patience, has_happened)
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(_)) = ended {
            ::log::error!("the thread of the fault proxy has panicked");
        }
    }
}

impl fmt::Debug for ChaosProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosProxy")
            .field("address", &self.address)
            .field("rules", &*self.rules.borrow())
            .finish_non_exhaustive()
    }
}

fn host_and_port(target: &str) -> io::Result<String> {
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{target}: {why}"));
    let (scheme, rest) = target.split_once("://").unwrap_or(("http", target));
    if !["http", "ws"].contains(&scheme) {
        return Err(wrong("the proxy is for plain `http://` addresses"));
    }
    let host_and_port = rest.split('/').next().unwrap_or_default();
    let port = host_and_port.rsplit_once(':').map(|(_, port)| port);
    match port.map(str::parse::<u16>) {
        Some(Ok(_)) => Ok(host_and_port.to_owned()),
        _ => Err(wrong("a port is missing")),
    }
}
