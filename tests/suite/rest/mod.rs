//! Calls over REST as the logged-in user, whose tokens end while the socket lives on.

mod a_call_has_one_answer;
mod a_refused_token_is_replaced;
mod a_session_that_has_ended_is_told_alike;
mod calls_follow_the_session_in_place;
mod deadlines_hold_over_a_refresh;
mod the_embedded_server_ends_tokens;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{
    __testing::forge_token,
    prelude::*,
    testing::{TestGame, session_of},
};
use serde_json::{Value, json};

const REFRESH: (&str, &str) = ("POST", "/v2/account/session/refresh");

/// A game that says what becomes of its calls, and every refreshed session.
fn watched() -> (TestGame, Log) {
    watching(TestGame::connected())
}

/// The same of any game.
fn watching(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<CallRest>>, requests: Query<&Asked>| {
            let asked = requests.get(reply.request).map_or("gone", |asked| asked.0);
            seen.add(match &reply.result {
                Ok(reply) => format!("{asked}: {} {}", reply.status, reply.json),
                Err(RequestError::Refused(error)) => {
                    format!("{asked}: refused, {} {error}", error.code)
                }
                Err(error) => format!("{asked}: {error}"),
            });
        },
    );
    let seen = log.clone();
    game.observe(move |refreshed: On<SessionRefreshed>| {
        seen.add(format!("now {}", refreshed.session.username()));
    });
    (game, log)
}

/// What a request is called in the log.
#[derive(Component)]
struct Asked(&'static str);

fn ask(game: &mut TestGame, path: &'static str) -> Entity {
    let entity = game.commands(|commands| {
        let mut asked = commands.nakama().rest(RestMethod::Get, path, None);
        asked.insert(Asked(path)).id()
    });
    game.update();
    entity
}

fn calls(game: &mut TestGame) -> Vec<String> {
    let calls = game.rest_calls();
    calls.into_iter().map(|(_, target)| target).collect()
}

fn answer(game: &mut TestGame, status: u16, body: Value) {
    game.answer_rest(status, &body);
    game.update();
}

fn token_invalid() -> Value {
    json!({ "code": 16, "message": "Auth token invalid" })
}

/// The server refuses the token of the oldest call.
fn refuse_token(game: &mut TestGame) {
    answer(game, 401, token_invalid());
}

/// A token of this user. `ada-2` is ada's second.
fn token_of(name: &str) -> String {
    let user = name.split('-').next().unwrap_or_default();
    let claims = json!({ "uid": format!("user-{user}"), "usn": name, "exp": u32::MAX });
    forge_token(&claims)
}

/// The server gives out new tokens. They carry another name, so that a test can tell them apart.
fn give_tokens(game: &mut TestGame, name: &str) {
    assert_eq!(game.rest_calls()[0], (REFRESH.0, REFRESH.1.to_owned()));
    let token = token_of(name);
    answer(game, 200, json!({ "token": token, "refresh_token": token }));
}
