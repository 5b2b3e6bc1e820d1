//! Text, buttons and text fields as they look here.

use bevy::{
    input_focus::tab_navigation::TabIndex,
    picking::hover::Hovered,
    prelude::*,
    text::{EditableText, TextCursorStyle},
    ui::Pressed,
    ui_widgets::Button,
};

pub(crate) const DIM: Color = Color::srgb(0.52, 0.57, 0.71);
pub(crate) const BRIGHT: Color = Color::srgb(0.86, 0.89, 0.96);
pub(crate) const PANEL: Color = Color::srgba(0.03, 0.04, 0.09, 0.82);
const EDGE: Color = Color::srgb(0.16, 0.22, 0.38);
const BUTTON: Color = Color::srgb(0.09, 0.13, 0.26);
const HOVERED: Color = Color::srgb(0.14, 0.20, 0.38);
const PRESSED: Color = Color::srgb(0.20, 0.34, 0.62);

pub(crate) fn text(text: impl Into<String>, size: f32, color: Color) -> impl Bundle {
    (
        Text::new(text),
        TextFont::from_font_size(size),
        TextColor(color),
        Pickable::IGNORE,
    )
}

/// A button; what it does is an observer of `Activate`.
pub(crate) fn button(label: impl Into<String>) -> impl Bundle {
    (
        Button,
        Hovered::default(),
        Node {
            padding: UiRect::axes(px(7), px(2)),
            border: px(1).all(),
            border_radius: BorderRadius::all(px(4)),
            ..default()
        },
        BackgroundColor(BUTTON),
        BorderColor::all(EDGE),
        children![text(label, 11.0, BRIGHT)],
    )
}

/// One line to write in.
pub(crate) fn field(width: Val, order: i32) -> impl Bundle {
    (
        EditableText {
            max_characters: Some(200),
            ..default()
        },
        TextLayout::no_wrap(),
        TextFont::from_font_size(12.0),
        TextColor(BRIGHT),
        TextCursorStyle::default(),
        TabIndex(order),
        Node {
            width,
            padding: UiRect::axes(px(6), px(3)),
            border: px(1).all(),
            border_radius: BorderRadius::all(px(4)),
            ..default()
        },
        BackgroundColor(Color::srgb(0.02, 0.03, 0.06)),
        BorderColor::all(EDGE),
    )
}

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, color_buttons);
}

fn color_buttons(mut buttons: Query<(&Hovered, Has<Pressed>, &mut BackgroundColor), With<Button>>) {
    for (hovered, is_pressed, mut color) in &mut buttons {
        let wanted = match (is_pressed, hovered.get()) {
            (true, _) => PRESSED,
            (false, true) => HOVERED,
            (false, false) => BUTTON,
        };
        color.set_if_neq(BackgroundColor(wanted));
    }
}
