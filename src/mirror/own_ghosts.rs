//! The local user's own ghosts: old sessions that the server may still have, with their tickets.

use std::{sync::Arc, time::Duration};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{
    context::Vocabulary,
    ghosts,
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
    /// `None` if the server has not told.
    session: Option<SessionId>,
    /// The local user's last session before it, if the server had told that.
    after: Option<SessionId>,
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
        let now = now(world);
        let index = world.resource::<PresenceIndex>();
        let ghost = Ghost {
            session,
            after: index.own_before.back().cloned(),
            until: now + GHOST,
        };
        let mut ghosts = world.resource_mut::<OwnGhosts>();
        ghosts.0.retain(|ghost| ghost.until > now);
        ghosts.0.push(ghost);
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

/// A session of the local user is in a context. A socket may have been lost before the server told its session: if this one was made between
/// those that are known, it is that.
pub(super) fn recognise(world: &mut World, context: Entity, info: &PresenceInfo) {
    let session = &info.session_id;
    let index = world.resource::<PresenceIndex>();
    let Some(own) = index.own_session().filter(|own| *own != session) else {
        return;
    };
    if index.is_own_before(session.as_str()) || index.is_there(context, session.as_str()) {
        return;
    }
    let own = own.clone();
    let is_it = |ghost: &&mut Ghost| {
        let after = ghost.after.as_ref().filter(|_| ghost.session.is_none());
        after.is_some_and(|after| ghosts::is_between(after, session, &own))
    };
    let mut ghosts = world.resource_mut::<OwnGhosts>();
    if let Some(ghost) = ghosts.0.iter_mut().find(is_it) {
        ghost.session = Some(session.clone());
        let mut index = world.resource_mut::<PresenceIndex>();
        index.add_own_before(session.clone());
    }
}

/// A session has left something. The local user's status has no other way to go than with its session, or when they hide.
pub(super) fn has_left(world: &mut World, area: Area, session: &str) {
    if area == Area::Status && is_own_ghost(world, session) {
        has_ended(world, &SessionId::from(session));
    }
}

/// The server lists everybody in a context. If it would list the old session and does not, that is gone.
pub(super) fn are_listed<'a, C: Vocabulary>(
    world: &mut World,
    context: Entity,
    everybody: impl Iterator<Item = &'a Arc<PresenceInfo>> + Clone,
) {
    if !C::lists_own_sessions(world, context) {
        return;
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
