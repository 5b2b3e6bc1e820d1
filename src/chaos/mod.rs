//! A bad line between a game and its server: a proxy that holds up and delays what passes through it, when you tell it to.
//!
//! Put a [`ChaosProxy`] in front of an [embedded server](crate::local_server) or of a Nakama, and let the game connect to the address of
//! the proxy. Without a [`Rule`], everything passes at once and unchanged. Add and remove rules while the game plays, and look at what
//! your game makes of it, or test it: the [log](ChaosProxy::log) says what the proxy did.
//!
//! The proxy knows only bytes of TCP, so REST calls and sockets both pass through it. It is for plain `http://` addresses.
//!
//! # Rules
//!
//! | rule | what it is like |
//! |---|---|
//! | [`Rule::hold`] | a stalled line: nothing gets through, and nothing is lost. When you remove the rule, all of it goes on at once, in order |
//! | [`Rule::delay`] | a long line: every byte arrives that much later, in order, however many there are |
//!
//! A rule is for one [`Direction`]: a player whose uplink is bad still hears the others. It is for all connections, or only for those that
//! are opened [from now on](Rule::for_new_connections). Several delays add up.
//!
//! # Examples
//!
//! The uplink of a player stalls for two seconds, on a line with a round trip of 100 ms:
//!
//! ```no_run
//! use std::{thread, time::Duration};
//!
//! use bevy_nakama::{
//!     chaos::{ChaosProxy, Direction, Rule},
//!     local_server::{LocalServer, LocalServerConfig},
//!     prelude::*,
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
//! println!("{}", proxy.log());
//! # std::io::Result::Ok(())
//! ```

mod log;
mod pipe;
mod rule;
mod shell;

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::{oneshot, watch};

use self::{log::Record, rule::Rules, shell::Prepared};
pub use self::{
    log::{ChaosEvent, ChaosEventKind, ChaosLog, Flow},
    rule::{Direction, Rule, RuleId},
};

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
        let (rules, seen) = watch::channel(Rules::default());
        let record = Arc::new(Record::default());
        let prepared = Prepared::new(listener, target, rules.clone(), seen, record.clone())?;
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

    /// Removes all rules.
    pub fn clear(&self) {
        self.rules.send_modify(Rules::clear);
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
