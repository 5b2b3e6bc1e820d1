//! Whether the game hears of an event: what it does not hear of is worth a line in the log.

use std::hash::Hash;

use bevy_ecs::prelude::*;
use hashbrown::HashSet;

/// Marks an observer of this crate's own, like the overlay's: it does not stand for the game.
#[derive(Component)]
pub(crate) struct OwnObserver;

/// Whether an observer of the game hears of an event: a global one, or one of the entity that it is about.
pub(crate) fn by_the_game<E: Event>(world: &World, target: Option<Entity>) -> bool {
    let observers = world
        .event_key::<E>()
        .and_then(|key| world.observers().try_get_observers(key));
    observers.is_some_and(|observers| {
        let mut global = observers.global_observers().keys();
        global.any(|observer| world.get::<OwnObserver>(*observer).is_none())
            || target.is_some_and(|target| observers.entity_observers().contains_key(&target))
    })
}

/// What the log has said about this connection.
#[derive(Resource)]
pub(crate) struct Told<K>(HashSet<K>);

impl<K> Default for Told<K> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

/// How many of each kind are remembered. The log tells no more.
const TOLD: usize = 64;

/// Whether the log is to report an event that may happen in every frame: the game does not hear of it, and it is the first of this
/// connection with this key.
pub(crate) fn is_news<E: Event, K: Eq + Hash + Send + Sync + 'static>(
    world: &mut World,
    target: Option<Entity>,
    key: K,
) -> bool {
    if by_the_game::<E>(world, target) {
        return false;
    }
    let Told(told) = &mut *world.resource_mut();
    told.len() < TOLD && told.insert(key)
}

/// A connection begins: what the log has told was of an earlier one.
pub(crate) fn forget_told<K: Send + Sync + 'static>(world: &mut World) {
    world.resource_mut::<Told<K>>().0.clear();
}
