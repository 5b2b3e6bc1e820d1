//! What the tests of stores and of restored sessions share.

use std::sync::{Arc, Mutex};

use super::*;
use crate::common::log::Log;
use bevy_nakama::{
    __testing::forge_token,
    session::{SessionStoreError, StoredSession},
    testing::{TestGame, server, session_of},
};
use serde_json::json;

pub(super) const REFRESH: &str = "/v2/account/session/refresh";
pub(super) const LOGIN: &str = "/v2/account/authenticate/device?";

/// What is kept, for a test to look at and to change.
#[derive(Clone, Default)]
pub(super) struct Kept {
    pub(super) stored: Arc<Mutex<Option<StoredSession>>>,
    /// Whether it fails whatever it is asked.
    pub(super) is_broken: bool,
    /// What else it fails at.
    fails: Arc<Mutex<Vec<&'static str>>>,
    /// How often it has saved something.
    pub(super) saves: Arc<Mutex<u32>>,
}

impl Kept {
    pub(super) fn of(session: NakamaSession) -> Self {
        let kept = Self::default();
        *kept.stored.lock().expect("unpoisoned") = Some(StoredSession::new(&server(), session));
        kept
    }

    pub(super) fn broken() -> Self {
        Self {
            is_broken: true,
            ..Self::of(session_of("ada"))
        }
    }

    pub(super) fn user(&self) -> Option<String> {
        let stored = self.stored.lock().expect("unpoisoned");
        stored
            .as_ref()
            .map(|stored| stored.session.username().to_string())
    }

    /// From now on, it fails at this.
    pub(super) fn fail(&self, at: &'static str) {
        self.fails.lock().expect("unpoisoned").push(at);
    }

    fn check(&self, what: &str) -> Result<(), SessionStoreError> {
        if self.is_broken || self.fails.lock().expect("unpoisoned").contains(&what) {
            return Err(SessionStoreError::other("the disk is on fire"));
        }
        Ok(())
    }
}

impl SessionStore for Kept {
    fn load(&self) -> Result<Option<StoredSession>, SessionStoreError> {
        self.check("load")?;
        Ok(self.stored.lock().expect("unpoisoned").clone())
    }

    fn save(&self, stored: &StoredSession) -> Result<(), SessionStoreError> {
        self.check("save")?;
        *self.saves.lock().expect("unpoisoned") += 1;
        *self.stored.lock().expect("unpoisoned") = Some(stored.clone());
        Ok(())
    }

    fn clear(&self) -> Result<(), SessionStoreError> {
        self.check("clear")?;
        *self.stored.lock().expect("unpoisoned") = None;
        Ok(())
    }
}

/// A session of ada, whose tokens end at these times, in seconds since 1970.
pub(super) fn session(ends: u32, refresh_ends: u32) -> NakamaSession {
    let token = |exp: u32| forge_token(&json!({ "uid": "user-ada", "usn": "ada", "exp": exp }));
    NakamaSession::restore(&token(ends), Some(&token(refresh_ends))).expect("tokens")
}

pub(super) const LONG: u32 = u32::MAX;

/// A game with this store that says what becomes of its logins and connections.
pub(super) fn with_store(kept: &Kept) -> (TestGame, Log) {
    let (mut game, log) = (TestGame::new(), Log::default());
    game.keep_sessions_in(kept.clone());
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
pub(super) fn start(kept: &Kept) -> (TestGame, Log) {
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
pub(super) fn restore(kept: &Kept) -> (TestGame, Log) {
    let (mut game, log) = with_store(kept);
    game.commands(|commands| {
        commands.nakama().restore_session(&server());
        commands.nakama().connect();
    });
    game.update();
    (game, log)
}

pub(super) fn calls(game: &mut TestGame) -> Vec<String> {
    let calls = game.rest_calls();
    calls.into_iter().map(|(_, target)| target).collect()
}

pub(super) fn give_tokens(game: &mut TestGame, name: &str) {
    let token = session_of(name).token().expose().to_owned();
    game.answer_rest(200, &json!({ "token": token, "refresh_token": token }));
    game.update();
}

pub(super) fn refuse_call(game: &mut TestGame) {
    let text = "Refresh token invalid or expired.";
    game.answer_rest(401, &json!({ "code": 16, "message": text }));
    game.update();
}

pub(super) fn accept(game: &mut TestGame) {
    game.server_accepts();
    game.update();
}

pub(super) fn refuse_socket(game: &mut TestGame) {
    game.server_ends(DisconnectReason::Refused {
        status: 401,
        message: "Missing or invalid token".into(),
    });
    game.update();
}
