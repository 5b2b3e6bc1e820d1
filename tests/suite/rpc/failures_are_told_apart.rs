//! What fails says what it was: the connection, the token, or the function.

use std::time::Duration;

use super::*;
use bevy_nakama::testing::server;
use serde_json::{Value, json};

#[test]
fn without_a_connection_only_the_key_opens() {
    let mut game = TestGame::new();
    let log = Log::default();
    watch::<Rpc>(&mut game, &log);
    watch::<RpcWithKey>(&mut game, &log);
    ask(&mut game, |nakama| {
        nakama.rpc(Rpc::new("a"));
    });
    ask(&mut game, |nakama| {
        nakama.rpc(Rpc::new("a").over_rest());
    });
    ask(&mut game, |nakama| {
        nakama.rpc_with_key(&server(), "key", Rpc::new("a b/c"));
    });
    game.update();
    assert_eq!(log.take(), ["not logged in", "not connected"]);
    assert_eq!(
        game.rest_calls(),
        [("POST", "/v2/rpc/a%20b%2Fc".to_owned())]
    );
    assert_eq!(game.rest_bodies(), [Value::Null]);
    assert_eq!(game.rest_tokens(), [None]);
    game.answer_rest(200, &json!([]));
    game.update();
    assert_eq!(log.take(), ["the server answered with no payload"]);
}

#[test]
fn an_error_that_a_function_throws_is_not_taken_for_a_refused_token() {
    let (mut game, log) = watched();
    let text = "Auth token invalid";
    ask(&mut game, |nakama| {
        nakama.rpc(Rpc::new("a").over_rest());
    });
    game.answer_rest(401, &json!({ "code": 16, "error": {}, "message": text }));
    game.update();
    assert_eq!(log.take(), [format!("failed Some(401) Some(16) {text}")]);

    ask(&mut game, |nakama| {
        nakama.rpc(Rpc::new("a").over_rest());
    });
    let by_server = json!({ "code": 16, "error": text, "message": text });
    game.answer_rest(401, &by_server);
    game.update();
    assert_eq!(game.rest_calls()[0].1, "/v2/account/session/refresh");
    let text = "Refresh token invalid or expired.";
    game.answer_rest(401, &json!({ "code": 16, "message": text }));
    game.update();
    assert_eq!(log.take(), [format!("the session has ended: {text} (401)")]);
}

#[test]
fn a_function_that_fails_with_the_code_of_success_has_failed() {
    let (mut game, log) = watched();
    ask(&mut game, |nakama| {
        nakama.rpc(Rpc::new("a").over_rest());
    });
    ask(&mut game, |nakama| {
        nakama.rpc_with_key(&server(), "key", Rpc::new("a"));
    });
    for _ in 0..2 {
        let body = json!({ "code": 0, "error": {}, "message": "no luck" });
        game.answer_rest(200, &body);
    }
    game.update();
    assert_eq!(log.take(), ["failed Some(200) Some(0) no luck"; 2]);
}

#[test]
fn a_function_that_never_returns_is_given_up() {
    let (mut game, log) = watched();
    ask(&mut game, |nakama| {
        nakama.call(Greet { name: "Ada".into() });
    });
    ask(&mut game, |nakama| {
        nakama.rpc(Rpc::new("leave"));
    });
    game.advance(Duration::from_millis(10_100));
    assert_eq!(log.take(), ["no answer within 10.0 s"; 2]);
    ask(&mut game, |nakama| {
        nakama.rpc(Rpc::new("kick me"));
    });
    game.connection_breaks();
    game.update();
    assert_eq!(
        log.take(),
        ["the connection was lost before the answer"],
        "a function that ends the session gives no answer"
    );
}
