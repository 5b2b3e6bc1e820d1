//! Whose objects are meant.

use bevy_ecs::prelude::*;

use crate::{mirror::presence::UserId, session::CurrentSession};

/// Whose objects are meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    /// The user who makes the call.
    Own,
    User(UserId),
    /// Nobody: code on the server wrote it for all.
    Server,
}

impl Owner {
    /// The owner as the server names it. A user has an id; nothing stands for the server.
    pub(super) fn id(&self) -> Option<&UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::Own | Self::Server => None,
        }
    }

    /// Says who makes the call.
    pub(super) fn resolve(&mut self, world: &World) {
        if *self == Self::Own
            && let Some((id, _)) = world.resource::<CurrentSession>().user()
        {
            *self = Self::User(id.clone());
        }
    }
}
