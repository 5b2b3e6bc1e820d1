//! Who leads something, as the server has it.

use bevy_ecs::prelude::*;

use super::{ids::SessionId, roster::PresenceIndex};

/// Whose session leads. The leader's presence may come later than this.
#[derive(Component)]
#[component(immutable, clone_behavior = Ignore)]
pub(crate) struct LeaderSession(pub(crate) SessionId);

/// Whether the local user leads, with the session of this connection.
pub(crate) fn is_led_by_self(world: &World, context: Entity) -> bool {
    let own = world.resource::<PresenceIndex>().own_session();
    let leader = world.get::<LeaderSession>(context);
    leader.is_some_and(|LeaderSession(leader)| Some(leader) == own)
}

/// Whether an old session of the local user leads, which the server has not dropped yet.
pub(crate) fn is_led_by_ghost(world: &World, context: Entity) -> bool {
    let index = world.resource::<PresenceIndex>();
    let leader = world.get::<LeaderSession>(context);
    leader.is_some_and(|LeaderSession(leader)| index.is_own_before(leader.as_str()))
}
