//! Calls over REST as the user who is logged in.

use bevy_ecs::prelude::*;

use super::{
    pending::{Made, Unsent},
    rest::Call,
};
use crate::{
    connection::NakamaConnection,
    session::CurrentSession,
    transport::{Auth, RestCall, Secret},
};

/// Whether the user who is logged in is that of the connection. Otherwise a call would be somebody else's.
pub(crate) fn is_connection_logged_in(world: &World) -> bool {
    let connection = world.resource::<NakamaConnection>();
    let place = world.resource::<CurrentSession>().place();
    place.is_some_and(|(server, session)| connection.is_of(server, session))
}

/// A call over REST, as the user who is logged in.
#[derive(Clone)]
pub(crate) struct UserCall {
    /// As in [`RestCall`].
    pub(crate) method: &'static str,
    /// As in [`RestCall`].
    pub(crate) target: String,
    /// As in [`RestCall`].
    pub(crate) body: Option<String>,
}

impl UserCall {
    /// Reads what is at this path, under these conditions. It leaves out a condition without a value.
    pub(crate) fn get<const N: usize>(path: &str, conditions: [(&str, Option<String>); N]) -> Self {
        let path = format!("{path}?");
        let start = path.len();
        let mut target = form_urlencoded::Serializer::for_suffix(path, start);
        for (name, value) in conditions {
            target.extend_pairs(value.map(|value| (name, value)));
        }
        Self {
            method: "GET",
            target: target.finish(),
            body: None,
        }
    }
}

impl Call for UserCall {
    fn is_possible(world: &World) -> bool {
        let current = world.resource::<CurrentSession>();
        current.place().is_some() || current.is_logging_in()
    }

    fn is_current(world: &World, made: &Made) -> bool {
        let connection = world.resource::<NakamaConnection>();
        let place = made.place(world.resource());
        (connection.is_connected() || connection.is_lost())
            && place.is_some_and(|(server, session)| connection.is_of(server, session))
    }

    fn complete(self, world: &World, made: &Made) -> Result<(RestCall, Option<Secret>), Unsent> {
        let current = world.resource::<CurrentSession>();
        let Some((server, session)) = made.place(current) else {
            let may_come = made.tenure == current.tenure() && current.awaits_first();
            return Err(if may_come {
                Unsent::Waits
            } else {
                Unsent::LoggedOut
            });
        };
        if current.is_renewing() {
            return Err(Unsent::Waits);
        }
        let token = session.token();
        let call = RestCall {
            server: server.clone(),
            method: self.method,
            target: self.target,
            auth: Auth::Bearer(token.clone()),
            body: self.body,
        };
        Ok((call, Some(token.clone())))
    }
}
