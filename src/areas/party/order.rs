//! The order of a party's members: as in the server's list, where a session that is new comes last.

use bevy_ecs::prelude::*;

use super::PartyMembers;
use crate::{
    mirror::presence::{PresenceIndex, SessionId},
    proto::UserPresence,
};

/// The server has listed the members. Those whom it does not list come last.
pub(super) fn is(world: &mut World, party: Entity, listed: &[UserPresence]) {
    let sessions = listed.iter();
    let sessions = sessions.map(|member| SessionId::from(member.session_id.as_str()));
    let listed = entities(world, party, sessions);
    sort(world, party, |member| {
        let place = listed.iter().position(|it| *it == member);
        place.unwrap_or(listed.len())
    });
}

/// These sessions have just joined. Their entities may be older.
pub(super) fn are_last(world: &mut World, party: Entity, new: &[SessionId]) {
    if new.is_empty() {
        return;
    }
    let last = entities(world, party, new.iter().cloned());
    sort(world, party, |member| {
        let place = last.iter().position(|it| *it == member);
        place.map_or(0, |place| place + 1)
    });
}

fn entities(
    world: &World,
    party: Entity,
    sessions: impl Iterator<Item = SessionId>,
) -> Vec<Entity> {
    let index = world.resource::<PresenceIndex>();
    sessions
        .filter_map(|session| index.get(party, &session))
        .collect()
}

/// Members with the same place stay in their order. Nothing is added or removed, so no observer hears of it.
fn sort(world: &mut World, party: Entity, place: impl Fn(Entity) -> usize) {
    let Some(mut members) = world.get_mut::<PartyMembers>(party) else {
        return;
    };
    let place = |member: &Entity| place(*member);
    if !members.0.is_sorted_by_key(place) {
        members.0.sort_by_key(place);
    }
}
