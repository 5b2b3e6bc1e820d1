//! `--screenshot FILE --after SECONDS`, and `--seconds`.

use std::path::PathBuf;

use bevy::{
    prelude::*,
    render::view::screenshot::{Screenshot, save_to_disk},
};

use crate::options::Options;

#[derive(Resource)]
struct Picture {
    file: PathBuf,
    after: f32,
    is_taken: bool,
}

#[derive(Resource)]
struct EndsAfter(f32);

pub(crate) fn add(app: &mut App, options: &Options) {
    if let Some(file) = options.screenshot.clone() {
        // One from an earlier run would look like this run's.
        let _ = std::fs::remove_file(&file);
        app.insert_resource(Picture {
            file,
            after: options.after,
            is_taken: false,
        });
    }
    if let Some(seconds) = options.seconds {
        app.insert_resource(EndsAfter(seconds));
    }
    app.add_systems(
        Update,
        (
            take.run_if(resource_exists::<Picture>),
            end.run_if(resource_exists::<EndsAfter>),
        ),
    );
}

fn take(
    mut commands: Commands,
    time: Res<Time>,
    mut picture: ResMut<Picture>,
    mut exit: MessageWriter<AppExit>,
) {
    if !picture.is_taken && time.elapsed_secs() >= picture.after {
        picture.is_taken = true;
        commands
            .spawn(Screenshot::primary_window())
            .observe(save_to_disk(picture.file.clone()));
    }
    // It is written some frames later.
    if picture.is_taken && picture.file.metadata().is_ok_and(|file| file.len() > 0) {
        println!("saved {}", picture.file.display());
        exit.write(AppExit::Success);
    }
}

fn end(time: Res<Time>, ends: Res<EndsAfter>, mut exit: MessageWriter<AppExit>) {
    if time.elapsed_secs() >= ends.0 {
        exit.write(AppExit::Success);
    }
}
