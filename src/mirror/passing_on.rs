//! A presence passes on to another session of its user: the same player is back.

use std::sync::Arc;

use bevy_ecs::prelude::*;

use super::{
    ghosts::{self, MaybeGhost},
    ids::{PresenceInfo, SessionId},
    member::{Membership, describe_anew},
    presence::Presence,
    returning::Stale,
    roster::PresenceIndex,
};

/// The local user is in a context with a new session. Their presence stays.
pub(super) fn own_passes_on<M: Membership>(
    world: &mut World,
    context: Entity,
    info: &Arc<PresenceInfo>,
) {
    let index = world.resource::<PresenceIndex>();
    let stale = index.stale(context).into_iter();
    let mut own = stale.filter(|(session, _)| index.is_own_before(session.as_str()));
    if let Some((old, _)) = own.next() {
        pass_on::<M>(world, context, &old, info);
    }
}

/// A user joins with a session that is new. If one session of that user is missing, this is the same player.
pub(super) fn pass_on_stale<M: Membership>(
    world: &mut World,
    context: Entity,
    info: &Arc<PresenceInfo>,
) {
    let index = world.resource::<PresenceIndex>();
    if index.is_there(context, info.session_id.as_str())
        || index.is_own_before(info.session_id.as_str())
    {
        return;
    }
    let is_of_user = |presence| {
        let known = world.get::<Presence>(presence);
        known.is_some_and(|known| known.info().user_id == info.user_id)
    };
    let Some(old) = index.stale_session_of(context, is_of_user, &info.user_id) else {
        return;
    };
    // The local user's presence passes on to this connection's session, and not to one of their other devices.
    let is_other_device = index
        .own_session()
        .is_some_and(|own| *own != info.session_id);
    if !(is_other_device && index.is_own_before(old.as_str())) {
        pass_on::<M>(world, context, &old, info);
        ghosts::mark_older(world, context, info);
    }
}

pub(super) fn pass_on<M: Membership>(
    world: &mut World,
    context: Entity,
    old: &SessionId,
    info: &Arc<PresenceInfo>,
) {
    let mut index = world.resource_mut::<PresenceIndex>();
    let Some(presence) = index.pass_on(context, old, info) else {
        return;
    };
    let before = world.get::<Presence>(presence).map(|it| it.info().clone());
    describe_anew(world, context, presence, before, info.clone());
    if let Ok(mut presence) = world.get_entity_mut(presence) {
        presence.remove::<(Stale, MaybeGhost)>();
    }
}

/// A session is confirmed.
pub(super) fn take_mark(world: &mut World, context: Entity, session: &SessionId) {
    let presence = world.resource::<PresenceIndex>().get(context, session);
    if let Some(presence) = presence
        && let Ok(mut presence) = world.get_entity_mut(presence)
    {
        presence.remove::<Stale>();
    }
}
