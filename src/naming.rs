//! Names of entities, for those who look at the world. One that the game gave stays.

use std::borrow::Cow;

use bevy_ecs::prelude::*;

/// The name that the plugin gave. If the entity's name is another one, it is the game's.
#[derive(Component)]
struct GivenName(Name);

/// Names an entity, unless the game has.
pub(crate) fn give_name(world: &mut World, entity: Entity, name: impl Into<Cow<'static, str>>) {
    let Ok(mut entity) = world.get_entity_mut(entity) else {
        return;
    };
    let given = entity.get::<GivenName>().map(|given| &given.0);
    let is_ours = entity.get::<Name>().is_none_or(|name| Some(name) == given);
    let name = Name::new(name);
    if is_ours && Some(&name) != given {
        entity.insert((name.clone(), GivenName(name)));
    }
}
