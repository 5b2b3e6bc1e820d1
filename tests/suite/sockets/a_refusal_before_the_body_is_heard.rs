//! A server that refuses a call before it has read all of it: the game hears the refusal, and not that the connection broke.

use std::io::Write as _;

use super::servers::{
    call_over_tls, http_server, open_websocket, read_body, read_head, respond, tls_server,
};
use crate::common::game::Game;
use bevy_nakama::{prelude::*, testing::session_of};
use serde_json::json;

#[test]
fn a_refusal_that_comes_before_the_body_was_read_is_heard() {
    let old = session_of("ada").token().expose().to_owned();
    let server = http_server(move |head, mut stream| {
        if head.starts_with("GET /ws") {
            open_websocket(head, stream);
        } else if head.starts_with("POST /v2/account/session/refresh") {
            let _ = read_body(head, &mut stream);
            let claims = json!({ "uid": "user-ada", "usn": "ada-2", "exp": u32::MAX });
            let token = bevy_nakama::__testing::forge_token(&claims);
            let tokens = json!({ "token": token, "refresh_token": token });
            respond(&mut stream, 200, &tokens.to_string());
        } else if head.contains(&old) {
            let _ = stream.peek(&mut [0]); // the body is under way
            let refusal = r#"{"code":16,"message":"Auth token invalid"}"#;
            respond(&mut stream, 401, refusal);
            // To close with something unread resets the connection.
        } else {
            let body = read_body(head, &mut stream);
            let reply = json!({ "payload": body.len().to_string() });
            respond(&mut stream, 200, &reply.to_string());
        }
    });
    for size in [5_000, 100_000, 5_000_000] {
        let mut game = Game::new();
        game.connect_to(&server);
        assert_eq!(game.next_phase(), "connected");
        let reply = game.ask::<Rpc>(|nakama| {
            let rpc = Rpc::new("echo").payload("x".repeat(size)).over_rest();
            nakama.rpc(rpc).id()
        });
        let reply = reply.unwrap_or_else(|error| panic!("with {size} bytes: {error:?}"));
        assert_eq!(reply.payload, (size + 2).to_string(), "all of it, in JSON");
    }
}

#[test]
fn a_refusal_over_tls_that_comes_before_the_body_was_read_is_heard() {
    let server = tls_server(
        |_| {},
        move |mut stream| {
            let _ = read_head(&mut stream);
            respond(&mut stream, 401, r#"{"code":16,"message":"no"}"#);
            let _ = stream.flush();
            // To close with something unread resets the connection.
        },
    );
    let mut game = Game::new();
    for _ in 0..5 {
        let reply = call_over_tls(&mut game, &server);
        assert_eq!(reply, Err("no".into()));
    }
}
