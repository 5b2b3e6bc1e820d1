//! The plugin: a list of plugins.

use bevy_app::{App, Plugin};
use bevy_time::TimePlugin;

use crate::{
    areas::AreasPlugin,
    commands::HasPlugin,
    connection::ConnectionPlugin,
    data::DataPlugin,
    ecs::EcsPlugin,
    envelope::EnvelopePlugin,
    mirror::MirrorPlugin,
    request::RequestPlugin,
    session::{SessionPlugin, SessionStore, Store},
    transport::Network,
};
pub use crate::{
    ecs::NakamaSystems,
    settings::{NakamaSettings, NakamaWaker},
};

/// Adds the Nakama client to an app.
///
/// The plugin needs time and states. `DefaultPlugins` have both; beside `MinimalPlugins`, add `StatesPlugin`. It connects when your game
/// asks for it, and starts its network thread when it first needs it.
///
/// ```no_run
/// use bevy::prelude::*;
/// use bevy_nakama::prelude::*;
///
/// App::new().add_plugins((DefaultPlugins, NakamaPlugin::default())).run();
/// ```
#[derive(Debug, Default)]
pub struct NakamaPlugin {
    settings: NakamaSettings,
    network: Option<Network>,
    store: Option<Store>,
}

impl NakamaPlugin {
    /// The plugin with settings of your own. If the app already has the resource [`NakamaSettings`], that one counts.
    #[must_use]
    pub fn new(settings: NakamaSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Uses a network thread that other apps in this process use, too. A program with many bots needs only one.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.network = Some(network);
        self
    }

    /// Keeps the session of the user who is logged in for the next start of your game, for example with a
    /// [`FileSessionStore`](crate::session::FileSessionStore).
    /// [`restore_or_log_in`](crate::commands::NakamaCommands::restore_or_log_in) takes it up.
    #[must_use]
    pub fn with_session_store(mut self, store: impl SessionStore) -> Self {
        self.store = Some(Store::new(store));
        self
    }
}

impl Plugin for NakamaPlugin {
    fn build(&self, app: &mut App) {
        // Settings that the game has inserted before are those it wants.
        app.world_mut()
            .get_resource_or_insert_with(|| self.settings.clone());
        app.insert_resource(HasPlugin)
            .register_type::<NakamaSettings>()
            .add_plugins((
                EcsPlugin,
                SessionPlugin::new(self.store.clone()),
                ConnectionPlugin::new(self.network.clone()),
            ))
            .add_plugins((
                RequestPlugin,
                MirrorPlugin,
                DataPlugin,
                EnvelopePlugin,
                AreasPlugin,
            ));
    }

    fn finish(&self, app: &mut App) {
        assert!(
            app.is_plugin_added::<TimePlugin>(),
            "`NakamaPlugin` needs time: add `DefaultPlugins`, `MinimalPlugins` or `TimePlugin`"
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::{mirror::Handlers, proto::Kind, testing::TestGame};

    #[test]
    fn what_the_server_sends_by_itself_has_an_area_that_takes_it_in() {
        let game = TestGame::new();
        let handlers = game.app.world().resource::<Handlers>();
        for kind in Kind::ALL {
            let row = include_str!("envelope/kinds.md")
                .lines()
                .find(|row| row.contains(&format!(" `{kind}` |")));
            let direction = row.and_then(|row| row.split('|').nth(3));
            let is_pushed = direction.is_some_and(|direction| direction.contains("pushed"));
            assert_eq!(
                handlers.handles(*kind),
                is_pushed,
                "{kind}: does an area take it in? Does the table of kinds say that it is pushed?"
            );
        }
    }
}
