//! The recorded calls to the storage, made to the core.

use std::{collections::HashMap, time::Duration};

use super::{EPOCH, config, query, unify::Bijection};
use crate::common::{
    by_hand::{BASIC, ByHand, tokens_in},
    player::rest::status,
    transcripts::{GENERATIONS, exchanges},
};
use serde_json::Value;

/// Calls that are not made, and why.
const NOT_MADE: &[(&str, &str)] = &[(
    "list: an empty collection with a user",
    "a Nakama sends elsewhere who writes two slashes",
)];

#[test]
fn recorded_storage_calls() {
    for generation in GENERATIONS {
        let exchanges = exchanges(generation, "storage");
        let (logins, calls) = exchanges.split_at(2);
        let mut replay = logged_in(generation, logins);
        let mut made = 0;
        for exchange in calls {
            let name = exchange["name"].as_str().expect("a name");
            if let Some((_, why)) = NOT_MADE.iter().find(|(call, _)| *call == name) {
                println!("{generation} {name:60} not made: {why}");
                continue;
            }
            replay.play(name, exchange);
            made += 1;
        }
        println!("{generation}: {made} calls");
        assert!(made >= 249, "only {made} calls were made");
    }
}

/// A server with the recorded users. Their ids are in the recorded order: lists follow it.
fn logged_in(generation: &str, logins: &[Value]) -> Replay {
    let id = |login: &Value| login["token_claims"]["uid"].as_str().map(str::to_owned);
    let recorded: Vec<String> = logins.iter().filter_map(id).collect();
    // Ids come from devices.
    let with_devices = |suffix: u32| {
        let mut replay = Replay {
            world: ByHand::new(config(generation), 1, EPOCH),
            ids: Bijection::default(),
            tokens: HashMap::new(),
        };
        for login in logins {
            let mut login = login.clone();
            let device = login["request"]["body"]["id"].as_str().expect("a device");
            login["request"]["body"]["id"] = format!("{device}-{suffix}").into();
            replay.play("a login", &login);
        }
        replay
    };
    let is_in_order = |replay: &Replay| {
        let ours: Vec<_> = recorded.iter().map(|id| replay.ids.ours(id)).collect();
        ours.is_sorted() == recorded.is_sorted()
    };
    let mut replays = (1..100).map(with_devices);
    replays.find(is_in_order).expect("half of the devices do")
}

struct Replay {
    world: ByHand,
    ids: Bijection,
    /// The session token of each client.
    tokens: HashMap<String, String>,
}

impl Replay {
    fn play(&mut self, name: &str, exchange: &Value) {
        let request = &exchange["request"];
        let client = exchange["client"].as_str().expect("a client");
        let authorization = match request["auth"].as_str() {
            Some("none") => String::new(),
            Some("basic server key") => BASIC.to_owned(),
            Some("bearer session token") => format!("Bearer {}", self.tokens[client]),
            Some("bearer, garbage") => "Bearer garbage".to_owned(),
            other => panic!("{name}: unknown authorization {other:?}"),
        };
        let mut body = request["body"].clone();
        for list in ["objects", "object_ids"] {
            let objects = body.get_mut(list).and_then(Value::as_array_mut);
            for object in objects.into_iter().flatten() {
                self.translate(object.get_mut("version"));
            }
        }
        let body = match body {
            Value::Null => String::new(),
            Value::String(raw) => raw,
            body => body.to_string(),
        };
        let mut parameters = request["query"].clone();
        self.translate(parameters.get_mut("cursor"));
        let target = format!(
            "{}{}",
            request["path"].as_str().expect("a path"),
            query(&parameters)
        );
        let [target, body] = [target, body]
            .map(|text| String::from_utf8(self.ids.translate(text.as_bytes())).expect("UTF-8"));
        // No two calls are made at the same time.
        let (ms, seq) = (exchange["t_ms"].as_u64(), exchange["seq"].as_u64());
        let now = Duration::from_millis(ms.expect("t_ms"));
        self.world
            .advance(now + Duration::from_micros(seq.expect("seq")));
        let method = request["method"].as_str().expect("a method");
        let response = self.world.request((method, &target), &authorization, body);
        let ours = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        assert_eq!(
            response.status().as_u16(),
            status(exchange),
            "{name}: {ours}"
        );
        for (header, value) in exchange["response"]["headers"]
            .as_object()
            .expect("headers")
        {
            if header != "Content-Length" && header != "Transfer-Encoding" {
                let ours = response.headers().get(header);
                let ours = ours.and_then(|value| value.to_str().ok());
                assert_eq!(ours, value.as_str(), "{name}: {header}");
            }
        }
        self.compare(name, exchange, ours);
    }

    /// Puts our version or cursor in place of a recorded one.
    fn translate(&self, opaque: Option<&mut Value>) {
        if let Some(opaque) = opaque
            && let Some(ours) = opaque.as_str().and_then(|text| self.ids.ours(text))
        {
            *opaque = ours.into();
        }
    }

    fn compare(&mut self, name: &str, exchange: &Value, mut ours: Value) {
        let mut recorded = exchange["response"]["body"].clone();
        if let Some((session, _)) = tokens_in(&ours) {
            let client = exchange["client"].as_str().expect("a client");
            let claims: Value = claims_of(&session);
            let claimed = &exchange["token_claims"];
            let users = [claimed, &claims].map(|claims| claims["uid"].as_str().expect("a user"));
            assert!(self.ids.bind(users[0], users[1]));
            // A client may write it in capitals.
            let [recorded, ours] = users.map(str::to_uppercase);
            assert!(self.ids.bind(&recorded, &ours));
            self.tokens.insert(client.to_owned(), session);
            return;
        }
        for body in [&mut recorded, &mut ours] {
            if name == "read: value: numbers" {
                // The database keeps the digits of a number; ours keeps what it is worth.
                let value = body["objects"][0]["value"].as_str().expect("a value");
                let fields: HashMap<String, f64> = serde_json::from_str(value).expect("numbers");
                let worth = |(name, number): (String, f64)| (name, number + 0.0);
                let mut fields: Vec<_> = fields.into_iter().map(worth).collect();
                fields.sort_by(|(one, _), (other, _)| one.cmp(other));
                body["objects"][0]["value"] = format!("{fields:?}").into();
            }
            // What is read comes in any order.
            if let Some(Value::Array(objects)) = body.get_mut("objects")
                && name.starts_with("read: ")
            {
                objects.sort_by_key(|object| format!("{} {}", object["key"], object["value"]));
            }
            // The words of a library, with random spaces in them.
            if let Some(Value::String(text)) = body.get_mut("message")
                && text.starts_with("proto:")
            {
                "proto: …".clone_into(text);
            }
        }
        assert!(
            self.ids.unify(&recorded, &ours, true),
            "{name}: expected {recorded}, got {ours}"
        );
    }
}

fn claims_of(token: &str) -> Value {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let claims = token.split('.').nth(1).expect("three parts");
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64");
    serde_json::from_slice(&claims).expect("JSON")
}
