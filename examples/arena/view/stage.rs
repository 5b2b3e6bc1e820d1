//! The camera and the floor.

use bevy::{camera::ScalingMode, prelude::*};

use super::paint;
use crate::movement::HALF;

pub(crate) fn plugin(app: &mut App) {
    app.insert_resource(ClearColor(Color::srgb_u8(6, 8, 16)))
        .add_systems(Startup, build);
}

fn build(mut commands: Commands, mut images: ResMut<Assets<Image>>) {
    // The whole arena is visible in a window of any shape.
    let scaling_mode = ScalingMode::AutoMin {
        min_width: 960.0,
        min_height: 600.0,
    };
    commands.spawn((
        Camera2d,
        Msaa::Off, // nothing here needs it, and without a GPU it halves the frame rate
        Projection::Orthographic(OrthographicProjection {
            scaling_mode,
            ..OrthographicProjection::default_2d()
        }),
    ));
    let floor = images.add(paint::floor(HALF * 2.0));
    commands.spawn((
        Sprite::from_image(floor),
        Transform::from_xyz(0.0, -14.0, -10.0),
    ));
}
