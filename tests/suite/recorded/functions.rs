//! Functions as real servers run them: the recordings, played to a game.

use std::collections::BTreeMap;

use crate::{
    common::{
        player::rest::{say_as_recorded, status},
        transcripts::{Dir, GENERATIONS, exchanges, scenario},
    },
    rpc::{ask, watched},
};
use bevy_nakama::{
    prelude::*,
    proto::{self, Kind},
    testing::server,
};
use serde_json::{Value, json};

#[test]
fn calls_over_the_socket_as_they_were_recorded() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "rpc");
        let (mut game, log) = watched();
        let mut outcomes = Vec::new();
        for line in &scenario.lines {
            let cid = line.json["cid"].as_str().unwrap_or_default();
            let is_call = line.dir == Dir::Send && line.kind.as_deref() == Some("rpc");
            // The client never sends a call with a key over the socket.
            if !is_call || cid.is_empty() || !line.json["rpc"]["http_key"].is_null() {
                continue;
            }
            let text = |name: &str| line.json["rpc"][name].as_str().unwrap_or_default();
            ask(&mut game, |nakama| {
                nakama.rpc(Rpc::new(text("id")).payload(text("payload")));
            });
            let asked = game.expect_sent(Kind::Rpc);
            let as_sent = serde_json::to_value(&asked).expect("JSON");
            assert_eq!(as_sent["rpc"], line.json["rpc"], "{generation} {cid}");
            let answer = scenario.lines.iter().find(|answer| {
                answer.dir == Dir::Recv && answer.is_envelope() && answer.json["cid"] == cid
            });
            let answer = answer
                .and_then(|line| line.wire.clone())
                .expect("an answer");
            let answer = proto::decode(answer).expect("an envelope");
            game.answer(&asked, answer.message.expect("a message"));
            game.update();
            outcomes.extend(log.take());
        }
        let session = scenario.who("alice").session_id.expect("an id");
        assert!(outcomes[5].contains(&session), "{}", outcomes[5]);
        outcomes.remove(5);
        let reply = |payload: &str| format!("RpcReply {{ payload: {payload:?} }}");
        assert_eq!(
            outcomes,
            [
                reply(r#"{"a":1}"#),
                reply("plain text ä"),
                reply(""),
                reply("x"),
                reply(""),
                "not found None None RPC function not found".to_owned(),
                "other None None RPC ID must be set".to_owned(),
                "failed None None lab failure".to_owned(),
                "failed None None lab coded failure".to_owned(),
                reply(r#"{"ms":400}"#),
            ],
            "{generation}"
        );
    }
}

#[test]
fn calls_over_rest_as_they_were_recorded() {
    for generation in GENERATIONS {
        let mut outcomes = BTreeMap::new();
        for exchange in exchanges(generation, "rest") {
            let request = &exchange["request"];
            let path = request["path"].as_str().unwrap_or_default();
            let Some(id) = path.strip_prefix("/v2/rpc/") else {
                continue;
            };
            let auth = request["auth"].as_str().unwrap_or_default();
            // What the client does not do: raw bodies, the key in the address, no authorization at all.
            if !request["query"].is_null() || auth == "none" {
                continue;
            }
            let payload = match request["body"].as_str() {
                Some(body) => serde_json::from_str::<Value>(body).expect("JSON"),
                None => json!(""),
            };
            let Some(payload) = payload.as_str() else {
                continue;
            };
            let (mut game, log) = watched();
            let rpc = Rpc::new(id).payload(payload);
            ask(&mut game, |nakama| {
                if auth.starts_with("basic") {
                    nakama.rpc_with_key(&server(), "key", rpc);
                } else {
                    nakama.rpc(rpc.over_rest());
                }
            });
            assert_eq!(game.rest_calls(), [("POST", path.to_owned())]);
            let body = game.rest_bodies().remove(0);
            assert_eq!(body.as_str().unwrap_or_default(), payload);
            say_as_recorded(&mut game, &exchange);
            if status(&exchange) == 401 && auth.starts_with("bearer") {
                assert_eq!(game.rest_calls()[0].1, "/v2/account/session/refresh");
                continue;
            }
            let name = exchange["name"].as_str().expect("a name").to_owned();
            outcomes.insert(name, log.take().join(", "));
        }
        let key = r#"RpcReply { payload: "{\"execution_mode\":\"rpc\",\"query_params\":{}}" }"#;
        for (name, expected) in [
            (
                "rpc: POST, body is a JSON string",
                r#"RpcReply { payload: "{\"a\":1}" }"#,
            ),
            ("rpc: POST, no body", r#"RpcReply { payload: "" }"#),
            (
                "rpc: function returns nothing",
                r#"RpcReply { payload: "" }"#,
            ),
            ("rpc: http_key as basic auth user", key),
            ("rpc: server key", "key Some(401) Some(16) HTTP key invalid"),
            (
                "rpc: unknown id",
                "not found Some(404) Some(5) RPC function not found",
            ),
            (
                "rpc: function throws",
                "failed Some(500) Some(13) lab failure",
            ),
            (
                "rpc: function throws with code 3",
                "failed Some(400) Some(3) lab coded failure",
            ),
        ] {
            assert_eq!(outcomes[name], expected, "{generation}: {name}");
        }
        assert!(outcomes.len() >= 10, "{outcomes:?}");
    }
}
