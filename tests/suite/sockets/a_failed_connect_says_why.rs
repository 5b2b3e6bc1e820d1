//! A server that cannot be reached, or something else at its address: the reason says so, and the game went on meanwhile.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    time::Duration,
};

use super::phases;
use crate::common::{game::Game, scripted::server};
use bevy_nakama::prelude::*;

#[test]
fn a_closed_port() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let server = NakamaServer::new(format!("http://{address}"), "defaultkey");
    let seen = phases(&server, 1);
    assert!(
        seen[0].starts_with(&format!(
            "http://{address} cannot be reached: could not connect to {address}: "
        )),
        "{seen:?}"
    );
}

#[test]
fn a_name_that_does_not_exist() {
    let seen = phases(
        &NakamaServer::new("http://nowhere.invalid:7350", "defaultkey"),
        1,
    );
    let expected =
        "http://nowhere.invalid:7350 cannot be reached: the host nowhere.invalid was not found: ";
    assert!(seen[0].starts_with(expected), "{seen:?}");
}

#[test]
fn an_address_that_is_none() {
    let seen = phases(&NakamaServer::new("localhost:7350", "defaultkey"), 1);
    assert!(
        seen[0].starts_with("`localhost:7350` is not the address of a server: "),
        "{seen:?}"
    );
}

#[test]
fn a_server_that_takes_the_connection_and_says_nothing() {
    let mut held = Vec::new();
    let server = server(move |stream| held.push(stream));
    let settings = NakamaSettings {
        connect_timeout: Duration::from_millis(300),
        ..NakamaSettings::default()
    };
    let mut game = Game::with(NakamaPlugin::new(settings));
    game.connect_to(&server);
    let phases = game.phases.clone();
    let mut frames = 0;
    let seen = game.until("the end", |_| {
        frames += 1;
        phases.take().pop()
    });
    assert_eq!(
        seen,
        format!(
            "{} cannot be reached: no connection within 0.3 s",
            server.url()
        )
    );
    assert!(frames > 10, "the game went on meanwhile: {frames} frames");
}

#[test]
fn a_server_that_is_something_else() {
    let server = server(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n");
        let _ = stream.read(&mut [0; 4096]);
    });
    let problem = "cannot be reached: malformed answer: it is not HTTP/1.1";
    assert_eq!(phases(&server, 1), [format!("{} {problem}", server.url())]);
}

#[test]
fn a_server_that_hangs_up_at_once() {
    let seen = phases(&server(drop), 1);
    assert!(seen[0].contains(" cannot be reached: "), "{seen:?}");
}

#[test]
fn a_server_that_refuses_the_token_and_the_refresh() {
    let refusing = server(|mut stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(
            b"HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 25\r\n\r\nMissing or invalid token\n",
        );
    });
    assert_eq!(
        phases(&refusing, 1),
        ["the session cannot be refreshed: Missing or invalid token (401)"]
    );
}

#[test]
fn a_server_that_does_not_prove_that_it_speaks_websocket() {
    let echo = server(|mut stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
        );
    });
    let problem = "cannot be reached: malformed answer: it does not accept the WebSocket key";
    assert_eq!(phases(&echo, 1), [format!("{} {problem}", echo.url())]);
}
