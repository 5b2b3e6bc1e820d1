//! WASD or arrows to move, space for a shockwave.

use bevy::prelude::*;
use bevy_nakama::overlay::bevy_egui::input::EguiWantsInput;

use crate::movement::Intent;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(PreUpdate, steer.after(bevy::input::InputSystems));
}

fn steer(
    keys: Res<ButtonInput<KeyCode>>,
    overlay: Res<EguiWantsInput>,
    mut intent: ResMut<Intent>,
) {
    // What is typed into the overlay does not steer.
    if overlay.wants_any_keyboard_input() {
        intent.direction = Vec2::ZERO;
        return;
    }
    let axis = |plus: [KeyCode; 2], minus: [KeyCode; 2]| {
        f32::from(u8::from(keys.any_pressed(plus))) - f32::from(u8::from(keys.any_pressed(minus)))
    };
    intent.direction = Vec2::new(
        axis(
            [KeyCode::KeyD, KeyCode::ArrowRight],
            [KeyCode::KeyA, KeyCode::ArrowLeft],
        ),
        axis(
            [KeyCode::KeyW, KeyCode::ArrowUp],
            [KeyCode::KeyS, KeyCode::ArrowDown],
        ),
    );
    intent.shockwave |= keys.just_pressed(KeyCode::Space);
}
