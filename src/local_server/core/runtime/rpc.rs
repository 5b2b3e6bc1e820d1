//! Functions that clients call.

use std::collections::BTreeMap;

use super::{Runtime, RuntimeError, guarded, module::RpcFunction};
use crate::{
    local_server::core::{
        Core,
        ids::{SessionId, UserId},
        presence::Peer,
        requests::{Answer, ErrorCode, Refusal},
    },
    proto::{Message, api::Rpc},
};

/// Who calls a function, and what it can do.
#[non_exhaustive]
pub struct RpcContext<'a> {
    /// Absent in a call with the HTTP key.
    pub user_id: Option<&'a str>,
    /// Absent in a call with the HTTP key.
    pub username: Option<&'a str>,
    /// The socket that the call came over; absent over REST.
    pub session_id: Option<&'a str>,
    /// The language that the socket was opened with; absent over REST.
    pub lang: Option<&'a str>,
    /// The parameters of a REST call; empty over a socket.
    pub query_params: &'a BTreeMap<String, Vec<String>>,
    /// What the function can do.
    pub runtime: Runtime<'a>,
}

/// Why a function failed.
///
/// ```
/// use bevy_nakama::local_server::RpcError;
///
/// let error = RpcError::new("no such sword").with_code(5);
/// assert_eq!(error.to_string(), "no such sword");
/// assert_eq!(RpcError::from("no such sword").code, 13);
/// ```
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct RpcError {
    /// The text that the client gets.
    pub message: String,
    /// A code of gRPC: 3 invalid argument, 5 not found, 13 internal … Clients see it over REST only, where it also gives the HTTP
    /// status.
    pub code: u8,
}

impl RpcError {
    /// An error with the code 13, internal.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: 13,
        }
    }

    /// The same with another code.
    #[must_use]
    pub fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }
}

impl From<&str> for RpcError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for RpcError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<RuntimeError> for RpcError {
    fn from(error: RuntimeError) -> Self {
        Self::new(error.to_string())
    }
}

/// Who calls.
#[derive(Default)]
pub(in crate::local_server::core) struct RpcCaller {
    pub(in crate::local_server::core) user: Option<(UserId, String)>,
    pub(in crate::local_server::core) session: Option<SessionId>,
    pub(in crate::local_server::core) query: BTreeMap<String, Vec<String>>,
}

impl Core {
    /// A call over a socket.
    pub(in crate::local_server::core) fn rpc(&mut self, caller: &Peer, request: Rpc) -> Answer {
        if request.id.is_empty() {
            return Err(Refusal::bad_input("RPC ID must be set"));
        }
        let Some(function) = self.config.runtime.rpc(&request.id) else {
            let code = ErrorCode::RuntimeFunctionNotFound;
            return Err(Refusal::new(code, "RPC function not found"));
        };
        let caller = RpcCaller {
            user: Some((caller.user, caller.username.to_string())),
            session: Some(caller.session),
            ..RpcCaller::default()
        };
        match self.call_function(&request.id, &function, &caller, &request.payload) {
            Ok(payload) => Ok(Message::Rpc(Rpc {
                id: request.id,
                payload,
                http_key: String::new(),
            })
            .into()),
            Err(error) => Err(Refusal::new(
                ErrorCode::RuntimeFunctionException,
                error.message,
            )),
        }
    }

    pub(in crate::local_server::core) fn call_function(
        &mut self,
        id: &str,
        function: &RpcFunction,
        caller: &RpcCaller,
        payload: &str,
    ) -> Result<String, RpcError> {
        let user_id = caller.user.as_ref().map(|(id, _)| id.to_string());
        let session_id = caller.session.map(|session| session.to_string());
        let lang = caller
            .session
            .and_then(|session| self.sessions.lang(session))
            .map(str::to_owned);
        let mut context = RpcContext {
            user_id: user_id.as_deref(),
            username: caller.user.as_ref().map(|(_, name)| &**name),
            session_id: session_id.as_deref(),
            lang: lang.as_deref(),
            query_params: &caller.query,
            runtime: Runtime::new(self, caller.session),
        };
        guarded(|| function(&mut context, payload)).unwrap_or_else(|| {
            log::error!("the function {id:?} has panicked");
            Err(RpcError::new("the function has panicked"))
        })
    }
}
