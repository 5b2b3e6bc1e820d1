//! New tokens for a session.

use bevy_ecs::prelude::*;

use super::{SessionRefusal, session_in};
pub use crate::connection::SessionRefreshed;
use crate::{
    commands::NakamaCommands,
    connection,
    request::{Outcome, RestRequest, request, submit_rest},
    session::{NakamaSession, refresh_call},
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
        connection::take_over(world, &self.session, session);
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
    use serde_json::json;

    use crate::{
        commands::NakamaCommandsExt as _,
        connection::NakamaConnection,
        testing::{TestGame, server, session_of},
    };

    /// Refreshes the session of this user, and says whose token REST calls have then.
    fn token_after_refresh_of(name: &str) -> String {
        let mut game = TestGame::connected();
        let old = session_of(name);
        game.commands(|commands| commands.nakama().refresh(&server(), &old).id());
        game.update();
        let new = session_of("ada-refreshed");
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
