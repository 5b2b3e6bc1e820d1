//! A receiver's queue holds 64 messages, whatever they are. Who is sent more at once is disconnected, as by a real server.

use super::*;
use crate::common::raw_client::{Socket, log_in};
use serde_json::{Value, json};
use tungstenite::Message;

fn enter(server: &LocalServer, name: &str) -> Socket {
    let (token, _) = log_in(server.address(), name);
    Socket::open(server.address(), &token)
}

/// Users in one match, who know of each other.
fn match_for<const N: usize>(server: &LocalServer, names: [&str; N]) -> ([Socket; N], String) {
    let mut members = names.map(|name| enter(server, name));
    let mut id = String::new();
    for (number, member) in members.iter_mut().enumerate() {
        member.send(json!({"cid": "1", "match_create": {"name": "arena"}}));
        let joined = member.next_of("match");
        id = joined["match_id"].as_str().expect("an id").to_owned();
        assert_eq!(joined["size"], number + 1);
    }
    for (number, member) in members.iter_mut().enumerate() {
        // Own join, and those of everybody after.
        for _ in number..N {
            member.next_of("match_presence_event");
        }
    }
    (members, id)
}

fn data(match_id: &str, op_code: usize) -> Value {
    json!({"match_data_send": {"match_id": match_id, "op_code": op_code.to_string(), "data": "eHh4"}})
}

fn pings(count: usize) -> impl Iterator<Item = Value> {
    (1..=count).map(|cid| json!({"cid": cid.to_string(), "ping": {}}))
}

/// Reads until the server closes the socket because its queue is full. It has sent that many messages before, at most.
#[track_caller]
fn closes_after_at_most(socket: &mut Socket, messages: usize) {
    for _ in 0..messages {
        match socket.raw.read().expect("a message") {
            Message::Close(frame) => {
                let frame = frame.expect("a code");
                assert_eq!(u16::from(frame.code), 1000);
                assert_eq!(frame.reason.as_str(), "session outgoing queue full");
                return;
            }
            Message::Binary(_) => {}
            other => panic!("expected a close frame, got {other:?}"),
        }
    }
    panic!("{messages} messages came through");
}

#[test]
fn five_hundred_requests_at_once_cost_the_connection() {
    let server = start();
    let mut ada = enter(&server, "ada");
    ada.send_at_once(pings(500));
    closes_after_at_most(&mut ada, 500);
}

#[test]
fn as_many_requests_as_the_queue_holds_are_answered() {
    let server = start();
    let mut ada = enter(&server, "ada");
    for _ in 0..5 {
        ada.send_at_once(pings(64));
        for cid in 1..=64 {
            assert_eq!(ada.next()["cid"], cid.to_string());
        }
    }
}

#[test]
fn a_burst_of_match_data_costs_everybody_else_the_connection() {
    let server = start();
    let ([mut ada, mut bob, mut carol], id) = match_for(&server, ["ada", "bob", "carol"]);
    ada.send_at_once((1..=96).map(|op_code| data(&id, op_code)));
    closes_after_at_most(&mut bob, 96);
    closes_after_at_most(&mut carol, 96);
    ada.send(json!({"cid": "still here", "ping": {}}));
    while ada.next()["cid"] != "still here" {}
}

#[test]
fn a_burst_that_the_queue_holds_reaches_everybody() {
    let server = start();
    let ([mut ada, mut bob, mut carol], id) = match_for(&server, ["ada", "bob", "carol"]);
    for _ in 0..5 {
        ada.send_at_once((1..=64).map(|op_code| data(&id, op_code)));
        for op_code in 1..=64 {
            for other in [&mut bob, &mut carol] {
                assert_eq!(other.next_of("match_data")["op_code"], op_code.to_string());
            }
        }
    }
}

#[test]
fn answers_and_what_they_bring_about_count_together() {
    let server = start();
    let mut ada = enter(&server, "ada");
    // Each is fewer than 64, both together are more.
    let joins = (0..40).map(|room| {
        let name = format!("room {room}");
        json!({"cid": room.to_string(), "channel_join": {"type": 1, "target": name}})
    });
    ada.send_at_once(joins);
    closes_after_at_most(&mut ada, 80); // 40 answers and 40 presence events
}
