//! Servers that do what a test tells them.

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    thread,
};

use bevy_nakama::{
    connection::NakamaServer,
    proto::{self, Envelope, Kind},
};
use prost::Message as _;
use tungstenite::{Message, WebSocket};

/// A server on a port of its own; `serve` gets each connection.
pub(crate) fn server(mut serve: impl FnMut(TcpStream) + Send + 'static) -> NakamaServer {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream);
        }
    });
    NakamaServer::new(format!("http://{address}"), "defaultkey")
}

/// A server that speaks WebSocket.
pub(crate) fn websocket_server(
    mut serve: impl FnMut(WebSocket<TcpStream>) + Send + 'static,
) -> NakamaServer {
    server(move |stream| serve(tungstenite::accept(stream).expect("a WebSocket")))
}

/// An envelope as a binary message.
pub(crate) fn binary(cid: &str, message: proto::Message) -> Message {
    let envelope = Envelope {
        cid: cid.to_owned(),
        message: Some(message),
    };
    Message::Binary(envelope.encode_to_vec().into())
}

/// Reads until an envelope of this kind comes. Heartbeats before it are not answered.
pub(crate) fn next_of(socket: &mut WebSocket<TcpStream>, kind: Kind) -> Envelope {
    loop {
        let frame = socket.read().expect("a frame").into_data();
        let envelope = proto::decode(frame).expect("an envelope");
        if envelope.message.as_ref().map(Kind::of) == Some(kind) {
            return envelope;
        }
    }
}

/// Writes the first bytes once, and the others again and again until nobody takes them any more.
pub(crate) fn flood(stream: &mut TcpStream, first: &[u8], then: &[u8]) {
    let block = then.repeat(64 * 1024 / then.len());
    let _ = stream.write_all(first);
    while stream.write_all(&block).is_ok() {}
}
