//! A server starts on a free address, stops at once, and shows no secret.

use std::{
    io::Read as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use super::*;
use crate::common::raw_client::{Socket, connect, log_in};

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
