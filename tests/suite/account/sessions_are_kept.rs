//! A store keeps the session in place, and the next start of the game takes it up.

use std::sync::{Arc, Mutex};

use super::*;
use crate::common::log::Log;
use bevy_nakama::{
    __testing::forge_token,
    session::{SessionStoreError, StoredSession},
    testing::{TestGame, server, session_of},
};
use serde_json::json;

const REFRESH: &str = "/v2/account/session/refresh";
const LOGIN: &str = "/v2/account/authenticate/device?";

/// What is kept, for a test to look at and to change.
#[derive(Clone, Default)]
struct Kept {
    stored: Arc<Mutex<Option<StoredSession>>>,
    /// Whether it fails whatever it is asked.
    is_broken: bool,
}

impl Kept {
    fn of(session: NakamaSession) -> Self {
        let kept = Self::default();
        *kept.stored.lock().expect("unpoisoned") = Some(StoredSession::new(&server(), session));
        kept
    }

    fn broken() -> Self {
        Self {
            is_broken: true,
            ..Self::of(session_of("ada"))
        }
    }

    fn user(&self) -> Option<String> {
        let stored = self.stored.lock().expect("unpoisoned");
        stored
            .as_ref()
            .map(|stored| stored.session.username().to_string())
    }

    fn check(&self) -> Result<(), SessionStoreError> {
        if self.is_broken {
            return Err(SessionStoreError::other("the disk is on fire"));
        }
        Ok(())
    }
}

impl SessionStore for Kept {
    fn load(&self) -> Result<Option<StoredSession>, SessionStoreError> {
        self.check()?;
        Ok(self.stored.lock().expect("unpoisoned").clone())
    }

    fn save(&self, stored: &StoredSession) -> Result<(), SessionStoreError> {
        self.check()?;
        *self.stored.lock().expect("unpoisoned") = Some(stored.clone());
        Ok(())
    }

    fn clear(&self) -> Result<(), SessionStoreError> {
        self.check()?;
        *self.stored.lock().expect("unpoisoned") = None;
        Ok(())
    }
}

/// A session of ada, whose tokens end at these times, in seconds since 1970.
fn session(ends: u32, refresh_ends: u32) -> NakamaSession {
    let token = |exp: u32| forge_token(&json!({ "uid": "user-ada", "usn": "ada", "exp": exp }));
    NakamaSession::restore(&token(ends), Some(&token(refresh_ends))).expect("tokens")
}

const LONG: u32 = u32::MAX;

/// A game with this store that says what becomes of its logins and connections.
fn with_store(kept: &Kept) -> (TestGame, Log) {
    let plugin = NakamaPlugin::default().with_session_store(kept.clone());
    let (mut game, log) = (TestGame::of(plugin), Log::default());
    let seen = log.clone();
    game.observe(move |reply: On<Replied<LogIn>>| {
        seen.add(match &reply.result {
            Ok(LoggedIn {
                session, restored, ..
            }) => format!("{}, restored: {restored}", session.username()),
            Err(error) => error.to_string(),
        });
    });
    let seen = log.clone();
    game.observe(move |reply: On<Replied<RestoreSession>>| {
        seen.add(match &reply.result {
            Ok(session) => format!("restored {}", session.username()),
            Err(error) => error.to_string(),
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

/// Starts as the documentation says.
fn start(kept: &Kept) -> (TestGame, Log) {
    let (mut game, log) = with_store(kept);
    game.commands(|commands| {
        let login = Login::device("a-device-of-somebody");
        commands.nakama().restore_or_log_in(&server(), login);
        commands.nakama().connect();
    });
    game.update();
    (game, log)
}

/// The same for a game with a form to log in with.
fn restore(kept: &Kept) -> (TestGame, Log) {
    let (mut game, log) = with_store(kept);
    game.commands(|commands| {
        commands.nakama().restore_session(&server());
        commands.nakama().connect();
    });
    game.update();
    (game, log)
}

fn calls(game: &mut TestGame) -> Vec<String> {
    let calls = game.rest_calls();
    calls.into_iter().map(|(_, target)| target).collect()
}

fn give_tokens(game: &mut TestGame, name: &str) {
    let token = session_of(name).token().expose().to_owned();
    game.answer_rest(200, &json!({ "token": token, "refresh_token": token }));
    game.update();
}

fn refuse_call(game: &mut TestGame) {
    let text = "Refresh token invalid or expired.";
    game.answer_rest(401, &json!({ "code": 16, "message": text }));
    game.update();
}

fn accept(game: &mut TestGame) {
    game.server_accepts();
    game.update();
}

fn refuse_socket(game: &mut TestGame) {
    game.server_ends(DisconnectReason::Refused {
        status: 401,
        message: "Missing or invalid token".into(),
    });
    game.update();
}

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

#[test]
fn what_is_of_no_use_is_a_login() {
    let other = NakamaServer::new("http://other.invalid:7350", "defaultkey");
    let of_another = Kept::default();
    *of_another.stored.lock().expect("unpoisoned") =
        Some(StoredSession::new(&other, session_of("ada")));
    for (kept, why) in [
        (Kept::default(), "no session is stored"),
        (
            Kept::of(session(1, 1)),
            "the session that is stored has ended",
        ),
        (
            of_another,
            "the session that is stored is of another server, http://other.invalid:7350",
        ),
        (
            Kept::broken(),
            "the session that is stored cannot be read: the disk is on fire",
        ),
    ] {
        let (mut game, log) = start(&kept);
        assert_eq!(calls(&mut game), [LOGIN], "{why}");
        game.accept_login("bob");
        game.update();
        accept(&mut game);
        assert_eq!(log.take(), ["bob, restored: false", "connected as bob"]);
        if !kept.is_broken {
            assert_eq!(kept.user().as_deref(), Some("bob"));
            game.commands(|commands| commands.nakama().log_out().id());
        }
    }
    for (kept, why) in [
        (Kept::default(), "no session is stored"),
        (
            Kept::of(session(1, 1)),
            "the session that is stored has ended",
        ),
        (
            Kept::broken(),
            "the session that is stored cannot be read: the disk is on fire",
        ),
    ] {
        let (mut game, log) = restore(&kept);
        game.update();
        assert_eq!(calls(&mut game), [""; 0]);
        assert_eq!(log.take(), [why, "nobody is logged in"]);
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

    // By a call over REST, which is made again.
    let (mut game, log) = with_store(&Kept::of(session_of("ada")));
    game.commands(|commands| {
        let login = Login::device("a-device-of-somebody");
        commands.nakama().restore_or_log_in(&server(), login);
        commands.nakama().rest(RestMethod::Get, "/v2/account", None);
    });
    game.update();
    game.answer_rest(401, &json!({ "code": 16, "message": "Auth token invalid" }));
    game.update();
    refuse_call(&mut game);
    assert_eq!(calls(&mut game), [LOGIN]);
    give_tokens(&mut game, "bob");
    assert_eq!(calls(&mut game), ["/v2/account"]);
    assert_eq!(
        game.rest_tokens(),
        [Some(session_of("bob").token().expose().to_owned())]
    );
    assert_eq!(log.take(), ["ada, restored: true"]);
}

/// Once the server has accepted a session, its end is an end.
#[test]
fn a_session_that_was_accepted_is_not_logged_in_anew() {
    let (mut game, log) = start(&Kept::of(session_of("ada")));
    accept(&mut game);
    game.connection_breaks();
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
