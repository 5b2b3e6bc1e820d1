//! New tokens for a session.

use bevy_ecs::prelude::*;

use super::{SessionRefusal, session_in};
pub use crate::session::SessionRefreshed;
use crate::{
    commands::NakamaCommands,
    connection,
    request::{Outcome, RequestError, RestRequest, refuse, request, submit_rest},
    session::{self, CurrentSession, NakamaSession, refresh_call},
    transport::{NakamaServer, RestCall, RestResponse},
};

/// Gets new tokens. Made by [`refresh`](NakamaCommands::refresh).
#[derive(Clone, Debug)]
pub struct RefreshSession {
    server: NakamaServer,
    session: NakamaSession,
}

request!(RefreshSession -> NakamaSession, SessionRefusal);

impl RestRequest for RefreshSession {
    type Call = RestCall;

    fn to_call(&self) -> RestCall {
        refresh_call(&self.server, &self.session)
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        Ok(session_in(response)?.0)
    }

    fn apply(&self, world: &mut World, session: &NakamaSession) {
        connection::on_renewed(world, &self.session, Ok(session));
        session::take_over(world, &self.session, session, false);
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Gets new tokens for the session in place, with its refresh token. [`SessionRefreshed`] brings them, and so does the
    /// [`Replied<RefreshSession>`](crate::request::Replied) after it. The old tokens stay valid until they expire.
    ///
    /// The plugin does the same when the server refuses a token. A game that stays on the socket and makes no calls over REST needs it to
    /// [keep its session](crate::session#keeping-it).
    ///
    /// # Errors
    ///
    /// [`NotLoggedIn`](RequestError::NotLoggedIn).
    pub fn refresh(self) -> EntityCommands<'a> {
        self.request_with(|world, entity| {
            let current = world.resource::<CurrentSession>();
            match current.place().cloned() {
                Some((server, session)) => {
                    submit_rest(world, entity, RefreshSession { server, session });
                }
                None => refuse::<RefreshSession>(world, entity, RequestError::NotLoggedIn),
            }
        })
    }
}
