//! WASD or arrows to move, space for a shockwave.

use bevy::{input_focus::InputFocus, prelude::*, text::EditableText};
use bevy_nakama::overlay::bevy_egui::input::EguiWantsInput;

use crate::movement::Intent;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(PreUpdate, steer.after(bevy::input::InputSystems));
}

/// A run condition: what is typed does not go into the overlay.
pub(crate) fn overlay_does_not_listen(overlay: Res<EguiWantsInput>) -> bool {
    !overlay.wants_any_keyboard_input()
}

fn steer(
    keys: Res<ButtonInput<KeyCode>>,
    focus: Res<InputFocus>,
    fields: Query<(), With<EditableText>>,
    overlay: Res<EguiWantsInput>,
    mut intent: ResMut<Intent>,
) {
    // Who writes does not walk.
    let is_writing = focus.get().is_some_and(|focused| fields.contains(focused));
    if is_writing || overlay.wants_any_keyboard_input() {
        *intent = Intent::default();
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
