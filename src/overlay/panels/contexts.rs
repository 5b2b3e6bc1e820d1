//! Matches, parties, and whatever else one can be in: they look alike.

use bevy_egui::egui::{
    Align, CollapsingHeader, Label, Layout, RichText, ScrollArea, Ui,
    collapsing_header::CollapsingState, vec2,
};

use super::look;
use crate::overlay::view::{ContextState, ContextView, PersonView};

/// How much room a name has, with its marks.
const NAME_WIDTH: f32 = 190.0;
/// How much room a mark takes at the most.
const MARK_WIDTH: f32 = 68.0;

/// Matches that one is in, and who is in them.
pub fn matches_ui(ui: &mut Ui, matches: &[ContextView]) {
    contexts_ui(
        ui,
        "match",
        "Not in a match. `commands.nakama().join_match(..)` and `create_match(..)` get you into one.",
        matches,
    );
}

/// Parties that one is in or asks to join, who is in them, and who asks to join.
pub fn parties_ui(ui: &mut Ui, parties: &[ContextView]) {
    contexts_ui(
        ui,
        "party",
        "Not in a party. `commands.nakama().join_party(..)` and `create_party(..)` get you into one.",
        parties,
    );
}

/// Chat channels that one is in, and who is in them.
pub fn channels_ui(ui: &mut Ui, channels: &[ContextView]) {
    contexts_ui(
        ui,
        "channel",
        "Not in a channel. `commands.nakama().join_chat(..)` gets you into one.",
        channels,
    );
}

/// Everything of one kind that one is in: `noun` is what one of them is called, `if_none` what is said if there is none.
pub fn contexts_ui(ui: &mut Ui, noun: &str, if_none: &str, contexts: &[ContextView]) {
    look::adapt(ui);
    if contexts.is_empty() {
        return look::nothing(ui, if_none);
    }
    ScrollArea::vertical()
        .id_salt(noun)
        .auto_shrink(false)
        .show(ui, |ui| {
            for context in contexts {
                context_ui(ui, noun, context);
                ui.add_space(4.0);
            }
        });
}

fn context_ui(ui: &mut Ui, noun: &str, context: &ContextView) {
    let id = ui.make_persistent_id((noun, context.entity));
    CollapsingState::load_with_default_open(ui.ctx(), id, true)
        .show_header(ui, |ui| header_ui(ui, noun, context))
        .body(|ui| body_ui(ui, noun, context));
}

fn header_ui(ui: &mut Ui, noun: &str, context: &ContextView) {
    let (word, color) = match context.state {
        ContextState::Joining => ("joining", look::BUSY),
        ContextState::PendingApproval => ("waits for the leader", look::BUSY),
        ContextState::Joined => ("joined", look::GOOD),
    };
    look::mark(ui, word, color);
    if context.state == ContextState::Joined {
        let people = if context.size == 1 {
            "person"
        } else {
            "people"
        };
        ui.label(RichText::new(format!("{} {people}", context.size)).strong());
        ui.label(look::dim(&context.about));
    }
    match &context.id {
        Some(id) => look::id(ui, id, &format!("the {noun}'s id")),
        None => {
            ui.label(look::dim(format!("a {noun}, its id comes with the answer")));
        }
    }
}

fn body_ui(ui: &mut Ui, noun: &str, context: &ContextView) {
    if let Some(label) = &context.label {
        ui.horizontal(|ui| {
            ui.label(look::dim("label"));
            look::copy_button(ui, label, "the label");
            ui.add(Label::new(look::mono(label)).truncate());
        });
    }
    for person in &context.people {
        person_ui(ui, person, false);
    }
    if context.size > context.people.len() {
        let more = context.size - context.people.len();
        ui.label(look::dim(format!("and {more} more")));
    }
    if context.state == ContextState::Joined && context.size == 0 {
        ui.label(look::dim(format!("Nobody is in this {noun}.")));
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
        let width = NAME_WIDTH.min(ui.available_width() * 0.5);
        let height = ui.spacing().interact_size.y;
        ui.allocate_ui_with_layout(
            vec2(width, height),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.set_min_width(width);
                name_ui(ui, person, asks);
            },
        );
        let name = person.username.as_str();
        let (user, session) = (person.user_id.as_str(), person.session_id.as_str());
        look::short_id(ui, "user", user, &format!("{name}'s user id"));
        look::short_id(ui, "session", session, &format!("{name}'s session id"));
    });
}

fn name_ui(ui: &mut Ui, person: &PersonView, asks: bool) {
    let marks = [
        (person.is_self, "you", look::IN),
        (person.is_leader, "leader", look::BUSY),
        (asks, "asks to join", look::BUSY),
    ];
    let name = RichText::new(person.username.as_str());
    let name = if person.is_self {
        name.strong().color(look::STRONG)
    } else {
        name
    };
    // Marks have their place, however long the name is.
    let room = marks.iter().filter(|(is_it, ..)| *is_it).count() as f32 * MARK_WIDTH;
    let width = (ui.available_width() - room).max(40.0);
    ui.scope(|ui| {
        ui.set_max_width(width);
        ui.add(Label::new(name).truncate());
    });
    for (is_it, word, color) in marks {
        if is_it {
            look::mark(ui, word, color);
        }
    }
}
