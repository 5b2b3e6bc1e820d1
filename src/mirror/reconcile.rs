//! Brings the world in line with what the server reports: who is where.

use std::sync::Arc;

use bevy_ecs::{prelude::*, relationship::Relationship};

use super::{
    context::{Context, HasMembers, is_in},
    ids::{PresenceInfo, SessionId},
    index::ContextIndex,
    news::{JoinedAs, LeaveReason, tell_joined, tell_left},
    presence::{IsSelf, Presence},
    roster::{Closed, Dismiss, PresenceIndex},
};
use crate::{
    connection::NakamaConnection,
    ecs::{departure::depart, naming},
    proto::UserPresence,
    request::{Moment, Moments},
    transport::People,
};

/// A relationship from a presence to where it is.
pub(crate) trait Membership: Relationship + Bundle {
    /// What it is in.
    type Place: HasMembers;
    /// What else such a presence carries, from the moment when it is spawned.
    type Detail: Detail;
    /// What marks some of them. It goes when they leave.
    type Marks: Bundle;
}

/// What else the presences of an area carry.
pub(crate) trait Detail: Bundle {
    fn of(presence: &UserPresence) -> Self;

    /// The server reports a presence that is there already.
    fn update(self, known: &mut EntityWorldMut<'_>);
}

impl Detail for () {
    fn of(_: &UserPresence) -> Self {}

    fn update(self, _: &mut EntityWorldMut<'_>) {}
}

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

/// The server tells which session is this connection's. Its presences that are there already are marked.
pub(crate) fn set_own_session(world: &mut World, session: &SessionId) {
    let mut index = world.resource_mut::<PresenceIndex>();
    if index.own_session().is_some() {
        return;
    }
    for presence in index.set_own_session(session) {
        if let Ok(mut presence) = world.get_entity_mut(presence) {
            presence.insert(IsSelf);
        }
    }
}

/// A connection begins or ends; the next one has a session of its own.
pub(crate) fn forget_own_session(world: &mut World) {
    let mut index = world.resource_mut::<PresenceIndex>();
    if index.bypass_change_detection().forget_own_session() {
        index.set_changed();
    }
}

/// Everybody that an answer lists, the local user included. Those who left while the answer was under way do not come back.
pub(crate) fn apply_snapshot<M: Membership>(
    world: &mut World,
    context: Entity,
    everybody: impl IntoIterator<Item = (Arc<PresenceInfo>, M::Detail, bool)>,
    since: Moment,
) {
    for (info, detail, is_self) in everybody {
        if is_self {
            set_own_session(world, &info.session_id);
        }
        let index = world.resource::<PresenceIndex>();
        if is_self || !index.left_since(context, &info.session_id, since) {
            join::<M>(world, context, info, detail, JoinedAs::Present, is_self);
        }
    }
}

/// The server's list of members has changed, whatever the game has despawned.
#[derive(EntityEvent)]
pub(crate) struct MembersChanged {
    #[event_target]
    pub(crate) context: Entity,
}

/// Whether an event changes the server's list of members, whatever the game has despawned.
pub(crate) fn is_change(
    world: &World,
    context: Entity,
    joins: &[UserPresence],
    leaves: &[UserPresence],
) -> bool {
    let index = world.resource::<PresenceIndex>();
    let is_there = |who: &UserPresence| index.is_there(context, &who.session_id);
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

fn join<M: Membership>(
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
    let index = world.resource::<PresenceIndex>();
    let is_self = is_self || index.own_session() == Some(&info.session_id);
    if let Some(known) = index.get(context, &info.session_id) {
        return update(world, context, known, info, detail, is_self);
    }
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
    let mut index = world.resource_mut::<PresenceIndex>();
    // Observers of its components may have left.
    if index.bypass_change_detection().has_come(context, &session) {
        tell_joined::<M::Place>(world, context, presence, how);
    }
}

/// The components that say who somebody is.
fn describe(context: Entity, info: Arc<PresenceInfo>) -> impl Bundle {
    let name = Name::new(info.username.as_str().to_owned());
    (name, identify(context, info))
}

/// The same without a name.
fn identify(context: Entity, info: Arc<PresenceInfo>) -> impl Bundle {
    (
        info.user_id.clone(),
        info.session_id.clone(),
        info.username.clone(),
        Presence::new(context, info),
    )
}

/// The server reports somebody who is there already. Observers do as they like, so after each step the entity may not be a presence any
/// more.
fn update(
    world: &mut World,
    context: Entity,
    known: Entity,
    info: Arc<PresenceInfo>,
    detail: impl Detail,
    is_self: bool,
) {
    let before = world
        .get::<Presence>(known)
        .map(|known| known.info().clone());
    if let Some(before) = before.filter(|before| *before != info) {
        let mut index = world.resource_mut::<PresenceIndex>();
        index.update(context, known, &before.user_id, &info.user_id);
        if let Ok(mut entity) = world.get_entity_mut(known) {
            if naming::is_free(&entity, |name| name.as_str() == before.username.as_str()) {
                entity.insert(describe(context, info));
            } else {
                entity.insert(identify(context, info));
            }
        }
    }
    if let Ok(mut entity) = world.get_entity_mut(known)
        && is_self
        && entity.contains::<Presence>()
        && !entity.contains::<IsSelf>()
    {
        entity.insert(IsSelf);
    }
    if let Ok(mut entity) = world.get_entity_mut(known)
        && entity.contains::<Presence>()
    {
        detail.update(&mut entity);
    }
}

fn leave<M: Membership>(world: &mut World, context: Entity, session: &str) {
    if !is_in::<M::Place>(world, context) {
        return;
    }
    let moment = world.resource::<Moments>().now();
    let presence = world.resource::<PresenceIndex>().find(context, session);
    let known = presence.and_then(|presence| Some((presence, info_of(world, presence)?)));
    let mut index = world.resource_mut::<PresenceIndex>();
    // The index shows a game those who are there, and not those who have left. So this is not a change.
    let (despawned, why) =
        index
            .bypass_change_detection()
            .leave(context, session, known.as_ref(), moment);
    if presence.is_some() {
        index.set_changed();
    }
    if let Some((presence, info)) = known.or(despawned) {
        tell_left::<M::Place>(world, context, presence, info, why);
    }
    if let Some(presence) = presence {
        dismiss::<M>(world, presence);
    }
}

fn info_of(world: &World, presence: Entity) -> Option<Arc<PresenceInfo>> {
    let presence = world.get::<Presence>(presence)?;
    Some(presence.info().clone())
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

/// An entity stops being a presence.
fn dismiss<M: Membership>(world: &mut World, presence: Entity) {
    depart::<(M, M::Detail, M::Marks, Presence, JoinedAs, IsSelf)>(world, presence);
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
