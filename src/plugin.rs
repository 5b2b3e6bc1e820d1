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
pub use crate::{ecs::NakamaSystems, settings::NakamaSettings};

/// Adds the client to an app.
///
/// It needs time and states: `DefaultPlugins` bring both; with `MinimalPlugins` add `StatesPlugin`. It connects to nothing
/// by itself and starts no thread before it is needed.
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
    /// With settings of your own. If the app has [`NakamaSettings`] already, as a resource, those stay.
    #[must_use]
    pub fn new(settings: NakamaSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Shares a network thread with other apps in this process, like bots.
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
