//! Whose objects are meant.

use bevy_ecs::prelude::*;

use crate::{mirror::presence::UserId, session::CurrentSession};

/// Whom the server names as the owner of what belongs to nobody. No user has this id.
pub(super) const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

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
    /// The owner that an object names.
    pub(super) fn of(user: UserId) -> Self {
        if user.as_str() == NOBODY {
            Self::Server
        } else {
            Self::User(user)
        }
    }

    /// Whether an object is theirs.
    pub(super) fn is(&self, user: &UserId) -> bool {
        self.id().map_or(NOBODY, UserId::as_str) == user.as_str()
    }

    /// Whether it has an id that is empty, which the server would take for somebody else.
    pub(super) fn is_empty(&self) -> bool {
        self.id().is_some_and(|id| id.as_str().is_empty())
    }

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
