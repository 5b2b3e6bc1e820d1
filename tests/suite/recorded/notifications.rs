//! Notifications as real servers push, list and delete them: the recordings, played to a game.

use std::collections::BTreeMap;

use crate::{
    common::{
        log::Log,
        player::rest::{answer_as_recorded, status},
        transcripts::{Dir, GENERATIONS, exchanges, scenarios},
    },
    notification::{arrived, delete, fetch, inbox},
};
use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::TestGame};
use serde_json::Value;

#[test]
fn what_real_servers_push() {
    let mut codes = BTreeMap::new();
    let mut senders = 0;
    for generation in GENERATIONS {
        for scenario in scenarios(generation) {
            let mut game = TestGame::connected();
            for recorded in &scenario.lines {
                if recorded.dir != Dir::Recv || recorded.kind.as_deref() != Some("notifications") {
                    continue;
                }
                game.server_sends(recorded.wire.clone().expect("a frame"));
                game.update();
                let list = recorded.json["notifications"]["notifications"].as_array();
                let expected: Vec<_> = list
                    .expect("a list")
                    .iter()
                    .map(|it| {
                        let text = |name: &str| it[name].as_str().unwrap_or_default();
                        let code = it["code"].as_i64().unwrap_or_default();
                        let code = i32::try_from(code).map(NotificationCode::from);
                        let code = code.expect("an i32");
                        *codes.entry(code.code()).or_insert(0) += 1;
                        let sender = match text("sender_id") {
                            "" | "00000000-0000-0000-0000-000000000000" => "-",
                            sender => {
                                senders += 1;
                                sender
                            }
                        };
                        let kept = if it["persistent"] == true {
                            "kept"
                        } else {
                            "passing"
                        };
                        let (id, subject, json) = (text("id"), text("subject"), text("content"));
                        format!("{id} {subject:?} {code:?} {json} from {sender}, {kept}")
                    })
                    .collect();
                assert_eq!(
                    arrived(&mut game),
                    expected,
                    "{generation} {}",
                    scenario.name
                );
            }
        }
    }
    for code in [-1, -2, -3, -4, -5, -7, -9, 3, 7, 8, 9, 11, 12, 13] {
        assert!(codes.contains_key(&code), "{code} is not in {codes:?}");
    }
    assert!(senders > 0);
}

#[test]
fn what_real_servers_list_and_delete() {
    for generation in GENERATIONS {
        let mut seen = Vec::new();
        let mut game = TestGame::connected();
        let log = Log::default();
        let told = log.clone();
        game.observe(
            move |reply: On<Replied<FetchNotifications>>| match &reply.result {
                Ok(page) => {
                    let lines = page.notifications.iter();
                    let lines: Vec<_> =
                        lines.map(|it| format!("{it} {}", it.create_time)).collect();
                    told.add(format!(
                        "{} then {}",
                        lines.join(", "),
                        page.cacheable_cursor
                    ));
                }
                Err(RequestError::Refused(refusal)) => told.add(format!("{refusal:?}")),
                Err(error) => panic!("{error}"),
            },
        );
        let told = log.clone();
        game.observe(move |reply: On<Replied<DeleteNotifications>>| {
            told.add(format!("deleted: {:?}", reply.result));
        });
        for exchange in exchanges(generation, "rest") {
            let (request, response) = (&exchange["request"], &exchange["response"]);
            let name = exchange["name"].as_str().unwrap_or_default();
            if request["path"] != "/v2/notification" {
                continue;
            }
            let parameter = |name: &str| request["query"][name].as_str();
            if request["method"] == "DELETE" {
                delete(&mut game, &[parameter("ids").expect("an id")]);
            } else {
                let limit = parameter("limit").map_or(1, |limit| limit.parse().expect("a number"));
                let cursor = parameter("cacheable_cursor").unwrap_or_default();
                fetch(&mut game, FetchNotifications::new(limit).since(cursor));
            }
            answer_as_recorded(&mut game, &exchange);
            let said = log.take().join("\n");
            let body = &response["body"];
            if status(&exchange) == 200 && request["method"] == "GET" {
                let entries = body["notifications"].as_array().cloned();
                let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
                let lines = entries.unwrap_or_default();
                let lines = lines
                    .iter()
                    .map(|it| format!("{} {}", text(&it["subject"]), text(&it["create_time"])));
                let lines: Vec<_> = lines.collect();
                let cursor = text(&body["cacheable_cursor"]);
                assert!(!cursor.is_empty(), "it is always there");
                assert_eq!(said, format!("{} then {cursor}", lines.join(", ")));
                seen.push(format!("{name}: {}", lines.len()));
            } else {
                let said = said.split('(').next().unwrap_or_default();
                seen.push(format!("{name}: {said}"));
            }
        }
        assert_eq!(
            seen,
            [
                "notifications: empty: 0",
                "notifications: first two: 2",
                "notifications: after the cursor: 1",
                "notifications: bad cursor: NotRetrieved",
                "notifications: limit 0: InvalidLimit",
                "notifications: delete one: deleted: Ok",
            ],
            "{generation}"
        );
        assert_eq!(inbox(&game).len(), 2, "the server has deleted the third");
    }
}
