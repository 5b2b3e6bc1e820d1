//! WASD or arrows to move, space for a shockwave, R to try again, or right now.

use bevy::{input_focus::InputFocus, prelude::*, text::EditableText};
use bevy_nakama::{overlay, prelude::*};

use crate::{
    movement::Intent,
    online::{Trouble, TryAgain},
};

pub(crate) fn plugin(app: &mut App) {
    // Who writes, here or into the overlay, does not walk.
    app.add_systems(
        PreUpdate,
        (
            stand.run_if(overlay::wants_keyboard.or_else(is_writing)),
            (steer, try_again).run_if(not(overlay::wants_keyboard.or_else(is_writing))),
        )
            .after(bevy::input::InputSystems),
    );
}

/// A run condition: whether a text field has the keyboard.
fn is_writing(focus: Res<InputFocus>, fields: Query<(), With<EditableText>>) -> bool {
    focus.get().is_some_and(|focused| fields.contains(focused))
}

fn stand(mut intent: ResMut<Intent>) {
    *intent = Intent::default();
}

fn try_again(
    mut commands: Commands,
    keys: Res<ButtonInput<KeyCode>>,
    trouble: Res<Trouble>,
    connection: Res<NakamaConnection>,
) {
    let is_out = trouble.0.is_some() || connection.reconnecting().is_some();
    if is_out && keys.just_pressed(KeyCode::KeyR) {
        commands.trigger(TryAgain);
    }
}

fn steer(keys: Res<ButtonInput<KeyCode>>, mut intent: ResMut<Intent>) {
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
