//! What goes wrong is logged on the terminal, once for all the apps of this process.

use std::{
    env,
    io::{self, IsTerminal as _},
};

use bevy::{
    log::{LogPlugin, tracing_subscriber::fmt},
    prelude::*,
};

pub(crate) fn start() {
    App::new().add_plugins(LogPlugin {
        filter: "error,arena=warn,bevy_nakama=warn".into(),
        fmt_layer: |_| {
            // A file or a pipe does not show colors.
            let in_color = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
            let layer = fmt::Layer::default()
                .with_ansi(in_color)
                .with_writer(io::stderr);
            Some(Box::new(layer))
        },
        ..default()
    });
}
