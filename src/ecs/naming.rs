//! Names of entities, to be seen in inspectors. A name that the game gave stays.

use std::{
    borrow::Cow,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
};

use bevy_ecs::prelude::*;

/// The hash of the name that the plugin gave. If the entity's name has another one, the game gave it.
#[derive(Component)]
#[component(clone_behavior = Ignore)]
pub(crate) struct GivenName(u64);

impl GivenName {
    fn of(name: &str) -> Self {
        Self(BuildHasherDefault::<DefaultHasher>::default().hash_one(name))
    }
}

/// Names an entity, unless the game has.
pub(crate) fn give_name(world: &mut World, entity: Entity, name: impl Into<Cow<'static, str>>) {
    if let Ok(mut entity) = world.get_entity_mut(entity)
        && let Some(name) = name_for(&entity, name)
    {
        entity.insert(name);
    }
}

/// The name for an entity. `None` if it has that name already, or has a name that the game gave.
pub(crate) fn name_for<T: Into<Cow<'static, str>>>(
    entity: &EntityWorldMut<'_>,
    name: T,
) -> Option<(Name, GivenName)> {
    let given = entity.get::<GivenName>().map(|given| given.0);
    let is_given = |name: &Name| Some(GivenName::of(name).0) == given;
    if !is_free(entity, is_given) {
        return None;
    }
    let name = Name::new(name);
    let mark = GivenName::of(&name);
    (Some(mark.0) != given).then_some((name, mark))
}

/// Whether the plugin may name an entity: it has no name, or one that the plugin gave.
pub(crate) fn is_free(entity: &EntityWorldMut<'_>, is_given: impl FnOnce(&Name) -> bool) -> bool {
    entity.get::<Name>().is_none_or(is_given)
}
