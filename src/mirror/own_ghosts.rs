//! The local user's own ghosts: old sessions that the server may still have, with their tickets.

use std::{sync::Arc, time::Duration};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{
    ids::{PresenceInfo, SessionId},
    roster::PresenceIndex,
};
use crate::{request::Area, transport::DisconnectReason};

/// How long the server may keep an old session: until a ping of its own was not answered.
const GHOST: Duration = Duration::from_secs(25);

/// The old sessions that the server may still have.
#[derive(Debug, Default, Resource)]
pub(crate) struct OwnGhosts(Vec<Ghost>);

#[derive(Debug)]
struct Ghost {
    /// `None` if the server never told.
    session: Option<SessionId>,
    /// When it is gone at the latest, in time since the app's start.
    until: Duration,
}

/// It has become certain, earlier than by the time alone, that the server does not have an old session any more.
#[derive(Event)]
pub(crate) struct OwnGhostEnded;

/// A socket of the local user is gone.
pub(super) fn note(world: &mut World, session: Option<SessionId>, cause: &DisconnectReason) {
    // A server that closes a session drops everything of it before it says so.
    let has_ended = matches!(
        cause,
        DisconnectReason::ClosedByServer { .. } | DisconnectReason::OutgoingQueueFull
    );
    if !has_ended {
        let until = now(world) + GHOST;
        let mut ghosts = world.resource_mut::<OwnGhosts>();
        ghosts.0.push(Ghost { session, until });
    }
}

/// How long the server may still have an old session. Zero if it has certainly dropped all of them.
pub(crate) fn time_for_own_ghosts(world: &World) -> Duration {
    let now = now(world);
    let ghosts = world.resource::<OwnGhosts>().0.iter();
    ghosts
        .map(|ghost| ghost.until.saturating_sub(now))
        .max()
        .unwrap_or_default()
}

/// Whether this is one of the local user's old sessions.
pub(crate) fn is_own_ghost(world: &World, session: &str) -> bool {
    world.resource::<PresenceIndex>().is_own_before(session)
}

/// A session has left something. The local user's status has no other way to go than with its session, or when they hide.
pub(super) fn has_left(world: &mut World, area: Area, session: &str) {
    if area == Area::Status && is_own_ghost(world, session) {
        has_ended(world, &SessionId::from(session));
    }
}

/// The server lists everybody in a context. If the old session was in a channel and is not listed, it is gone.
pub(super) fn are_listed<'a>(
    world: &mut World,
    area: Area,
    context: Entity,
    everybody: impl Iterator<Item = &'a Arc<PresenceInfo>> + Clone,
) {
    if area != Area::Channel {
        return; // somebody else may have removed it
    }
    let missing: Vec<_> = world
        .resource::<PresenceIndex>()
        .stale(context)
        .into_iter()
        .map(|(session, _)| session)
        .filter(|session| is_own_ghost(world, session.as_str()))
        .filter(|session| !everybody.clone().any(|info| info.session_id == *session))
        .collect();
    for session in missing {
        has_ended(world, &session);
    }
}

fn has_ended(world: &mut World, session: &SessionId) {
    let mut ghosts = world.resource_mut::<OwnGhosts>();
    let before = ghosts.0.len();
    ghosts
        .0
        .retain(|ghost| ghost.session.as_ref() != Some(session));
    if ghosts.0.len() < before {
        world.trigger(OwnGhostEnded);
    }
}

fn now(world: &World) -> Duration {
    world.resource::<Time<Real>>().elapsed()
}
