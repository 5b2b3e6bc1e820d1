//! Somebody floods a match, until the server hangs up on another one who is in it.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use bevy::{diagnostic::DiagnosticsStore, prelude::*};
use bevy_nakama::{
    diagnostics,
    healing::ConnectionLost,
    prelude::*,
    proto::{Message, realtime},
};
use serde_json::json;

use super::{
    super::{log::Log, raw_client},
    fresh, player,
};

/// Requests that take the server some time each. Together they are more than the kernel takes.
const QUESTIONS: usize = 4_000;

/// The server's queue for Ada is full, and it throws her out. She has asked it more than it has read, so it closes with something
/// unread, which resets the connection. What she is told. She comes back.
pub(crate) fn a_full_queue(server: &NakamaServer) -> String {
    let mut ada = player(server, "ada");
    let losses = Log::default();
    let to = losses.clone();
    ada.app
        .add_observer(move |lost: On<ConnectionLost>| to.add(lost.cause.to_string()));
    let created = ada.ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::new()).id());
    let here = created.expect("a match").entity;
    let id = ada.app.world().get::<MatchId>(here).expect("it has an id");
    let id = id.to_string();

    let address = address(server);
    let (token, _) = raw_client::log_in(address, &fresh("bob"));
    let mut bob = raw_client::Socket::open(address, &token);
    bob.send(json!({ "cid": "1", "match_join": { "match_id": id } }));
    bob.next_of("match");
    let usernames = (0..300).map(|number| format!("name-{number}"));
    let question = Message::StatusFollow(realtime::StatusFollow {
        usernames: usernames.collect(),
        ..Default::default()
    });
    ada.commands(|commands| {
        for _ in 0..QUESTIONS {
            commands.nakama().send_raw(question.clone());
        }
    });
    ada.app.update();
    ada.until("a kernel that takes no more", |app| {
        let store = app.world().resource::<DiagnosticsStore>();
        let queued = store.get(&diagnostics::QUEUED)?.value()?;
        (queued > 0.0).then_some(())
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let seen = is_over.clone();
    let flood = thread::spawn(move || {
        let data = json!({ "match_data_send":
            { "match_id": id, "op_code": "1", "data": "eHh4eHh4eHh4eHh4" } });
        while !seen.load(Ordering::Relaxed) {
            bob.send_at_once((0..1_000).map(|_| data.clone()));
        }
    });
    let cause = ada.until("the kick", |_| losses.take_first());
    is_over.store(true, Ordering::Relaxed);
    flood.join().expect("bob stays");
    assert_eq!(ada.next_phase(), "connected");
    assert!(ada.app.world().get::<Match>(here).is_some());
    cause
}

fn address(server: &NakamaServer) -> SocketAddr {
    let host = server.url().trim_start_matches("http://");
    let mut found = host.to_socket_addrs().expect("a host and a port");
    found.next().expect("an address")
}
