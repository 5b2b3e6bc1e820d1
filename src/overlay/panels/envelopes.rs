//! The last envelopes as a list, and the selected envelope in full.

use std::collections::VecDeque;

use bevy_egui::egui::{
    Color32, FontId, Label, ScrollArea, Sense, TextEdit, TextFormat, TextStyle, Ui, text::LayoutJob,
};
use egui_extras::{Column, TableBuilder, TableRow};

use super::look;
use crate::overlay::envelope_log::{EnvelopeDirection, EnvelopeEntry, EnvelopeLog};

/// The height of an envelope in full.
const DETAIL_HEIGHT: f32 = 150.0;

/// What was chosen among the envelopes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EnvelopesState {
    /// Shows the envelopes whose kind, `cid` or content holds this text.
    pub filter: String,
    /// Shows the envelopes that went this way.
    pub direction: Option<EnvelopeDirection>,
    /// Stops recording envelopes.
    pub paused: bool,
    /// Envelopes below this number have been cleared.
    cleared: u64,
    selected: Option<Selected>,
    shown: Shown,
}

/// The selected envelope in full. It stays when the log drops it.
#[derive(Clone, Debug)]
struct Selected {
    number: u64,
    title: String,
    json: String,
}

/// The numbers of the envelopes that the filter shows. They are kept, so that each envelope is checked once.
#[derive(Clone, Debug, Default)]
struct Shown {
    numbers: VecDeque<u64>,
    filter: String,
    direction: Option<EnvelopeDirection>,
    /// Envelopes before this number have been checked.
    next: u64,
}

impl Shown {
    fn update(
        &mut self,
        log: &EnvelopeLog,
        filter: &str,
        direction: Option<EnvelopeDirection>,
        from: u64,
    ) {
        // A log that has fewer envelopes than this is a new log.
        if self.filter != filter || self.direction != direction || self.next > log.next() {
            *self = Self {
                filter: filter.to_owned(),
                direction,
                ..Self::default()
            };
        }
        let added = log.since(self.next).filter(|entry| {
            direction.is_none_or(|direction| entry.direction == direction) && entry.contains(filter)
        });
        self.numbers.extend(added.map(|entry| entry.number));
        self.next = log.next();
        let first = log.first().max(from);
        while self.numbers.front().is_some_and(|number| *number < first) {
            self.numbers.pop_front();
        }
    }
}

/// The last envelopes in both directions: a filter, a list, and the selected one in full.
pub fn envelopes_ui(ui: &mut Ui, log: &EnvelopeLog, state: &mut EnvelopesState) {
    look::adapt(ui);
    state.cleared = state.cleared.min(log.next());
    tools_ui(ui, log, state);
    state
        .shown
        .update(log, &state.filter, state.direction, state.cleared);

    let detail = if state.selected.is_some() {
        DETAIL_HEIGHT.min(ui.available_height() * 0.6)
    } else {
        0.0
    };
    let height = (ui.available_height() - detail).max(40.0);
    if state.shown.numbers.is_empty() {
        let sentence = if log.next() > state.cleared && !log.is_empty() {
            "No envelope matches the filter."
        } else if state.paused {
            "Nothing is recorded while paused."
        } else {
            "Nothing has passed since the overlay was opened."
        };
        look::nothing(ui, sentence);
        let used = ui.spacing().interact_size.y + 12.0;
        ui.add_space((height - used).max(0.0));
    } else {
        list_ui(ui, log, state, height);
    }
    detail_ui(ui, state);
}

fn tools_ui(ui: &mut Ui, log: &EnvelopeLog, state: &mut EnvelopesState) {
    ui.horizontal(|ui| {
        let label = ui.label(look::dim("Filter"));
        ui.add(
            TextEdit::singleline(&mut state.filter)
                .hint_text("kind, cid, id, text")
                .desired_width(120.0),
        )
        .labelled_by(label.id);
        for (direction, name) in [
            (None, "All"),
            (Some(EnvelopeDirection::Received), "In"),
            (Some(EnvelopeDirection::Sent), "Out"),
        ] {
            ui.selectable_value(&mut state.direction, direction, name);
        }
        ui.separator();
        ui.toggle_value(&mut state.paused, "Pause");
        if ui.button("Clear").clicked() {
            state.cleared = log.next();
            state.selected = None;
        }
    });
}

fn list_ui(ui: &mut Ui, log: &EnvelopeLog, state: &mut EnvelopesState, height: f32) {
    let row_height = 16.0;
    let head_height = 16.0;
    let mut pressed = None;
    // A click would end where it began, and by then the list has moved on.
    let is_pressed = ui.input(|input| input.pointer.primary_pressed());
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        TableBuilder::new(ui)
            .id_salt("envelopes")
            .striped(true)
            .sense(Sense::click())
            .stick_to_bottom(true)
            .auto_shrink(false)
            .min_scrolled_height(0.0)
            .max_scroll_height(height - head_height)
            .column(Column::exact(70.0))
            .column(Column::exact(26.0))
            .column(Column::remainder().clip(true))
            .column(Column::exact(70.0).clip(true))
            .column(Column::exact(60.0))
            .header(head_height, |mut row| {
                for title in ["    time", "", "kind", "cid", "    size"] {
                    row.col(|ui| {
                        ui.label(look::mono(title).color(look::DIM));
                    });
                }
            })
            .body(|body| {
                let shown = &state.shown.numbers;
                body.rows(row_height, shown.len(), |mut row| {
                    let entry = shown.get(row.index()).and_then(|number| log.get(*number));
                    let Some(entry) = entry else { return };
                    let selected = state.selected.as_ref().map(|selected| selected.number);
                    row.set_selected(selected == Some(entry.number));
                    row_ui(&mut row, entry);
                    if is_pressed && row.response().contains_pointer() {
                        pressed = Some(entry.number);
                    }
                });
            });
    });
    if let Some(entry) = pressed.and_then(|number| log.get(number)) {
        let selected = state.selected.take();
        let is_selected = selected.is_some_and(|selected| selected.number == entry.number);
        state.selected = (!is_selected).then(|| Selected::new(entry));
    }
}

fn row_ui(row: &mut TableRow, entry: &EnvelopeEntry) {
    let (arrow, color) = way(entry.direction);
    row.col(|ui| {
        ui.label(look::mono(look::moment(entry.at)).color(look::DIM));
    });
    row.col(|ui| {
        ui.label(look::mono(arrow).color(color));
    });
    row.col(|ui| {
        let kind = look::mono(entry.kind_name()).color(color);
        ui.add(Label::new(kind).truncate());
    });
    row.col(|ui| {
        ui.add(Label::new(look::mono(&entry.cid)).truncate());
    });
    row.col(|ui| {
        ui.label(look::mono(format!(
            "{:>8}",
            look::bytes(entry.frame.len() as f64)
        )));
    });
}

fn way(direction: EnvelopeDirection) -> (&'static str, Color32) {
    match direction {
        EnvelopeDirection::Received => ("in", look::IN),
        EnvelopeDirection::Sent => ("out", look::OUT),
    }
}

impl Selected {
    fn new(entry: &EnvelopeEntry) -> Self {
        let (way, _) = way(entry.direction);
        Self {
            number: entry.number,
            title: format!(
                "{} {way} at {} s, {} bytes",
                entry.kind_name(),
                look::moment(entry.at).trim_start(),
                entry.frame.len()
            ),
            json: entry.to_json(),
        }
    }
}

fn detail_ui(ui: &mut Ui, state: &mut EnvelopesState) {
    let Some(selected) = &state.selected else {
        return;
    };
    ui.separator();
    let mut closes = false;
    ui.horizontal(|ui| {
        ui.label(look::mono(&selected.title).color(look::STRONG));
        look::copy_button(ui, &selected.json, "the JSON");
        closes = ui.small_button("Close").clicked();
    });
    ScrollArea::both()
        .id_salt(selected.number)
        .auto_shrink(false)
        .show(ui, |ui| {
            let font = TextStyle::Monospace.resolve(ui.style());
            look::long_text(ui, &selected.json, |ui, json| {
                let json = Label::new(colored(json, &font));
                ui.add(json.extend().selectable(true));
            });
        });
    if closes {
        state.selected = None;
    }
}

/// JSON on several lines, its names and values in colours.
fn colored(json: &str, font: &FontId) -> LayoutJob {
    let mut job = LayoutJob::default();
    for line in json.split_inclusive('\n') {
        let start = line.len() - line.trim_start().len();
        // A name ends at the first colon after its quote: names of the protocol hold no quotes.
        let name_end = line[start..]
            .starts_with('"')
            .then(|| line[start..].find("\": ").map(|at| start + at + 1))
            .flatten()
            .unwrap_or(start);
        let (name, value) = line.split_at(name_end);
        let value_color = match value.trim_start_matches([':', ' ']).chars().next() {
            Some('"') => look::GOOD,
            Some('{' | '}' | '[' | ']') | None => look::DIM,
            Some(_) => look::BUSY,
        };
        for (text, color) in [(name, look::IN), (value, value_color)] {
            job.append(text, 0.0, TextFormat::simple(font.clone(), color));
        }
    }
    job
}
