//! Calls over REST as the logged-in user, whose tokens end while the socket lives on.

mod lists;

use std::time::Duration;

use crate::common::{
    game::{Game, serve},
    log::Log,
};
use bevy::prelude::*;
use bevy_nakama::{
    local_server::LocalServerConfig,
    prelude::*,
    testing::{FRAME, TestGame, server, session},
};
use serde_json::{Value, json};

const REFRESH: (&str, &str) = ("POST", "/v2/account/session/refresh");

/// A game that says what becomes of its calls, and every refreshed session.
fn watched() -> (TestGame, Log) {
    let mut game = TestGame::connected();
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

fn token_of(name: &str) -> String {
    session(name).token().expose().to_owned()
}

/// The server gives out new tokens, on which the name is another one, so that they can be told apart.
fn give_tokens(game: &mut TestGame, name: &str) {
    assert_eq!(game.rest_calls()[0], (REFRESH.0, REFRESH.1.to_owned()));
    let token = token_of(name);
    answer(game, 200, json!({ "token": token, "refresh_token": token }));
}

#[test]
fn a_call_and_its_answer() {
    let (mut game, log) = watched();
    let body = json!({ "objects": [] });
    let path = "/v2/storage?x=%20y";
    let request = game.commands(|commands| {
        let nakama = commands.nakama();
        let mut asked = nakama.rest(RestMethod::Put, path, Some(body.clone()));
        asked.insert(Asked(path)).id()
    });
    game.update();
    assert_eq!(game.rest_calls(), [("PUT", path.to_owned())]);
    assert_eq!(game.rest_bodies(), [body]);
    assert_eq!(game.rest_tokens(), [Some(token_of("ada"))]);
    answer(&mut game, 200, json!({ "acks": [1] }));
    assert_eq!(log.take(), [format!("{path}: 200 {{\"acks\":[1]}}")]);
    assert!(game.app.world().get_entity(request).is_err(), "it is done");

    ask(&mut game, "/v2/nothing");
    answer(&mut game, 404, json!({ "code": 5, "message": "Not Found" }));
    assert_eq!(log.take(), ["/v2/nothing: refused, 5 Not Found (404)"]);
}

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
        ["now ada-3", "/b: refused, 16 Auth token invalid (401)"],
        "one more try, not a loop"
    );
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
        commands.nakama().refresh(&server(), &session("ada"));
    });
    ask(&mut game, "/b");
    assert_eq!(calls(&mut game), ["/slow", REFRESH.1, "/b"]);
    // The answers come in another order.
    refuse_token(&mut game);
    assert_eq!(calls(&mut game), [REFRESH.1, "/b", REFRESH.1]);
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), ["now ada-2"]);
    refuse_token(&mut game);
    assert_eq!(calls(&mut game), [REFRESH.1, "/b"], "with the new one");
    give_tokens(&mut game, "ada-3");
    assert_eq!(calls(&mut game), ["/b", "/slow"]);
    let latest = Some(token_of("ada-2"));
    assert_eq!(game.rest_tokens(), [latest.clone(), latest]);
    assert_eq!(log.take(), [""; 0], "the connection has newer ones already");
}

#[test]
fn a_refused_refresh_is_the_answer_to_all_who_waited() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    refuse_token(&mut game);
    ask(&mut game, "/b");
    let text = "Refresh token invalid or expired.";
    answer(&mut game, 401, json!({ "code": 16, "message": text }));
    let refused = |asked| format!("{asked}: refused, 16 {text} (401)");
    assert_eq!(log.take(), [refused("/a"), refused("/b")]);
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
    assert_eq!(log.take(), ["/b: refused, 0 \"busy\" (503)"]);
}

#[test]
fn a_session_that_cannot_be_refreshed_is_refused_at_once() {
    let (mut game, log) = watched();
    let session = NakamaSession::restore(&token_of("ada"), None).expect("a token");
    game.commands(|commands| {
        let options = ConnectOptions::default();
        commands.nakama().connect(&server(), &session, options);
    });
    game.update();
    game.server_accepts();
    game.update();
    ask(&mut game, "/a");
    refuse_token(&mut game);
    assert_eq!(log.take(), ["/a: refused, 16 Auth token invalid (401)"]);
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

#[test]
fn a_refresh_that_takes_too_long_ends_the_calls_that_wait() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    game.advance(Duration::from_secs(3));
    refuse_token(&mut game);
    game.advance(Duration::from_secs(3));
    ask(&mut game, "/b");
    game.advance(Duration::from_millis(3_900));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(200));
    assert_eq!(
        log.take(),
        ["/a: no answer within 10.0 s"],
        "its own deadline"
    );
    game.advance(Duration::from_secs(3));
    assert_eq!(log.take(), ["/b: no answer within 10.0 s"], "the refresh's");
    assert!(game.rest_calls().is_empty());
    game.advance(Duration::from_secs(20));
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn the_deadline_holds_over_all_of_it() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    game.advance(Duration::from_secs(4));
    refuse_token(&mut game);
    game.advance(Duration::from_secs(4));
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), ["now ada-2"]);
    game.advance(Duration::from_millis(1_900));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(200));
    assert_eq!(log.take(), ["/a: no answer within 10.0 s"]);
}

#[test]
fn a_connection_that_ends_takes_the_waiting_calls_with_it() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    refuse_token(&mut game);
    ask(&mut game, "/b");
    game.connection_breaks();
    game.update();
    let lost = "the connection was lost before it was sent";
    assert_eq!(log.take(), [format!("/a: {lost}"), format!("/b: {lost}")]);
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), [""; 0], "nothing of an old connection");
    ask(&mut game, "/c");
    game.update();
    assert_eq!(log.take(), ["/c: not connected"]);
}

#[test]
fn a_call_that_is_under_way_outlives_the_connection_but_is_not_made_again() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    ask(&mut game, "/b");
    game.connection_breaks();
    game.update();
    answer(&mut game, 200, json!({}));
    refuse_token(&mut game);
    assert_eq!(
        log.take(),
        [
            "/a: 200 {}",
            "/b: the connection was lost before it was sent"
        ]
    );
}

#[test]
fn nothing_is_done_in_the_name_of_the_next_user() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    ask(&mut game, "/b");
    refuse_token(&mut game);
    game.commands(|commands| {
        let options = ConnectOptions::default();
        commands
            .nakama()
            .connect(&server(), &session("bob"), options);
    });
    game.update();
    game.server_accepts();
    game.update();
    let lost = "the connection was lost before it was sent";
    assert_eq!(log.take(), [format!("/a: {lost}")]);
    refuse_token(&mut game); // of `/b`, which was ada's
    assert_eq!(log.take(), [format!("/b: {lost}")]);
    ask(&mut game, "/c");
    assert_eq!(calls(&mut game), [REFRESH.1, "/c"]);
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(game.rest_tokens(), [Some(token_of("bob"))]);
}

#[test]
fn a_withdrawn_call_is_no_matter() {
    let (mut game, log) = watched();
    let request = ask(&mut game, "/a");
    refuse_token(&mut game);
    game.commands(|commands| commands.entity(request).despawn());
    give_tokens(&mut game, "ada-2");
    answer(&mut game, 200, json!({}));
    assert_eq!(log.take(), ["now ada-2", "gone: 200 {}"]);
}

#[test]
fn a_game_that_disconnects_when_its_session_is_refreshed() {
    let (mut game, log) = watched();
    game.observe(|_: On<SessionRefreshed>, mut commands: Commands| {
        let options = ConnectOptions::default();
        commands
            .nakama()
            .connect(&server(), &session("bob"), options);
    });
    ask(&mut game, "/a");
    refuse_token(&mut game);
    give_tokens(&mut game, "ada-2");
    assert_eq!(
        log.take(),
        [
            "now ada-2",
            "/a: the connection was lost before it was sent"
        ]
    );
}

#[test]
fn every_call_has_one_answer_whatever_happens() {
    use proptest::{prelude::*, test_runner::TestRunner};

    let mut runner = TestRunner::new(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let events = proptest::collection::vec((0..9_u8, 0..3_u8), 1..60);
    let outcome = runner.run(&events, |events| {
        let (mut game, log) = watched();
        let mut asked = 0;
        for (what, how) in events {
            match what {
                0..=2 => {
                    asked += 1;
                    ask(&mut game, "/a");
                }
                3..=5 if !game.rest_calls().is_empty() => match how {
                    0 => refuse_token(&mut game),
                    _ if game.rest_calls()[0].1 == REFRESH.1 => give_tokens(&mut game, "ada-2"),
                    _ => answer(&mut game, 200, json!({})),
                },
                6 => {
                    game.connection_breaks();
                    game.update();
                }
                7 => game.connect(),
                8 => game.update_by(Duration::from_secs(how.into())),
                _ => game.update_by(FRAME),
            }
        }
        game.update_by(Duration::from_secs(11));
        game.update_by(Duration::from_secs(11));
        game.update();
        let answers = log.take();
        let answers = answers.iter().filter(|line| line.starts_with("/a: "));
        prop_assert_eq!(answers.count(), asked);
        prop_assert!(game.rest_calls().is_empty());
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn answers_that_are_no_json_and_paths_that_are_none() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    game.answer_rest_with(200, "plain");
    game.update();
    ask(&mut game, "/b");
    game.answer_rest_with(204, " ");
    game.update();
    assert_eq!(
        log.take(),
        ["/a: the server answered with no JSON", "/b: 204 null"]
    );
}

// ---- Over real sockets ---------------------------------------------------------------------------------------------

#[test]
fn a_token_that_has_ended_is_replaced_by_a_real_server() {
    let (_local, server) = serve(LocalServerConfig {
        session_token_life: Duration::from_secs(4), // in whole seconds: three at least
        ..Default::default()
    });
    let mut game = Game::online(&server, Login::device("device-of-ada").username("ada"));
    let log = Log::default();
    let seen = log.clone();
    game.app
        .add_observer(move |refreshed: On<SessionRefreshed>| {
            let user = refreshed.session.username();
            seen.add(format!(
                "{user}, expired: {}",
                refreshed.session.is_expired()
            ));
        });
    // The server's clock decides; until then, the token is good.
    let mut names = Vec::new();
    for _ in 0..200_000 {
        let account = game
            .ask::<CallRest>(|nakama| nakama.rest(RestMethod::Get, "/v2/account", None).id())
            .expect("an account");
        names.push(account.json["user"]["username"].clone());
        if let Some(line) = log.take_first() {
            assert_eq!(line, "ada, expired: false");
            break;
        }
    }
    assert!(names.iter().all(|name| name == "ada"));
    let body = json!({ "display_name": "Ada L." });
    let updated = game.ask::<CallRest>(|nakama| {
        let account = "/v2/account";
        nakama.rest(RestMethod::Put, account, Some(body)).id()
    });
    assert_eq!(updated.expect("it is hers").json, json!({}));

    for (path, expected) in [
        ("v2/account", "a path should begin with a slash"),
        ("/v2/a b", "percent-encoded"),
    ] {
        let refused = game.ask::<CallRest>(|nakama| {
            let call = nakama.rest(RestMethod::Get, path, None);
            call.id()
        });
        let error = refused.expect_err("no path");
        assert!(
            matches!(&error, RequestError::BadAddress(why) if why.to_string().contains(expected)),
            "{error:?}"
        );
    }
    let missing = game.ask::<CallRest>(|nakama| {
        let call = nakama.rest(RestMethod::Delete, "/v2/nothing", None);
        call.id()
    });
    let Err(RequestError::Refused(error)) = missing else {
        panic!("{missing:?}");
    };
    assert_eq!((error.status, error.code), (404, 5));
}
