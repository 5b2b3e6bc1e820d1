//! Functions of the server, called in every way there is.

use std::{collections::BTreeMap, time::Duration};

use crate::common::{
    game::{Game, serve},
    log::Log,
    transcripts::{Dir, GENERATIONS, exchanges, scenarios},
};
use bevy::prelude::*;
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig, RpcError, RuntimeModule},
    prelude::*,
    proto::{self, Kind, Message, PartyLayout, api},
    testing::{TestGame, server},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize)]
struct Greet {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Greeting {
    text: String,
}

impl RpcFunction for Greet {
    const ID: &'static str = "greet";
    type Reply = Greeting;
}

/// Nothing goes in, nothing comes out.
#[derive(Serialize)]
struct Rest;

impl RpcFunction for Rest {
    const ID: &'static str = "rest";
    const OVER_REST: bool = true;
    type Reply = ();
}

/// JSON has no such keys.
#[derive(Serialize)]
struct Unwritable(BTreeMap<(u8, u8), u8>);

impl RpcFunction for Unwritable {
    const ID: &'static str = "unwritable";
    type Reply = ();
}

fn unwritable() -> Unwritable {
    Unwritable([((1, 2), 3)].into())
}

/// How a game would tell refusals from each other.
fn told(error: &RequestError<RpcRefusal>) -> String {
    match error {
        RequestError::Refused(refusal) => {
            let (what, why) = match refusal {
                RpcRefusal::NotFound(why) => ("not found", why),
                RpcRefusal::Failed(why) => ("failed", why),
                RpcRefusal::InvalidKey(why) => ("key", why),
                RpcRefusal::InvalidToken(why) => ("token", why),
                RpcRefusal::Other(why) => ("other", why),
                _ => unreachable!("there is no more"),
            };
            format!("{what} {:?} {:?} {why}", why.status, why.code)
        }
        RequestError::Undecodable { text, error } => format!("undecodable {text:?}: {error}"),
        other => other.to_string(),
    }
}

fn watch<R: Request<Refusal = RpcRefusal>>(game: &mut TestGame, log: &Log) {
    let log = log.clone();
    game.observe(move |reply: On<Replied<R>>| {
        log.add(match &reply.result {
            Ok(reply) => format!("{reply:?}"),
            Err(error) => told(error),
        });
    });
}

fn watched() -> (TestGame, Log) {
    let mut game = TestGame::connected();
    let log = Log::default();
    watch::<Rpc>(&mut game, &log);
    watch::<RpcWithKey>(&mut game, &log);
    watch::<Call<Greet>>(&mut game, &log);
    watch::<Call<Rest>>(&mut game, &log);
    watch::<Call<Unwritable>>(&mut game, &log);
    (game, log)
}

fn ask(game: &mut TestGame, ask: impl FnOnce(NakamaCommands)) {
    game.commands(|commands| ask(commands.nakama()));
    game.update();
}

/// The function returns something, over the socket.
fn returns(game: &mut TestGame, payload: &str) -> api::Rpc {
    let asked = game.expect_sent(Kind::Rpc);
    let Some(Message::Rpc(rpc)) = asked.message.clone() else {
        unreachable!("its kind");
    };
    let payload = payload.to_owned();
    let answer = api::Rpc {
        payload,
        ..rpc.clone()
    };
    game.answer(&asked, Message::Rpc(answer));
    game.update();
    rpc
}

#[test]
fn a_text_goes_in_and_a_text_comes_out() {
    let (mut game, log) = watched();
    ask(&mut game, |nakama| {
        nakama.rpc(Rpc::new("roll").payload("2d6"));
    });
    let rpc = returns(&mut game, "7");
    assert_eq!((&*rpc.id, &*rpc.payload), ("roll", "2d6"));
    assert_eq!(log.take(), [r#"RpcReply { payload: "7" }"#]);

    ask(&mut game, |nakama| {
        nakama.rpc(Rpc::new("roll").json(&json!({ "dice": [6, 6] })));
    });
    assert_eq!(returns(&mut game, "").payload, r#"{"dice":[6,6]}"#);
    assert_eq!(log.take(), [r#"RpcReply { payload: "" }"#]);
}

#[test]
fn a_value_goes_in_and_a_value_comes_out() {
    let (mut game, log) = watched();
    let greet = || Greet { name: "Ada".into() };
    ask(&mut game, |nakama| {
        nakama.call(greet());
    });
    let rpc = returns(&mut game, r#"{"text": "Hello"}"#);
    assert_eq!((&*rpc.id, &*rpc.payload), ("greet", r#"{"name":"Ada"}"#));
    assert_eq!(log.take(), [r#"Greeting { text: "Hello" }"#]);

    for (payload, error) in [
        ("Hello", "expected value at line 1 column 1"),
        ("", "a value does not fit at line 1 column 4"),
        (r#"{"txt": ""}"#, "missing field `text` at line 1 column 11"),
    ] {
        ask(&mut game, |nakama| {
            nakama.call(greet());
        });
        returns(&mut game, payload);
        let expected =
            format!("undecodable {payload:?}: the payload does not fit its type: {error}");
        assert_eq!(log.take(), [expected]);
    }
    ask(&mut game, |nakama| {
        nakama.call(Rest);
    });
    assert_eq!(game.rest_calls(), [("POST", "/v2/rpc/rest".to_owned())]);
    assert_eq!(game.rest_bodies(), ["null"]);
    game.answer_rest(200, &json!({ "payload": "" }));
    game.update();
    assert_eq!(log.take(), ["()"]);
}

#[test]
fn what_has_no_form_in_json_is_not_sent() {
    let (mut game, log) = watched();
    ask(&mut game, |nakama| {
        nakama.call(unwritable());
    });
    ask(&mut game, |nakama| {
        nakama.rpc(Rpc::new("a").json(&unwritable()).over_rest());
    });
    ask(&mut game, |nakama| {
        nakama.rpc_with_key(&server(), "key", Rpc::of(&unwritable()));
    });
    game.update();
    assert_eq!(
        log.take(),
        ["it cannot be encoded: key must be a string"; 3]
    );
    assert!(game.sent().is_empty() && game.rest_calls().is_empty());
}

#[test]
fn what_is_too_large_for_the_socket_goes_over_rest() {
    let (mut game, log) = watched();
    let large = Rpc::new("upload").payload("\"".repeat(5000));
    let over_rest = large.clone().over_rest();
    ask(&mut game, |nakama| {
        nakama.rpc(large);
    });
    game.update();
    assert_eq!(
        log.take(),
        ["5018 bytes are above the server's limit of 4096"]
    );
    ask(&mut game, |nakama| {
        nakama.rpc(over_rest);
    });
    assert_eq!(game.rest_bodies(), ["\"".repeat(5000)]);
    game.answer_rest(200, &json!({ "payload": "done" }));
    game.update();
    assert_eq!(log.take(), [r#"RpcReply { payload: "done" }"#]);
}

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
    assert_eq!(log.take(), ["not connected"; 2]);
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
    assert_eq!(log.take(), [format!("token Some(401) Some(16) {text}")]);
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
fn a_function_that_never_returns() {
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

#[test]
fn neither_payload_nor_key_shows() {
    let secret = "a secret of the player's";
    let rpc = Rpc::new("buy").payload(secret);
    let shown = format!("{rpc:?}");
    assert_eq!(shown, r#"Rpc { id: "buy", over_rest: false, .. }"#);
}

// ---- As recorded ---------------------------------------------------------------------------------------------------

#[test]
fn calls_over_the_socket_as_they_were_recorded() {
    for generation in GENERATIONS {
        let scenario = scenarios(generation)
            .into_iter()
            .find(|scenario| scenario.name == "rpc")
            .expect("it is recorded");
        let (mut game, log) = watched();
        let mut outcomes = Vec::new();
        for line in &scenario.lines {
            let cid = line.json["cid"].as_str().unwrap_or_default();
            let is_call = line.dir == Dir::Send && line.kind.as_deref() == Some("rpc");
            // What the client never sends: a call with the key of another way.
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
        let session = scenario.clients["alice"]["session_id"]
            .as_str()
            .expect("id");
        assert!(outcomes[5].contains(session), "{}", outcomes[5]);
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
            let response = &exchange["response"];
            let status = response["status"].as_u64().expect("a status");
            let status = u16::try_from(status).expect("a status");
            game.answer_rest(status, &response["body"]);
            game.update();
            if status == 401 && auth.starts_with("bearer") {
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

// ---- Over real sockets ---------------------------------------------------------------------------------------------

fn start(party_layout: PartyLayout) -> (LocalServer, NakamaServer) {
    let runtime = RuntimeModule::new()
        .register_rpc("echo", |_, payload| Ok(payload.to_owned()))
        .register_rpc("greet", |context, payload| {
            let argument: Value = serde_json::from_str(payload).map_err(|e| e.to_string())?;
            let (name, by) = (&argument["name"], context.username);
            Ok(json!({ "text": format!("{name} by {by:?}") }).to_string())
        })
        .register_rpc("who", |context, _| {
            let has_session = context.session_id.is_some();
            Ok(format!("{:?} {has_session}", context.username))
        })
        .register_rpc("fail", |_, _| {
            Err(RpcError::new("no such sword").with_code(5))
        });
    serve(LocalServerConfig {
        runtime,
        party_layout,
        http_key: "the http key".into(),
        session_token_life: Duration::from_secs(4), // in whole seconds: three at least
        ..Default::default()
    })
}

#[test]
fn every_way_to_a_real_server() {
    for layout in [PartyLayout::Current, PartyLayout::Before3_28] {
        let (_local, server) = start(layout);
        let mut game = Game::online(&server, Login::device("device-of-ada").username("ada"));
        let mut rpc = |rpc: Rpc| {
            let answer = game.ask::<Rpc>(|nakama| nakama.rpc(rpc).id());
            answer.map_or_else(|error| told(&error), |reply| reply.payload)
        };
        assert_eq!(rpc(Rpc::new("ECHO").payload("\"ä\"")), "\"ä\"");
        assert_eq!(rpc(Rpc::new("echo").payload("\"ä\"").over_rest()), "\"ä\"");
        assert_eq!(rpc(Rpc::new("who")), "Some(\"ada\") true");
        assert_eq!(rpc(Rpc::new("who").over_rest()), "Some(\"ada\") false");
        assert_eq!(rpc(Rpc::new("fail")), "failed None None no such sword");
        assert_eq!(
            rpc(Rpc::new("fail").over_rest()),
            "failed Some(404) Some(5) no such sword"
        );
        let missing = "not found Some(404) Some(5) RPC function not found";
        assert_eq!(rpc(Rpc::new("nothing").over_rest()), missing);
        assert_eq!(
            rpc(Rpc::new("nothing")),
            "not found None None RPC function not found"
        );
        let large = "x".repeat(100_000);
        assert_eq!(rpc(Rpc::new("echo").payload(&*large).over_rest()), large);

        let greet = Greet { name: "Bob".into() };
        let greeting = game.ask::<Call<Greet>>(|nakama| nakama.call(greet).id());
        assert_eq!(
            greeting.expect("it greets").text,
            "\"Bob\" by Some(\"ada\")"
        );

        let mut game = Game::new();
        let mut with_key = |key: &str, rpc: Rpc| {
            let answer = game.ask::<RpcWithKey>(|nakama| {
                let call = nakama.rpc_with_key(&server, key, rpc);
                call.id()
            });
            answer.map_or_else(|error| told(&error), |reply| reply.payload)
        };
        assert_eq!(with_key("the http key", Rpc::new("who")), "None false");
        let greet = Rpc::of(&Greet { name: "Bob".into() });
        assert_eq!(
            with_key("the http key", greet),
            r#"{"text":"\"Bob\" by None"}"#
        );
        assert_eq!(
            with_key("another key", Rpc::new("who")),
            "key Some(401) Some(16) HTTP key invalid"
        );
    }
}
