//! The history of chat, as real servers list it over REST.

use std::collections::BTreeMap;

use crate::common::{
    log::Log,
    player::rest::{answer_as_recorded, say_as_recorded, status},
    steps::variant,
    transcripts::{GENERATIONS, exchanges},
};
use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::*};

#[test]
fn the_history_over_rest() {
    let mut pages = 0;
    for generation in GENERATIONS {
        let mut errors = BTreeMap::new();
        for exchange in exchanges(generation, "rest") {
            let request = &exchange["request"];
            let path = request["path"].as_str().unwrap_or_default();
            let is_list = request["method"] == "GET" && path.starts_with("/v2/channel/");
            let Some(id) = path.strip_prefix("/v2/channel/").filter(|_| is_list) else {
                continue;
            };
            let query = |name: &str| request["query"][name].as_str();
            let limit = query("limit").map_or(1, |limit| limit.parse().expect("a number"));
            let mut history = match query("forward") {
                Some("false") => ChatHistory::newest(limit),
                _ => ChatHistory::oldest(limit),
            };
            if let Some(cursor) = query("cursor") {
                history = history.cursor(cursor);
            }
            let mut game = TestGame::connected();
            let (outcome, seen) = (Log::default(), Log::default());
            let (tell, tell_refusal) = (outcome.clone(), seen.clone());
            game.observe(
                move |reply: On<Replied<FetchChatHistory>>| match &reply.result {
                    Ok(page) => {
                        for line in &page.messages {
                            tell.add(format!(
                                "{} {} {} {} {}",
                                line.message_id,
                                line.json,
                                line.create_time,
                                line.update_time,
                                line.persistent
                            ));
                        }
                        for cursor in [&page.next_cursor, &page.prev_cursor, &page.cacheable_cursor]
                        {
                            tell.add(cursor.clone().unwrap_or_default());
                        }
                    }
                    Err(RequestError::Refused(refusal)) => {
                        tell_refusal.add(format!("{} {refusal}", variant(refusal)));
                    }
                    Err(error) => panic!("{error}"),
                },
            );
            game.commands(|c| {
                c.nakama()
                    .fetch_chat_history(ChannelId::from(id), history)
                    .id()
            });
            game.update();
            answer_as_recorded(&mut game, &exchange);
            let response = &exchange["response"];
            let status = status(&exchange);
            if status != 200 {
                let text = response["body"]["message"].as_str().expect("a text");
                let said = seen.take_first().expect("a refusal");
                let (variant, rest) = said.split_once(' ').expect("a text");
                assert_eq!(rest, format!("{text} ({status})"));
                errors.insert(text.to_owned(), variant.to_owned());
                continue;
            }
            let body = &response["body"];
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let mut expected: Vec<_> = body["messages"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|line| {
                    format!(
                        "{} {} {} {} {}",
                        text(&line["message_id"]),
                        text(&line["content"]),
                        text(&line["create_time"]),
                        text(&line["update_time"]),
                        line["persistent"]
                    )
                })
                .collect();
            if query("forward") == Some("false") {
                expected.reverse();
            }
            for cursor in ["next_cursor", "prev_cursor", "cacheable_cursor"] {
                expected.push(text(&body[cursor]));
            }
            assert_eq!(
                outcome.take(),
                expected,
                "{generation}: {}",
                exchange["name"]
            );
            pages += 1;
        }
        let expected = [
            ("Channel not found.", "ChannelNotFound"),
            ("Cursor is invalid or expired.", "InvalidCursor"),
            ("Invalid channel ID.", "InvalidChannelId"),
            (
                "Invalid limit - limit must be between 1 and 100.",
                "InvalidLimit",
            ),
        ];
        let expected = expected.map(|(text, variant)| (text.to_owned(), variant.to_owned()));
        assert_eq!(errors, BTreeMap::from(expected), "{generation}");
    }
    assert!(pages >= 10, "{pages} pages were recorded");
}

#[test]
fn an_expired_token_is_told_from_other_refusals() {
    for generation in GENERATIONS {
        let recorded = exchanges(generation, "rest").into_iter().find(|exchange| {
            exchange["response"]["status"] == 401
                && exchange["response"]["body"]["message"] == "Auth token invalid"
        });
        let recorded = recorded.expect("a refused token");
        let mut game = TestGame::connected();
        let log = Log::default();
        let seen = log.clone();
        game.observe(move |reply: On<Replied<FetchChatHistory>>| {
            if let Err(RequestError::SessionEnded(refusal)) = &reply.result {
                seen.add(refusal.to_string());
            }
        });
        game.commands(|c| {
            c.nakama()
                .fetch_chat_history(room_id("lobby"), ChatHistory::newest(1))
                .id()
        });
        game.update();
        say_as_recorded(&mut game, &recorded);
        assert_eq!(
            game.rest_calls(),
            [("POST", "/v2/account/session/refresh".to_owned())]
        );
        let refused = exchanges(generation, "rest").into_iter().find(|exchange| {
            exchange["request"]["path"] == "/v2/account/session/refresh"
                && exchange["response"]["status"] == 401
        });
        let refused = refused.expect("a refused refresh token");
        say_as_recorded(&mut game, &refused);
        assert_eq!(log.take(), ["Refresh token invalid or expired. (401)"]);
    }
}
