//! Calls over REST as the user of the connection.

use bevy_ecs::prelude::*;

use super::{
    pending::{Made, Unsent},
    rest::Call,
    table::Requests,
};
use crate::{
    connection::NakamaConnection,
    transport::{Auth, Failure, RestCall, Secret},
};

/// A call over REST, as the user of the connection.
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
    /// Reads what is at this path, under these conditions. Those that are `None` are left out.
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
        world.resource::<NakamaConnection>().rest().is_some()
    }

    fn is_current(world: &World, made: &Made) -> bool {
        Self::is_possible(world) && made.is_current(world)
    }

    fn complete(self, world: &World, made: &Made) -> Result<(RestCall, Option<Secret>), Unsent> {
        let rest = world.resource::<NakamaConnection>().rest();
        let Some((server, session)) = rest.filter(|_| made.is_current(world)) else {
            return Err(Unsent::Lost(Failure::ConnectionLost {
                maybe_executed: false,
            }));
        };
        let token = session.token();
        if world.resource::<Requests>().is_renewing(token) {
            return Err(Unsent::Waits);
        }
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
