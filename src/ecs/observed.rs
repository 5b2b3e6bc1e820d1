//! Whether the game observes an event. If it does not, the event is worth a line in the log.

use std::hash::Hash;

use bevy_ecs::prelude::*;
use hashbrown::HashSet;

/// Marks an observer of this crate, like the overlay's. It does not count as the game's.
#[derive(Component)]
pub(crate) struct OwnObserver;

/// Whether the game observes an event, with a global observer or with an observer of the entity that the event is about.
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

/// What the log has reported in this connection.
#[derive(Resource)]
pub(crate) struct Told<K>(HashSet<K>);

impl<K> Default for Told<K> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

/// How many of each kind are remembered. After that, the log says nothing more.
const TOLD: usize = 64;

/// Whether an event that may happen in every frame is worth a line in the log: the game does not observe it, and it is the first of
/// this connection with this key.
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

/// A connection begins: what the log has said was about an earlier one.
pub(crate) fn forget_told<K: Send + Sync + 'static>(world: &mut World) {
    world.resource_mut::<Told<K>>().0.clear();
}
