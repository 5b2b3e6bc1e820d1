//! The overlay's panels: functions of plain data, for the overlay's window or one of your own.
//!
//! What people change in a panel (a filter, a selection) is in a state beside the data. A panel changes nothing else.

mod connection;
mod contexts;
mod envelopes;
mod friends;
mod inbox;
mod look;
mod requests;
mod tickets;

use bevy_ecs::prelude::*;
use bevy_egui::egui::{self, RichText, Ui};

pub use self::{
    connection::connection_ui,
    contexts::{channels_ui, contexts_ui, matches_ui, parties_ui, streams_ui},
    envelopes::{EnvelopesState, envelopes_ui},
    friends::friends_ui,
    inbox::inbox_ui,
    requests::{RequestsState, requests_ui},
    tickets::tickets_ui,
};
use super::view::OverlayView;

/// What people have chosen in the overlay. A resource beside [`OverlayView`].
#[derive(Clone, Debug, Default, Resource)]
pub struct OverlayState {
    /// The panel that is shown.
    pub tab: OverlayTab,
    /// What was chosen among the envelopes.
    pub envelopes: EnvelopesState,
    /// What was chosen among the requests.
    pub requests: RequestsState,
}

/// A panel.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum OverlayTab {
    /// [`connection_ui`].
    #[default]
    Connection,
    /// [`matches_ui`].
    Matches,
    /// [`parties_ui`].
    Parties,
    /// [`channels_ui`].
    Channels,
    /// [`friends_ui`].
    Friends,
    /// [`streams_ui`].
    Streams,
    /// [`inbox_ui`].
    Inbox,
    /// [`envelopes_ui`].
    Envelopes,
    /// [`requests_ui`].
    Requests,
}

/// The whole overlay in a window of its own, at the upper right at first.
pub fn overlay_window(
    context: &egui::Context,
    stays_open: &mut bool,
    view: &OverlayView,
    state: &mut OverlayState,
) {
    let screen = context.content_rect();
    let style = look::style();
    egui::Window::new(RichText::new("Nakama").size(12.5).color(look::TEXT))
        .id(egui::Id::new("bevy_nakama overlay"))
        .open(stays_open)
        .frame(look::window_frame(&style))
        .title_frame(look::title_frame())
        .pivot(egui::Align2::RIGHT_TOP)
        .default_pos(screen.right_top() + egui::vec2(-10.0, 10.0))
        .default_size([470.0, 432.0])
        .min_size([380.0, 180.0])
        .max_size(screen.size() - egui::vec2(20.0, 50.0))
        .show(context, |ui| {
            ui.set_style(style);
            overlay_ui(ui, view, state);
        });
}

/// The whole overlay: a summary in one line, and the panels as tabs.
pub fn overlay_ui(ui: &mut Ui, view: &OverlayView, state: &mut OverlayState) {
    look::adapt(ui);
    connection::summary_ui(ui, &view.connection);
    ui.add_space(2.0);
    ui.horizontal_wrapped(|ui| {
        // All in one row of a window as wide as it is at first.
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.spacing_mut().button_padding.x = 3.0;
        let has_failures = state.requests.has_new(&view.requests);
        for (tab, name) in [
            (OverlayTab::Connection, "Connection"),
            (OverlayTab::Matches, "Matches"),
            (OverlayTab::Parties, "Parties"),
            (OverlayTab::Channels, "Channels"),
            (OverlayTab::Friends, "Friends"),
            (OverlayTab::Streams, "Streams"),
            (OverlayTab::Inbox, "Inbox"),
            (OverlayTab::Envelopes, "Envelopes"),
            (OverlayTab::Requests, "Requests"),
        ] {
            // A colour, as a number would push its neighbours about.
            let alarms = tab == OverlayTab::Requests && has_failures;
            let text = RichText::new(name).size(11.5);
            let text = if alarms { text.color(look::BAD) } else { text };
            ui.selectable_value(&mut state.tab, tab, text);
        }
    });
    ui.separator();
    match state.tab {
        OverlayTab::Connection => connection_ui(ui, &view.connection),
        OverlayTab::Matches => matches_ui(ui, &view.matches, &view.tickets),
        OverlayTab::Parties => parties_ui(ui, &view.parties),
        OverlayTab::Channels => channels_ui(ui, &view.channels),
        OverlayTab::Friends => friends_ui(ui, &view.friends),
        OverlayTab::Streams => streams_ui(ui, &view.streams),
        OverlayTab::Inbox => inbox_ui(ui, &view.inbox),
        OverlayTab::Envelopes => envelopes_ui(ui, &view.envelopes, &mut state.envelopes),
        OverlayTab::Requests => requests_ui(ui, &view.requests, &mut state.requests),
    }
}
