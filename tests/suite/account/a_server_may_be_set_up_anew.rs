//! A server that was set up anew: the tokens are well signed, and their user is gone. Such a server answers a refresh with 404.

use super::{keeping::*, *};
use crate::common::log::Log;
use bevy_nakama::{
    session::StoredSession,
    testing::{TestGame, server, session_of},
};
use serde_json::json;

/// The game says why its calls fail.
fn hear_calls(game: &mut TestGame, log: &Log) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<CallRest>>| {
        if let Err(error) = &reply.result {
            seen.add(error.to_string());
        }
    });
}

fn forget_user(game: &mut TestGame) {
    game.answer_rest(
        404,
        &json!({ "code": 5, "message": "User account not found." }),
    );
    game.update();
}

#[test]
fn a_stored_session_of_a_user_who_is_gone_is_a_login() {
    let kept = Kept::of(session(1, LONG));
    let (mut game, log) = start(&kept);
    assert_eq!(calls(&mut game), [REFRESH]);
    forget_user(&mut game);
    assert_eq!(calls(&mut game), [LOGIN]);
    game.accept_login("bob");
    game.update();
    accept(&mut game);
    assert_eq!(log.take(), ["bob, restored: false", "connected as bob"]);
    assert_eq!(kept.user().as_deref(), Some("bob"));
}

#[test]
fn a_game_with_a_form_hears_that_it_has_ended() {
    let (mut game, log) = restore(&Kept::of(session(1, LONG)));
    forget_user(&mut game);
    game.update();
    assert_eq!(log.take()[0], "the session that is stored has ended");
}

/// What another program answers in the server's place, or a server that is too busy, says nothing of the session.
#[test]
fn what_is_not_the_servers_word_ends_no_session() {
    for (status, body) in [
        (404, json!({ "error": "no such page" })),
        (429, json!({ "code": 8, "message": "Too many requests." })),
        (408, json!({ "code": 4, "message": "Too slow." })),
        (401, json!({ "code": 16, "message": "Server key invalid" })),
        (503, json!({ "code": 14, "message": "Unavailable." })),
    ] {
        let kept = Kept::of(session(1, LONG));
        let (mut game, _) = start(&kept);
        game.answer_rest(status, &body);
        game.update();
        assert_eq!(calls(&mut game), [""; 0], "{status}");
        assert_eq!(kept.user().as_deref(), Some("ada"), "{status}");
    }
}

#[test]
fn a_session_that_was_in_place_already_is_a_login_too() {
    for user_is_gone in [true, false] {
        let kept = Kept::of(session_of("ada"));
        let (mut game, log) = start(&kept);
        refuse_socket(&mut game);
        assert_eq!(calls(&mut game), [REFRESH]);
        if user_is_gone {
            forget_user(&mut game);
        } else {
            refuse_call(&mut game);
        }
        assert_eq!(calls(&mut game), [LOGIN]);
        give_tokens(&mut game, "bob");
        accept(&mut game);
        assert_eq!(log.take(), ["ada, restored: true", "connected as bob"]);
    }
}

/// Where games are made, that happens every day.
#[test]
fn a_connection_that_is_tried_again_is_that_of_the_new_user() {
    let kept = Kept::of(session(LONG, LONG));
    let (mut game, log) = with_store(&kept);
    game.commands(|commands| {
        let login = Login::device("a-device-of-somebody");
        commands.nakama().restore_or_log_in(&server(), login);
        let again_and_again = ConnectOptions::default().retry_first();
        commands.nakama().connect_with(again_and_again);
    });
    game.update();
    refuse_socket(&mut game);
    refuse_call(&mut game);
    give_tokens(&mut game, "bob");
    accept(&mut game);
    assert_eq!(log.take(), ["ada, restored: true", "connected as bob"]);
}

/// What ada wanted to write is not written into bob's account.
#[test]
fn nothing_is_done_in_the_name_of_the_user_who_comes_instead() {
    for (name, then) in [("bob", Err("not logged in")), ("ada", Ok(()))] {
        let (mut game, log) = with_store(&Kept::of(session_of("ada")));
        hear_calls(&mut game, &log);
        let seen = log.clone();
        game.observe(move |it: On<SessionRefreshed>| {
            let name = it.session.username();
            seen.add(format!(
                "{name}, another: {}, new: {}",
                it.is_other_user, it.created
            ));
        });
        game.commands(|commands| {
            let login = Login::device("a-device-of-somebody");
            commands.nakama().restore_or_log_in(&server(), login);
            commands.nakama().rest(RestMethod::Put, "/v2/storage", None);
        });
        game.update();
        game.answer_rest(401, &json!({ "code": 16, "message": "Auth token invalid" }));
        game.update();
        forget_user(&mut game);
        assert_eq!(calls(&mut game), [LOGIN]);
        let token = bevy_nakama::__testing::forge_token(
            &json!({ "uid": format!("user-{name}"), "usn": name, "exp": LONG, "vrs": { "n": "2" } }),
        );
        game.answer_rest(
            200,
            &json!({ "token": token, "refresh_token": token, "created": true }),
        );
        game.update();
        let is_bob = then.is_err();
        let mut told = vec![
            "ada, restored: true".to_owned(),
            format!("{name}, another: {is_bob}, new: true"),
        ];
        told.extend(then.err().map(str::to_owned));
        assert_eq!(log.take(), told);
        let again: &[&str] = if is_bob { &[] } else { &["/v2/storage"] };
        assert_eq!(
            calls(&mut game),
            again,
            "as the user who asked, or not at all"
        );
    }
}

/// The login that was to help is refused: that is what the game hears, and not that a socket was.
#[test]
fn the_login_that_comes_instead_may_fail() {
    let (mut game, log) = start(&Kept::of(session_of("ada")));
    hear_calls(&mut game, &log);
    game.commands(|commands| commands.nakama().rest(RestMethod::Get, "/a", None).id());
    refuse_socket(&mut game);
    game.answer_rest(401, &json!({ "code": 16, "message": "Auth token invalid" }));
    game.update();
    forget_user(&mut game);
    assert_eq!(calls(&mut game), [LOGIN]);
    game.answer_rest(
        409,
        &json!({ "code": 6, "message": "Username is already in use." }),
    );
    game.update();
    game.update();
    assert_eq!(
        log.take(),
        [
            "ada, restored: true",
            "the session has ended: Username is already in use. (409)",
            "the login failed: Username is already in use. (409)"
        ]
    );
}

/// An answer to what the user before has asked says nothing of the session that was restored since then.
#[test]
fn the_way_in_is_kept_until_this_very_session_is_accepted() {
    let kept = Kept::default();
    let (mut game, _) = with_store(&kept);
    game.commands(|commands| {
        let server = server();
        commands.nakama().use_session(&server, session_of("cat"));
        commands.nakama().rest(RestMethod::Get, "/of-cat", None);
    });
    game.update();
    *kept.stored.lock().expect("unpoisoned") =
        Some(StoredSession::new(&server(), session_of("ada")));
    game.commands(|commands| {
        let login = Login::device("a-device-of-somebody");
        let server = server();
        commands.nakama().restore_or_log_in(&server, login);
        commands.nakama().connect();
    });
    game.answer_rest(200, &json!({}));
    game.update();
    refuse_socket(&mut game);
    forget_user(&mut game);
    assert_eq!(calls(&mut game), [LOGIN]);
}
