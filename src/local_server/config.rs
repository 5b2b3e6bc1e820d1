//! Settings of the embedded server.

use std::{fmt, net::SocketAddr, time::Duration};

use super::RuntimeModule;
use crate::proto::PartyLayout;

/// Settings of a [`LocalServer`](super::LocalServer). The defaults are those of a Nakama server, except where the text says otherwise.
///
/// ```
/// use bevy_nakama::{local_server::LocalServerConfig, proto::PartyLayout};
///
/// let an_old_server = LocalServerConfig { party_layout: PartyLayout::Before3_28, ..Default::default() };
/// assert_eq!(an_old_server.max_message_size, 4096);
/// ```
#[derive(Clone)]
pub struct LocalServerConfig {
    /// Where to listen, for REST and sockets alike. Default: a free port on `127.0.0.1`, which
    /// [`LocalServer::url`](super::LocalServer::url) tells. With a port of your choice, the next server can take its place. For play in a
    /// local network: `0.0.0.0` and a port of your choice.
    /// Then everybody in that network can fill the server's memory: there is no limit on what users store.
    pub address: SocketAddr,
    /// What a client needs to log in. Default: `defaultkey`.
    pub server_key: String,
    /// What a program without a user needs to call functions over REST. Default: `defaulthttpkey`.
    pub http_key: String,
    /// The functions that clients can call. Default: none.
    pub runtime: RuntimeModule,
    /// How long a session token lasts. Default: two hours. A Nakama server has one *minute*: test your game with that, too.
    pub session_token_life: Duration,
    /// How long a refresh token lasts. Default: two days; a Nakama server has one hour.
    pub refresh_token_life: Duration,
    /// How large a client's message may be, in bytes: the whole envelope. If a message is larger, the server closes the socket with
    /// code 1009. Default: 4096.
    pub max_message_size: usize,
    /// How many messages may wait for a receiver, answers to its own requests included. If there are more, the server closes the
    /// receiver's socket with "session outgoing queue full".
    ///
    /// The server handles a burst in one go. So a burst of more match messages than this disconnects everybody else in the match,
    /// and a burst of more requests than this disconnects who sends it, as with a busy Nakama server. Default: 64.
    pub outgoing_queue: usize,
    /// How long after a client's last sign of life the server sends a WebSocket ping. Default: 15 s.
    pub ping_period: Duration,
    /// How long after a client's last sign of life the server closes the socket. Default: 25 s.
    pub pong_wait: Duration,
    /// Which generation of servers it behaves like. [`PartyLayout::Before3_28`] stands for Nakama 3.27 as a whole: the old numbering of
    /// `Party`, no label or hidden parties, `party_update` closes the socket, empty close frames. Default: the current one.
    pub party_layout: PartyLayout,
    /// A new socket of a user closes the older ones, with a notification of code -7. Default: off.
    pub single_socket: bool,
    /// Joining a match leaves all others. (Creating one does not.) Default: off.
    pub single_match: bool,
    /// Joining or creating a party leaves all others. Default: off.
    pub single_party: bool,
    /// How often the matchmaker looks for matches. Default: every 3 s, for demos and tests; a Nakama server has 15 s.
    ///
    /// At the end of an interval, a ticket is matched if there are enough players for its largest count. At the end of the last one
    /// ([`matchmaker_max_intervals`](Self::matchmaker_max_intervals)), it is matched with as many as there are, if they are enough.
    /// From then on, it waits to be found by others.
    pub matchmaker_interval: Duration,
    /// How many intervals the matchmaker tries for the largest count. Default: 2.
    pub matchmaker_max_intervals: u32,
    /// How many matchmaker tickets a socket or a party may have at a time. Default: 3.
    pub matchmaker_max_tickets: usize,
    /// Where ids, generated names and the keys of tokens come from. Default: `None`, the operating system.
    ///
    /// With a seed, the same requests get the same ids. Whoever knows the seed can forge tokens, so use it for tests only.
    pub seed: Option<u64>,
    /// The name of the node, seen in party ids. Default: `local`.
    pub node: String,
}

impl Default for LocalServerConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            server_key: "defaultkey".to_owned(),
            http_key: "defaulthttpkey".to_owned(),
            runtime: RuntimeModule::default(),
            session_token_life: Duration::from_secs(2 * 60 * 60),
            refresh_token_life: Duration::from_secs(48 * 60 * 60),
            max_message_size: 4096,
            outgoing_queue: 64,
            ping_period: Duration::from_secs(15),
            pong_wait: Duration::from_secs(25),
            party_layout: PartyLayout::Current,
            single_socket: false,
            single_match: false,
            single_party: false,
            matchmaker_interval: Duration::from_secs(3),
            matchmaker_max_intervals: 2,
            matchmaker_max_tickets: 3,
            seed: None,
            node: "local".to_owned(),
        }
    }
}

impl fmt::Debug for LocalServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalServerConfig")
            .field("address", &self.address)
            .field("party_layout", &self.party_layout)
            .finish_non_exhaustive()
    }
}
