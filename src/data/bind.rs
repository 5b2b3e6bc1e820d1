//! Which types of the game the op codes and stream modes are bound to.

use std::any::type_name;

use bevy_app::App;
use bevy_ecs::prelude::*;
use hashbrown::HashMap;

use super::{
    codec::Codec as _,
    message::{DataContext, DataReceived, DataRejected, Payload, TypedData},
};
use crate::ecs::clear_messages;

/// The bound types of an area.
#[derive(Resource)]
struct Bindings<C: DataContext>(HashMap<i64, Binding<C>>);

struct Binding<C: DataContext> {
    name: &'static str,
    write: fn(&mut World, DataReceived<C>),
    clear: fn(&mut World),
}

impl<C: DataContext> Default for Bindings<C> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// Makes an area able to receive data.
pub(super) fn init<C: DataContext>(app: &mut App) {
    app.init_resource::<Bindings<C>>()
        .add_message::<DataReceived<C>>()
        .add_message::<DataRejected<C>>();
}

/// Binds a type to its key: from now on, data with that key arrives as [`TypedData`].
///
/// # Panics
///
/// Another type is bound to the key.
pub(crate) fn bind<C: DataContext, T: Payload<C>>(app: &mut App) {
    app.init_resource::<Bindings<C>>()
        .add_message::<TypedData<C, T>>();
    let new = Binding {
        name: type_name::<T>(),
        write: write_typed::<C, T>,
        clear: clear_messages::<TypedData<C, T>>,
    };
    let name = new.name;
    let mut bindings = app.world_mut().resource_mut::<Bindings<C>>();
    if let Some(old) = bindings.0.insert(T::KEY, new)
        && old.name != name
    {
        let (kind, key, old) = (C::KEY, T::KEY, old.name);
        panic!("{kind} {key} is claimed twice: by `{old}` and by `{name}`");
    }
}

/// Writes data as a message: of the type that its key is bound to, or as it is.
pub(super) fn write<C: DataContext>(world: &mut World, data: DataReceived<C>) {
    match world.resource::<Bindings<C>>().0.get(&data.op_code) {
        Some(Binding { write, .. }) => write(world, data),
        None => {
            world.write_message(data);
        }
    }
}

fn write_typed<C: DataContext, T: Payload<C>>(world: &mut World, received: DataReceived<C>) {
    let (context, sender, op_code) = (received.context, received.sender, received.op_code);
    match T::Codec::decode(&received.data) {
        Ok(payload) => {
            let data = TypedData::<C, T>::new(context, sender, payload, received.reliable);
            world.write_message(data);
        }
        Err(error) => {
            log::debug!("{} {op_code}: {error}", C::KEY);
            let data = DataRejected::<C>::new(context, sender, op_code, received.data, error);
            world.write_message(data);
        }
    }
}

/// Empties all messages of an area, because they are of an earlier connection.
pub(super) fn clear_area<C: DataContext>(world: &mut World) {
    clear_messages::<DataReceived<C>>(world);
    clear_messages::<DataRejected<C>>(world);
    let bindings = world.resource::<Bindings<C>>().0.values();
    for clear in bindings.map(|bound| bound.clear).collect::<Vec<_>>() {
        clear(world);
    }
}
