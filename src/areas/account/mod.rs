//! Logging in and out.
//!
//! A login is a REST call and needs no connection. It brings a [`NakamaSession`], which opens the socket
//! ([`connect`](NakamaCommands::connect)).
//!
//! A server lets session tokens live for a minute by default. The socket outlives them. When the server refuses a REST call because
//! its token has ended, the plugin gets new tokens, and tells you with [`SessionRefreshed`].

mod login;
mod refresh;

use bevy_ecs::prelude::*;
use serde_json::json;

pub use self::{
    login::{GameCenterPlayer, LogIn, LoggedIn, Login, LoginRefusal},
    refresh::{RefreshSession, SessionRefreshed},
};
use crate::{
    commands::NakamaCommands,
    error::{RestError, refusals},
    request::{Outcome, RequestError, RestRequest, instead_of, request, submit_rest},
    session::{NakamaSession, read_session},
    transport::{Auth, NakamaServer, RestCall, RestResponse, Secret},
};

/// The session in the answer to a login or a refresh, and whether its account is new.
fn session_in<E: std::error::Error>(
    response: &RestResponse,
) -> Result<(NakamaSession, bool), RequestError<E>> {
    read_session(response).ok_or_else(|| RequestError::UnexpectedReply {
        got: instead_of("no session", response),
    })
}

/// gRPC codes of the REST interface.
const INVALID_ARGUMENT: i32 = 3;
const NOT_FOUND: i32 = 5;
const ALREADY_EXISTS: i32 = 6;
const PERMISSION_DENIED: i32 = 7;
const FAILED_PRECONDITION: i32 = 9;
const UNAUTHENTICATED: i32 = 16;

refusals! {
    /// How the server refuses to refresh or end a session.
    pub enum SessionRefusal(RestError) {
        /// The server key of [`NakamaServer::new`] is not the server's.
        InvalidServerKey,
        /// The token is not the server's, has expired, or was logged out. Log in again.
        InvalidToken,
        /// Something else.
        Other,
    }
}

impl From<RestError> for SessionRefusal {
    fn from(error: RestError) -> Self {
        match error.code {
            UNAUTHENTICATED if error.message.starts_with("Server key") => {
                Self::InvalidServerKey(error)
            }
            UNAUTHENTICATED | INVALID_ARGUMENT => Self::InvalidToken(error),
            _ => Self::Other(error),
        }
    }
}

/// Ends a session. Made by [`log_out`](NakamaCommands::log_out).
#[derive(Clone, Debug)]
pub struct LogOut {
    server: NakamaServer,
    session: NakamaSession,
}

request!(LogOut -> (), SessionRefusal);

impl RestRequest for LogOut {
    type Call = RestCall;

    fn to_call(&self) -> RestCall {
        let token = self.session.token();
        let refresh_token = self.session.refresh_token().map_or("", Secret::expose);
        RestCall {
            server: self.server.clone(),
            method: "POST",
            target: "/v2/session/logout".into(),
            auth: Auth::Bearer(token.clone()),
            body: Some(
                json!({ "token": token.expose(), "refresh_token": refresh_token }).to_string(),
            ),
        }
    }

    fn read(&mut self, _: &RestResponse) -> Outcome<Self> {
        Ok(())
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Makes a session's tokens worthless. A socket that is open stays open, and Nakama still lets the token open one.
    pub fn log_out(self, server: &NakamaServer, session: &NakamaSession) -> EntityCommands<'a> {
        let request = LogOut {
            server: server.clone(),
            session: session.clone(),
        };
        self.request_with(move |world, entity| submit_rest(world, entity, request))
    }
}
