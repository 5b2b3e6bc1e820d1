//! The window.

mod avatar;
mod chat_box;
mod hud;
mod keyboard;
mod layout;
mod notices;
mod paint;
mod party_panel;
mod screenshot;
#[cfg(test)]
mod tests;
mod widgets;

use std::{panic, process::ExitCode};

use bevy::{
    app::PluginsState, input_focus::tab_navigation::TabNavigationPlugin, log::LogPlugin, prelude::*,
};
use bevy_nakama::prelude::*;

use crate::{Surroundings, game, online::Player, options::Options};
use bevy_nakama::connection::Network;

/// What the window shows of the game, and how people play it.
fn view(app: &mut App) {
    app.add_plugins((
        (
            layout::plugin,
            avatar::plugin,
            hud::plugin,
            keyboard::plugin,
        ),
        (
            widgets::plugin,
            chat_box::plugin,
            party_panel::plugin,
            notices::plugin,
        ),
        TabNavigationPlugin,
    ));
}

/// Plays in a window. `None` if there is no display, or nothing to draw with.
pub(crate) fn run(
    player: Player,
    network: &Network,
    options: &Options,
    around: Surroundings,
) -> Option<ExitCode> {
    let window = Window {
        title: "bevy_nakama arena".into(),
        resolution: options.size.into(),
        ..default()
    };
    let plugins = DefaultPlugins
        .set(WindowPlugin {
            primary_window: Some(window),
            ..default()
        })
        .disable::<LogPlugin>();

    let nakama = player.nakama(network);
    let overlay = if options.overlay {
        NakamaOverlayPlugin::default().opened()
    } else {
        NakamaOverlayPlugin::default()
    };
    let mut app = without_noise(move || {
        let mut app = App::new();
        app.add_plugins((plugins, nakama, overlay, game, view, around))
            .insert_resource(player);
        while app.plugins_state() == PluginsState::Adding {
            bevy::tasks::tick_global_task_pools_on_main_thread();
        }
        app.finish();
        app.cleanup();
        app
    })?;
    screenshot::add(&mut app, options);
    Some(match app.run() {
        AppExit::Success => ExitCode::SUCCESS,
        AppExit::Error(_) => ExitCode::FAILURE,
    })
}

/// winit and wgpu panic where there is no display, no X server or no driver, and trying is the only way to know: runs
/// `start`, and keeps quiet about a panic.
fn without_noise<T>(start: impl FnOnce() -> T) -> Option<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let started = panic::catch_unwind(panic::AssertUnwindSafe(start));
    panic::set_hook(hook);
    started.ok()
}
