//! A token that the server refuses is replaced, once for all who wait, and the calls are made again.

use super::*;
use bevy_nakama::testing::server;

#[test]
fn a_refused_token_is_replaced_and_the_call_made_again() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    refuse_token(&mut game);
    assert_eq!(log.take(), [""; 0], "nobody needs to know yet");
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), ["now ada-2"]);
    assert_eq!(calls(&mut game), ["/a"]);
    assert_eq!(game.rest_tokens(), [Some(token_of("ada-2"))]);
    answer(&mut game, 200, json!({ "a": 1 }));
    assert_eq!(log.take(), ["/a: 200 {\"a\":1}"]);

    ask(&mut game, "/b");
    assert_eq!(
        game.rest_tokens(),
        [Some(token_of("ada-2"))],
        "kept for later"
    );
    refuse_token(&mut game);
    give_tokens(&mut game, "ada-3");
    refuse_token(&mut game);
    assert_eq!(
        log.take(),
        [
            "now ada-3",
            "/b: the session has ended: Auth token invalid (401)"
        ],
        "one more try, not a loop"
    );
    assert!(game.rest_calls().is_empty());
}

/// What ada asked for is not asked for in bob's name.
#[test]
fn a_refresh_that_brings_somebody_else_ends_what_waited() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    refuse_token(&mut game);
    give_tokens(&mut game, "bob");
    assert_eq!(log.take(), ["now bob", "/a: not logged in"]);
    assert!(game.rest_calls().is_empty());
}

#[test]
fn two_calls_whose_tokens_are_refused_share_a_refresh() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    ask(&mut game, "/b");
    game.answer_rest(401, &token_invalid());
    game.answer_rest(401, &token_invalid());
    game.update();
    assert_eq!(calls(&mut game), [REFRESH.1]);
    ask(&mut game, "/c");
    assert_eq!(calls(&mut game), [REFRESH.1], "it waits, too");
    give_tokens(&mut game, "ada-2");
    assert_eq!(calls(&mut game), ["/a", "/b", "/c"]);
    for n in 0..3 {
        answer(&mut game, 200, json!(n));
    }
    assert_eq!(
        log.take(),
        ["now ada-2", "/a: 200 0", "/b: 200 1", "/c: 200 2"]
    );
}

#[test]
fn a_token_that_was_replaced_meanwhile_is_not_replaced_again() {
    let (mut game, log) = watched();
    ask(&mut game, "/slow");
    // The game refreshes by itself.
    game.commands(|commands| {
        commands.nakama().refresh();
    });
    ask(&mut game, "/b");
    assert_eq!(calls(&mut game), ["/slow", REFRESH.1, "/b"]);
    // The answers come in another order.
    refuse_token(&mut game);
    assert_eq!(calls(&mut game), [REFRESH.1, "/b", REFRESH.1]);
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), ["now ada-2"]);
    refuse_token(&mut game);
    let asked = [REFRESH.1, "/slow", "/b"];
    assert_eq!(calls(&mut game), asked, "with the new one");
    ask(&mut game, "/c");
    let asked = [REFRESH.1, "/slow", "/b", "/c"];
    assert_eq!(calls(&mut game), asked, "it has a new one: no need to wait");
    give_tokens(&mut game, "ada-3");
    assert_eq!(calls(&mut game), ["/slow", "/b", "/c"]);
    let latest = Some(token_of("ada-2"));
    assert_eq!(game.rest_tokens(), [latest.clone(), latest.clone(), latest]);
    assert_eq!(log.take(), [""; 0], "the connection has newer ones already");
}

/// The game has refreshed the session itself when the plugin's own refresh is refused.
#[test]
fn a_refused_refresh_ends_nothing_if_there_are_new_tokens_already() {
    let (mut game, log) = watched();
    ask(&mut game, "/slow");
    game.commands(|commands| {
        commands.nakama().refresh();
    });
    game.update();
    refuse_token(&mut game);
    assert_eq!(calls(&mut game), [REFRESH.1, REFRESH.1]);
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), ["now ada-2"]);
    let text = "Refresh token invalid or expired.";
    answer(&mut game, 401, json!({ "code": 16, "message": text }));
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(calls(&mut game), ["/slow"]);
    assert_eq!(game.rest_tokens(), [Some(token_of("ada-2"))]);
}

#[test]
fn a_refused_refresh_is_the_answer_to_all_who_waited() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    refuse_token(&mut game);
    ask(&mut game, "/b");
    let text = "Refresh token invalid or expired.";
    answer(&mut game, 401, json!({ "code": 16, "message": text }));
    let ended = |asked| format!("{asked}: the session has ended: {text} (401)");
    assert_eq!(log.take(), [ended("/a"), ended("/b")]);
    assert!(game.rest_calls().is_empty());

    ask(&mut game, "/c");
    refuse_token(&mut game);
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), ["now ada-2"], "the next call tries again");
}

#[test]
fn what_is_no_session_is_told() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    refuse_token(&mut game);
    answer(&mut game, 200, json!({ "token": "none" }));
    assert_eq!(log.take(), ["/a: the server answered with no session"]);
    ask(&mut game, "/b");
    refuse_token(&mut game);
    answer(&mut game, 503, json!("busy"));
    assert_eq!(
        log.take(),
        ["/b: the server answered with no new session, but with: \"busy\" (503)"]
    );
}

#[test]
fn a_session_that_cannot_be_refreshed_is_refused_at_once() {
    let (mut game, log) = watched();
    let session = NakamaSession::restore(&token_of("ada"), None).expect("a token");
    game.commands(|commands| {
        commands.nakama().use_session(&server(), session.clone());
        commands.nakama().connect();
    });
    game.update();
    game.server_accepts();
    game.update();
    ask(&mut game, "/a");
    refuse_token(&mut game);
    assert_eq!(
        log.take(),
        ["/a: the session has ended: Auth token invalid (401)"]
    );
}

#[test]
fn only_what_was_said_of_the_token_is_tried_again() {
    let (mut game, log) = watched();
    for body in [
        json!({ "code": 16, "message": "HTTP key invalid" }),
        json!({ "code": 16, "error": {}, "message": "Auth token of the game's own" }),
    ] {
        ask(&mut game, "/a");
        answer(&mut game, 401, body.clone());
        let text = body["message"].as_str().expect("a text");
        assert_eq!(log.take(), [format!("/a: refused, 16 {text} (401)")]);
    }
}
