//! `commands.nakama()`: everything that your game can ask of the plugin.

use bevy_ecs::prelude::*;

use crate::ecs::sealed::Sealed;

/// Marks a world that has the plugin.
#[derive(Debug, Resource)]
pub(crate) struct HasPlugin;

/// Gives [`Commands`] the plugin's methods.
pub trait NakamaCommandsExt<'w, 's>: Sealed {
    /// The plugin's methods.
    ///
    /// A method that asks something of the server returns the entity that will get the answer:
    ///
    /// ```
    /// # use bevy_ecs::prelude::*;
    /// # use bevy_nakama::prelude::*;
    /// fn find_a_match(_: On<Connected>, mut commands: Commands) {
    ///     commands.nakama().create_match(CreateMatch::named("lobby")).observe(
    ///         |reply: On<Replied<CreateMatch>>| match &reply.result {
    ///             Ok(joined) => println!("we are in {}", joined.entity),
    ///             Err(error) => println!("no match: {error}"),
    ///         },
    ///     );
    /// }
    /// ```
    fn nakama(&mut self) -> NakamaCommands<'_, 'w, 's>;
}

impl<'w, 's> NakamaCommandsExt<'w, 's> for Commands<'w, 's> {
    fn nakama(&mut self) -> NakamaCommands<'_, 'w, 's> {
        NakamaCommands { commands: self }
    }
}

/// The plugin's methods, from [`commands.nakama()`](NakamaCommandsExt::nakama). Each area adds its own.
pub struct NakamaCommands<'a, 'w, 's> {
    pub(crate) commands: &'a mut Commands<'w, 's>,
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Runs something with the world.
    ///
    /// # Panics
    ///
    /// If the world does not have the plugin.
    pub(crate) fn queue(&mut self, run: impl FnOnce(&mut World) + Send + 'static) {
        self.commands.queue(move |world: &mut World| {
            assert!(
                world.contains_resource::<HasPlugin>(),
                "`commands.nakama()` needs the plugin: add `NakamaPlugin` to the app"
            );
            run(world);
        });
    }

    /// Spawns the entity of a request and makes the request.
    pub(crate) fn request_with(
        mut self,
        make: impl FnOnce(&mut World, Entity) + Send + 'static,
    ) -> EntityCommands<'a> {
        let entity = self.commands.spawn_empty().id();
        self.queue(move |world| make(world, entity));
        self.commands.entity(entity)
    }
}
