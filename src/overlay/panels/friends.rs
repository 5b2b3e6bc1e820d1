//! Users that the local user follows, their sessions and status.

use bevy_egui::egui::{Label, Ui};

use super::{contexts::name_ui, look};
use crate::overlay::view::{FriendSessionView, FriendView, FriendsView};

/// The local user and the users that they follow: their sessions and status.
pub fn friends_ui(ui: &mut Ui, view: &FriendsView) {
    look::panel(ui, "friends", |ui| {
        if view.followed == 0 {
            look::nothing(
                ui,
                "Nobody is followed. `commands.nakama().follow(..)` shows who is online.",
            );
        } else {
            let (followed, online) = (view.followed, view.online);
            look::heading(ui, &format!("{followed} followed, {online} online"));
        }
        if let Some(status) = &view.shown {
            look::fact(ui, "shown again", status);
        }
        if !view.names.is_empty() {
            let names: Vec<_> = view.names.iter().map(|name| name.as_str()).collect();
            look::fact(ui, "names followed", &names.join(", "));
        }
        for user in &view.users {
            friend_ui(ui, user);
            ui.add_space(4.0);
        }
        let all = view.followed + view.users.iter().filter(|user| user.is_self).count();
        look::rest(ui, all, view.users.len(), "more");
    });
}

fn friend_ui(ui: &mut Ui, user: &FriendView) {
    // A friend who comes online unfolds.
    let is_online = !user.sessions.is_empty();
    let body = |ui: &mut Ui| {
        for session in &user.sessions {
            session_ui(ui, session);
        }
        if user.hidden_ghosts > 0 {
            look::fact(ui, "hidden ghosts", &user.hidden_ghosts.to_string());
        }
        if !is_online {
            look::aside(ui, "Or online and hidden, which looks the same.");
        }
    };
    let id = ("friend", user.entity, is_online);
    look::fold(ui, id, is_online, |ui| header_ui(ui, user), body);
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
        if session.may_be_ghost {
            look::mark(ui, "ghost?", look::BUSY);
        }
        let status = if session.status.is_empty() {
            look::dim("shows nothing more")
        } else {
            session.status.as_str().into()
        };
        ui.add(Label::new(status).truncate());
    });
}
