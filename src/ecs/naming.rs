//! Names of entities, for those who look at the world. One that the game gave stays.

use std::borrow::Cow;

use bevy_ecs::prelude::*;

/// The name that the plugin gave. If the entity's name is another one, it is the game's.
#[derive(Component)]
pub(crate) struct GivenName(Name);

/// Names an entity, unless the game has.
pub(crate) fn give_name(world: &mut World, entity: Entity, name: impl Into<Cow<'static, str>>) {
    if let Ok(mut entity) = world.get_entity_mut(entity)
        && let Some(name) = name_for(&entity, name)
    {
        entity.insert(name);
    }
}

/// The name that an entity is to get, unless it has that or one that the game gave.
pub(crate) fn name_for<T: Into<Cow<'static, str>>>(
    entity: &EntityWorldMut<'_>,
    name: T,
) -> Option<(Name, GivenName)> {
    let given = entity.get::<GivenName>().map(|given| &given.0);
    let is_ours = entity.get::<Name>().is_none_or(|name| Some(name) == given);
    let name = Name::new(name);
    let is_new = is_ours && Some(&name) != given;
    is_new.then(|| (name.clone(), GivenName(name)))
}
