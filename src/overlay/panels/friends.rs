//! Users that the local user follows, where they are online, and what they show.

use bevy_egui::egui::{Label, ScrollArea, Ui, collapsing_header::CollapsingState};

use super::{contexts::name_ui, look};
use crate::overlay::view::{FriendSessionView, FriendView, FriendsView};

/// Users that the local user follows, and the local user: their sessions and what they show.
pub fn friends_ui(ui: &mut Ui, view: &FriendsView) {
    look::adapt(ui);
    ScrollArea::vertical()
        .id_salt("friends")
        .auto_shrink(false)
        .show(ui, |ui| {
            if view.followed == 0 {
                look::nothing(
                    ui,
                    "Nobody is followed. `commands.nakama().follow(..)` shows who is online.",
                );
            } else {
                let (followed, online) = (view.followed, view.online);
                look::heading(ui, &format!("{followed} followed, {online} online"));
            }
            for user in &view.users {
                friend_ui(ui, user);
                ui.add_space(4.0);
            }
            let all = view.followed + view.users.iter().filter(|user| user.is_self).count();
            if all > view.users.len() {
                let more = all - view.users.len();
                ui.label(look::dim(format!("and {more} more")));
            }
        });
}

fn friend_ui(ui: &mut Ui, user: &FriendView) {
    // Who comes online is opened.
    let is_online = !user.sessions.is_empty();
    let id = ui.make_persistent_id(("friend", user.entity, is_online));
    CollapsingState::load_with_default_open(ui.ctx(), id, is_online)
        .show_header(ui, |ui| header_ui(ui, user))
        .body(|ui| {
            for session in &user.sessions {
                session_ui(ui, session);
            }
            if !is_online {
                ui.label(look::dim("Or hidden, which looks alike."));
            }
        });
}

fn header_ui(ui: &mut Ui, user: &FriendView) {
    let (word, color) = if user.sessions.is_empty() {
        ("offline", look::DIM)
    } else {
        ("online", look::GOOD)
    };
    look::mark(ui, word, color);
    let name = user.username.as_ref().map(|name| name.as_str());
    let shown = name.unwrap_or("name not told yet");
    name_ui(ui, shown, user.is_self, &[]);
    let whose = name.map_or_else(
        || "the user id".to_owned(),
        |name| format!("{name}'s user id"),
    );
    look::id(ui, user.user_id.as_str(), &whose);
}

fn session_ui(ui: &mut Ui, session: &FriendSessionView) {
    ui.horizontal(|ui| {
        look::short_id(ui, "session", session.session_id.as_str(), "the session id");
        if session.is_self {
            look::mark(ui, "this one", look::IN);
        }
        let status = if session.status.is_empty() {
            look::dim("shows nothing more")
        } else {
            session.status.as_str().into()
        };
        ui.add(Label::new(status).truncate());
    });
}
