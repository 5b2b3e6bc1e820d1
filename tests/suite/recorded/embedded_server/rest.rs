//! The recorded REST calls, made to the core.

use std::{collections::HashMap, time::Duration};

use super::{EPOCH, config, query, unify::Bijection};
use crate::common::{
    by_hand::{BASIC, ByHand, tokens_in},
    transcripts::{GENERATIONS, exchanges},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use bevy_nakama::__testing::{SessionId, Transmit};
use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

/// Calls that are not made, by the beginning of their names, and why.
const NOT_MADE: &[(&str, &str)] = &[("matchmaker stats", "they are of other scenarios")];

/// Whose tokens a call is made with: those that an earlier call was answered with. Others take those of the first.
const TOKENS: &[(&str, &str)] = &[
    ("account", "refresh"),
    ("account: update", "refresh"),
    ("logout: both tokens", "refresh: new vars"),
    ("account after logout", "refresh: new vars"),
    ("refresh after logout", "refresh: new vars"),
    ("logout of one login", "device: and again"),
    ("the other login is not touched", "device: log in again"),
    (
        "logout with an empty body: everything of the user",
        "device: log in again",
    ),
    (
        "account after logging everything out",
        "device: log in again",
    ),
    (
        "refresh after logging everything out",
        "device: log in again",
    ),
    ("account: delete", "device: create a short-lived one"),
    (
        "account: after deletion",
        "device: create a short-lived one",
    ),
    (
        "account: expired token",
        "device: one more, whose token will expire",
    ),
    (
        "refresh works when the session token has expired",
        "device: one more, whose token will expire",
    ),
];

const FIRST: &str = "device: create with a username";

#[test]
fn recorded_rest_calls() {
    for generation in GENERATIONS {
        let mut replay = Rest::new(generation);
        let mut made = 0;
        let exchanges = exchanges(generation, "rest");
        let page_of_groups = |exchange: &&Value| {
            exchange["name"] == "groups: list with limit and cursor"
                || exchange["name"] == "groups: next page"
        };
        for exchange in exchanges.iter().filter(page_of_groups) {
            replay.group_from_before(&exchange["response"]["body"]["groups"][0]);
        }
        for exchange in &exchanges {
            let name = exchange["name"].as_str().expect("a name");
            replay.before(name, exchange);
            if let Some((_, why)) = NOT_MADE.iter().find(|(start, _)| name.starts_with(start)) {
                println!("{generation} {name:60} not made: {why}");
                continue;
            }
            replay.play(name, exchange);
            made += 1;
        }
        println!("{generation}: {made} calls");
        assert!(made >= 141, "only {made} calls were made");
    }
}

struct Rest {
    world: ByHand,
    ids: Bijection,
    /// What logins and refreshes were answered with, by their names.
    tokens: HashMap<String, (String, String)>,
}

impl Rest {
    fn new(generation: &str) -> Self {
        let mut replay = Self {
            world: ByHand::new(config(generation), 3, EPOCH),
            ids: Bijection::default(),
            tokens: HashMap::new(),
        };
        replay.world.log_in("alice"); // she was there before the recording
        replay
    }

    /// Makes a group that was there before the recording.
    fn group_from_before(&mut self, group: &Value) {
        let (token, _) = self.world.log_in("somebody");
        let bearer = format!("Bearer {token}");
        let made = self
            .world
            .request(("POST", "/v2/group"), &bearer, group.to_string());
        assert_eq!(made.status(), 200, "{made:?}");
    }

    /// What happened by other means before a call.
    fn before(&mut self, name: &str, exchange: &Value) {
        let now = Duration::from_millis(exchange["t_ms"].as_u64().expect("t_ms"));
        if name == "channel messages: no parameters" {
            let path = exchange["request"]["path"].as_str().expect("a path");
            let channel = path.rsplit('/').next().expect("a channel");
            self.alice_chats(channel, now - Duration::from_millis(50));
        }
        if name == "parties: right after creation" && exchange["response"]["status"] == 200 {
            let query = exchange["request"]["query"]["query"].as_str();
            let mode = query.and_then(|query| query.strip_prefix("+label.mode:"));
            self.alice_gives_parties(mode.expect("a query"), now);
        }
        if name == "matches: relayed" {
            let session = self.open_socket("alice", now);
            self.world.send(session, &json!({"match_create": {}}));
        }
    }

    /// Two parties that lists show, and one that they do not.
    fn alice_gives_parties(&mut self, mode: &str, now: Duration) {
        let session = self.open_socket("alice", now);
        let label = json!({ "mode": mode }).to_string();
        let with_rank = json!({ "mode": mode, "rank": 3 }).to_string();
        for party in [
            json!({"open": true, "max_size": 3, "label": with_rank}),
            json!({"max_size": 2, "label": label}),
            json!({"open": true, "max_size": 2, "label": label, "hidden": true}),
        ] {
            self.world.send(session, &json!({ "party_create": party }));
        }
    }

    fn open_socket(&mut self, username: &str, now: Duration) -> SessionId {
        self.world.advance(now);
        self.world.open_as(username)
    }

    /// Four lines, of which one is changed and one removed.
    fn alice_chats(&mut self, channel: &str, mut now: Duration) {
        let session = self.open_socket("alice", now);
        let mut ask = |envelope: Value| {
            now += Duration::from_millis(1);
            self.world.advance(now);
            self.world.send(session, &envelope);
            let mut last = Value::Null;
            while let Some(Transmit::Message(frame)) = self.world.server.transmit(session) {
                last = serde_json::from_slice(&frame).expect("JSON");
            }
            last
        };
        let room = channel.trim_start_matches("2...");
        ask(json!({"channel_join": {"target": room, "type": 1}}));
        let mut ids = Vec::new();
        for n in 1..=4 {
            let content = json!({ "n": n }).to_string();
            let ack =
                ask(json!({"channel_message_send": {"channel_id": channel, "content": content}}));
            ids.push(ack["channel_message_ack"]["message_id"].clone());
        }
        let content = json!({ "n": "two" }).to_string();
        ask(
            json!({"channel_message_update": {"channel_id": channel, "message_id": ids[1], "content": content}}),
        );
        ask(json!({"channel_message_remove": {"channel_id": channel, "message_id": ids[2]}}));
    }

    fn play(&mut self, name: &str, exchange: &Value) {
        let (recorded, recorded_response) = (&exchange["request"], &exchange["response"]);
        let owner = TOKENS
            .iter()
            .find(|(call, _)| *call == name)
            .map_or(FIRST, |(_, owner)| owner);
        let (session, refresh) = self.tokens.get(owner).cloned().unwrap_or_default();
        let authorization = match recorded["auth"].as_str() {
            Some("none") => String::new(),
            Some("basic server key") => BASIC.to_owned(),
            Some("basic, wrong server key") => {
                format!("Basic {}", BASE64_STANDARD.encode("wrong:"))
            }
            Some("basic http key") => {
                format!("Basic {}", BASE64_STANDARD.encode("defaulthttpkey:"))
            }
            Some("bearer session token") => format!("Bearer {session}"),
            Some("bearer, garbage") => "Bearer garbage".to_owned(),
            other => panic!("{name}: unknown authorization {other:?}"),
        };
        let is_refresh = name.starts_with("refresh")
            && name != "refresh: session token instead of refresh token";
        let mut body = recorded["body"].clone();
        for (field, token) in [
            ("token", if is_refresh { &refresh } else { &session }),
            ("refresh_token", &refresh),
        ] {
            if body.get(field).is_some_and(|token| token == "<jwt>") {
                body[field] = token.as_str().into();
            }
        }
        let body = match body {
            Value::Null => String::new(),
            Value::String(raw) => raw,
            body => body.to_string(),
        };
        let path = recorded["path"].as_str().expect("a path");
        let mut parameters = recorded["query"].clone();
        for (name, value) in parameters.as_object_mut().into_iter().flatten() {
            if let Some(ours) = value.as_str().and_then(|cursor| self.ids.ours(cursor))
                && name.ends_with("cursor")
            {
                *value = ours.into();
            }
        }
        let target = format!("{path}{}", query(&parameters));
        let [target, body] = [target, body]
            .map(|text| String::from_utf8(self.ids.translate(text.as_bytes())).expect("UTF-8"));
        let method = recorded["method"].as_str().expect("a method");
        let now = exchange["t_ms"].as_u64().expect("t_ms");
        self.world.advance(Duration::from_millis(now));
        let response = self.world.request((method, &target), &authorization, body);
        self.compare(name, exchange, recorded_response, &response);
    }

    fn compare(
        &mut self,
        name: &str,
        exchange: &Value,
        recorded: &Value,
        response: &Response<Bytes>,
    ) {
        let mut body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        assert_eq!(
            u64::from(response.status().as_u16()),
            recorded["status"].as_u64().expect("a status"),
            "{name}: {body}"
        );
        for (header, value) in recorded["headers"].as_object().expect("headers") {
            if header != "Content-Length" {
                let ours = response
                    .headers()
                    .get(header)
                    .and_then(|value| value.to_str().ok());
                assert_eq!(ours, value.as_str(), "{name}: {header}");
            }
        }
        if let Some(tokens) = tokens_in(&body) {
            for (claims, token) in [
                ("token_claims", &tokens.0),
                ("refresh_token_claims", &tokens.1),
            ] {
                if let Some(claims) = exchange.get(claims) {
                    self.compare_claims(name, claims, token);
                }
            }
            self.tokens.insert(name.to_owned(), tokens);
            body["token"] = "<jwt>".into();
            body["refresh_token"] = "<jwt>".into();
        }
        let mut recorded = recorded.clone();
        if let Some(Value::Object(alice)) = recorded.pointer_mut("/body/users/0") {
            alice.remove("online"); // she was still connected from another scenario, in one of the two
        }
        assert!(
            self.ids.unify(&recorded["body"], &body, true),
            "{name}: expected {}, got {body}",
            recorded["body"]
        );
    }

    /// The claims say the same, and the token lasts as long.
    fn compare_claims(&mut self, name: &str, recorded: &Value, token: &str) {
        let claims = token.split('.').nth(1).expect("three parts");
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64");
        let mut ours: Value = serde_json::from_slice(&claims).expect("JSON");
        let mut recorded = recorded.clone();
        for claims in [&mut ours, &mut recorded] {
            let life = claims["exp"]
                .as_i64()
                .zip(claims["iat"].as_i64())
                .map(|(exp, iat)| exp - iat);
            claims["exp"] = life.into();
            claims["iat"] = Value::Null;
        }
        assert!(
            self.ids.unify(&recorded, &ours, true),
            "{name}: expected {recorded}, got {ours}"
        );
    }
}
