//! Messages that nobody should read any more.

use bevy_ecs::prelude::*;

/// Empties a buffer of messages.
pub(crate) fn clear_messages<M: Message>(world: &mut World) {
    if let Some(mut messages) = world.get_resource_mut::<Messages<M>>() {
        messages.clear();
    }
}
