//! Sockets: both formats, pings, fragments, limits, and members who do not read.

use super::*;
use crate::common::raw_client::{Socket, log_in};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

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
fn a_member_who_does_not_read_is_cut_off_and_the_others_go_on() {
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
