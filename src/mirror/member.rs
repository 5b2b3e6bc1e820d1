//! One member of something: what its presence carries, and how that comes, changes and goes.

use std::sync::Arc;

use bevy_ecs::{prelude::*, relationship::Relationship};

use super::{
    context::HasMembers,
    ghosts::MaybeGhost,
    ids::PresenceInfo,
    news::JoinedAs,
    presence::{IsSelf, Presence},
    returning::Stale,
    roster::PresenceIndex,
};
use crate::{
    ecs::{departure::depart, naming},
    proto::UserPresence,
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

    /// What a presence carries now.
    fn read(known: &EntityRef<'_>) -> Self;

    /// The server reports a presence that is there already.
    fn update(self, known: &mut EntityWorldMut<'_>);
}

impl Detail for () {
    fn of(_: &UserPresence) -> Self {}

    fn read(_: &EntityRef<'_>) -> Self {}

    fn update(self, _: &mut EntityWorldMut<'_>) {}
}

/// The components that say who somebody is.
pub(super) fn describe(context: Entity, info: Arc<PresenceInfo>) -> impl Bundle {
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
pub(super) fn update(
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
    describe_anew(world, context, known, before, info);
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

/// What is known of somebody who is there has changed.
pub(super) fn describe_anew(
    world: &mut World,
    context: Entity,
    known: Entity,
    before: Option<Arc<PresenceInfo>>,
    info: Arc<PresenceInfo>,
) {
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
}

/// Who a presence is.
pub(super) fn info_of(world: &World, presence: Entity) -> Option<Arc<PresenceInfo>> {
    let presence = world.get::<Presence>(presence)?;
    Some(presence.info().clone())
}

/// An entity stops being a presence.
pub(super) fn dismiss<M: Membership>(world: &mut World, presence: Entity) {
    depart::<(
        M,
        M::Detail,
        M::Marks,
        Presence,
        JoinedAs,
        IsSelf,
        Stale,
        MaybeGhost,
    )>(world, presence);
}
