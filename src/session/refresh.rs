//! New tokens for a session.

use bevy_ecs::prelude::*;
use serde_json::json;

use super::{NakamaSession, SessionRefusal, Tokens};
use crate::{
    commands::NakamaCommands,
    connection::NakamaConnection,
    request::{Outcome, Request, RestRequest, submit_rest},
    transport::{Auth, NakamaServer, RestCall, RestResponse, Secret},
};

/// The connection's session has new tokens, which its REST calls use from now on. Global event: the place to persist them.
///
/// It happens when the server has refused the old ones (see [`rest`](NakamaCommands::rest)), and when the game
/// [refreshes](NakamaCommands::refresh) the session itself; then the [`Replied<RefreshSession>`](crate::request::Replied)
/// that follows tells the same. The old tokens stay valid until they expire. If the connection ends while new tokens are on
/// their way, this event does not come.
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct SessionRefreshed {
    /// The session as it is now. Its tokens do not show in `Debug`.
    pub session: NakamaSession,
}

/// Gets new tokens. Made by [`refresh`](NakamaCommands::refresh).
#[derive(Clone, Debug)]
pub struct RefreshSession {
    server: NakamaServer,
    session: NakamaSession,
}

impl Request for RefreshSession {
    type Reply = NakamaSession;
    type Refusal = SessionRefusal;
    const NAME: &'static str = "RefreshSession";
}

impl RestRequest for RefreshSession {
    type Call = RestCall;

    fn to_call(&self) -> RestCall {
        refresh_call(&self.server, &self.session)
    }

    fn succeed(self, world: &mut World, response: &RestResponse) -> Outcome<Self> {
        let session = Tokens::read(response)?.0;
        take_over(world, &self.session, &session);
        Ok(session)
    }
}

/// The call that gets new tokens.
pub(crate) fn refresh_call(server: &NakamaServer, session: &NakamaSession) -> RestCall {
    // Without `vars`, the server would forget those of the login.
    let refresh_token = session.refresh_token().map_or("", Secret::expose);
    RestCall {
        server: server.clone(),
        method: "POST",
        target: "/v2/account/session/refresh".into(),
        auth: Auth::ServerKey,
        body: Some(json!({ "token": refresh_token, "vars": session.vars() }).to_string()),
    }
}

/// The session in the answer to that.
pub(crate) fn read_refreshed(response: &RestResponse) -> Option<NakamaSession> {
    let (session, _) = Tokens::read::<SessionRefusal>(response).ok()?;
    Some(session)
}

/// A session was refreshed: if it is the connection's, that goes on with the new tokens.
pub(crate) fn take_over(world: &mut World, old: &NakamaSession, new: &NakamaSession) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    if connection.take_over(old, new) {
        let session = new.clone();
        world.trigger(SessionRefreshed { session });
        world.flush();
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Gets new tokens for a session with its refresh token. The old ones stay valid until they expire.
    ///
    /// If the connection is the session's, it goes on with the new ones, and tells so with [`SessionRefreshed`]. The plugin
    /// does this by itself when the server refuses a call for its token.
    pub fn refresh(self, server: &NakamaServer, session: &NakamaSession) -> EntityCommands<'a> {
        let request = RefreshSession {
            server: server.clone(),
            session: session.clone(),
        };
        self.request_with(move |world, entity| submit_rest(world, entity, request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::NakamaCommandsExt as _,
        testing::{TestGame, server, session},
    };

    /// Refreshes the session of this user, and says whose token REST calls have then.
    fn token_after_refresh_of(name: &str) -> String {
        let mut game = TestGame::connected();
        let old = session(name);
        game.commands(|commands| commands.nakama().refresh(&server(), &old).id());
        game.update();
        let new = session("ada-refreshed");
        let token = new.token().expose();
        game.answer_rest(200, &json!({ "token": token, "refresh_token": token }));
        game.update();
        let connection = game.app.world().resource::<NakamaConnection>();
        let (_, session) = connection.rest().expect("connected");
        session.username().to_string()
    }

    #[test]
    fn the_connection_takes_over_the_tokens_of_its_own_session() {
        assert_eq!(token_after_refresh_of("ada"), "ada-refreshed");
        assert_eq!(token_after_refresh_of("bob"), "ada");
    }

    #[test]
    fn the_connection_forgets_its_session_with_its_end() {
        let mut game = TestGame::connected();
        game.connection_breaks();
        game.update();
        let connection = game.app.world().resource::<NakamaConnection>();
        assert!(connection.rest().is_none());
        assert!(connection.user().is_some(), "but not whose it was");
    }
}
