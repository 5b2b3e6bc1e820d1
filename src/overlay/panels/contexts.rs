//! Matches, parties, and whatever else one can be in: they look alike.

use bevy_egui::egui::{
    CollapsingHeader, Label, RichText, ScrollArea, Ui, collapsing_header::CollapsingState,
};

use super::look;
use crate::overlay::view::{ContextState, ContextView, PersonView};

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
        let name = RichText::new(person.username.as_str());
        let name = if person.is_self {
            name.strong().color(look::STRONG)
        } else {
            name
        };
        ui.label(name);
        if person.is_self {
            look::mark(ui, "you", look::IN);
        }
        if person.is_leader {
            look::mark(ui, "leader", look::BUSY);
        }
        if asks {
            look::mark(ui, "asks to join", look::BUSY);
        }
        let name = person.username.as_str();
        look::copy_button(
            ui,
            person.session_id.as_str(),
            &format!("{name}'s session id"),
        );
        look::id(ui, person.user_id.as_str(), &format!("{name}'s user id"));
    });
}
