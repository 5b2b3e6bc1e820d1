//! What the areas do when the connection opens, breaks and ends.

use bevy_app::App;
use bevy_ecs::prelude::*;

/// An area's part in the life of the connection.
pub(crate) trait LifeCycle {
    /// The socket of a new connection is open. What an earlier connection left unread is not this one's.
    fn on_opened(world: &mut World);

    /// The socket is gone: nothing that was on its way will come any more.
    fn on_lost(world: &mut World);

    /// A socket is open again: the local user enters anew what the world says they are in. The connection does not heal yet, so a
    /// new one has nothing to enter.
    fn reenter(world: &mut World);

    /// The connection is over: the local user is out of everything.
    fn on_closed(world: &mut World);
}

type Hook = fn(&mut World);

/// The hooks of all areas, in the order in which they were added.
#[derive(Default, Resource)]
pub(super) struct LifeCycles(Vec<Hooks>);

#[derive(Clone, Copy)]
pub(super) struct Hooks {
    pub(super) on_opened: Hook,
    pub(super) on_lost: Hook,
    pub(super) reenter: Hook,
    pub(super) on_closed: Hook,
}

pub(crate) trait LifeCycleAppExt {
    /// From now on the area lives with the connection.
    fn add_life_cycle<L: LifeCycle>(&mut self) -> &mut Self;
}

impl LifeCycleAppExt for App {
    fn add_life_cycle<L: LifeCycle>(&mut self) -> &mut Self {
        let mut cycles = self.world_mut().get_resource_or_init::<LifeCycles>();
        cycles.0.push(Hooks {
            on_opened: L::on_opened,
            on_lost: L::on_lost,
            reenter: L::reenter,
            on_closed: L::on_closed,
        });
        self
    }
}

/// Runs one hook of every area.
pub(super) fn run(world: &mut World, hook: impl Fn(&Hooks) -> Hook) {
    let hooks: Vec<_> = world.resource::<LifeCycles>().0.iter().map(hook).collect();
    for hook in hooks {
        hook(world);
    }
}
