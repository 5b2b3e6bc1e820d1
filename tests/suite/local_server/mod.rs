//! The embedded server over real connections. What it answers is compared with recordings elsewhere
//! (`recorded::embedded_server`); here it is about sockets, threads and bytes.

mod by_hand;
mod play;
mod runtime;

use std::{
    io::Read as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::common::{
    raw_client::{Socket, call, connect, exchange, log_in, read},
    transcripts::{GENERATIONS, exchanges},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bevy_nakama::local_server::{LocalServer, LocalServerConfig};
use serde_json::{Value, json};
use tungstenite::{
    Message,
    protocol::{
        CloseFrame,
        frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

fn start() -> LocalServer {
    LocalServer::start(LocalServerConfig::default()).expect("a server")
}

/// Two users in one match.
fn match_for_two(server: &LocalServer) -> (Socket, Socket, String) {
    let [mut ada, mut bob] = ["ada", "bob"].map(|name| {
        let (token, _) = log_in(server.address(), name);
        Socket::open(server.address(), &token)
    });
    ada.send(json!({"cid": "1", "match_create": {}}));
    let id = ada.next_of("match")["match_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    bob.send(json!({"cid": "1", "match_join": {"match_id": id}}));
    bob.next_of("match_presence_event");
    ada.next_of("match_presence_event");
    ada.next_of("match_presence_event");
    (ada, bob, id)
}

fn data(match_id: &str, op_code: usize, size: usize) -> Value {
    let data = BASE64_STANDARD.encode(vec![b'x'; size]);
    json!({"match_data_send": {"match_id": match_id, "op_code": op_code.to_string(), "data": data}})
}

#[test]
fn recorded_handshakes() {
    // Two servers with the same keys, of which one makes tokens that have expired already.
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
            let is_json = body.starts_with('{'); // and its white space varies
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

/// The frames that a socket begins with. What follows them is the answer to a close frame, so there are no more.
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

#[test]
fn a_server_stops_at_once_and_closes_its_sockets() {
    let server = start();
    let address = server.address();
    let (token, _) = log_in(address, "ada");
    let mut socket = Socket::open(address, &token);
    let mut silent = connect(address);

    let before = Instant::now();
    drop(server);
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );

    assert_eq!(socket.close_frame(), None);
    assert_eq!(silent.read(&mut [0]).unwrap_or_default(), 0);
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
}

#[test]
fn an_address_in_use_is_an_error() {
    let server = start();
    let config = LocalServerConfig {
        address: server.address(),
        ..Default::default()
    };
    let error = LocalServer::start(config).expect_err("the port is taken");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn nothing_secret_is_shown() {
    let config = LocalServerConfig {
        server_key: "hush".to_owned(),
        ..Default::default()
    };
    let server = LocalServer::start(config.clone()).expect("a server");
    assert_eq!(server.server_key(), "hush");
    assert!(!format!("{server:?} {config:?}").contains("hush"));
}

#[test]
fn sockets_of_both_formats_meet() {
    let server = start();
    let [mut ada, mut bob] = [("ada", "format=protobuf"), ("bob", "")].map(|(name, query)| {
        let (token, _) = log_in(server.address(), name);
        Socket::open_with(server.address(), &token, query)
    });
    ada.send(json!({"cid": "1", "match_create": {"name": "arena"}}));
    let id = ada.next_of("match")["match_id"].take();
    bob.send(json!({"cid": "1", "match_join": {"match_id": id}}));
    assert_eq!(bob.next_of("match")["size"], 1);
    bob.send(json!({"match_data_send": {"match_id": id, "op_code": "-7", "data": "AQID"}}));
    let received = ada.next_of("match_data");
    assert_eq!(
        (&received["op_code"], &received["data"]),
        (&json!("-7"), &json!("AQID"))
    );
    ada.send(json!({"match_data_send": {"match_id": id, "op_code": 8}}));
    assert_eq!(bob.next_of("match_data")["op_code"], "8");
}

#[test]
fn pings_are_answered_and_fragments_put_together() {
    let server = start();
    let (token, _) = log_in(server.address(), "ada");
    let mut socket = Socket::open_with(server.address(), &token, "");
    socket
        .raw
        .send(Message::Ping("are you there".into()))
        .expect("a ping");
    assert_eq!(
        socket.raw.read().expect("a pong"),
        Message::Pong("are you there".into())
    );

    let text = r#"{"cid":"in pieces","ping":{}}"#;
    let (first, second) = text.split_at(10);
    for (part, opcode, is_last) in [(first, Data::Text, false), (second, Data::Continue, true)] {
        let frame = Frame::message(part.to_owned(), OpCode::Data(opcode), is_last);
        socket.raw.send(Message::Frame(frame)).expect("a fragment");
    }
    assert_eq!(socket.next(), json!({"cid": "in pieces", "pong": {}}));
}

#[test]
fn a_message_above_the_limit_closes_the_socket() {
    let server = start();
    let (token, _) = log_in(server.address(), "ada");
    for (size, is_fine) in [(4096, true), (4097, false)] {
        let mut socket = Socket::open_with(server.address(), &token, "");
        let frame = r#"{"cid":"","ping":{}}"#;
        let cid = "x".repeat(size - frame.len());
        socket.send(json!({"cid": cid, "ping": {}}));
        if is_fine {
            assert_eq!(socket.next()["cid"], cid);
        } else {
            assert_eq!(socket.close_frame(), Some((1009, String::new())));
        }
    }
}

#[test]
fn a_burst_reaches_who_reads() {
    let server = start();
    let (mut ada, mut bob, id) = match_for_two(&server);
    let burst = 1000;
    ada.send_at_once((1..=burst).map(|op_code| data(&id, op_code, 10)));
    for op_code in 1..=burst {
        let received = bob.next_of("match_data");
        assert_eq!(received["op_code"], op_code.to_string());
    }
}

#[test]
fn one_who_does_not_read_is_cut_off_and_the_others_go_on() {
    let server = start();
    let (mut ada, bob, id) = match_for_two(&server);
    let mut sent = 0;
    let left = loop {
        sent += 1;
        assert!(sent < 20_000, "after {sent} messages he is still there");
        ada.send(data(&id, 1, 3000));
        if sent % 50 == 0 {
            ada.send(json!({"cid": "still there?", "ping": {}}));
            let answer = ada.next();
            if answer.get("match_presence_event").is_some() {
                break answer;
            }
            assert_eq!(answer["cid"], "still there?");
        }
    };
    assert_eq!(left["match_presence_event"]["leaves"][0]["username"], "bob");
    drop(bob);
}
