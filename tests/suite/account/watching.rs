//! A game that logs in and connects, by hand.

use super::*;
use crate::common::log::Log;
use bevy_nakama::testing::{TestGame, server};
use serde_json::json;

/// A game that says what becomes of its logins and connections.
pub(super) fn watched() -> (TestGame, Log) {
    let (mut game, log) = (TestGame::new(), Log::default());
    let seen = log.clone();
    game.observe(move |reply: On<Replied<LogIn>>| {
        seen.add(match &reply.result {
            Ok(login) => format!("logged in as {}", login.session.username()),
            Err(error) => format!("no login: {error}"),
        });
    });
    let seen = log.clone();
    game.observe(move |_: On<Connected>, connection: Res<NakamaConnection>| {
        let user = connection.user().map(|(_, name)| name.as_str());
        seen.add(format!("connected as {}", user.unwrap_or_default()));
    });
    let seen = log.clone();
    game.observe(move |gone: On<Disconnected>| seen.add(gone.reason.to_string()));
    (game, log)
}

pub(super) fn begin_login(game: &mut TestGame) -> Entity {
    game.commands(|commands| {
        let login = Login::device("a-device-of-somebody");
        commands.nakama().log_in(&server(), login).id()
    })
}

pub(super) fn connect(game: &mut TestGame) {
    game.commands(|commands| commands.nakama().connect());
}

pub(super) fn phase(game: &TestGame) -> ConnectionState {
    game.app.world().resource::<NakamaConnection>().state()
}

pub(super) fn refuse(game: &mut TestGame) {
    game.answer_rest(
        409,
        &json!({ "code": 6, "message": "Username is already in use." }),
    );
    game.update();
}
