//! A client without any of this crate's: raw HTTP, and WebSocket messages one by one. Every wait is bounded.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bevy_nakama::proto::{self, Envelope, PartyLayout};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket, client::IntoClientRequest as _, error::ProtocolError};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A response, as text.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        let header = self.headers.iter().find(|(header, _)| *header == name);
        header.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        match serde_json::from_str(&self.body) {
            Ok(json) => json,
            Err(error) => panic!("{error}: {self:?}"),
        }
    }
}

/// Connects, with bounded waits.
#[track_caller]
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Sends a request head and body, and reads the response's head and as much of its body as it announces.
#[track_caller]
pub(crate) fn exchange(stream: &mut TcpStream, head: &str, body: &str) -> Response {
    write!(stream, "{head}\r\n{body}").expect("a request");
    let mut received = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut parsed = httparse::Response::new(&mut headers);
        if let httparse::Status::Complete(length) = parsed.parse(&received).expect("HTTP") {
            let mut response = Response {
                status: parsed.code.expect("a status"),
                reason: parsed.reason.unwrap_or_default().to_owned(),
                headers: parsed
                    .headers
                    .iter()
                    .map(|header| {
                        let value = String::from_utf8_lossy(header.value).into_owned();
                        (header.name.to_ascii_lowercase(), value)
                    })
                    .collect(),
                body: String::new(),
            };
            let announced = response
                .header("content-length")
                .map_or(0, |length| length.parse::<usize>().expect("a length"));
            let mut body = vec![0; announced];
            stream.read_exact(&mut body).expect("a body");
            assert_eq!(length, received.len(), "heads are read byte by byte");
            response.body = String::from_utf8(body).expect("UTF-8");
            return response;
        }
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a response");
        received.push(byte[0]);
    }
}

/// Makes one REST call.
#[track_caller]
pub(crate) fn call(
    address: SocketAddr,
    method: &str,
    target: &str,
    authorization: &str,
    body: &Value,
) -> Response {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\nContent-Length: {}\r\n",
        body.len()
    );
    exchange(&mut connect(address), &head, &body)
}

/// Logs a device in, and returns the session token and the refresh token.
#[track_caller]
pub(crate) fn log_in(address: SocketAddr, username: &str) -> (String, String) {
    let key = format!("Basic {}", BASE64_STANDARD.encode("defaultkey:"));
    let target = format!("/v2/account/authenticate/device?username={username}");
    let id = format!("device-of-{username}");
    let response = call(address, "POST", &target, &key, &json!({ "id": id }));
    let body = response.json();
    let token = |name: &str| body[name].as_str().expect("a token").to_owned();
    (token("token"), token("refresh_token"))
}

/// A socket.
pub(crate) struct Socket {
    pub(crate) raw: WebSocket<TcpStream>,
    is_json: bool,
}

impl Socket {
    /// Opens a protobuf socket.
    #[track_caller]
    pub(crate) fn open(address: SocketAddr, token: &str) -> Self {
        Self::open_with(address, token, "format=protobuf")
    }

    #[track_caller]
    pub(crate) fn open_with(address: SocketAddr, token: &str, query: &str) -> Self {
        let request = format!("ws://{address}/ws?{query}&token={token}");
        let request = request.into_client_request().expect("a request");
        let (raw, _) = tungstenite::client(request, connect(address)).expect("a handshake");
        Self {
            raw,
            is_json: !query.contains("format=protobuf"),
        }
    }

    /// Sends an envelope, written as proto JSON.
    #[track_caller]
    pub(crate) fn send(&mut self, envelope: Value) {
        let message = self.message(envelope);
        self.raw.send(message).expect("a message can be sent");
    }

    /// Sends envelopes in one write.
    #[track_caller]
    pub(crate) fn send_at_once(&mut self, envelopes: impl IntoIterator<Item = Value>) {
        for envelope in envelopes {
            let message = self.message(envelope);
            self.raw.write(message).expect("a message can be written");
        }
        self.raw.flush().expect("messages can be sent");
    }

    #[track_caller]
    fn message(&self, envelope: Value) -> Message {
        if self.is_json {
            return Message::text(envelope.to_string());
        }
        let envelope: Envelope = serde_json::from_value(envelope).expect("an envelope");
        Message::Binary(proto::encode(&envelope, PartyLayout::Current))
    }

    /// The next envelope, as proto JSON.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Value {
        read(self.raw.read().expect("a message"))
    }

    /// The next envelope that holds this message. Others are passed over.
    #[track_caller]
    pub(crate) fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let mut envelope = self.next();
            if envelope.get(kind).is_some() {
                return envelope[kind].take();
            }
        }
    }

    /// Reads until the connection ends, and returns the close frame, if there was one.
    #[track_caller]
    pub(crate) fn close_frame(&mut self) -> Option<(u16, String)> {
        let mut close_frame = None;
        loop {
            match self.raw.read() {
                Ok(Message::Close(frame)) => {
                    close_frame = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                }
                Ok(_) => {}
                Err(
                    tungstenite::Error::ConnectionClosed
                    | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
                ) => return close_frame,
                Err(tungstenite::Error::Io(error))
                    if error.kind() == std::io::ErrorKind::ConnectionReset =>
                {
                    return close_frame;
                }
                Err(error) => panic!("expected the end, got {error}"),
            }
        }
    }
}

/// An envelope, as proto JSON.
#[track_caller]
pub(crate) fn read(message: Message) -> Value {
    match message {
        Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
        Message::Binary(frame) => {
            let envelope = proto::decode(frame).expect("an envelope");
            serde_json::to_value(envelope).expect("proto JSON")
        }
        other => panic!("expected an envelope, got {other:?}"),
    }
}
