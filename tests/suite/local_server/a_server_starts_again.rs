//! A server that takes the place of the one before, on the same port: the same users, but no token of theirs is good any more.

use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::common::raw_client::{Socket, call, connect, log_in};
use serde_json::json;

fn start_at(address: SocketAddr) -> LocalServer {
    let config = LocalServerConfig {
        address,
        ..Default::default()
    };
    LocalServer::start(config).expect("the port is free")
}

/// The ids of a user, of the match `arena` and of the room `arena`.
fn ids(server: &LocalServer, name: &str) -> [String; 3] {
    let (token, _) = log_in(server.address(), name);
    let mut socket = Socket::open(server.address(), &token);
    socket.send(json!({"cid": "1", "match_create": {"name": "arena"}}));
    let here = socket.next_of("match");
    socket.send(json!({"cid": "2", "channel_join": {"type": 1, "target": "arena"}}));
    let room = socket.next_of("channel");
    [&here["self"]["user_id"], &here["match_id"], &room["id"]]
        .map(|id| id.as_str().expect("an id").to_owned())
}

#[test]
fn users_named_matches_and_rooms_have_the_same_ids() {
    let first = start();
    let before = ids(&first, "ada");
    let address = first.address();
    drop(first);
    let second = start_at(address);
    assert_eq!(ids(&second, "ada"), before);
    assert_ne!(ids(&second, "bob")[0], before[0]);
}

#[test]
fn tokens_of_the_server_before_are_dead() {
    let first = start();
    let address = first.address();
    let (token, refresh) = log_in(address, "ada");
    drop(first);
    let _second = start_at(address);
    log_in(address, "ada"); // the account is there, that is not why

    let bearer = format!("Bearer {token}");
    let account = call(address, "GET", "/v2/account", &bearer, &json!(null));
    assert_eq!(account.status, 401, "{account:?}");

    let key = "Basic ZGVmYXVsdGtleTo=";
    let target = "/v2/account/session/refresh";
    let refreshed = call(address, "POST", target, key, &json!({ "token": refresh }));
    assert_eq!(refreshed.status, 401, "{refreshed:?}");
    let why = refreshed.json();
    assert_eq!(why["code"], 16);
    assert_eq!(why["message"], "Refresh token invalid or expired.");

    let request = format!("ws://{address}/ws?token={token}");
    match tungstenite::client(request, connect(address)) {
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(refusal))) => {
            assert_eq!(refusal.status(), 401);
        }
        other => panic!("{other:?}"),
    }
}

/// Also while clients of the server before have not closed their ends.
#[test]
fn the_port_is_free_as_soon_as_the_server_has_stopped() {
    let mut server = start();
    let address = server.address();
    let mut sockets = Vec::new();
    for life in 0..10 {
        let (token, _) = log_in(address, &format!("player-{life}"));
        sockets.push(Socket::open(address, &token));
        drop(server);
        server = start_at(address);
    }
    assert_eq!(server.address().ip(), Ipv4Addr::LOCALHOST);
}
