//! The chat: its last lines, and a line to write. Enter begins and sends, Escape gives up.

use bevy::{
    input_focus::{FocusCause, InputFocus},
    prelude::*,
    text::EditableText,
};
use bevy_nakama::{overlay, prelude::*};

use super::{
    avatar::color_of,
    widgets::{BRIGHT, DIM, field, text},
};
use crate::chat::{Line, Say};

/// How many lines are seen.
const LINES: usize = 9;

#[derive(Component)]
struct Lines;

#[derive(Component)]
struct Entry;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, (show, write.run_if(not(overlay::wants_keyboard))));
}

fn build(mut commands: Commands) {
    commands
        .spawn((
            Node {
                position_type: PositionType::Absolute,
                bottom: px(36),
                left: px(40),
                width: px(330),
                flex_direction: FlexDirection::Column,
                row_gap: px(6),
                ..default()
            },
            Pickable::IGNORE,
        ))
        .with_children(|chat| {
            chat.spawn((
                Node {
                    flex_direction: FlexDirection::Column,
                    row_gap: px(2),
                    ..default()
                },
                Pickable::IGNORE,
                Lines,
            ));
            chat.spawn((field(percent(100), 0), Entry, Visibility::Hidden));
        });
}

/// The end of the log as it stands now: an edited line is seen as edited, a removed one is gone.
fn show(
    mut commands: Commands,
    lines: Single<Entity, With<Lines>>,
    log: Query<&ChatLog, Changed<ChatLog>>,
) {
    let Ok(log) = log.single() else { return };
    let skip = log.len().saturating_sub(LINES);
    commands
        .entity(*lines)
        .despawn_children()
        .with_children(|lines| {
            for line in log.iter().skip(skip) {
                // Not everything in a room has to come from this game.
                let Ok(said) = line.content::<Line>() else {
                    continue;
                };
                lines
                    .spawn(text(
                        format!("{}  ", line.username),
                        12.0,
                        color_of(&line.sender_id),
                    ))
                    .with_child((
                        TextSpan::new(said.text),
                        TextFont::from_font_size(12.0),
                        TextColor(if said.party.is_some() { DIM } else { BRIGHT }),
                    ));
            }
        });
}

fn write(
    mut commands: Commands,
    keys: Res<ButtonInput<KeyCode>>,
    mut focus: ResMut<InputFocus>,
    entry: Single<(Entity, &mut EditableText, &mut Visibility), With<Entry>>,
    other_fields: Query<(), (With<EditableText>, Without<Entry>)>,
) {
    let (entity, mut entry, mut visibility) = entry.into_inner();
    let is_writing = focus.get() == Some(entity);
    let seen = if is_writing {
        Visibility::Inherited
    } else {
        Visibility::Hidden
    };
    visibility.set_if_neq(seen);
    if keys.just_pressed(KeyCode::Escape) && is_writing {
        entry.clear();
        focus.clear();
    }
    if keys.just_pressed(KeyCode::Enter) {
        if is_writing {
            let said = entry.value().to_string();
            if !said.trim().is_empty() {
                commands.trigger(Say::text(said.trim()));
            }
            entry.clear();
            focus.clear();
        } else if !focus.get().is_some_and(|it| other_fields.contains(it)) {
            // What has the focus at first is the window, and whatever was clicked.
            focus.set(entity, FocusCause::Navigated);
        }
    }
}
