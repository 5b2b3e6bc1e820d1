//! Matches, parties, channels and streams. Their panels look alike.

use bevy_egui::egui::{CollapsingHeader, Color32, Label, RichText, Ui};

use super::{look, tickets};
use crate::overlay::view::{ContextState, ContextView, PersonView, TicketView};

/// The width of a name with its marks.
const NAME_WIDTH: f32 = 190.0;
/// The greatest width of a mark.
const MARK_WIDTH: f32 = 68.0;

/// Matches that the local user is in with everybody in them, and the matchmaker's tickets.
pub fn matches_ui(ui: &mut Ui, matches: &[ContextView], tickets: &[TicketView]) {
    let if_none = "Not in a match. `commands.nakama().join_match(..)` and `create_match(..)` get you into one.";
    look::panel(ui, "match", |ui| {
        list_ui(ui, "match", if_none, matches);
        ui.add_space(6.0);
        look::heading(ui, "Matchmaker");
        tickets::list_ui(ui, tickets);
    });
}

/// Parties that the local user is in or asks to join, their members, and join requests.
pub fn parties_ui(ui: &mut Ui, parties: &[ContextView]) {
    contexts_ui(
        ui,
        "party",
        "Not in a party. `commands.nakama().join_party(..)` and `create_party(..)` get you into one.",
        parties,
    );
}

/// Chat channels that the local user is in, with their members.
pub fn channels_ui(ui: &mut Ui, channels: &[ContextView]) {
    contexts_ui(
        ui,
        "channel",
        "Not in a channel. `commands.nakama().join_chat(..)` gets you into one.",
        channels,
    );
}

/// Streams that the server has mentioned, and who is known to be in them.
pub fn streams_ui(ui: &mut Ui, streams: &[ContextView]) {
    contexts_ui(
        ui,
        "stream",
        "Not in a stream. `commands.nakama().rpc(..)` calls a function of the server that can put you into one.",
        streams,
    );
}

/// A list of matches, parties, channels or streams. `noun` is the word for an entry, `if_none` the text of an empty list.
pub fn contexts_ui(ui: &mut Ui, noun: &str, if_none: &str, contexts: &[ContextView]) {
    look::panel(ui, noun, |ui| list_ui(ui, noun, if_none, contexts));
}

fn list_ui(ui: &mut Ui, noun: &str, if_none: &str, contexts: &[ContextView]) {
    if contexts.is_empty() {
        look::nothing(ui, if_none);
    }
    for context in contexts {
        look::fold(
            ui,
            (noun, context.entity),
            true,
            |ui| header_ui(ui, noun, context),
            |ui| body_ui(ui, noun, context),
        );
        ui.add_space(4.0);
    }
}

fn header_ui(ui: &mut Ui, noun: &str, context: &ContextView) {
    let (word, color) = match context.state {
        ContextState::Joining => ("joining", look::BUSY),
        ContextState::PendingApproval => ("waits for the leader", look::BUSY),
        ContextState::Joined => ("joined", look::GOOD),
        ContextState::Stale => ("stale", look::BAD),
        ContextState::PendingAgain => ("pending again", look::BUSY),
        ContextState::HeardOf => ("heard of", look::GOOD),
    };
    look::mark(ui, word, color);
    if !matches!(
        context.state,
        ContextState::Joining | ContextState::PendingApproval
    ) {
        let people = if context.size == 1 {
            "person"
        } else {
            "people"
        };
        ui.label(RichText::new(format!("{} {people}", context.size)).strong());
        look::aside(ui, &context.about);
    }
    match &context.id {
        Some(id) => look::id(ui, id, &format!("the {noun}'s id")),
        None => look::aside(ui, format!("a {noun}, its id comes with the answer")),
    }
}

fn body_ui(ui: &mut Ui, noun: &str, context: &ContextView) {
    for (name, value) in &context.facts {
        look::fact(ui, name, value);
    }
    if let Some(label) = &context.label {
        look::fact(ui, "label", label);
    }
    for person in &context.people {
        person_ui(ui, person, false);
    }
    look::rest(ui, context.size, context.people.len(), "more");
    match context.state {
        ContextState::Joined if context.size == 0 => {
            look::aside(ui, format!("Nobody is in this {noun}."));
        }
        ContextState::HeardOf if context.size == 0 => {
            look::aside(ui, format!("Nobody is known to be in this {noun}."));
        }
        _ => {}
    }
    if !context.asking.is_empty() {
        CollapsingHeader::new(
            RichText::new(format!("{} ask to join", context.asking.len())).color(look::BUSY),
        )
        .id_salt((noun, context.entity, "asking"))
        .default_open(true)
        .show(ui, |ui| {
            for person in &context.asking {
                person_ui(ui, person, true);
            }
        });
    }
}

fn person_ui(ui: &mut Ui, person: &PersonView, asks: bool) {
    ui.horizontal(|ui| {
        let name = person.username.as_str();
        let marks = [
            (person.is_leader, "leader", look::BUSY),
            (asks, "asks to join", look::BUSY),
            (person.is_stale, "stale", look::BAD),
            (person.may_be_ghost, "ghost?", look::BUSY),
            (person.is_adopted, "adopted", look::GOOD),
        ];
        name_ui(ui, name, person.is_self, &marks);
        let (user, session) = (person.user_id.as_str(), person.session_id.as_str());
        look::short_id(ui, "user", user, &format!("{name}'s user id"));
        look::short_id(ui, "session", session, &format!("{name}'s session id"));
    });
}

/// A name with its marks, in a column of its own.
pub(super) fn name_ui(ui: &mut Ui, name: &str, is_self: bool, marks: &[(bool, &str, Color32)]) {
    let width = NAME_WIDTH.min(ui.available_width() * 0.5);
    look::column(ui, width, |ui| marked_ui(ui, name, is_self, marks));
}

fn marked_ui(ui: &mut Ui, name: &str, is_self: bool, marks: &[(bool, &str, Color32)]) {
    let you = [(is_self, "you", look::IN)];
    let marks = || you.iter().chain(marks).filter(|(is_it, ..)| *is_it);
    let name = RichText::new(name);
    let name = if is_self {
        name.strong().color(look::STRONG)
    } else {
        name
    };
    // Marks keep their place, however long the name is.
    let room = marks().count() as f32 * MARK_WIDTH;
    let width = (ui.available_width() - room).max(40.0);
    ui.scope(|ui| {
        ui.set_max_width(width);
        ui.add(Label::new(name).truncate());
    });
    for (_, word, color) in marks() {
        look::mark(ui, word, *color);
    }
}
