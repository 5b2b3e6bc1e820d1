//! Somebody floods a match, until the server hangs up on another one who is in it.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use bevy_nakama::prelude::*;
use serde_json::json;

use super::{super::raw_client, fresh, player};

/// Ada is told why she is thrown out: the server's queue for her is full. She sends at the same time, so that the server closes
/// with something unread, which resets the connection. Where she sends, nobody else is, so that Bob's queue stays empty.
pub(crate) fn a_full_queue(server: &NakamaServer) {
    let mut ada = player(server, "ada");
    let created = ada.ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::new()).id());
    let here = created.expect("a match").entity;
    let id = ada.app.world().get::<MatchId>(here).expect("it has an id");
    let id = id.to_string();
    let created = ada.ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::new()).id());
    let alone = created.expect("another match").entity;

    let address = address(server);
    let (token, _) = raw_client::log_in(address, &fresh("bob"));
    let mut bob = raw_client::Socket::open(address, &token);
    bob.send(json!({ "cid": "1", "match_join": { "match_id": id } }));
    bob.next_of("match");
    let is_over = Arc::new(AtomicBool::new(false));
    let seen = is_over.clone();
    let flood = thread::spawn(move || {
        let data = json!({ "match_data_send":
            { "match_id": id, "op_code": "1", "data": "eHh4eHh4eHh4eHh4" } });
        while !seen.load(Ordering::Relaxed) {
            bob.send_at_once((0..1_000).map(|_| data.clone()));
        }
    });

    let phases = ada.phases.clone();
    let end = ada.until("the end", |app| {
        for _ in 0..8 {
            let mut commands = app.world_mut().commands();
            let data = OutgoingData::raw(2, vec![7; 1_000]);
            commands.nakama().send_data(alone, data);
        }
        phases.take_first()
    });
    is_over.store(true, Ordering::Relaxed);
    flood.join().expect("bob stays");
    println!("{end}");
    // Nakama 3.27 gives no words.
    assert!(
        [
            "the server closed the socket (1000: session outgoing queue full)",
            "the server closed the socket without a word"
        ]
        .contains(&end.as_str()),
        "{end}"
    );
}

fn address(server: &NakamaServer) -> SocketAddr {
    let host = server.url().trim_start_matches("http://");
    let mut found = host.to_socket_addrs().expect("a host and a port");
    found.next().expect("an address")
}
