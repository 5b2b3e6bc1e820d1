//! The connection: phase, people, numbers, and how they have been.

use std::{collections::VecDeque, time::Duration};

use bevy_egui::egui::{CollapsingHeader, Color32, Grid, Label, RichText, Ui, vec2};
use egui_plot::{Line, Plot, PlotPoints};

use super::look;
use crate::overlay::view::{ConnectionView, ReconnectingView, TrafficSample};

/// How far back a plot shows at the least, in seconds.
const PLOT_SPAN: f64 = 30.0;

/// One line: phase, name, round trip and rates. Its parts stay where they are while they change.
pub(super) fn summary_ui(ui: &mut Ui, view: &ConnectionView) {
    let (phase, color) = look::phase(view.state);
    let now = view.history.back().copied().unwrap_or_default();
    ui.horizontal(|ui| {
        look::dot(ui, color);
        cell(ui, 84.0, RichText::new(phase).color(color));
        let name = view.user.as_ref().map_or("", |(_, name)| name.as_str());
        cell(ui, 96.0, RichText::new(name).strong());
        let round_trip = view.round_trip.map(look::milliseconds);
        let round_trip = round_trip.unwrap_or_else(|| "– ms".to_owned());
        cell(ui, 66.0, look::mono(round_trip));
        let rate = |arrow, rate| look::mono(format!("{arrow}{:>8}/s", look::bytes(rate)));
        cell(ui, 92.0, rate("⬇", now.received_bytes).color(look::IN));
        cell(ui, 92.0, rate("⬆", now.sent_bytes).color(look::OUT));
    });
}

/// Text in a place of its own.
fn cell(ui: &mut Ui, width: f32, text: RichText) {
    look::column(ui, width, |ui| {
        ui.add(Label::new(text).truncate());
    });
}

/// The connection: phase, server, user, traffic, and round trips and rates over time.
pub fn connection_ui(ui: &mut Ui, view: &ConnectionView) {
    look::panel(ui, "connection", |ui| {
        facts_ui(ui, view);
        transitions_ui(ui, view);
        ui.add_space(6.0);
        ui.columns(2, |columns| {
            plot_ui(
                &mut columns[0],
                "Round trip in ms",
                &view.history,
                &[("round trip", look::GOOD, &|sample| {
                    Some(sample.round_trip?.as_secs_f64() * 1000.0)
                })],
            );
            plot_ui(
                &mut columns[1],
                "Envelopes/s",
                &view.history,
                &[
                    ("received", look::IN, &|sample| Some(sample.received)),
                    ("sent", look::OUT, &|sample| Some(sample.sent)),
                ],
            );
        });
        ui.add_space(4.0);
        traffic_ui(ui, view);
    });
}

fn facts_ui(ui: &mut Ui, view: &ConnectionView) {
    let row = |ui: &mut Ui, name: &str, value: &mut dyn FnMut(&mut Ui)| {
        ui.label(look::dim(name));
        ui.horizontal(|ui| value(ui));
        ui.end_row();
    };
    Grid::new("connection")
        .num_columns(2)
        .min_col_width(74.0)
        .show(ui, |ui| {
            row(ui, "Phase", &mut |ui| {
                let (phase, color) = look::phase(view.state);
                ui.label(RichText::new(phase).color(color));
                match view.round_trip {
                    Some(round_trip) => {
                        let round_trip = look::milliseconds(round_trip);
                        look::aside(ui, format!("round trip {round_trip}"));
                    }
                    None => look::aside(ui, "its round trip is not known yet"),
                }
            });
            row(ui, "Server", &mut |ui| match &view.server {
                Some(server) => look::id(ui, server, "the server's address"),
                None => look::aside(
                    ui,
                    "not connected yet: `commands.nakama().connect()` does it, after `log_in(..)`",
                ),
            });
            row(ui, "User", &mut |ui| match &view.user {
                Some((_, name)) => {
                    ui.label(RichText::new(name.as_str()).strong());
                }
                None => look::aside(ui, "nobody"),
            });
            if let Some((id, _)) = &view.user {
                row(ui, "User id", &mut |ui| {
                    look::id(ui, id.as_str(), "the user id");
                });
                row(ui, "Session id", &mut |ui| match &view.session_id {
                    Some(session) => look::id(ui, session.as_str(), "the session id"),
                    None => look::aside(ui, "known once in a match, party or channel"),
                });
            }
            if !view.old_sessions.is_empty() {
                row(ui, "Old sessions", &mut |ui| {
                    let sessions = view.old_sessions.iter();
                    let sessions: Vec<_> = sessions.map(|session| session.as_str()).collect();
                    look::aside(ui, sessions.join(", "));
                });
            }
            if let Some(lost) = &view.reconnecting {
                row(ui, "Lost", &mut |ui| {
                    let cause = RichText::new(&lost.cause).color(look::BAD);
                    ui.add(Label::new(cause).wrap());
                });
                row(ui, "Way back", &mut |ui| {
                    ui.label(RichText::new(step_text(lost)).color(look::BUSY));
                    look::aside(ui, format!("away for {}", look::age(lost.away)));
                });
                if let Some(failure) = &lost.last_failure {
                    row(ui, "Last try", &mut |ui| {
                        ui.add(Label::new(RichText::new(failure).color(look::BAD)).wrap());
                    });
                }
            }
            row(ui, "Last end", &mut |ui| match &view.last_reason {
                Some(reason) => {
                    ui.add(Label::new(RichText::new(reason).color(look::BAD)).wrap());
                }
                None => look::aside(ui, "none since it is connected"),
            });
        });
}

/// What a lost connection is doing.
fn step_text(lost: &ReconnectingView) -> String {
    match lost.next_try {
        Some(wait) => format!("try {} in {:.1} s", lost.attempt, wait.as_secs_f64()),
        None => format!("try {}: {}", lost.attempt, lost.step),
    }
}

/// What happened to the connection, newest first.
fn transitions_ui(ui: &mut Ui, view: &ConnectionView) {
    if view.transitions.is_empty() {
        return;
    }
    let (restored, lost) = view.reentered;
    let title = format!("What happened ({restored} restored, {lost} lost)");
    CollapsingHeader::new(look::dim(title))
        .id_salt("transitions")
        .show(ui, |ui| {
            for (at, what) in view.transitions.iter().rev() {
                ui.horizontal(|ui| {
                    ui.label(look::mono(look::moment(*at)));
                    ui.add(Label::new(what).wrap());
                });
            }
        });
}

type Value<'a> = &'a dyn Fn(&TrafficSample) -> Option<f64>;

fn plot_ui(
    ui: &mut Ui,
    title: &str,
    history: &VecDeque<TrafficSample>,
    lines: &[(&str, Color32, Value)],
) {
    let values = lines
        .iter()
        .flat_map(|(.., value)| history.iter().filter_map(value));
    let highest = values.fold(0.0, f64::max);
    ui.horizontal(|ui| {
        ui.label(look::dim(format!("{title}, up to {highest:.0}")));
        if lines.len() > 1 {
            for (name, color, _) in lines {
                ui.label(RichText::new(*name).small().color(*color));
            }
        }
    });
    let now = history.back().map_or(Duration::ZERO, |sample| sample.at);
    let now = now.as_secs_f64();
    Plot::new(title)
        .height(60.0)
        .allow_zoom(false)
        .allow_drag(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_crosshair(false)
        .show_axes([false, true])
        .show_grid([false, true])
        .y_axis_min_width(30.0)
        .grid_spacing(10.0..=60.0)
        .set_margin_fraction(vec2(0.0, 0.12))
        .include_x(-PLOT_SPAN)
        .include_x(0.0)
        .include_y(0.0)
        .include_y(1.0)
        .show(ui, |plot| {
            for (name, color, value) in lines {
                let point =
                    |sample: &TrafficSample| Some([sample.at.as_secs_f64() - now, value(sample)?]);
                let points: PlotPoints = history.iter().filter_map(point).collect();
                plot.line(Line::new(*name, points).color(*color).width(1.5));
            }
        });
}

fn traffic_ui(ui: &mut Ui, view: &ConnectionView) {
    let traffic = view.traffic;
    let now = view.history.back().copied().unwrap_or_default();
    Grid::new("traffic")
        .num_columns(5)
        .min_col_width(74.0)
        .show(ui, |ui| {
            for title in ["Traffic", "envelopes", "per second", "bytes", "per second"] {
                ui.label(look::dim(title));
            }
            ui.end_row();
            let received = (traffic.received, traffic.received_bytes);
            let sent = (traffic.sent, traffic.sent_bytes);
            for (name, color, (count, bytes), rate, byte_rate) in [
                (
                    "received",
                    look::IN,
                    received,
                    now.received,
                    now.received_bytes,
                ),
                ("sent", look::OUT, sent, now.sent, now.sent_bytes),
            ] {
                ui.label(RichText::new(name).color(color));
                ui.label(look::mono(format!("{count:>9}")));
                ui.label(look::mono(format!("{rate:>9.1}")));
                ui.label(look::mono(format!("{:>9}", look::bytes(bytes as f64))));
                ui.label(look::mono(format!("{:>9}", look::bytes(byte_rate))));
                ui.end_row();
            }
        });
    for line in [
        format!(
            "under way: {} to others (window {}), {} requests",
            traffic.unacknowledged, traffic.window, traffic.in_flight,
        ),
        format!(
            "waiting: {} to be sent ({}), {} to be read, {} early",
            traffic.queued,
            look::bytes(traffic.queued_bytes as f64),
            look::bytes(traffic.waiting_bytes as f64),
            traffic.held,
        ),
        format!(
            "held back: {}   replaced: {}   refused: {}   dropped: {}",
            traffic.held_back, traffic.replaced, traffic.refused, traffic.dropped
        ),
    ] {
        ui.label(look::dim(line));
    }
}
