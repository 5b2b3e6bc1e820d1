//! Notifications that the server keeps.

use bevy_egui::egui::{Label, RichText, Sense, Ui, collapsing_header::CollapsingState};

use super::look;
use crate::overlay::view::{InboxView, NotificationView};

/// The notifications that the server keeps for the user, the latest first. A click shows the content.
pub fn inbox_ui(ui: &mut Ui, view: &InboxView) {
    look::panel(ui, "inbox", |ui| {
        if view.size == 0 {
            look::nothing(
                ui,
                "Nothing in the inbox. `commands.nakama().fetch_notifications(..)` fetches what the server keeps.",
            );
        }
        if !view.cursor.is_empty() {
            look::fact(ui, "read up to", &view.cursor);
        }
        for notification in &view.notifications {
            notification_ui(ui, notification);
        }
        look::rest(ui, view.size, view.notifications.len(), "older ones");
    });
}

fn notification_ui(ui: &mut Ui, notification: &NotificationView) {
    let subject = if notification.subject.is_empty() {
        look::dim("without a subject")
    } else {
        RichText::new(&notification.subject).color(look::STRONG)
    };
    let id = ui.make_persistent_id(("notification", &notification.id));
    let load = |ui: &Ui| CollapsingState::load_with_default_open(ui.ctx(), id, false);
    let (_, header, _) = load(ui)
        .show_header(ui, |ui| {
            ui.add(Label::new(subject).truncate().sense(Sense::click()))
        })
        .body(|ui| content_ui(ui, notification));
    if header.inner.clicked() {
        let mut state = load(ui);
        state.toggle(ui);
        state.store(ui.ctx());
    }
    ui.horizontal(|ui| {
        ui.add_space(ui.spacing().indent);
        look::mark(ui, &notification.code, look::IN);
        ui.label(look::mono(&notification.create_time).color(look::DIM));
        match &notification.sender {
            Some(sender) => look::short_id(ui, "from", sender.as_str(), "the sender's user id"),
            None => look::aside(ui, "from the server"),
        }
    });
    ui.add_space(4.0);
}

fn content_ui(ui: &mut Ui, notification: &NotificationView) {
    let json = notification.json.as_str();
    ui.horizontal(|ui| {
        look::short_id(ui, "id", &notification.id, "the notification's id");
        look::aside(ui, "content");
        look::copy_button(ui, json, "the content");
    });
    look::long_text(ui, json, |ui, json| {
        ui.add(Label::new(look::mono(json)).wrap().selectable(true));
    });
}
