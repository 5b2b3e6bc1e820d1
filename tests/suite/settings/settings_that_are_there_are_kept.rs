//! Settings that the game has inserted stay.

use bevy::{prelude::*, state::app::StatesPlugin};
use bevy_nakama::{overlay::NakamaOverlayPlugin, prelude::*};

/// The game's own settings are kept, wherever it puts them.
#[test]
fn settings_that_are_there_are_kept() {
    let mut app = App::new();
    let settings = NakamaSettings {
        chat_log_lines: 3,
        ..NakamaSettings::default()
    };
    let overlay = NakamaOverlay {
        open: true,
        ..NakamaOverlay::default()
    };
    app.insert_resource(settings).insert_resource(overlay);
    app.add_plugins((
        MinimalPlugins,
        StatesPlugin,
        NakamaPlugin::default(),
        NakamaOverlayPlugin::default(),
    ));
    assert_eq!(app.world().resource::<NakamaSettings>().chat_log_lines, 3);
    assert!(app.world().resource::<NakamaOverlay>().open);
}
