//! Code of the game inside the embedded server, over real connections and in both formats.

use std::{collections::BTreeMap, time::Duration};

use crate::common::raw_client::{Socket, call, log_in};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bevy_nakama::{
    local_server::{
        Broadcast, LocalServer, LocalServerConfig, MatchContext, MatchFlow, MatchHandler,
        MatchInit, MatchMessage, NotificationSend, PresenceMeta, RuntimeModule,
    },
    proto::{UserPresence, realtime::Stream},
};
use serde_json::{Value, json};

/// Sums up what members send, and says so at the end.
#[derive(Default)]
struct Sum(u8);

impl MatchHandler for Sum {
    fn init(&mut self, context: &mut MatchContext<'_>, params: &str) -> MatchInit {
        let itself = context.match_id();
        let busy = context.runtime.match_signal(&itself, "");
        let problem = busy.expect_err("a match cannot signal itself");
        assert_eq!(problem.to_string(), "failed to signal match: match busy");
        MatchInit {
            tick_rate: 60,
            label: params.to_owned(),
        }
    }

    fn join_attempt(
        &mut self,
        context: &mut MatchContext<'_>,
        presence: &UserPresence,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let is_there = context.presences().contains(presence);
        assert!(!is_there, "who is there already is not asked about");
        match metadata.get("key") {
            Some(key) if key == "sesame" => Ok(()),
            _ => Err("no entry".to_owned()),
        }
    }

    fn tick(&mut self, context: &mut MatchContext<'_>, messages: &[MatchMessage]) -> MatchFlow {
        for message in messages {
            self.0 += message.data.iter().sum::<u8>();
            let sum = Broadcast::new(1, vec![self.0]);
            context.broadcast(sum.to(std::slice::from_ref(&message.sender)));
        }
        MatchFlow::Continue
    }

    fn signal(&mut self, _: &mut MatchContext<'_>, data: &str) -> Option<String> {
        Some(format!("{data}: {}", self.0))
    }

    fn terminate(&mut self, context: &mut MatchContext<'_>, _: Duration) {
        context.broadcast(Broadcast::new(99, "good night"));
    }
}

fn start() -> LocalServer {
    let stream = || Stream {
        mode: 200,
        label: "news".to_owned(),
        ..Stream::default()
    };
    let runtime = RuntimeModule::new()
        .register_match("sum", Sum::default)
        .register_rpc("start", |context, label| {
            Ok(context.runtime.match_create("sum", label)?)
        })
        .register_rpc("ask", |context, match_id| {
            Ok(context.runtime.match_signal(match_id, "sum")?)
        })
        .register_rpc("bug", |_, _| panic!("a bug in the game"))
        .register_rpc("news", move |context, news| {
            let (user, session) = (context.user_id, context.session_id);
            let (user, session) = (user.ok_or("no user")?, session.ok_or("no socket")?);
            let runtime = &mut context.runtime;
            runtime.stream_user_join(session, &stream(), PresenceMeta::default())?;
            runtime.stream_send(&stream(), news, &[], true)?;
            runtime.notification_send(NotificationSend::new(user, 1, news).persistent())?;
            Ok(runtime.stream_count(&stream())?.to_string())
        });
    let config = LocalServerConfig {
        runtime,
        matchmaker_interval: Duration::from_millis(20),
        ..LocalServerConfig::default()
    };
    LocalServer::start(config).expect("a server")
}

const FORMATS: [&str; 2] = ["format=protobuf", "format=json"];

fn open(server: &LocalServer, name: &str, format: &str) -> Socket {
    let (token, _) = log_in(server.address(), name);
    Socket::open_with(server.address(), &token, format)
}

#[test]
fn a_match_runs_on_the_server() {
    for format in FORMATS {
        let server = start();
        let mut ada = open(&server, "ada", format);
        ada.send(json!({"cid": "1", "rpc": {"id": "START", "payload": "sums"}}));
        let id = ada.next_of("rpc")["payload"].take();

        ada.send(json!({"cid": "2", "match_join": {"match_id": id}}));
        let error = ada.next_of("error");
        assert_eq!(error, json!({"code": 5, "message": "no entry"}));
        for _ in ["first", "again"] {
            ada.send(
                json!({"cid": "3", "match_join": {"match_id": id, "metadata": {"key": "sesame"}}}),
            );
            let joined = ada.next_of("match");
            assert_eq!(
                (&joined["label"], &joined["authoritative"]),
                (&json!("sums"), &json!(true))
            );
        }

        for sum in [5, 10] {
            let data = BASE64_STANDARD.encode([2, 3]);
            ada.send(json!({"match_data_send": {"match_id": id, "op_code": "1", "data": data}}));
            let data = ada.next_of("match_data");
            assert_eq!(data["data"], BASE64_STANDARD.encode([sum]));
            assert!(data.get("presence").is_none(), "it is from the server");
        }
        ada.send(json!({"cid": "4", "rpc": {"id": "ask", "payload": id}}));
        assert_eq!(ada.next_of("rpc")["payload"], "sum: 10");

        drop(server);
        let last = ada.next_of("match_data");
        assert_eq!(last["data"], BASE64_STANDARD.encode("good night"));
    }
}

#[test]
fn functions_use_streams_and_notifications() {
    for format in FORMATS {
        let server = start();
        let mut ada = open(&server, "ada", format);
        ada.send(json!({"cid": "1", "rpc": {"id": "news", "payload": "rain"}}));
        let kinds: Vec<Value> = (0..4).map(|_| ada.next()).collect();
        let stream = json!({"mode": 200, "label": "news"});
        let data = json!({"stream": stream, "data": "rain", "reliable": true});
        assert_eq!(kinds[0], json!({ "stream_data": data }));
        assert_eq!(
            kinds[1]["notifications"]["notifications"][0]["subject"],
            "rain"
        );
        assert_eq!(
            kinds[2],
            json!({"cid": "1", "rpc": {"id": "news", "payload": "1"}})
        );
        assert_eq!(kinds[3]["stream_presence_event"]["stream"], stream);

        let (token, _) = log_in(server.address(), "ada");
        let bearer = format!("Bearer {token}");
        let rest = |method, target| call(server.address(), method, target, &bearer, &Value::Null);
        let kept = rest("GET", "/v2/notification").json();
        assert_eq!(kept["notifications"][0]["subject"], "rain");
        let refused = rest("POST", "/v2/rpc/news");
        assert_eq!(
            (refused.status, &refused.json()["message"]),
            (500, &json!("no socket"))
        );
    }
}

#[test]
fn a_bug_in_a_function_is_an_error_of_that_call() {
    let server = start();
    let mut ada = open(&server, "ada", "format=json");
    ada.send(json!({"cid": "1", "rpc": {"id": "bug"}}));
    let error = json!({"code": 7, "message": "the function has panicked"});
    assert_eq!(ada.next_of("error"), error);
    ada.send(json!({"cid": "2", "ping": {}}));
    assert_eq!(ada.next()["cid"], "2", "the server is still there");
}

#[test]
fn two_are_matched_across_formats() {
    let server = start();
    let mut players = [("ada", FORMATS[0]), ("bob", FORMATS[1])]
        .map(|(name, format)| open(&server, name, format));
    for player in &mut players {
        player.send(json!({"cid": "1", "matchmaker_add": {
            "min_count": 2, "max_count": 2, "query": "+properties.rank:>=4",
            "numeric_properties": {"rank": 4.5},
        }}));
    }
    let matched = players
        .each_mut()
        .map(|player| player.next_of("matchmaker_matched"));
    assert_eq!(matched[0]["token"], matched[1]["token"]);
    assert_eq!(matched[0]["users"], matched[1]["users"]);
    for (player, size) in players.iter_mut().zip([None, Some(1)]) {
        player.send(json!({"cid": "2", "match_join": {"token": matched[0]["token"]}}));
        let joined = player.next_of("match");
        assert_eq!(joined.get("size").and_then(Value::as_u64), size);
    }
}
