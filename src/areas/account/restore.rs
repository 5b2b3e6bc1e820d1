//! Taking up the session of the last run.

use bevy_ecs::prelude::*;

use super::{
    login::{LogIn, LoggedIn, Login, end_login},
    session_in,
};
use crate::{
    commands::NakamaCommands,
    error::RestError,
    request::{Outcome, RequestError, RestRequest, refuse, request, settle_at_once, submit_rest},
    session::{self, CurrentSession, NakamaSession, SessionStoreError, load_stored, refresh_call},
    transport::{NakamaServer, RestCall, RestResponse},
};

/// Takes up the session that is stored. Made by [`restore_session`](NakamaCommands::restore_session).
#[derive(Clone, Debug)]
pub struct RestoreSession {
    server: NakamaServer,
    session: NakamaSession,
    request: Entity,
}

/// Why no session was restored. In each case: log in.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreRefusal {
    /// Nothing is stored, or the plugin has no [store](crate::session::SessionStore).
    #[error("no session is stored")]
    NothingStored,
    /// The session that is stored is good for another server.
    #[error("the session that is stored is of another server, {server}")]
    OtherServer {
        /// The address of that server, for people to read: without a password that may be in it.
        server: String,
    },
    /// The store failed.
    #[error("the session that is stored cannot be read: {0}")]
    Unreadable(SessionStoreError),
    /// Neither token is good any more: by the clock of this machine, or because the server says so.
    #[error("the session that is stored has ended")]
    Ended,
    /// The server refused to refresh the session for another reason.
    #[error(transparent)]
    Other(RestError),
}

impl From<RestError> for RestoreRefusal {
    fn from(error: RestError) -> Self {
        if error.ends_session() {
            Self::Ended
        } else {
            Self::Other(error)
        }
    }
}

request!(RestoreSession -> NakamaSession, RestoreRefusal);

impl RestRequest for RestoreSession {
    type Call = RestCall;

    fn to_call(&self) -> RestCall {
        refresh_call(&self.server, &self.session)
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        Ok(session_in(response)?.0)
    }

    fn conclude(&self, world: &mut World, outcome: Outcome<Self>) -> Outcome<Self> {
        end_login(world, self.request, &self.server, outcome, |session| {
            session
        })
    }
}

/// What is stored, if it may be good for this server. Its session token may have ended.
fn find(world: &World, server: &NakamaServer) -> Result<NakamaSession, RestoreRefusal> {
    let stored = load_stored(world).map_err(RestoreRefusal::Unreadable)?;
    let stored = stored.ok_or(RestoreRefusal::NothingStored)?;
    if !stored.is_of(server) {
        let server = stored.shown_server();
        return Err(RestoreRefusal::OtherServer { server });
    }
    let session = stored.session;
    if session.is_expired() && session.is_refresh_expired() {
        return Err(RestoreRefusal::Ended);
    }
    Ok(session)
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Takes up the session that the game's [store](crate::session::SessionStore) keeps, or logs in if the store has no session that is good for this
    /// server. The answer is a [`Replied<LogIn>`](crate::request::Replied); [`LoggedIn::restored`] says which of the two it was.
    ///
    /// ```no_run
    /// # use bevy_app::{App, Startup};
    /// # use bevy_ecs::prelude::*;
    /// # use bevy_nakama::prelude::*;
    /// # let mut app = App::new();
    /// # let data_folder = std::path::PathBuf::new();
    /// let store = FileSessionStore::new(data_folder.join("my_game/session.json"));
    /// app.add_plugins(NakamaPlugin::default().with_session_store(store));
    /// app.add_systems(Startup, |mut commands: Commands| {
    ///     let server = NakamaServer::new("http://127.0.0.1:7350", "defaultkey");
    ///     let login = Login::device("a-random-id-that-you-keep");
    ///     commands.nakama().restore_or_log_in(&server, login);
    ///     commands.nakama().connect();
    /// });
    /// ```
    ///
    /// | What is stored | What happens |
    /// |---|---|
    /// | a session that is good | it is in place at once, without a call |
    /// | a session whose token has ended, with a good refresh token | it is refreshed, then it is in place |
    /// | a session that has ended, or that the server does not know any more | login |
    /// | a session of another server, nothing, or something unreadable | login |
    ///
    /// **It takes the stored session, whoever the login is for.** So use it with a login that never changes, like a device id. If players
    /// type an address and a password, use [`restore_session`](Self::restore_session) first, and [`log_in`](Self::log_in) with what they
    /// type: otherwise a wrong password would work, and a second player would be the first.
    ///
    /// If the server refuses a session that was in place at once, the plugin refreshes it. If the server refuses that, too, the plugin logs
    /// in as you said here. The user may be another then: [`SessionRefreshed`](crate::session::SessionRefreshed) says so, with
    /// `is_other_user`, and calls of the user before that still wait end with [`NotLoggedIn`](RequestError::NotLoggedIn).
    ///
    /// A server that was set up anew with the same keys accepts a token until it ends, for a minute by default, although its user is gone.
    /// Once the server has accepted the session, the plugin does not log in anew: when the token has ended, calls end with
    /// [`SessionEnded`](RequestError::SessionEnded), and the next start logs in.
    pub fn restore_or_log_in(self, server: &NakamaServer, login: Login) -> EntityCommands<'a> {
        let server = server.clone();
        self.request_with(move |world, request| {
            let found = find(world, &server);
            let log_in = LogIn::new(server.clone(), login, request);
            match found {
                Ok(session) if !session.is_expired() => {
                    let call = log_in.to_call();
                    session::take_up(world, &server, &session, Some(call));
                    let login = LoggedIn {
                        session,
                        created: false,
                        restored: true,
                    };
                    settle_at_once::<LogIn>(world, request, Ok(login));
                }
                found => {
                    match &found {
                        Err(why @ RestoreRefusal::Unreadable(_)) => {
                            log::warn!("no session is restored: {why}");
                        }
                        Err(why) => log::debug!("no session is restored: {why}"),
                        Ok(_) => {}
                    }
                    world.resource_mut::<CurrentSession>().login_begins(request);
                    submit_rest(world, request, log_in.after(found.ok()));
                }
            }
        })
    }

    /// Takes up the session that the game's [store](crate::session::SessionStore) keeps, for games that show a login form if
    /// nothing is stored. The answer is a [`Replied<RestoreSession>`](crate::request::Replied).
    ///
    /// A good session is in place at once. One whose token has ended is refreshed first.
    ///
    /// # Errors
    ///
    /// See [`RestoreRefusal`]. If the server cannot be reached to refresh the session, that is not a refusal: the session stays stored.
    pub fn restore_session(self, server: &NakamaServer) -> EntityCommands<'a> {
        let server = server.clone();
        self.request_with(move |world, request| match find(world, &server) {
            Ok(session) if !session.is_expired() => {
                session::take_up(world, &server, &session, None);
                settle_at_once::<RestoreSession>(world, request, Ok(session));
            }
            Ok(session) => {
                world.resource_mut::<CurrentSession>().login_begins(request);
                let restore = RestoreSession {
                    server,
                    session,
                    request,
                };
                submit_rest(world, request, restore);
            }
            Err(refusal) => {
                refuse::<RestoreSession>(world, request, RequestError::Refused(refusal));
            }
        })
    }
}
