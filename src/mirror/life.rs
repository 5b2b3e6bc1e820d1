//! What the areas do when the connection opens, breaks and ends.

use bevy_ecs::prelude::*;

/// What an area does at a moment in the life of the connection.
pub(crate) type Hook = fn(&mut World);

/// Does nothing.
pub(crate) const NOTHING: Hook = |_| {};

/// An area's part in the life of the connection.
#[derive(Clone, Copy)]
pub(crate) struct LifeCycle {
    /// The socket of a new connection is open. Drops what the game has not read of an earlier one.
    pub(crate) on_opened: Hook,
    /// The socket is gone, and the connection comes back. Nothing that was on its way will arrive, and everything that the local user is in is
    /// uncertain.
    pub(crate) on_lost: Hook,
    /// A socket is open again. The local user enters again what they are in.
    pub(crate) reenter: Hook,
    /// The connection is over: the local user is out of everything.
    pub(crate) on_closed: Hook,
}

/// The hooks of all areas, in the order in which the areas were added.
#[derive(Default, Resource)]
pub(super) struct LifeCycles(Vec<LifeCycle>);

impl LifeCycles {
    pub(super) fn add(&mut self, cycle: LifeCycle) {
        self.0.push(cycle);
    }
}

/// Runs one hook of every area.
pub(super) fn run(world: &mut World, hook: impl Fn(&LifeCycle) -> Hook) {
    let hooks: Vec<_> = world.resource::<LifeCycles>().0.iter().map(hook).collect();
    for hook in hooks {
        hook(world);
    }
}
