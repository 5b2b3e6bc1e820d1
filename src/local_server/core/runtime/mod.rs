//! Code of your game that runs inside the server, as modules do in a Nakama server.

mod match_handler;
mod module;
mod notifications;
mod rpc;
mod streams;

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use uuid::Uuid;

pub(super) use self::rpc::RpcCaller;
pub use self::{
    match_handler::{Broadcast, MatchContext, MatchFlow, MatchHandler, MatchInit, MatchMessage},
    module::RuntimeModule,
    notifications::NotificationSend,
    rpc::{RpcContext, RpcError},
    streams::PresenceMeta,
};
use super::{Core, ids::SessionId, sessions::Ending};

/// What code inside the server can do. The names are those of Nakama's runtime.
///
/// Clients hear of it in the order of a real server. Messages go out at once, so they arrive before the answer to the RPC that sends
/// them. Who joined or left arrives after that answer.
pub struct Runtime<'a> {
    core: &'a mut Core,
    /// The socket that a function is called over.
    caller: Option<SessionId>,
}

/// Something that the server cannot do for its own code.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct RuntimeError(Cow<'static, str>);

impl RuntimeError {
    pub(super) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}

impl<'a> Runtime<'a> {
    pub(super) fn new(core: &'a mut Core, caller: Option<SessionId>) -> Self {
        Self { core, caller }
    }

    /// Closes a socket, with code 1000 and the reason `server-side session disconnect`. If a call closes its own socket, it gets no
    /// answer. If there is no such socket, nothing happens.
    ///
    /// # Errors
    ///
    /// The id is not a UUID.
    pub fn session_disconnect(&mut self, session_id: &str) -> Result<(), RuntimeError> {
        let session = parse_session(session_id)?;
        let ending = if self.caller == Some(session) {
            Ending::ByItself
        } else {
            Ending::ServerSide
        };
        self.core.end(session, ending);
        Ok(())
    }
}

fn parse_session(id: &str) -> Result<SessionId, RuntimeError> {
    Uuid::parse_str(id)
        .map(SessionId)
        .map_err(|_| RuntimeError::new("expects valid session id"))
}

/// Runs code of the game. Its panics go no further.
pub(super) fn guarded<R>(code: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(code)).ok()
}
