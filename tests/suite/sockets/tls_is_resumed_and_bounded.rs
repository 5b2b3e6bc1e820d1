//! TLS: a second connection goes on with the session of the first, and a handshake without end is cut off.

use std::{io::Write as _, sync::mpsc};

use super::servers::{call_over_tls, read_body, read_head, respond, tls_server};
use crate::common::game::Game;
use bevy_nakama::connection::Network;
use serde_json::json;

#[test]
fn the_second_connection_goes_on_with_the_tls_session_of_the_first() {
    let (told, kinds) = mpsc::channel();
    let server = tls_server(
        |_| {},
        move |mut stream| {
            let head = read_head(&mut stream);
            let body = read_body(&head, &mut stream);
            let _ = told.send(stream.conn.handshake_kind());
            let reply = json!({ "payload": body.len().to_string() });
            respond(&mut stream, 200, &reply.to_string());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        },
    );
    let network = Network::new().expect("a thread");
    // Each game is a link of its own.
    for kind in [
        rustls::HandshakeKind::Full,
        rustls::HandshakeKind::Resumed,
        rustls::HandshakeKind::Resumed,
    ] {
        let reply = call_over_tls(&mut Game::on(&network), &server);
        assert_eq!(reply.as_deref(), Ok("100002"));
        assert_eq!(kinds.recv().expect("a handshake"), Some(kind));
    }
}

#[test]
fn tls_that_never_comes_to_the_point_is_the_end() {
    let server = tls_server(
        |config| {
            config.send_tls13_tickets = 10_000;
            config.ticketer = rustls::crypto::ring::Ticketer::new().expect("a ticketer");
        },
        |mut stream| {
            let head = read_head(&mut stream);
            let _ = read_body(&head, &mut stream);
            respond(&mut stream, 200, r#"{"payload":"much ado"}"#);
            let _ = stream.flush();
        },
    );
    let reply = call_over_tls(&mut Game::new(), &server);
    let error = reply.expect_err("it is cut short");
    assert!(error.contains("TLS failed: "), "{error}");
}
