//! What is registered.

use std::{collections::HashMap, fmt, sync::Arc};

use super::{MatchHandler, RpcContext, RpcError, Runtime};
use crate::proto::realtime::matchmaker_matched::MatchmakerUser;

pub(in crate::local_server::core) type RpcFunction =
    Arc<dyn Fn(&mut RpcContext<'_>, &str) -> Result<String, RpcError> + Send + Sync>;

pub(in crate::local_server::core) type MatchFactory =
    Arc<dyn Fn() -> Box<dyn MatchHandler> + Send + Sync>;

pub(in crate::local_server::core) type MatchmakerMatched =
    Arc<dyn Fn(&mut Runtime<'_>, &[MatchmakerUser]) -> Option<String> + Send + Sync>;

/// Code of your game that runs inside the server: functions that clients call, matches, and a hook of the matchmaker. Give it to a
/// server with [`LocalServerConfig::runtime`](crate::local_server::LocalServerConfig::runtime).
///
/// The server runs this code on its own thread, one call at a time, and does nothing else meanwhile. So your code should not block. A
/// panic ends the call, not the server (unless you build the program with `panic = "abort"`).
///
/// ```
/// use bevy_nakama::local_server::{LocalServer, LocalServerConfig, RuntimeModule};
///
/// let runtime = RuntimeModule::new()
///     .register_rpc("echo", |_, payload| Ok(payload.to_owned()))
///     .register_rpc("whoami", |context, _| context.username.ok_or("nobody".into()).map(str::to_owned));
/// let server = LocalServer::start(LocalServerConfig { runtime, ..Default::default() })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Default)]
pub struct RuntimeModule {
    rpcs: HashMap<String, RpcFunction>,
    matches: HashMap<String, MatchFactory>,
    matchmaker_matched: Option<MatchmakerMatched>,
}

impl RuntimeModule {
    /// A module without any functions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets clients call a function, over the socket and over REST. Case does not matter in its id. If you register an id twice, the
    /// second function counts.
    ///
    /// The function gets the context of the call and the payload, which is empty if the client sent none. If it returns an `Err`, the
    /// client gets code 7 over the socket, and the error's own code over REST.
    #[must_use]
    pub fn register_rpc(
        mut self,
        id: impl AsRef<str>,
        function: impl Fn(&mut RpcContext<'_>, &str) -> Result<String, RpcError> + Send + Sync + 'static,
    ) -> Self {
        let id = id.as_ref().to_lowercase();
        self.rpcs.insert(id, Arc::new(function));
        self
    }

    /// Registers a kind of match, which you start with [`Runtime::match_create`]. The function makes the handler of each match.
    #[must_use]
    pub fn register_match<H: MatchHandler>(
        mut self,
        name: impl Into<String>,
        make: impl Fn() -> H + Send + Sync + 'static,
    ) -> Self {
        let factory: MatchFactory = Arc::new(move || Box::new(make()));
        self.matches.insert(name.into(), factory);
        self
    }

    pub(in crate::local_server::core) fn match_handler(&self, name: &str) -> Option<MatchFactory> {
        self.matches.get(name).cloned()
    }

    /// A hook for every match that the matchmaker finds. The function gets the matched users with their properties. It can create an
    /// authoritative match for them and return its id. If it returns `None`, they get a token for a relayed match.
    #[must_use]
    pub fn register_matchmaker_matched(
        mut self,
        function: impl Fn(&mut Runtime<'_>, &[MatchmakerUser]) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.matchmaker_matched = Some(Arc::new(function));
        self
    }

    pub(in crate::local_server::core) fn matchmaker_matched(&self) -> Option<MatchmakerMatched> {
        self.matchmaker_matched.clone()
    }

    pub(in crate::local_server::core) fn rpc(&self, id: &str) -> Option<RpcFunction> {
        self.rpcs.get(&id.to_lowercase()).cloned()
    }
}

impl fmt::Debug for RuntimeModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeModule")
            .field("rpcs", &self.rpcs.keys())
            .field("matches", &self.matches.keys())
            .finish_non_exhaustive()
    }
}
