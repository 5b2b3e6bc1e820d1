//! Logging in and out.
//!
//! ```
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! fn go_online(mut commands: Commands) {
//!     let server = NakamaServer::new("http://127.0.0.1:7350", "defaultkey");
//!     commands.nakama().log_in(&server, Login::device("a-random-id-that-you-keep"));
//!     commands.nakama().connect(); // waits for the login
//! }
//! ```
//!
//! A login puts a [session](crate::session) in place. That is enough for REST calls, like loading a saved game or listing friends. The
//! socket is for what happens live: matches, parties, chat.
//!
//! A server lets session tokens live for a minute by default. The socket outlives them. When the server refuses a token because it has
//! ended, the plugin gets new tokens with the refresh token, and tells you with [`SessionRefreshed`]. The refresh token lives for an
//! hour by default. When that has ended, too, log in again.
//!
//! To spare the player a login with the next start of your game, give the plugin a [store](crate::session::SessionStore) and use
//! [`restore_or_log_in`](NakamaCommands::restore_or_log_in). Games that show a form to log in with use
//! [`restore_session`](NakamaCommands::restore_session) first.

mod login;
mod refresh;
mod restore;

use bevy_ecs::prelude::*;
use serde_json::json;

pub use self::{
    login::{GameCenterPlayer, LogIn, LoggedIn, Login, LoginRefusal},
    refresh::{RefreshSession, SessionRefreshed},
    restore::{RestoreRefusal, RestoreSession},
};
use crate::{
    commands::NakamaCommands,
    error::{RestError, refusals},
    request::{
        Outcome, RequestError, RestRequest, instead_of, refuse, request, settle_at_once,
        submit_rest,
    },
    session::{self, CurrentSession, NakamaSession, read_session, refresh_call},
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
        /// The token is not the server's, has expired, or was logged out, or its user is gone or banned. Log in again.
        InvalidToken,
        /// Something else.
        Other,
    }
}

impl From<RestError> for SessionRefusal {
    fn from(error: RestError) -> Self {
        match error.code {
            _ if error.is_of_server_key() => Self::InvalidServerKey(error),
            _ if error.ends_session() => Self::InvalidToken(error),
            _ => Self::Other(error),
        }
    }
}

/// Ends a session. Made by [`log_out`](NakamaCommands::log_out).
#[derive(Clone, Debug)]
pub struct LogOut {
    server: NakamaServer,
    session: NakamaSession,
    /// Whether it gets new tokens now. A server does not end a session whose token has ended: it has to be refreshed first.
    renews: bool,
    has_renewed: bool,
    /// Whether the server has said that the tokens are worth nothing, which is all that was wanted.
    is_over: bool,
}

request!(LogOut -> (), SessionRefusal);

impl RestRequest for LogOut {
    type Call = RestCall;

    fn to_call(&self) -> RestCall {
        if self.renews {
            return refresh_call(&self.server, &self.session);
        }
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

    fn goes_on(&mut self, response: &RestResponse) -> bool {
        if self.renews {
            let Some((session, _)) = read_session(response).filter(|_| response.is_success())
            else {
                self.is_over = RestError::from(response).ends_session();
                return false;
            };
            self.session = session;
            self.renews = false;
            return true;
        }
        if response.status == 401 {
            let may_renew = self.session.refresh_token().is_some();
            self.renews = may_renew && !std::mem::replace(&mut self.has_renewed, true);
            self.is_over = !may_renew && RestError::from(response).ends_session();
        }
        self.renews
    }

    fn read(&mut self, _: &RestResponse) -> Outcome<Self> {
        Ok(())
    }

    fn conclude(&self, _: &mut World, outcome: Outcome<Self>) -> Outcome<Self> {
        if self.is_over { Ok(()) } else { outcome }
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Logs the local user out: nobody is logged in from this moment on, and the [store](crate::session::SessionStore) is cleared. A login
    /// that is under way puts nothing in place any more, and ends with [`Withdrawn`](RequestError::Withdrawn).
    ///
    /// Then the plugin asks the server to make the tokens worthless. If you quit before the reply, or if the server cannot be reached,
    /// they live on until they end by themselves. If they are worthless already, the log-out succeeds all the same.
    ///
    /// A socket that is open stays open. To close it, too, disconnect as well:
    ///
    /// ```
    /// # use bevy_ecs::prelude::*;
    /// # use bevy_nakama::prelude::*;
    /// fn log_out(mut commands: Commands) {
    ///     commands.nakama().log_out();
    ///     commands.nakama().disconnect();
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotLoggedIn`](RequestError::NotLoggedIn), if nobody was logged in and no login was under way.
    pub fn log_out(self) -> EntityCommands<'a> {
        self.request_with(|world, entity| {
            let was_logging_in = world.resource::<CurrentSession>().is_logging_in();
            match session::take_out_of_place(world) {
                Some((server, session)) => {
                    let log_out = LogOut {
                        server,
                        session,
                        renews: false,
                        has_renewed: false,
                        is_over: false,
                    };
                    submit_rest(world, entity, log_out);
                }
                None if was_logging_in => settle_at_once::<LogOut>(world, entity, Ok(())),
                None => refuse::<LogOut>(world, entity, RequestError::NotLoggedIn),
            }
        })
    }

    /// Puts a session in place that your game has kept itself. It is the [`CurrentSession`] from this
    /// moment on, and the [store](crate::session::SessionStore), if there is one, keeps it. Nothing is asked of the server: if it does not take the tokens any more, a REST call or [`connect`](Self::connect) tells.
    pub fn use_session(mut self, server: &NakamaServer, session: NakamaSession) {
        let server = server.clone();
        self.queue(move |world| {
            session::put_in_place(world, &server, &session);
        });
    }
}
