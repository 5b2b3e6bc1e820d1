//! Whether the game hears of an event: what it does not hear of is worth a line in the log.

use bevy_ecs::prelude::*;

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
