//! REST calls, answered as real servers answered them.

use std::collections::BTreeMap;

use bevy_nakama::testing::TestGame;
use serde_json::{Value, json};

/// The game's one call is the recorded one. It gets the recorded answer.
#[track_caller]
pub(crate) fn answer_as_recorded(game: &mut TestGame, exchange: &Value) {
    let (name, request) = (&exchange["name"], &exchange["request"]);
    let calls = game.rest_calls();
    let [(method, target)] = &calls[..] else {
        panic!("{name}: one call, and not {calls:?}")
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    assert_eq!(
        (json!(method), json!(path)),
        (request["method"].clone(), request["path"].clone()),
        "{name}"
    );
    let query = form_urlencoded::parse(query.as_bytes());
    let mut sent: BTreeMap<_, _> = query.into_owned().collect();
    let recorded = match &request["query"] {
        Value::Null => json!({}),
        query => query.clone(),
    };
    // The plugin says these always, although they have a default.
    for parameter in ["limit", "forward"] {
        if recorded[parameter].is_null() {
            sent.remove(parameter);
        }
    }
    assert_eq!(json!(sent), recorded, "{name}");
    say_as_recorded(game, exchange);
}

/// The game's oldest call gets the recorded answer, whatever it is.
#[track_caller]
pub(crate) fn say_as_recorded(game: &mut TestGame, exchange: &Value) {
    let response = &exchange["response"];
    game.answer_rest(status(exchange), &response["body"]);
    game.update();
}

/// The status of a recorded answer.
pub(crate) fn status(exchange: &Value) -> u16 {
    let status = exchange["response"]["status"].as_u64();
    let status = status.and_then(|status| u16::try_from(status).ok());
    status.expect("a status")
}
