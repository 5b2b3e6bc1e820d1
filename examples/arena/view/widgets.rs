//! Text, panels, buttons and text fields as they look here.

use bevy::{
    input_focus::{InputFocus, tab_navigation::TabIndex},
    picking::hover::Hovered,
    prelude::*,
    text::{EditableText, LineBreak, LineHeight, TextCursorStyle},
    ui::Pressed,
    ui_widgets::Button,
};

pub(crate) const DIM: Color = Color::srgb(0.56, 0.61, 0.75);
pub(crate) const BRIGHT: Color = Color::srgb(0.86, 0.89, 0.96);
/// For what people should notice.
pub(crate) const ALERT: Color = Color::srgb(0.93, 0.78, 0.46);
/// Behind every text on the stage: a shockwave passes there, too.
pub(crate) const PANEL: Color = Color::srgba(0.02, 0.03, 0.07, 0.94);
const EDGE: Color = Color::srgb(0.16, 0.22, 0.38);
const BUTTON: Color = Color::srgb(0.09, 0.13, 0.26);
const HOVERED: Color = Color::srgb(0.14, 0.20, 0.38);
const PRESSED: Color = Color::srgb(0.20, 0.34, 0.62);

/// What a button does, for those who point at it.
#[derive(Component)]
pub(crate) struct Explains(pub(crate) &'static str);

/// What a text field is for; seen while nothing is written there.
#[derive(Component)]
struct FieldHint {
    field: Entity,
    idle: &'static str,
    writing: &'static str,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Update, (color_buttons, show_field_hints));
}

pub(crate) fn text(text: impl Into<String>, size: f32, color: Color) -> impl Bundle {
    // A name may be longer than any line.
    broken_text(text, size, color, LineBreak::WordOrCharacter)
}

/// A text of one line.
pub(crate) fn one_line(text: impl Into<String>, size: f32, color: Color) -> impl Bundle {
    broken_text(text, size, color, LineBreak::NoWrap)
}

fn broken_text(
    text: impl Into<String>,
    size: f32,
    color: Color,
    line_break: LineBreak,
) -> impl Bundle {
    (
        Text::new(text),
        TextFont::from_font_size(size),
        TextColor(color),
        TextLayout::linebreak(line_break),
        LineHeight::RelativeToFont(1.25),
        Pickable::IGNORE,
    )
}

/// A name in a list. It does not push its neighbours away.
pub(crate) fn short(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let begin: String = name.chars().take(most.saturating_sub(2)).collect();
    format!("{}..", begin.trim_end())
}

/// A box on the stage, with what is in it from top to bottom.
pub(crate) fn panel(node: Node) -> impl Bundle {
    (
        Node {
            flex_direction: FlexDirection::Column,
            padding: px(8).all(),
            row_gap: px(4),
            border: px(1).all(),
            border_radius: BorderRadius::all(px(6)),
            ..node
        },
        BackgroundColor(PANEL),
        BorderColor::all(EDGE.with_alpha(0.5)),
    )
}

/// A button; what it does is an observer of `Activate`.
pub(crate) fn button(label: impl Into<String>, explains: &'static str) -> impl Bundle {
    (
        Button,
        Hovered::default(),
        Explains(explains),
        Node {
            padding: UiRect::axes(px(6), px(2)),
            border: px(1).all(),
            border_radius: BorderRadius::all(px(4)),
            justify_content: JustifyContent::Center,
            flex_shrink: 0.0,
            ..default()
        },
        BackgroundColor(BUTTON),
        BorderColor::all(EDGE),
        children![one_line(label, 11.0, BRIGHT)],
    )
}

/// A line to write in, marked with `mark`. It says what it is for: `idle` to all, `writing` to those who are about to write.
pub(crate) fn spawn_field(
    parent: &mut ChildSpawnerCommands,
    order: i32,
    mark: impl Component,
    idle: &'static str,
    writing: &'static str,
) {
    parent
        .spawn(Node {
            flex_grow: 1.0,
            flex_shrink: 1.0,
            min_width: px(0),
            ..default()
        })
        .with_children(|frame| {
            let field = frame
                .spawn((
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
                        width: percent(100),
                        padding: UiRect::axes(px(6), px(3)),
                        border: px(1).all(),
                        border_radius: BorderRadius::all(px(4)),
                        ..default()
                    },
                    BackgroundColor(Color::srgb(0.02, 0.03, 0.06)),
                    BorderColor::all(EDGE),
                    mark,
                ))
                .id();
            frame.spawn((
                Node {
                    position_type: PositionType::Absolute,
                    left: px(8),
                    right: px(4),
                    top: px(4),
                    bottom: px(0),
                    overflow: Overflow::clip(),
                    ..default()
                },
                Pickable::IGNORE,
                children![(
                    one_line(idle, 12.0, DIM),
                    FieldHint {
                        field,
                        idle,
                        writing
                    }
                )],
            ));
        });
}

fn show_field_hints(
    focus: Res<InputFocus>,
    fields: Query<&EditableText>,
    mut hints: Query<(&FieldHint, &mut Text, &mut Visibility)>,
) {
    for (hint, mut text, mut visibility) in &mut hints {
        let is_empty = fields
            .get(hint.field)
            .is_ok_and(|field| field.value().to_string().is_empty());
        let wanted = if is_empty {
            Visibility::Inherited
        } else {
            Visibility::Hidden
        };
        visibility.set_if_neq(wanted);
        let says = if focus.get() == Some(hint.field) {
            hint.writing
        } else {
            hint.idle
        };
        if text.0 != says {
            text.0 = says.to_owned();
        }
    }
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
