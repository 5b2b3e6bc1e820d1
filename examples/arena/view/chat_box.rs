//! The chat: its last lines, and a line to write. Enter begins and sends, Escape gives up.

use bevy::{
    input_focus::{FocusCause, InputFocus},
    prelude::*,
    text::EditableText,
};
use bevy_nakama::{overlay, prelude::*};

use super::{
    avatar::color_of,
    layout::{Places, Stage},
    widgets::{BRIGHT, DIM, panel, short, spawn_field, text},
};
use crate::chat::{Line, Say};

/// How many lines are seen at most.
const LINES: usize = 9;

/// How high a row of text is.
const ROW: f32 = 12.0 * 1.25;

#[derive(Component)]
pub(super) struct ChatBox;

/// What was said, from top to bottom.
#[derive(Component)]
pub(super) struct Lines;

#[derive(Component)]
struct Entry;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build).add_systems(
        Update,
        (show, fit, open, write.run_if(not(overlay::wants_keyboard))),
    );
}

fn build(mut commands: Commands, places: Res<Places>) {
    let node = Node {
        display: Display::None,
        flex_shrink: 0.0,
        ..default()
    };
    commands.entity(places.left).with_children(|left| {
        left.spawn((panel(node), Pickable::IGNORE, ChatBox))
            .with_children(|chat| {
                chat.spawn((
                    Node {
                        flex_direction: FlexDirection::Column,
                        justify_content: JustifyContent::FlexEnd,
                        overflow: Overflow::clip(),
                        ..default()
                    },
                    Pickable::IGNORE,
                    Lines,
                ));
                chat.spawn(Node {
                    flex_shrink: 0.0,
                    ..default()
                })
                .with_children(|row| {
                    let (idle, writing) = ("Enter: chat", "Enter: send   Esc: cancel");
                    spawn_field(row, 0, Entry, idle, writing);
                });
            });
    });
}

/// No room to chat in, no box. Who was writing writes no more.
fn open(
    rooms: Query<(), With<ChatChannel>>,
    mut chat: Single<&mut Node, With<ChatBox>>,
    entry: Single<(Entity, &mut EditableText), With<Entry>>,
    mut focus: ResMut<InputFocus>,
) {
    let (display, is_open) = if rooms.is_empty() {
        (Display::None, false)
    } else {
        (Display::Flex, true)
    };
    if chat.display == display {
        return;
    }
    chat.display = display;
    let (entity, mut entry) = entry.into_inner();
    if !is_open && focus.get() == Some(entity) {
        entry.clear();
        focus.clear();
    }
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
                    .spawn((
                        text(
                            format!("{}  ", short(line.username.as_str(), 24)),
                            12.0,
                            color_of(&line.sender_id),
                        ),
                        Node {
                            flex_shrink: 0.0,
                            ..default()
                        },
                    ))
                    .with_child((
                        TextSpan::new(said.text),
                        TextFont::from_font_size(12.0),
                        TextColor(if said.party.is_some() { DIM } else { BRIGHT }),
                    ));
            }
        });
}

/// The lines take a fair part of the stage, and what is there of them ends at the top between two rows of text.
fn fit(stage: Single<&ComputedNode, With<Stage>>, mut lines: Single<&mut Node, With<Lines>>) {
    let height = stage.size().y * stage.inverse_scale_factor();
    let rows = ((height * 0.45 - 45.0) / ROW).floor().max(6.0);
    let wanted = px(rows * ROW);
    if lines.max_height != wanted {
        lines.max_height = wanted;
    }
}

fn write(
    mut commands: Commands,
    keys: Res<ButtonInput<KeyCode>>,
    mut focus: ResMut<InputFocus>,
    rooms: Query<(), With<ChatChannel>>,
    entry: Single<(Entity, &mut EditableText), With<Entry>>,
    other_fields: Query<(), (With<EditableText>, Without<Entry>)>,
) {
    let (entity, mut entry) = entry.into_inner();
    let is_writing = focus.get() == Some(entity);
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
        } else if !rooms.is_empty() && !focus.get().is_some_and(|it| other_fields.contains(it)) {
            // What has the focus at first is the window, and whatever was clicked.
            focus.set(entity, FocusCause::Navigated);
        }
    }
}
