//! The matchmaker's tickets.

use bevy_egui::egui::{RichText, Ui};

use super::look;
use crate::overlay::view::{TicketAskView, TicketView};

/// The matchmaker's tickets: what they ask for, and how long they have been waiting.
pub fn tickets_ui(ui: &mut Ui, tickets: &[TicketView]) {
    look::panel(ui, "ticket", |ui| list_ui(ui, tickets));
}

pub(super) fn list_ui(ui: &mut Ui, tickets: &[TicketView]) {
    if tickets.is_empty() {
        look::aside(
            ui,
            "No ticket. `commands.nakama().add_matchmaker(..)` gets you one.",
        );
    }
    for ticket in tickets {
        look::fold(
            ui,
            ("ticket", ticket.entity),
            true,
            |ui| header_ui(ui, ticket),
            |ui| body_ui(ui, ticket),
        );
        ui.add_space(4.0);
    }
}

fn header_ui(ui: &mut Ui, ticket: &TicketView) {
    let (word, color) = match (&ticket.on_hold, &ticket.id) {
        (Some(_), _) => ("on hold", look::BAD),
        (None, Some(_)) => ("looks for others", look::BUSY),
        (None, None) => ("asks for a ticket", look::BUSY),
    };
    look::mark(ui, word, color);
    ui.label(look::mono(look::age(ticket.age)).color(look::BUSY));
    if let Some(asked) = &ticket.asked {
        ui.label(RichText::new(players(asked)).strong());
    }
    match &ticket.id {
        Some(id) => look::id(ui, id, "the ticket's id"),
        None => look::aside(ui, "a ticket, its id comes with the answer"),
    }
}

fn players(asked: &TicketAskView) -> String {
    let (min, max) = (asked.min_count, asked.max_count);
    let players = if min == max {
        format!("{max} players")
    } else {
        format!("{min} to {max} players")
    };
    match asked.count_multiple {
        Some(multiple) => format!("{players}, a multiple of {multiple}"),
        None => players,
    }
}

fn body_ui(ui: &mut Ui, ticket: &TicketView) {
    if let Some(on_hold) = &ticket.on_hold {
        let why = match on_hold.left {
            Some(left) => format!("{}: {} at most", on_hold.why, look::age(left)),
            None => on_hold.why.to_owned(),
        };
        look::fact(ui, "waits", &why);
    }
    if let Some(party) = &ticket.party_id {
        look::fact(ui, "party", party);
    }
    match &ticket.asked {
        Some(asked) => {
            look::fact(ui, "query", &asked.query);
            let properties = asked.properties.iter();
            let properties: Vec<_> = properties
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            if !properties.is_empty() {
                look::fact(ui, "properties", &properties.join(", "));
            }
        }
        None if ticket.id.is_some() => {
            look::aside(ui, "The party's leader knows what was asked for.");
        }
        None => {}
    }
}
