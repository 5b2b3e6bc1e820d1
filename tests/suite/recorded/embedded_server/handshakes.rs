//! Handshakes, compared with those of real servers.

use std::{net::TcpStream, time::Duration};

use crate::common::{
    raw_client::{call, connect, exchange, log_in, read},
    transcripts::{GENERATIONS, exchanges},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bevy_nakama::local_server::{LocalServer, LocalServerConfig};
use serde_json::{Value, json};
use tungstenite::{Message, protocol::CloseFrame};

#[test]
fn handshakes_are_as_they_were_recorded() {
    // Two servers with the same keys. The tokens of the second have expired at once.
    let config = LocalServerConfig {
        seed: Some(1),
        ..Default::default()
    };
    let server = LocalServer::start(config.clone()).expect("a server");
    let config = LocalServerConfig {
        session_token_life: Duration::ZERO,
        ..config
    };
    let expired = LocalServer::start(config).expect("a server");

    let address = server.address();
    let (good, refresh) = log_in(address, "bob");
    let (logged_out, _) = log_in(address, "carol");
    let bearer = format!("Bearer {logged_out}");
    call(
        address,
        "POST",
        "/v2/session/logout",
        &bearer,
        &json!({"token": logged_out}),
    );
    let [claims, signature] = [&good, &refresh].map(|token| token.rsplit_once('.').expect("parts"));
    let forged = format!("{}.{}", claims.0, signature.1);
    let (expired, _) = log_in(expired.address(), "bob");

    let mut compared = 0;
    for generation in GENERATIONS {
        for recorded in exchanges(generation, "handshake") {
            let name = recorded["name"].as_str().expect("a name");
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let in_header = match name {
                "both: the header wins" | "token with a wrong signature" => &forged,
                "refresh token instead of a session token" => &refresh,
                "token that was logged out" => &logged_out,
                "expired token" => &expired,
                _ => &good,
            };
            let in_query = if name == "expired token in the query" {
                &expired
            } else {
                &good
            };
            let request = &recorded["request"];
            let target = text(&request["target"]).replace("<jwt>", in_query);
            let mut head = format!("{} {target} HTTP/1.1\r\n", text(&request["method"]));
            for header in request["headers"].as_array().expect("headers") {
                let value = text(&header[1]).replace("<jwt>", in_header);
                head += &format!("{}: {value}\r\n", text(&header[0]));
            }
            let mut stream = connect(address);
            let response = exchange(&mut stream, &head, "");

            let recorded_response = &recorded["response"];
            assert_eq!(
                json!(response.status),
                recorded_response["status"],
                "{name}"
            );
            assert_eq!(
                json!(response.reason),
                recorded_response["reason"],
                "{name}"
            );
            let body = recorded_response["body"].as_str().unwrap_or_default();
            let is_json = body.starts_with('{'); // white space of JSON varies
            for header in recorded_response["headers"].as_array().expect("headers") {
                if !(is_json && header[0] == "Content-Length") {
                    let ours = response.header(&text(&header[0]));
                    assert_eq!(ours, header[1].as_str(), "{name}: {}", header[0]);
                }
            }
            assert_eq!(
                response.body,
                body.replace("\": ", "\":").replace(", \"", ",\""),
                "{name}"
            );
            if response.status == 101 {
                compare_frames(name, stream, &recorded["frames"]);
            }
            compared += 1;
        }
    }
    println!("{compared} handshakes");
    assert_eq!(compared, 52);
}

/// Compares the frames that a socket begins with. The answer to a close frame follows them, so there are no more.
fn compare_frames(name: &str, stream: TcpStream, recorded: &Value) {
    let mut socket =
        tungstenite::WebSocket::from_raw_socket(stream, tungstenite::protocol::Role::Client, None);
    let closing = Message::Close(Some(CloseFrame {
        code: 4000.into(),
        reason: "".into(),
    }));
    socket.send(closing).expect("a close frame");
    for recorded in recorded.as_array().expect("frames") {
        let payload = BASE64_STANDARD
            .decode(recorded["payload"].as_str().expect("a payload"))
            .expect("base64");
        let recorded = match recorded["opcode"].as_u64() {
            Some(1) => Message::text(String::from_utf8(payload).expect("UTF-8")),
            _ => Message::binary(payload),
        };
        let frame = socket.read().expect("a frame");
        assert_eq!(without_ids(&frame), without_ids(&recorded), "{name}");
    }
    let end = socket.read().expect("the answer to the close frame");
    assert!(
        matches!(&end, Message::Close(Some(frame)) if frame.code == 4000.into()),
        "{name}: {end:?}"
    );
}

/// Whether it is a text frame, and what it says apart from ids.
fn without_ids(frame: &Message) -> (bool, String) {
    let mut envelope = read(frame.clone());
    let user = envelope
        .pointer_mut("/status_presence_event/joins/0")
        .expect("a status");
    for id in ["user_id", "session_id"] {
        assert_eq!(
            user[id].take().as_str().map(str::len),
            Some(36),
            "{frame:?}"
        );
    }
    (frame.is_text(), envelope.to_string())
}
