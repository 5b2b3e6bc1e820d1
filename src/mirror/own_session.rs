//! Which session is this connection's, and which user is the local user.

use bevy_ecs::prelude::*;

use super::{
    ghosts,
    ids::{PresenceInfo, SessionId},
    own_ghosts::{self, OwnGhosts},
    presence::IsSelf,
    roster::PresenceIndex,
};
use crate::{connection::NakamaConnection, proto::UserPresence, transport::DisconnectReason};

/// Whether somebody is the local user: this session, or any of the user's as long as the server has not told which it is.
pub(crate) fn is_self(world: &World, who: &UserPresence) -> bool {
    match world.resource::<PresenceIndex>().own_session() {
        Some(own) => *own == who.session_id.as_str(),
        None => is_own_user(world, &who.user_id),
    }
}

/// Whether somebody is the local user, from whatever device.
pub(crate) fn is_own_user(world: &World, user_id: &str) -> bool {
    let user = world.resource::<NakamaConnection>().user();
    user.is_some_and(|(own, _)| *own == *user_id)
}

/// The server tells which session is this connection's. Its presences that are there already are marked. If another session was taken
/// for it before, that was a wrong guess.
pub(crate) fn set_own_session(world: &mut World, session: &SessionId) {
    let mut index = world.resource_mut::<PresenceIndex>();
    if index.own_session() == Some(session) {
        return;
    }
    if let Some(wrong) = index.own_session().cloned() {
        for presence in index.everywhere(&wrong) {
            if let Ok(mut presence) = world.get_entity_mut(presence) {
                presence.remove::<IsSelf>();
            }
        }
        index = world.resource_mut::<PresenceIndex>();
    }
    for presence in index.set_own_session(session) {
        if let Ok(mut presence) = world.get_entity_mut(presence) {
            presence.insert(IsSelf);
        }
    }
    ghosts::is_own(world, session);
}

/// A connection begins or ends; the next one has a session of its own.
pub(crate) fn forget_own_session(world: &mut World) {
    *world.resource_mut::<OwnGhosts>() = OwnGhosts::default();
    let mut index = world.resource_mut::<PresenceIndex>();
    index.bypass_change_detection().forget_own_before();
    if index.bypass_change_detection().forget_own_session() {
        index.set_changed();
    }
}

/// Whether a session is known to be the local user's own.
pub(super) fn is_own_session(world: &World, info: &PresenceInfo) -> bool {
    let index = world.resource::<PresenceIndex>();
    index.own_session() == Some(&info.session_id)
}

/// The socket is gone; the one that heals it has a session of its own.
pub(super) fn outlive_own_session(world: &mut World, cause: &DisconnectReason) {
    let mut index = world.resource_mut::<PresenceIndex>();
    let session = index.outlive_own_session();
    own_ghosts::note(world, session, cause);
}
