//! Servers that speak as much HTTP and TLS as a test needs.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use crate::common::game::Game;
use bevy_nakama::prelude::*;
use tungstenite::handshake::derive_accept_key;

/// A server that gives each connection, on a thread of its own, to `answer`, with the head of the request. Nothing behind the
/// head has been read by then.
pub(super) fn http_server(
    answer: impl Fn(&str, TcpStream) + Send + Sync + 'static,
) -> NakamaServer {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_nodelay(true).expect("a connection");
            let head = read_head(&mut stream);
            let answer = answer.clone();
            thread::spawn(move || answer(&head, stream));
        }
    });
    NakamaServer::new(format!("http://{address}"), "defaultkey")
}

pub(super) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let (_, value) = lines.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value)
}

/// Reads the body that belongs to a head.
pub(super) fn read_body(head: &str, stream: &mut impl Read) -> String {
    let length = header(head, "Content-Length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).expect("a whole body");
    String::from_utf8(body).expect("a text")
}

/// In one piece, so that all of it has left before the connection is closed.
pub(super) fn respond(stream: &mut impl Write, status: u16, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {length}\r\n\r\n");
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

/// Opens the WebSocket that was asked for, and says nothing over it.
pub(super) fn open_websocket(head: &str, mut stream: TcpStream) {
    let key = header(head, "Sec-WebSocket-Key").expect("a key");
    let accept = derive_accept_key(key.as_bytes());
    let _ = write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

/// A server behind TLS: what it is, and the certificate to trust.
pub(crate) fn tls_server(
    adjust: impl FnOnce(&mut rustls::ServerConfig),
    answer: impl Fn(rustls::StreamOwned<rustls::ServerConnection, TcpStream>) + Send + 'static,
) -> NakamaServer {
    let certified =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let root = certified.cert.der().to_vec();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = rustls::crypto::ring::default_provider();
    let mut config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .expect("a key");
    adjust(&mut config);
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_nodelay(true).expect("a connection");
            let connection = rustls::ServerConnection::new(config.clone()).expect("a connection");
            answer(rustls::StreamOwned::new(connection, stream));
        }
    });
    NakamaServer::new(format!("https://localhost:{port}"), "key").with_root_certificate(root)
}

pub(super) fn call_over_tls(game: &mut Game, server: &NakamaServer) -> Result<String, String> {
    let reply = game.ask::<RpcWithKey>(|nakama| {
        let rpc = Rpc::new("a").payload("x".repeat(100_000));
        nakama.rpc_with_key(server, "key", rpc).id()
    });
    let reply = reply.map_err(|error| error.to_string())?;
    Ok(reply.payload)
}
