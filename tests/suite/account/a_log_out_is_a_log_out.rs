//! Whoever logs out is out, also if there is nothing left to end.

use super::{keeping::*, *};
use crate::common::{log::Log, steps::log_replies};
use bevy_nakama::testing::{TestGame, server};
use serde_json::json;

fn logging_out(session: NakamaSession) -> (TestGame, Log) {
    let (mut game, log) = (TestGame::new(), Log::default());
    log_replies::<LogOut>(&mut game, &log, "logged out");
    game.commands(|commands| {
        commands.nakama().use_session(&server(), session);
        commands.nakama().log_out();
    });
    game.update();
    assert_eq!(calls(&mut game), ["/v2/session/logout"]);
    game.answer_rest(401, &json!({ "code": 16, "message": "Auth token invalid" }));
    game.update();
    (game, log)
}

/// More than an hour after the last refresh, neither token is worth anything.
#[test]
fn tokens_that_are_worth_nothing_need_no_end() {
    for (status, code, message) in [
        (401, 16, "Refresh token invalid or expired."),
        (404, 5, "User account not found."),
    ] {
        let (mut game, log) = logging_out(session(1, LONG));
        assert_eq!(calls(&mut game), [REFRESH]);
        game.answer_rest(status, &json!({ "code": code, "message": message }));
        game.update();
        assert_eq!(log.take(), ["logged out"]);
    }
    let without = NakamaSession::restore(session(1, 1).token().expose(), None).expect("a token");
    let (mut game, log) = logging_out(without);
    assert_eq!(calls(&mut game), [""; 0]);
    assert_eq!(log.take(), ["logged out"]);
}

/// Then the tokens live on.
#[test]
fn a_server_that_does_not_end_them_is_told() {
    let (mut game, log) = logging_out(session(1, LONG));
    game.answer_rest(503, &json!({ "code": 14, "message": "Unavailable." }));
    game.update();
    assert_eq!(log.take(), ["logged out: Unavailable. (503)"]);
}

#[test]
fn a_login_that_is_under_way_is_ended() {
    let (mut game, log) = (TestGame::new(), Log::default());
    log_replies::<LogOut>(&mut game, &log, "logged out");
    log_replies::<LogIn>(&mut game, &log, "logged in");
    game.commands(|commands| {
        commands
            .nakama()
            .log_in(&server(), Login::device("a-device-of-somebody"));
    });
    game.update();
    game.commands(|commands| commands.nakama().log_out().id());
    game.update();
    assert_eq!(log.take(), ["logged out"]);
    game.accept_login("ada");
    game.update();
    assert_eq!(log.take(), ["logged in: it was withdrawn"]);
    game.commands(|commands| commands.nakama().log_out().id());
    game.update();
    assert_eq!(log.take(), ["logged out: not logged in"]);
}
