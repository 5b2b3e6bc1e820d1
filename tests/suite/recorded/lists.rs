//! Lists of matches and parties over REST, as real servers answer them.

use crate::common::{
    log::Log,
    player::rest::answer_as_recorded,
    steps::variant,
    transcripts::{GENERATIONS, exchanges},
};
use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::*};
use serde_json::{Value, json};

/// The recorded calls of a path that a logged-in user made.
fn recorded(generation: &str, path: &str) -> Vec<Value> {
    let mut exchanges = exchanges(generation, "rest");
    exchanges.retain(|exchange| {
        exchange["request"]["path"] == path && exchange["request"]["auth"] != "none"
    });
    assert!(exchanges.len() > 5, "{generation}: {path}");
    exchanges
}

/// A parameter of a recorded call.
fn parameter<'a>(exchange: &'a Value, name: &str) -> Option<&'a str> {
    exchange["request"]["query"][name].as_str()
}

/// The list that the game should get, or the name and the text of the refusal.
fn expected(exchange: &Value, list: &str, refusals: &[(&str, &str)]) -> Vec<String> {
    let body = &exchange["response"]["body"];
    if exchange["response"]["status"] == 200 {
        let entries = body[list].as_array().into_iter().flatten();
        return entries.map(ToString::to_string).collect();
    }
    let text = body["message"].as_str().expect("a text");
    let (name, _) = refusals
        .iter()
        .find(|(_, start)| text.starts_with(start))
        .unwrap_or_else(|| panic!("{text} has no name"));
    vec![format!(
        "{name} {text} ({})",
        exchange["response"]["status"]
    )]
}

fn without_nulls(mut object: Value) -> Value {
    let fields = object.as_object_mut().expect("an object");
    fields.retain(|_, value| {
        !matches!(value, Value::Null | Value::Bool(false)) && *value != 0 && *value != ""
    });
    object
}

#[test]
fn matches_are_listed_as_recorded() {
    let refusals = [
        ("InvalidLimit", "Invalid limit"),
        ("InvalidSize", "Maximum size"),
    ];
    for generation in GENERATIONS {
        for exchange in recorded(generation, "/v2/match") {
            let mut game = TestGame::connected();
            let log = Log::default();
            let seen = log.clone();
            game.observe(move |reply: On<Replied<ListMatches>>| match &reply.result {
                Ok(matches) => {
                    for found in matches {
                        let ListedMatch { match_id, authoritative, label, size, .. } = found;
                        let found = json!({
                            "match_id": match_id.as_str(), "authoritative": authoritative, "label": label,
                            "size": size, "tick_rate": found.tick_rate, "handler_name": found.handler_name,
                        });
                        seen.add(without_nulls(found).to_string());
                    }
                }
                Err(RequestError::Refused(refusal)) => {
                    seen.add(format!("{} {refusal}", variant(refusal)));
                }
                Err(error) => panic!("{error}"),
            });
            let text = |name| parameter(&exchange, name);
            let number = |name| text(name).map(|it| it.parse::<u32>().expect("a number"));
            let mut request = ListMatches::new(number("limit").unwrap_or(1));
            if let Some(authoritative) = text("authoritative") {
                request = request.authoritative(authoritative == "true");
            }
            if let Some(label) = text("label") {
                request = request.label(label);
            }
            if let Some(size) = number("min_size") {
                request = request.min_size(size);
            }
            if let Some(size) = number("max_size") {
                request = request.max_size(size);
            }
            if let Some(query) = text("query") {
                request = request.query(query);
            }
            game.commands(|c| c.nakama().list_matches(request).id());
            game.update();
            answer_as_recorded(&mut game, &exchange);
            let expected = expected(&exchange, "matches", &refusals);
            assert_eq!(log.take(), expected, "{generation}: {}", exchange["name"]);
        }
    }
}

#[test]
fn parties_are_listed_as_recorded() {
    let refusals = [
        ("Unsupported", "Not Found"),
        ("InvalidLimit", "Invalid limit"),
        ("InvalidQuery", "Error listing matches."),
    ];
    for generation in GENERATIONS {
        for exchange in recorded(generation, "/v2/party") {
            let mut game = TestGame::connected();
            let (log, cursor) = (Log::default(), Log::default());
            let (seen, next) = (log.clone(), cursor.clone());
            game.observe(move |reply: On<Replied<ListParties>>| match &reply.result {
                Ok(page) => {
                    for found in &page.parties {
                        let ListedParty { party_id, open, max_size, label, .. } = found;
                        let found = json!({
                            "party_id": party_id.as_str(), "open": open, "max_size": max_size, "label": label,
                        });
                        seen.add(without_nulls(found).to_string());
                    }
                    next.add(json!(page.next_cursor).to_string());
                }
                Err(RequestError::Refused(refusal)) => {
                    seen.add(format!("{} {refusal}", variant(refusal)));
                }
                Err(error) => panic!("{error}"),
            });
            let text = |name| parameter(&exchange, name);
            let limit = text("limit").map_or(1, |limit| limit.parse().expect("a number"));
            let mut request = ListParties::new(limit);
            if let Some(open) = text("open") {
                request = request.open(open == "true");
            }
            if let Some(query) = text("query") {
                request = request.query(query);
            }
            if let Some(cursor) = text("cursor") {
                request = request.cursor(cursor);
            }
            game.commands(|c| c.nakama().list_parties(request).id());
            game.update();
            answer_as_recorded(&mut game, &exchange);
            let expected = expected(&exchange, "parties", &refusals);
            assert_eq!(log.take(), expected, "{generation}: {}", exchange["name"]);
            if exchange["response"]["status"] == 200 {
                let expected = exchange["response"]["body"]["cursor"].to_string();
                assert_eq!(cursor.take(), [expected]);
            }
        }
    }
}

#[test]
fn what_is_no_list_is_told() {
    for body in [
        json!([]),
        json!("x"),
        json!({"matches": 1, "parties": 1}),
        json!({"matches": [{}], "parties": [{}]}),
    ] {
        let mut game = TestGame::connected();
        let log = Log::default();
        let seen = log.clone();
        game.observe(move |failed: On<RequestFailed>| seen.add(failed.reason.clone()));
        game.commands(|c| {
            c.nakama().list_matches(ListMatches::new(1));
            c.nakama().list_parties(ListParties::new(1));
        });
        game.update();
        game.answer_rest(200, &body);
        game.answer_rest(200, &body);
        game.update();
        let expected = ["matches", "parties"]
            .map(|what| format!("the server answered with no list of {what}"));
        assert_eq!(log.take(), expected, "{body}");
    }
}
