//! The order of a party's members: as in the server's list, where a session that is new comes last.

use bevy_ecs::prelude::*;

use super::PartyMembers;
use crate::{
    mirror::presence::{PresenceIndex, SessionId},
    proto::UserPresence,
};

/// The sessions in a party, in the server's order. A component of the party. A session may have no entity.
#[derive(Component, Debug, Default)]
#[component(clone_behavior = Ignore)]
pub(super) struct ServerOrder(Vec<SessionId>);

/// The server has listed the members.
pub(super) fn is(world: &mut World, party: Entity, listed: &[UserPresence]) {
    let sessions = listed.iter();
    let sessions = sessions.map(|member| SessionId::from(member.session_id.as_str()));
    let order = ServerOrder(sessions.collect());
    if let Ok(mut party) = world.get_entity_mut(party) {
        party.insert(order);
    }
    sort(world, party);
}

/// Members came and went.
pub(super) fn has_changed(
    world: &mut World,
    party: Entity,
    joins: &[UserPresence],
    leaves: &[UserPresence],
) {
    let Some(mut order) = world.get_mut::<ServerOrder>(party) else {
        return;
    };
    let joins = joins.iter();
    let joins: Vec<SessionId> = joins.map(|who| who.session_id.as_str().into()).collect();
    for gone in leaves {
        let gone = SessionId::from(gone.session_id.as_str());
        if !joins.contains(&gone) {
            order.0.retain(|session| *session != gone);
        }
    }
    for new in joins {
        if !order.0.contains(&new) {
            order.0.push(new);
        }
    }
    sort(world, party);
}

/// Puts the members in order. Nothing is added or removed, so no observer hears of it.
pub(super) fn sort(world: &mut World, party: Entity) {
    let Some(ServerOrder(order)) = world.get::<ServerOrder>(party) else {
        return;
    };
    let index = world.resource::<PresenceIndex>();
    let in_order = order.iter();
    let in_order = in_order.filter_map(|session| index.get(party, session));
    let in_order: Vec<_> = in_order.collect();
    let Some(mut members) = world.get_mut::<PartyMembers>(party) else {
        return;
    };
    let place = |member: &Entity| {
        let place = in_order.iter().position(|it| it == member);
        place.unwrap_or(in_order.len())
    };
    if !members.0.is_sorted_by_key(place) {
        members.0.sort_by_key(place);
    }
}
