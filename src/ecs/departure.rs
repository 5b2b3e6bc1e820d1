//! Entities that leave: out of everything at once, and despawned when no message can name them any more.

use std::collections::VecDeque;

use bevy_ecs::{lifecycle::HookContext, prelude::*, world::DeferredWorld};
use bevy_reflect::Reflect;

/// Marks a presence that has left, and a match, party, channel, stream or followed user that the local user is out of.
///
/// A presence that leaves loses everything that made it a member ([`Presence`](crate::presence::Presence),
/// [`PresentIn`](crate::matches::PresentIn), [`IsSelf`](crate::presence::IsSelf), …). A match loses [`Match`](crate::matches::Match). So
/// no query, relationship or index counts it any more. Before that, you hear of [`Left`](crate::presence::Left), with everything still
/// there.
///
/// The entity itself lives a little longer, because messages name it: a player may say something and leave in the same moment, and
/// your systems read it later. It keeps its ids, its name and what your game has put there. The plugin despawns it in `Last`, as soon as
/// no [`MessageReader`] can read a message from before it left. That takes about two frames. Bevy keeps messages until `FixedUpdate` has
/// run, so it takes longer while the game is paused.
///
/// If you do not want to wait, hide or despawn the entity in an observer of [`Left`](crate::presence::Left):
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_nakama::prelude::*;
/// fn hide(left: On<Left<Match>>, mut shown: Query<&mut Visibility>) {
///     if let Ok(mut shown) = shown.get_mut(left.presence) {
///         *shown = Visibility::Hidden;
///     }
/// }
/// ```
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[component(clone_behavior = Ignore)]
#[reflect(Component)]
#[type_path = "bevy_nakama::presence"]
pub struct Departed;

/// Marks an entity that is despawned in `Last` of this frame.
#[derive(Component)]
#[component(clone_behavior = Ignore, on_insert = go_soon)]
pub(crate) struct Transient;

/// Written behind all messages that may name an entity that has departed. When this one is too old to be read, they are, too.
#[derive(Message)]
pub(crate) struct LastWord;

/// What is to be despawned.
#[derive(Default, Resource)]
pub(crate) struct Departures {
    /// In `Last` of this frame.
    soon: Vec<Entity>,
    /// When the last word with this number has gone. Oldest first.
    later: VecDeque<(usize, Entity)>,
}

fn go_soon(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    if let Some(mut departures) = world.get_resource_mut::<Departures>() {
        departures.soon.push(entity);
    }
}

/// A member or a context is out: it loses what made it one, and is despawned later.
pub(crate) fn depart<Roles: Bundle>(world: &mut World, entity: Entity) {
    // Observers of each step may despawn it.
    if let Ok(mut leaving) = world.get_entity_mut(entity) {
        leaving.insert(Departed);
    }
    if let Ok(mut leaving) = world.get_entity_mut(entity) {
        leaving.remove::<Roles>();
    }
    if world.get_entity(entity).is_err() {
        return;
    }
    match world.write_message(LastWord) {
        Some(last_word) => {
            let mut departures = world.resource_mut::<Departures>();
            departures.later.push_back((last_word.id, entity));
        }
        None => {
            world.resource_mut::<Departures>().soon.push(entity);
        }
    }
}

/// In `Last`: despawns what no message can name any more. By entity and not by a query, because a game may have disabled them.
pub(crate) fn despawn_departed(world: &mut World) {
    let oldest = world
        .get_resource::<Messages<LastWord>>()
        .map_or(usize::MAX, Messages::oldest_message_count);
    let next = |departures: &mut Departures| {
        departures.soon.pop().or_else(|| {
            let is_silent = |(word, _): &mut (usize, Entity)| *word < oldest;
            let next = departures.later.pop_front_if(is_silent);
            next.map(|(_, entity)| entity)
        })
    };
    while let Some(entity) = next(&mut world.resource_mut::<Departures>()) {
        if let Ok(entity) = world.get_entity_mut(entity) {
            entity.despawn();
        }
    }
}
