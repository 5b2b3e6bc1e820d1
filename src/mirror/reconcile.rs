//! Who comes and who goes, as the server reports.

use std::sync::Arc;

use bevy_ecs::prelude::*;

use super::{
    context::{Context, Vocabulary as _, is_in},
    ghosts,
    ids::{PresenceInfo, SessionId},
    index::ContextIndex,
    member::{Detail as _, Membership, describe, dismiss, info_of, update},
    news::{JoinedAs, LeaveReason, tell_joined, tell_left},
    own_ghosts,
    own_session::{is_own_session, is_own_user},
    passing_on::{own_passes_on, pass_on, pass_on_stale, take_mark},
    presence::IsSelf,
    roster::{Closed, Dismiss, PresenceIndex},
    suspects::Appear,
};
use crate::{proto::UserPresence, request::Moments, transport::People};

/// A member is back with a new session, while the server still has the old one. Their presence stays.
fn adopt<M: Membership>(
    world: &mut World,
    context: Entity,
    old: &SessionId,
    info: Arc<PresenceInfo>,
    detail: M::Detail,
) {
    let index = world.resource::<PresenceIndex>();
    let Some(presence) = index.get(context, old) else {
        return;
    };
    // After a loss, the list may not have the old session any more: then it is not a ghost.
    let is_missing = index.is_missing(context, old);
    if !is_missing
        && let Some(before) = info_of(world, presence)
        && let Ok(known) = world.get_entity(presence)
    {
        let appear = appear::<M>(context, before.clone(), M::Detail::read(&known));
        ghosts::hide(world, context, before, appear);
    }
    pass_on::<M>(world, context, old, &info);
    update(world, context, presence, info.clone(), detail, false);
    let index = world.resource::<PresenceIndex>();
    if index.get(context, &info.session_id) == Some(presence) {
        ghosts::mark_older(world, context, &info);
        if !is_missing {
            ghosts::tell_adopted(world, context, presence, old.clone(), &info);
        }
    }
}

/// How a session gets an entity that had none: it is another device of its user after all.
pub(super) fn appear<M: Membership>(
    context: Entity,
    info: Arc<PresenceInfo>,
    detail: M::Detail,
) -> Appear {
    Box::new(move |world| come::<M>(world, context, info, detail, JoinedAs::Arrived))
}

/// The server's list of members has changed, whatever the game has despawned.
#[derive(EntityEvent)]
pub(crate) struct MembersChanged {
    #[event_target]
    pub(crate) context: Entity,
    /// Whether the local user has removed one of those who left.
    pub(crate) is_kick: bool,
}

/// Whether the local user has removed one of those who leave.
pub(crate) fn is_kick(world: &World, context: Entity, leaves: &[UserPresence]) -> bool {
    let index = world.resource::<PresenceIndex>();
    let mut leaves = leaves.iter();
    leaves.any(|who| index.is_kicked(context, &who.session_id))
}

/// Whether an event changes the server's list of members, whatever the game has despawned.
pub(crate) fn is_change(
    world: &World,
    context: Entity,
    joins: &[UserPresence],
    leaves: &[UserPresence],
) -> bool {
    let index = world.resource::<PresenceIndex>();
    let is_there = |who: &UserPresence| {
        index.is_there(context, &who.session_id) || index.is_ghost_in(context, &who.session_id)
    };
    joins.iter().any(|who| !is_there(who))
        || leaves
            .iter()
            .any(|who| is_there(who) && !is_among(who, joins))
}

fn is_among(who: &UserPresence, others: &[UserPresence]) -> bool {
    let mut others = others.iter();
    others.any(|other| other.session_id == who.session_id)
}

/// Joins and leaves in one event. A member in both lists has changed, and has not left.
pub(crate) fn apply_event<M: Membership>(
    world: &mut World,
    context: Entity,
    joins: &[UserPresence],
    leaves: &[UserPresence],
    people: &mut People,
) {
    for gone in leaves {
        if is_among(gone, joins) {
            ghosts::speaks(world, context, &SessionId::from(gone.session_id.as_str()));
            let mut index = world.resource_mut::<PresenceIndex>();
            index
                .bypass_change_detection()
                .is_back(context, &gone.session_id);
        } else {
            leave::<M>(world, context, &gone.session_id);
        }
    }
    for who in joins {
        let detail = M::Detail::of(who);
        let info = people.info(who);
        join::<M>(world, context, info, detail, JoinedAs::Arrived, false);
    }
}

pub(super) fn join<M: Membership>(
    world: &mut World,
    context: Entity,
    info: Arc<PresenceInfo>,
    detail: M::Detail,
    how: JoinedAs,
    is_self: bool,
) {
    if !is_in::<M::Place>(world, context) {
        return;
    }
    if is_own_user(world, info.user_id.as_str()) {
        own_ghosts::recognise(world, context, &info);
    }
    let index = world.resource::<PresenceIndex>();
    if index.is_own_before(info.session_id.as_str()) {
        let mut index = world.resource_mut::<PresenceIndex>();
        return index.note_ghost(context, &info.session_id, true);
    }
    let is_self = is_self || is_own_session(world, &info);
    if index.has_window(context) {
        if is_self {
            own_passes_on::<M>(world, context, &info);
        }
        pass_on_stale::<M>(world, context, &info);
    }
    let mut index = world.resource_mut::<PresenceIndex>();
    if index
        .bypass_change_detection()
        .confirm(context, &info.session_id)
    {
        take_mark(world, context, &info.session_id);
    }
    let index = world.resource::<PresenceIndex>();
    if let Some(known) = index.get(context, &info.session_id) {
        return update(world, context, known, info, detail, is_self);
    }
    if !is_self && index.is_hidden(context, info.session_id.as_str()) {
        let appear = appear::<M>(context, info.clone(), detail);
        return ghosts::hide(world, context, info, appear);
    }
    if !is_self && let Some(old) = ghosts::session_before(world, context, &info) {
        return adopt::<M>(world, context, &old, info, detail);
    }
    ghosts::mark_older(world, context, &info);
    come::<M>(world, context, info, detail, how);
}

/// A session gets an entity.
fn come<M: Membership>(
    world: &mut World,
    context: Entity,
    info: Arc<PresenceInfo>,
    detail: M::Detail,
    how: JoinedAs,
) {
    if !is_in::<M::Place>(world, context) {
        return; // an observer of a mark has left it
    }
    let is_self = is_own_session(world, &info);
    let how = if is_self { JoinedAs::Present } else { how };
    let presence = world.entity_allocator_mut().alloc();
    let mut index = world.resource_mut::<PresenceIndex>();
    let dismiss = Dismiss {
        tell_left: tell_left::<M::Place>,
        take: dismiss::<M>,
    };
    index.add(context, presence, &info, dismiss);
    let session = info.session_id.clone();
    let bundle = (M::from(context), describe(context, info), detail, how);
    // Nobody else can have spawned what has just been allocated.
    let _ = if is_self {
        world.spawn_at(presence, (bundle, IsSelf)).map(drop)
    } else {
        world.spawn_at(presence, bundle).map(drop)
    };
    ghosts::show_mark(world, context, &session);
    let mut index = world.resource_mut::<PresenceIndex>();
    // Observers of its components may have left.
    if index.bypass_change_detection().has_come(context, &session) {
        tell_joined::<M::Place>(world, context, presence, how);
    }
}

fn leave<M: Membership>(world: &mut World, context: Entity, session: &str) {
    if !is_in::<M::Place>(world, context) {
        return;
    }
    own_ghosts::has_left(world, M::Place::AREA, session);
    if world
        .resource::<PresenceIndex>()
        .awaits_own(context, session)
    {
        return; // the local user's presence passes on to the session of this connection
    }
    let moment = world.resource::<Moments>().now();
    let presence = world.resource::<PresenceIndex>().find(context, session);
    let known = presence.and_then(|presence| Some((presence, info_of(world, presence)?)));
    let mut index = world.resource_mut::<PresenceIndex>();
    let was_hidden = index.is_hidden(context, session);
    // The index shows a game those who are there, and not those who have left. So this is not a change.
    let (despawned, why) =
        index
            .bypass_change_detection()
            .leave(context, session, known.as_ref(), moment, false);
    if presence.is_some() || was_hidden {
        index.set_changed();
    }
    if let Some((presence, info)) = known.or(despawned) {
        tell_left::<M::Place>(world, context, presence, info, why);
    }
    if let Some(presence) = presence {
        dismiss::<M>(world, presence);
    }
    ghosts::has_left(world, context, session);
}

/// The server has agreed to remove somebody, as the local user has asked. When that member leaves, this is the reason.
pub(crate) fn note_kicked<C: Context>(
    world: &mut World,
    id: &C::Id,
    session: &SessionId,
    presence: Entity,
) {
    if let Some(context) = world.resource::<ContextIndex<C::Id>>().get(id) {
        let mut index = world.resource_mut::<PresenceIndex>();
        index
            .bypass_change_detection()
            .note_kicked(context, session, presence);
    }
}

/// The local user is out of a context: so is everybody in it.
pub(crate) fn all_go(world: &mut World, context: Entity, why: LeaveReason) {
    let mut index = world.resource_mut::<PresenceIndex>();
    let Some(Closed {
        here,
        despawned,
        dismiss,
    }) = index.bypass_change_detection().close(context)
    else {
        return;
    };
    if !here.is_empty() {
        index.set_changed();
    }
    let here = here
        .into_iter()
        .filter_map(|presence| Some((presence, info_of(world, presence)?)));
    let mut everybody: Vec<_> = here.chain(despawned).collect();
    // Most of the time, this is the order in which they came.
    everybody.sort_unstable_by_key(|(presence, _)| presence.index_u32());
    for (presence, info) in everybody {
        // Observers of its components may have left before it was told to have joined.
        if !world.resource::<PresenceIndex>().is_coming(presence) {
            (dismiss.tell_left)(world, context, presence, info, why);
        }
        (dismiss.take)(world, presence);
    }
}
