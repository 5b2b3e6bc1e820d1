//! Colours, and the parts that panels share.

use std::{sync::Arc, time::Duration};

use bevy_egui::egui::{
    Align, AsIdSalt, Color32, CornerRadius, FontId, Frame, Label, Layout, Margin, Rect, RichText,
    ScrollArea, Sense, Shadow, Stroke, StrokeKind, Style, TextStyle, Ui, Visuals, WidgetInfo,
    WidgetType, collapsing_header::CollapsingState, vec2,
};

use crate::connection::ConnectionState;

pub(super) const TEXT: Color32 = Color32::from_rgb(214, 220, 236);
pub(super) const STRONG: Color32 = Color32::from_rgb(242, 245, 252);
pub(super) const DIM: Color32 = Color32::from_rgb(136, 148, 178);
pub(super) const GOOD: Color32 = Color32::from_rgb(104, 211, 145);
pub(super) const BUSY: Color32 = Color32::from_rgb(240, 190, 92);
pub(super) const BAD: Color32 = Color32::from_rgb(245, 118, 118);
/// From the server.
pub(super) const IN: Color32 = Color32::from_rgb(110, 184, 255);
/// To the server.
pub(super) const OUT: Color32 = Color32::from_rgb(246, 166, 107);

const GROUND: Color32 = Color32::from_rgb(15, 18, 28);

/// The style of the overlay's own window: dark and small, whatever the game uses.
pub(super) fn style() -> Arc<Style> {
    let mut style = Style {
        visuals: Visuals::dark(),
        ..Style::default()
    };
    let visuals = &mut style.visuals;
    visuals.override_text_color = Some(TEXT);
    visuals.panel_fill = GROUND;
    visuals.window_fill = GROUND;
    visuals.extreme_bg_color = Color32::from_rgb(9, 11, 18);
    visuals.faint_bg_color = Color32::from_white_alpha(6);
    visuals.selection.bg_fill = Color32::from_rgb(44, 74, 128);
    visuals.selection.stroke = Stroke::new(1.0, STRONG);
    visuals.widgets.noninteractive.bg_stroke = Stroke::new(1.0, Color32::from_rgb(44, 51, 72));
    for (text, size) in [
        (TextStyle::Body, 12.5),
        (TextStyle::Button, 12.5),
        (TextStyle::Small, 10.0),
        (TextStyle::Heading, 15.0),
    ] {
        style.text_styles.insert(text, FontId::proportional(size));
    }
    style
        .text_styles
        .insert(TextStyle::Monospace, FontId::monospace(11.5));
    style.spacing.item_spacing = vec2(6.0, 3.0);
    style.spacing.button_padding = vec2(5.0, 1.0);
    style.spacing.interact_size.y = 17.0;
    Arc::new(style)
}

pub(super) fn window_frame(style: &Style) -> Frame {
    Frame::window(style)
        .fill(GROUND.gamma_multiply(0.96))
        .stroke(Stroke::new(1.0, Color32::from_rgb(58, 68, 98)))
        .corner_radius(CornerRadius::same(6))
        .shadow(Shadow {
            offset: [0, 4],
            blur: 14,
            spread: 0,
            color: Color32::from_black_alpha(110),
        })
}

pub(super) fn title_frame() -> Frame {
    Frame::new()
        .fill(Color32::from_rgb(24, 29, 45))
        .corner_radius(CornerRadius::same(6))
        .inner_margin(Margin::symmetric(8, 2))
}

/// What panels need in every window: dragging does not select text, because most of it moves.
pub(super) fn adapt(ui: &mut Ui) {
    ui.style_mut().interaction.selectable_labels = false;
}

/// A panel that scrolls, named by `salt`.
pub(super) fn panel(ui: &mut Ui, salt: &str, contents: impl FnOnce(&mut Ui)) {
    adapt(ui);
    ScrollArea::vertical()
        .id_salt(salt)
        .auto_shrink(false)
        .show(ui, contents);
}

/// A header that folds what is below it.
pub(super) fn fold(
    ui: &mut Ui,
    id: impl AsIdSalt,
    is_open: bool,
    header: impl FnOnce(&mut Ui),
    body: impl FnOnce(&mut Ui),
) {
    let id = ui.make_persistent_id(id);
    CollapsingState::load_with_default_open(ui.ctx(), id, is_open)
        .show_header(ui, header)
        .body(body);
}

/// A part in a column of its own.
pub(super) fn column(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui)) {
    let size = vec2(width, ui.spacing().interact_size.y);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(width);
        contents(ui);
    });
}

pub(super) fn mono(text: impl Into<String>) -> RichText {
    RichText::new(text).monospace()
}

pub(super) fn dim(text: impl Into<String>) -> RichText {
    RichText::new(text).color(DIM)
}

/// A remark.
pub(super) fn aside(ui: &mut Ui, text: impl Into<String>) {
    ui.label(dim(text));
}

/// A sentence in place of an empty list.
pub(super) fn nothing(ui: &mut Ui, sentence: &str) {
    ui.add_space(6.0);
    aside(ui, sentence);
}

/// Says how many are not shown, if there are any: `what` they are.
pub(super) fn rest(ui: &mut Ui, all: usize, shown: usize, what: &str) {
    if all > shown {
        aside(ui, format!("and {} {what}", all - shown));
    }
}

/// JSON: if it is too long, its beginning and the size of the rest. The copy button copies all of it.
pub(super) fn long_text(ui: &mut Ui, json: &str, show: impl FnOnce(&mut Ui, &str)) {
    const MAX_SHOWN: usize = 16 * 1024;
    let (shown, rest) = json.split_at(json.floor_char_boundary(MAX_SHOWN));
    show(ui, shown);
    if !rest.is_empty() {
        let more = rest.len();
        aside(ui, format!("… and {more} more bytes: copy it to see all"));
    }
}

/// A heading within a panel.
pub(super) fn heading(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).strong().color(STRONG));
}

/// A dot that stands for a phase.
pub(super) fn dot(ui: &mut Ui, color: Color32) {
    let (place, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
    ui.painter().circle_filled(place.center(), 4.0, color);
}

/// A button that copies a text: two sheets.
pub(super) fn copy_button(ui: &mut Ui, text: &str, what: &str) {
    let label = format!("Copy {what}");
    let (place, button) = ui.allocate_exact_size(vec2(13.0, 13.0), Sense::click());
    button.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &label));
    if ui.is_rect_visible(place) {
        let color = if button.is_pointer_button_down_on() {
            GOOD
        } else if button.hovered() || button.has_focus() {
            STRONG
        } else {
            DIM
        };
        let stroke = Stroke::new(1.0, color);
        let sheet = Rect::from_center_size(place.center(), vec2(6.0, 8.0));
        let painter = ui.painter();
        painter.rect_stroke(
            sheet.translate(vec2(-1.5, -1.5)),
            1.0,
            stroke,
            StrokeKind::Middle,
        );
        painter.rect(
            sheet.translate(vec2(1.5, 1.5)),
            1.0,
            GROUND,
            stroke,
            StrokeKind::Middle,
        );
    }
    if button.clicked() {
        ui.copy_text(text.to_owned());
    }
    button.on_hover_text(label);
}

/// An id in one line, cut off if it does not fit, and a button that copies it.
pub(super) fn id(ui: &mut Ui, id: &str, what: &str) {
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        copy_button(ui, id, what);
        ui.add(Label::new(mono(id).color(DIM)).truncate());
    });
}

/// The beginning of an id, which tells it from others, and a button that copies the whole id.
pub(super) fn short_id(ui: &mut Ui, name: &str, id: &str, what: &str) {
    aside(ui, name);
    let end = if id.len() > 13 {
        id.floor_char_boundary(8)
    } else {
        id.len()
    };
    ui.label(mono(&id[..end]).color(DIM))
        .on_hover_text(mono(id));
    copy_button(ui, id, what);
}

/// A name and its value in one line, and a button that copies the value.
pub(super) fn fact(ui: &mut Ui, name: &str, value: &str) {
    ui.horizontal(|ui| {
        aside(ui, name);
        copy_button(ui, value, &format!("the {name}"));
        ui.add(Label::new(mono(value)).truncate());
    });
}

/// A word in a box, like `you` or `leader`.
pub(super) fn mark(ui: &mut Ui, word: &str, color: Color32) {
    Frame::new()
        .fill(color.gamma_multiply(0.16))
        .corner_radius(CornerRadius::same(3))
        .inner_margin(vec2(4.0, 0.0))
        .show(ui, |ui| {
            ui.label(RichText::new(word).size(10.5).color(color));
        });
}

pub(super) fn phase(state: ConnectionState) -> (&'static str, Color32) {
    match state {
        ConnectionState::Connected => ("Connected", GOOD),
        ConnectionState::Connecting => ("Connecting", BUSY),
        ConnectionState::Reconnecting => ("Reconnecting", BUSY),
        ConnectionState::Disconnected => ("Disconnected", BAD),
    }
}

/// A moment since the app's start, in seconds.
pub(super) fn moment(at: Duration) -> String {
    format!("{:8.3}", at.as_secs_f64())
}

pub(super) fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

/// How long something has been going on.
pub(super) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}

/// Bytes, in the largest unit that leaves at least one before the point.
pub(super) fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 999.5 {
        return format!("{bytes:.0} B");
    }
    let mut value = bytes / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_seconds_and_minutes() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (59.9, "59 s"),
            (60.0, "1 min 0 s"),
            (3725.0, "62 min 5 s"),
        ] {
            assert_eq!(age(Duration::from_secs_f64(seconds)), text);
        }
    }

    #[test]
    fn bytes_are_short() {
        for (number, text) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (999.6, "1.0 kB"),
            (1000.0, "1.0 kB"),
            (999_949.0, "999.9 kB"),
            (999_950.0, "1.0 MB"),
            (2_500_000_000.0, "2.5 GB"),
            (3e15, "3000.0 TB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }
}
