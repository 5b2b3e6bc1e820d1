//! A store keeps the session in place, and the next start of the game takes it up.

use super::{keeping::*, *};
use crate::common::log::Log;
use bevy_nakama::testing::{TestGame, server, session_of};
use serde_json::json;

#[test]
fn logins_and_refreshes_are_kept_and_a_log_out_clears() {
    let kept = Kept::default();
    let (mut game, _) = start(&kept);
    assert_eq!(calls(&mut game), [LOGIN]);
    game.accept_login("ada");
    game.update();
    assert_eq!(kept.user().as_deref(), Some("ada"));
    game.commands(|commands| commands.nakama().refresh().id());
    game.update();
    give_tokens(&mut game, "ada-2");
    assert_eq!(kept.user().as_deref(), Some("ada-2"));
    game.commands(|commands| commands.nakama().log_out().id());
    assert_eq!(kept.user(), None, "at once");
}

#[test]
fn a_good_session_is_in_place_at_once() {
    for begin in [start, restore] {
        let (mut game, log) = begin(&Kept::of(session_of("ada")));
        assert_eq!(calls(&mut game), [""; 0]);
        accept(&mut game);
        let told = log.take();
        assert!(told[0] == "ada, restored: true" || told[0] == "restored ada");
        assert_eq!(told[1..], ["connected as ada".to_owned()]);
    }
}

#[test]
fn a_session_whose_token_has_ended_is_refreshed_first() {
    for begin in [start, restore] {
        let kept = Kept::of(session(1, LONG));
        let (mut game, log) = begin(&kept);
        assert_eq!(calls(&mut game), [REFRESH]);
        give_tokens(&mut game, "ada-2");
        assert_eq!(kept.user().as_deref(), Some("ada-2"));
        accept(&mut game);
        let told = log.take();
        assert!(told[0] == "ada-2, restored: true" || told[0] == "restored ada-2");
        assert_eq!(told[1..], ["connected as ada-2".to_owned()]);
    }
}

#[test]
fn a_session_that_the_server_does_not_refresh_is_a_login() {
    let kept = Kept::of(session(1, LONG));
    let (mut game, log) = start(&kept);
    refuse_call(&mut game);
    assert_eq!(calls(&mut game), [LOGIN]);
    game.accept_login("bob");
    game.update();
    accept(&mut game);
    assert_eq!(log.take(), ["bob, restored: false", "connected as bob"]);

    let (mut game, log) = restore(&kept.clone());
    assert_eq!(calls(&mut game), [""; 0], "bob's is good");
    accept(&mut game);
    assert_eq!(log.take(), ["restored bob", "connected as bob"]);

    let (mut game, log) = restore(&Kept::of(session(1, LONG)));
    refuse_call(&mut game);
    game.update();
    let ended = "the session that is stored has ended";
    assert_eq!(
        log.take(),
        [ended.to_owned(), format!("the login failed: {ended}")]
    );
}

/// A session of this server, whatever may be written there.
fn stored_at(server: &str) -> Kept {
    let kept = Kept::of(session_of("ada"));
    if let Some(stored) = &mut *kept.stored.lock().expect("unpoisoned") {
        server.clone_into(&mut stored.server);
    }
    kept
}

#[test]
fn what_is_of_no_use_is_a_login() {
    let other = "the session that is stored is of another server";
    let cases = || {
        [
            (Kept::default(), "no session is stored".to_owned()),
            (
                Kept::of(session(1, 1)),
                "the session that is stored has ended".to_owned(),
            ),
            (
                stored_at("http://other.invalid:7350"),
                format!("{other}, http://other.invalid:7350"),
            ),
            (
                stored_at("http://ada:password@other.invalid"),
                format!("{other}, <redacted>"),
            ),
            (
                stored_at("http://other\u{1b}[31m"),
                format!("{other}, http://other\\u{{1b}}[31m"),
            ),
            (
                Kept::broken(),
                "the session that is stored cannot be read: the disk is on fire".to_owned(),
            ),
        ]
    };
    for (kept, why) in cases() {
        let (mut game, log) = start(&kept);
        assert_eq!(calls(&mut game), [LOGIN], "{why}");
        game.accept_login("bob");
        game.update();
        accept(&mut game);
        assert_eq!(log.take(), ["bob, restored: false", "connected as bob"]);
        if !kept.is_broken {
            assert_eq!(kept.user().as_deref(), Some("bob"));
        }
    }
    for (kept, why) in cases() {
        let shown = format!("{:?}", kept.stored.lock().expect("unpoisoned"));
        assert!(
            !shown.contains("password") && !shown.contains('\u{1b}'),
            "{shown}"
        );
        let (mut game, log) = restore(&kept);
        game.update();
        assert_eq!(calls(&mut game), [""; 0]);
        assert_eq!(log.take(), [&why, "nobody is logged in"]);
    }
}

/// A slash at the end is no other server.
#[test]
fn an_address_may_end_with_a_slash() {
    let (mut game, log) = restore(&stored_at(&format!(" {}/ ", server().url())));
    accept(&mut game);
    assert_eq!(log.take(), ["restored ada", "connected as ada"]);
}

/// The store is the player's: a test neither reads it nor writes to it.
#[test]
fn a_test_game_leaves_the_store_of_the_game_alone() {
    for stored in [Kept::default(), Kept::of(session_of("bob"))] {
        let user = stored.user();
        let plugin = NakamaPlugin::default().with_session_store(stored.clone());
        let mut game = TestGame::connected_with(plugin);
        game.commands(|commands| commands.nakama().restore_session(&server()).id());
        game.update();
        let current = game.app.world().resource::<CurrentSession>();
        assert_eq!(current.user().map(|(_, name)| name.as_str()), Some("ada"));
        game.commands(|commands| commands.nakama().log_out().id());
        assert_eq!(
            (stored.user(), *stored.saves.lock().expect("unpoisoned")),
            (user, 0)
        );
    }
}

/// As a server that was set up anew: it knows neither the session nor its refresh token.
#[test]
fn a_restored_session_that_the_server_does_not_know_is_a_login() {
    let kept = Kept::of(session_of("ada"));
    let (mut game, log) = start(&kept);
    refuse_socket(&mut game);
    assert_eq!(calls(&mut game), [REFRESH]);
    refuse_call(&mut game);
    assert_eq!(calls(&mut game), [LOGIN]);
    give_tokens(&mut game, "bob");
    accept(&mut game);
    assert_eq!(log.take(), ["ada, restored: true", "connected as bob"]);
    assert_eq!(kept.user().as_deref(), Some("bob"));
}

/// Once the server has accepted a session, its end is an end.
#[test]
fn a_session_that_was_accepted_is_not_logged_in_anew() {
    let (mut game, log) = start(&Kept::of(session_of("ada")));
    accept(&mut game);
    game.connection_ends();
    game.update();
    game.commands(|commands| commands.nakama().connect());
    game.update();
    refuse_socket(&mut game);
    refuse_call(&mut game);
    assert_eq!(calls(&mut game), [""; 0]);
    game.update();
    let told = log.take();
    assert!(told.last().is_some_and(|it| it.contains("401")), "{told:?}");
}

/// A token lives for a minute, so a log-out refreshes it first if it has to: the refresh token is to be worthless, too.
#[test]
fn a_log_out_with_an_old_token_reaches_the_server() {
    let (mut game, _) = with_store(&Kept::default());
    let log = Log::default();
    crate::common::steps::log_replies::<LogOut>(&mut game, &log, "logged out");
    game.commands(|commands| {
        commands.nakama().use_session(&server(), session(1, LONG));
        commands.nakama().log_out();
    });
    game.update();
    game.answer_rest(401, &json!({ "code": 16, "message": "Auth token invalid" }));
    game.update();
    assert_eq!(calls(&mut game), [REFRESH]);
    give_tokens(&mut game, "ada");
    assert_eq!(calls(&mut game), ["/v2/session/logout"]);
    let token = session_of("ada").token().expose().to_owned();
    assert_eq!(game.rest_tokens(), [Some(token)]);
    game.answer_rest(200, &json!({}));
    game.update();
    assert_eq!(log.take(), ["logged out"]);
}

#[test]
fn a_session_is_a_text_and_back() {
    let session = session(7, 8);
    let text = session.to_text();
    assert_eq!(NakamaSession::from_text(&text), Ok(session.clone()));
    let json = serde_json::to_string(&session).expect("a text");
    assert_eq!(NakamaSession::from_text(&json), Ok(session.clone()));
    let without = NakamaSession::restore(session.token().expose(), None).expect("a token");
    assert_eq!(NakamaSession::from_text(&without.to_text()), Ok(without));
    for bad in [
        "",
        "{}",
        "[]",
        "null",
        "{\"token\":\"secret\"}",
        "{\"token\":7}",
    ] {
        assert!(NakamaSession::from_text(bad).is_err(), "{bad}");
    }
    let error = serde_json::from_str::<NakamaSession>("{\"token\":\"secret\"}");
    assert!(!error.expect_err("no token").to_string().contains("secret"));
}
