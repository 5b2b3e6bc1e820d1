//! An embedded server that speaks Nakama's protocol, for demos, tests, offline games and play in a local network.
//!
//! [`LocalServer::start`] opens one real TCP port. There it serves REST and sockets, in protobuf and JSON, with the rules, error
//! codes and texts of a Nakama server. Clients of other languages can use it unmodified. It keeps everything in memory,
//! accounts and stored objects included, and everything is gone when you drop it. It runs on one thread of its own and is not made for
//! crowds: in production, point your game at a Nakama server instead. Only the URL changes.
//!
//! # Starting it again
//!
//! A server that stops and is started again, in the same process or in another, is like a Nakama server that was restarted with new
//! keys. It knows the same users: whoever logs in with the same device, custom id or email address has the same user id as before, and
//! the same name, if it is a generated one. Matches created by name and chat rooms have the same ids. Everything else is gone: tokens of
//! the old server are refused, for REST, sockets and refreshes alike. So a game that is to go on with the new server observes
//! [`LoginNeeded`](crate::healing::LoginNeeded), and logs in again as the same user. Choose the port
//! ([`LocalServerConfig::address`]), so that the game finds the new server; it is free as soon as the old server has stopped.
//!
//! The user id is a hash of the credential. Who has a guess at somebody's email address or device id can confirm it from the user id, so
//! let device and custom ids be random.
//!
//! # Code of your game
//!
//! Code of your game can run inside it, as a module does in a Nakama server: functions that clients call, matches with a loop, and
//! hooks of the matchmaker. See [`RuntimeModule`].
//!
//! # Queries
//!
//! The matchmaker asks for `properties.…`, the lists of matches and parties ask for `label.…` of labels that are JSON objects.
//!
//! | clause | holds for |
//! |---|---|
//! | `*`, or nothing at all | everything |
//! | `field:value`, `field:a\ value` | a text that is exactly this, or a number that is equal |
//! | `field:val*`, `field:v?lue`, `field:*` | a text with anything, or one character, in that place; anything that has the field |
//! | `field:>4`, `>=4`, `<4`, `<=4` | numbers |
//! | `clause^5` | the same, but it counts five times for the order of what is found |
//!
//! A clause with `+` in front must hold, a clause with `-` must not. If no clause has a `+`, at least one of those without a sign
//! must hold; otherwise they only decide who is taken first. **A value in quotes never holds**, as with Nakama. Regular expressions
//! are refused. Tolerance (`~`) and dates are not understood.
//!
//! # The matchmaker
//!
//! It works at intervals ([`LocalServerConfig::matchmaker_interval`]) and starts with the ticket that has waited longest. A ticket
//! is matched as soon as there are enough players for its largest count. At its second interval, it is matched with as many as there
//! are. After that, it waits to be found by other tickets. A match has a size that all its tickets accept. Only the query of the
//! ticket that is searched for counts, which is Nakama's default, too. A party stays together, and is never a match by itself.
//!
//! # Examples
//!
//! ```
//! use bevy_nakama::local_server::{LocalServer, LocalServerConfig};
//!
//! let server = LocalServer::start(LocalServerConfig::default())?;
//! println!("log in at {} with the key {}", server.url(), server.server_key());
//! # std::io::Result::Ok(())
//! ```

mod config;
pub(crate) mod core;
mod shell;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

use self::shell::Prepared;
pub use self::{
    config::LocalServerConfig,
    core::runtime::{
        Broadcast, MatchContext, MatchFlow, MatchHandler, MatchInit, MatchMessage,
        NotificationSend, PresenceMeta, RpcContext, RpcError, Runtime, RuntimeError, RuntimeModule,
    },
};

/// A running server. Dropping it closes all connections and ends its thread, within milliseconds.
pub struct LocalServer {
    address: SocketAddr,
    server_key: String,
    /// Stops the thread when it is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LocalServer {
    /// Starts a server. It is ready when this returns.
    ///
    /// # Errors
    ///
    /// The address is not available, or the system has no thread or file descriptors left.
    pub fn start(config: LocalServerConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.address)?;
        let address = listener.local_addr()?;
        let server_key = config.server_key.clone();
        let prepared = Prepared::new(listener, config)?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("nakama-local-server".to_owned())
            .spawn(move || prepared.run(stopped))?;
        Ok(Self {
            address,
            server_key,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where clients connect, like `http://127.0.0.1:49152`.
    ///
    /// A server that listens on all addresses (`0.0.0.0`) names the loopback address here.
    #[must_use]
    pub fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}")
    }

    /// The address that the server listens on, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client needs to log in.
    #[must_use]
    pub fn server_key(&self) -> &str {
        &self.server_key
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(_)) = ended {
            log::error!("the thread of the embedded server has panicked");
        }
    }
}

impl fmt::Debug for LocalServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
