//! What Bevy does not have: entities that are despawned later, names that do not replace those of a game, messages that are cleared at
//! once, and whether a game observes an event.

pub(crate) mod departure;
mod messages;
pub(crate) mod naming;
pub(crate) mod observed;
mod schedule;
pub(crate) mod uncloned;

use bevy_app::{App, Last, Plugin};

use self::departure::{Departed, Departures, LastWord, despawn_departed};
pub(crate) use self::messages::clear_messages;
pub use self::schedule::NakamaSystems;

/// Keeps traits from being implemented by games.
pub(crate) mod sealed {
    use bevy_app::App;
    use bevy_ecs::system::Commands;

    pub trait Sealed {}

    impl Sealed for App {}

    impl Sealed for Commands<'_, '_> {}
}

/// Despawns what has departed.
pub(crate) struct EcsPlugin;

impl Plugin for EcsPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Departures>()
            .add_message::<LastWord>()
            .register_type::<Departed>()
            .add_systems(Last, despawn_departed);
    }
}
