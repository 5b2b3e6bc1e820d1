//! A function gets what the game gives, and its answer is of the type that the game expects.

use super::*;
use bevy_nakama::testing::server;
use serde_json::json;

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
fn neither_payload_nor_key_shows() {
    let secret = "a secret of the player's";
    let rpc = Rpc::new("buy").payload(secret);
    let shown = format!("{rpc:?}");
    assert_eq!(shown, r#"Rpc { id: "buy", over_rest: false, .. }"#);
}
