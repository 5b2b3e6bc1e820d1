//! Requests that wait, and failures.

use bevy_egui::egui::{Grid, Label, RichText, Ui};

use super::look;
use crate::overlay::view::{FailureView, RequestsView};

/// What was chosen among the requests.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestsState {
    /// Failures up to this number have been cleared.
    cleared: u64,
    /// Failures up to this number have been seen.
    seen: u64,
}

impl RequestsState {
    /// Whether there are failures that nobody has seen yet.
    #[must_use]
    pub fn has_new(&self, view: &RequestsView) -> bool {
        view.failed > self.seen
    }
}

/// Requests that wait for their answer, requests that failed, and data that was not sent.
pub fn requests_ui(ui: &mut Ui, view: &RequestsView, state: &mut RequestsState) {
    state.seen = view.failed;
    look::panel(ui, "requests", |ui| {
        look::heading(ui, "Waiting for an answer");
        if view.waiting.is_empty() {
            look::aside(ui, "Every request has been answered.");
        }
        Grid::new("waiting").num_columns(2).show(ui, |ui| {
            for request in &view.waiting {
                let age = request.age.as_secs_f64();
                ui.label(look::mono(format!("{age:7.1} s")).color(look::BUSY));
                ui.label(&*request.name);
                ui.end_row();
            }
        });
        ui.add_space(6.0);
        failures_ui(ui, view, state);
    });
}

fn failures_ui(ui: &mut Ui, view: &RequestsView, state: &mut RequestsState) {
    let failures: Vec<_> = view
        .failures
        .iter()
        .rev()
        .filter(|failure| failure.number > state.cleared)
        .collect();
    ui.horizontal(|ui| {
        look::heading(ui, "Failed, the latest first");
        if !failures.is_empty() && ui.small_button("Clear").clicked() {
            state.cleared = view.failed;
        }
    });
    if failures.is_empty() {
        look::aside(ui, "Nothing.");
    }
    for failure in failures {
        failure_ui(ui, failure);
    }
}

fn failure_ui(ui: &mut Ui, failure: &FailureView) {
    ui.horizontal_wrapped(|ui| {
        ui.label(look::mono(look::moment(failure.at)).color(look::DIM));
        ui.label(RichText::new(&failure.what).strong().color(look::STRONG));
        if failure.count > 1 {
            look::mark(ui, &format!("{} times", failure.count), look::BUSY);
        }
        let text = format!("{}: {}", failure.what, failure.reason);
        look::copy_button(ui, &text, "the failure");
        ui.add(Label::new(RichText::new(&failure.reason).color(look::BAD)).wrap());
    });
}
