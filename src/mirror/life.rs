//! What the areas do when the connection opens, breaks and ends.

use bevy_ecs::prelude::*;

/// What is done at a moment in the life of the connection.
pub(crate) type Hook = fn(&mut World);

/// An area's part in the life of the connection.
#[derive(Clone, Copy)]
pub(crate) struct LifeCycle {
    /// The socket of a new connection is open. What an earlier connection left unread is not this one's.
    pub(crate) on_opened: Hook,
    /// The socket is gone: nothing that was on its way will come any more.
    pub(crate) on_lost: Hook,
    /// A socket is open: the local user enters what the world says they are in. The connection does not heal yet, so a new one has
    /// nothing to enter.
    pub(crate) reenter: Hook,
    /// The connection is over: the local user is out of everything.
    pub(crate) on_closed: Hook,
}

/// Nothing is done.
pub(crate) const NOTHING: LifeCycle = LifeCycle {
    on_opened: |_| {},
    on_lost: |_| {},
    reenter: |_| {},
    on_closed: |_| {},
};

/// Those of all areas, in the order in which they were added.
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
