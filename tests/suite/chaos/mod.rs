//! The fault proxy: what passes through it, what its rules do to that, and what its log says.
//!
//! Most tests have a socket at each end of a line. What does not happen is asserted from the log, which counts what was delivered.

mod a_bad_line_under_a_game;
mod a_line_ends_as_its_ends_do;
mod a_line_is_delayed;
mod a_line_is_held;
mod a_line_without_rules;
mod a_rule_is_about_connections;
mod a_rule_is_about_frames;
mod a_rule_is_about_requests;
mod a_schedule_repeats_itself;
mod a_server_goes_and_comes_back;
mod a_socket_is_closed;
mod connections_are_reset_or_half_open;
mod damaged_traffic_passes;

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use bevy_nakama::{
    chaos::{ChaosEventKind, ChaosLog, ChaosProxy, Direction, Frames, Requests, Rule, RuleId},
    proto::{self, Envelope, Kind, PartyLayout, realtime},
};
use bytes::Bytes;
use tungstenite::{Message, WebSocket, client::IntoClientRequest as _};

use crate::common::raw_client::{PATIENCE, connect};

/// A server that does nothing, with a proxy in front of it.
struct Lines {
    listener: TcpListener,
    proxy: ChaosProxy,
}

/// Both ends of a connection through the proxy.
struct Line {
    client: TcpStream,
    server: TcpStream,
}

impl Lines {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let proxy = ChaosProxy::start(address.to_string()).expect("a proxy");
        Self { listener, proxy }
    }

    /// A line, and its proxy.
    fn one() -> (ChaosProxy, Line) {
        let lines = Self::new();
        let line = lines.open();
        (lines.proxy, line)
    }

    #[track_caller]
    fn open(&self) -> Line {
        let client = connect(self.proxy.address());
        let server = accept(&self.listener);
        Line { client, server }
    }

    /// Both ends of a socket through the proxy.
    #[track_caller]
    fn socket(&self) -> Sockets {
        let listener = self.listener.try_clone().expect("a listener");
        let server =
            thread::spawn(move || tungstenite::accept(accept(&listener)).expect("a handshake"));
        let address = self.proxy.address();
        let request = format!("ws://{address}/ws?token=x").into_client_request();
        let request = request.expect("a request");
        let (client, _) = tungstenite::client(request, connect(address)).expect("a handshake");
        let server = server.join().expect("no panic");
        Sockets { client, server }
    }
}

#[track_caller]
fn accept(listener: &TcpListener) -> TcpStream {
    let (server, _) = listener.accept().expect("the proxy connects");
    server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    server.set_nodelay(true).expect("no delay");
    server
}

/// Both ends of a socket.
struct Sockets {
    client: WebSocket<TcpStream>,
    server: WebSocket<TcpStream>,
}

impl Sockets {
    /// Which end speaks on this way, and which one listens.
    fn ends(
        &mut self,
        direction: Direction,
    ) -> (&mut WebSocket<TcpStream>, &mut WebSocket<TcpStream>) {
        match direction {
            Direction::ToServer => (&mut self.client, &mut self.server),
            Direction::ToClient => (&mut self.server, &mut self.client),
        }
    }
}

/// Match data with a text.
fn data(text: &str) -> Bytes {
    envelope(proto::Message::MatchData(realtime::MatchData {
        data: text.to_owned().into(),
        ..Default::default()
    }))
}

fn ping() -> Bytes {
    envelope(proto::Message::Ping(realtime::Ping {}))
}

fn envelope(message: proto::Message) -> Bytes {
    let envelope = Envelope {
        message: Some(message),
        ..Default::default()
    };
    proto::encode(&envelope, PartyLayout::Current)
}

/// Sends an envelope.
#[track_caller]
fn tell(end: &mut WebSocket<TcpStream>, envelope: Bytes) {
    end.send(Message::Binary(envelope)).expect("it is taken");
}

/// The text of the match data that comes next. A ping is the text "ping".
#[track_caller]
fn told(end: &mut WebSocket<TcpStream>) -> String {
    let frame = end.read().expect("a frame").into_data();
    match proto::decode(frame).expect("an envelope").message {
        Some(proto::Message::MatchData(data)) => String::from_utf8_lossy(&data.data).into_owned(),
        Some(proto::Message::Ping(_)) => "ping".to_owned(),
        other => panic!("{other:?}"),
    }
}

/// How the stream ends, after everything that it still brings.
#[track_caller]
fn end_of(mut stream: &TcpStream) -> Result<(), std::io::ErrorKind> {
    let end = stream.read_to_end(&mut Vec::new());
    end.map(|_| ()).map_err(|error| error.kind())
}

/// The rules that have acted: the number of the connection, and the rule in words.
fn acts(proxy: &ChaosProxy) -> Vec<(u64, String)> {
    let log = proxy.log();
    let acts = log.events().filter_map(|event| match &event.kind {
        ChaosEventKind::Acted { rule, .. } => Some((event.connection, rule.to_string())),
        _ => None,
    });
    acts.collect()
}

#[track_caller]
fn wait_for_acts(proxy: &ChaosProxy, rule: RuleId, count: usize) {
    wait(proxy, "a rule", |log| log.acts(rule) == count);
}

/// Says something at one end.
#[track_caller]
fn say(mut end: &TcpStream, text: &str) {
    end.write_all(text.as_bytes()).expect("it is taken");
}

/// Hears as much as this at one end.
#[track_caller]
fn hear(mut end: &TcpStream, length: usize) -> String {
    let mut heard = vec![0; length];
    end.read_exact(&mut heard).expect("it arrives");
    String::from_utf8(heard).expect("text")
}

/// Waits for what the log must say.
#[track_caller]
fn wait(proxy: &ChaosProxy, what: &str, has_happened: impl FnMut(&ChaosLog) -> bool) {
    let has_happened = proxy.wait_until(PATIENCE, has_happened);
    assert!(has_happened, "{what} did not happen:\n{}", proxy.log());
}

/// Until the proxy has read so many bytes.
#[track_caller]
fn wait_for_bytes(proxy: &ChaosProxy, direction: Direction, bytes: u64) {
    wait(proxy, "reading", |log| {
        log.flow(direction).received == bytes
    });
}

/// What the log has about connections, without their numbers.
fn kinds(proxy: &ChaosProxy) -> Vec<ChaosEventKind> {
    let log = proxy.log();
    let kinds = log.events().map(|event| event.kind.clone());
    kinds
        .filter(|kind| !matches!(kind, ChaosEventKind::Acted { .. }))
        .collect()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
