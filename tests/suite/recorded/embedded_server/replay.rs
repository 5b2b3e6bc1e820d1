//! A recording, played to the embedded server.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::{
    EPOCH, LEFT_OUT, config, query,
    races::{Class, class, may_race},
    unify::Bijection,
};
use crate::common::{
    by_hand::ByHand,
    transcripts::{Dir, Line, Scenario, Who},
};
use bevy_nakama::{
    __testing::{Incoming, SessionId, Transmit},
    local_server::LocalServerConfig,
    proto,
};
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

/// How a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Format {
    Json,
    Protobuf,
}

/// Something that a client gets to see.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    /// An envelope, as JSON and as it is on the wire.
    Envelope(Value, Bytes),
    Ping,
    Close(Option<u16>, String),
    Eof,
}

/// A scenario being played.
pub(super) struct Replay {
    pub(super) world: ByHand,
    /// When the recording begins.
    begin: Duration,
    format: Format,
    ids: Bijection,
    clients: HashMap<String, Client>,
    /// The response to the REST call that was made last.
    response: Option<(u16, Value)>,
    /// Where we are, for messages.
    at: String,
    /// How many frames and responses were as recorded.
    compared: usize,
}

struct Client {
    username: String,
    session: Option<SessionId>,
    tokens: Option<(String, String)>,
    /// Who began to close the socket.
    closing: Option<Closing>,
    /// A message of which more is to come.
    fragment: Vec<u8>,
    seen: VecDeque<Seen>,
}

#[derive(PartialEq)]
enum Closing {
    Client,
    Server,
}

impl Replay {
    pub(super) fn new(scenario: &Scenario, format: Format) -> Self {
        let is_single = scenario.name == "single_socket";
        let config = LocalServerConfig {
            single_socket: is_single,
            single_match: is_single,
            single_party: is_single,
            ..config(scenario.generation)
        };
        let mut replay = Self {
            begin: begin(scenario, config.matchmaker_interval),
            world: ByHand::new(config, 7, EPOCH),
            format,
            ids: Bijection::default(),
            clients: HashMap::new(),
            response: None,
            at: String::new(),
            compared: 0,
        };
        for name in scenario.clients() {
            replay.add_client(name, &scenario.who(name));
        }
        replay
    }

    /// Users have the recorded ids: the id of a channel for two depends on which is the smaller.
    fn add_client(&mut self, name: &str, who: &Who) {
        let id = Uuid::parse_str(&who.user_id).expect("a UUID");
        self.world.server.add_user(id, &who.username);
        let client = Client {
            username: who.username.clone(),
            session: None,
            tokens: None,
            closing: None,
            fragment: Vec::new(),
            seen: VecDeque::new(),
        };
        self.clients.insert(name.to_owned(), client);
    }

    /// Plays all of it, and counts what was compared.
    pub(super) fn play(mut self, scenario: &Scenario) -> usize {
        let path = scenario.path();
        for line in &scenario.lines {
            let left_out = LEFT_OUT.iter().find(|(name, lines, _)| {
                [&*scenario.name, &*path].contains(name) && lines.contains(&line.seq)
            });
            if let Some((_, _, why)) = left_out {
                println!("{path} seq {} left out: {why}", line.seq);
                continue;
            }
            self.at = format!("{path} seq {}", line.seq);
            self.world
                .advance(self.begin + Duration::from_millis(line.t_ms));
            self.collect();
            match line.dir {
                Dir::Send => self.send(line),
                Dir::Recv => self.recv(line),
                Dir::Rest => self.rest(line),
            }
            self.collect();
        }
        for (name, client) in &self.clients {
            let rest: Vec<_> = client
                .seen
                .iter()
                .filter(|seen| **seen != Seen::Eof)
                .collect();
            assert!(
                rest.is_empty(),
                "{}: {name} sees more than recorded: {rest:#?}",
                self.at
            );
        }
        self.compared
    }

    /// Takes what the core wants to write.
    fn collect(&mut self) {
        for client in self.clients.values_mut() {
            let Some(session) = client.session else {
                continue;
            };
            while let Some(transmit) = self.world.server.transmit(session) {
                client.seen.push_back(match transmit {
                    Transmit::Message(frame) => Seen::Envelope(read(self.format, &frame), frame),
                    Transmit::Ping => Seen::Ping,
                    Transmit::Close(None) => Seen::Close(None, String::new()),
                    Transmit::Close(Some((code, reason))) => {
                        Seen::Close(Some(code), reason.to_owned())
                    }
                    Transmit::Drop => {
                        client.session = None;
                        client.seen.push_back(Seen::Eof);
                        break;
                    }
                });
            }
        }
    }

    fn send(&mut self, line: &Line) {
        let wire = self.ids.translate(line.wire.as_deref().unwrap_or_default());
        let client = self.clients.get_mut(&line.client).expect("a known client");
        let incoming = match line.kind.as_deref() {
            Some("ws_open") => {
                self.open(line);
                return;
            }
            Some("ws_ping") => return, // answered by the WebSocket library
            Some("ws_close") => {
                client.closing.get_or_insert(Closing::Client);
                Incoming::Closed
            }
            Some("ws_pong") => Incoming::Pong,
            Some("ws_binary_fragment_fin_0") => {
                client.fragment = wire;
                return;
            }
            Some("ws_continuation_fin_1") => {
                let whole = [std::mem::take(&mut client.fragment), wire].concat();
                message(Format::Protobuf, whole)
            }
            Some("ws_text") => message(Format::Json, wire),
            Some("ws_binary_garbage") => message(Format::Protobuf, wire),
            _ => message(self.format, wire),
        };
        self.receive(&line.client, incoming);
    }

    fn receive(&mut self, client: &str, incoming: Incoming) {
        if let Some(session) = self.clients[client].session {
            self.world.receive(session, incoming);
        }
    }

    /// Opens a socket as a line says.
    pub(super) fn open(&mut self, line: &Line) -> SessionId {
        let (token, _) = self.tokens(&line.client);
        let target = line.json["target"].as_str().expect("a target");
        let session = self.world.open(target, &token);
        let client = self.clients.get_mut(&line.client).expect("a known client");
        client.session = Some(session);
        session
    }

    /// The tokens of a client, from the first time on that they are needed.
    pub(super) fn tokens(&mut self, client: &str) -> (String, String) {
        let client = self.clients.get_mut(client).expect("a known client");
        let log_in = || self.world.log_in(&client.username);
        client.tokens.get_or_insert_with(log_in).clone()
    }

    fn recv(&mut self, line: &Line) {
        let client = self.clients.get_mut(&line.client).expect("a known client");
        match line.kind.as_deref() {
            Some("ws_open" | "ws_pong") => {}
            Some("ws_ping") => self.expect(line, |seen| *seen == Seen::Ping),
            Some("ws_close") if client.closing == Some(Closing::Client) => {} // an echo
            Some("ws_close") => {
                client.closing = Some(Closing::Server);
                while client.seen.front().is_some_and(may_be_lost) {
                    client.seen.pop_front();
                }
                self.expect(line, |seen| is_close(seen, &line.json));
            }
            Some("tcp_eof") => {
                if client.closing.is_none() {
                    self.receive(&line.client, Incoming::Closed); // the client has cut the connection
                    self.collect();
                }
                self.expect(line, |seen| *seen == Seen::Eof);
            }
            _ => self.recv_envelope(line),
        }
    }

    fn expect(&mut self, line: &Line, is_expected: impl FnOnce(&Seen) -> bool) {
        let client = self.clients.get_mut(&line.client).expect("a known client");
        let seen = client.seen.pop_front();
        self.compared += 1;
        assert!(
            seen.as_ref().is_some_and(is_expected),
            "{}: expected {:?} {}, seen {seen:?}",
            self.at,
            line.kind,
            line.json,
        );
    }

    /// Finds the envelope recorded among those seen. It may have overtaken some, where a real server has no fixed order.
    fn recv_envelope(&mut self, line: &Line) {
        let in_order = line.json.get("party").is_some();
        let client = self.clients.get_mut(&line.client).expect("a known client");
        let mut attempt = Bijection::default();
        let found = client.seen.iter().position(|seen| {
            attempt = self.ids.clone();
            matches!(seen, Seen::Envelope(ours, _) if attempt.unify(&line.json, ours, in_order))
        });
        let overtaken = client.seen.iter().take(found.unwrap_or(0));
        let may_overtake = overtaken
            .clone()
            .all(|seen| matches!(seen, Seen::Envelope(ours, _) if may_race(&line.json, ours)));
        assert!(
            found.is_some() && may_overtake,
            "{}: {} should get\n{}\nbut gets\n{:#?}",
            self.at,
            line.client,
            line.json,
            client.seen,
        );
        self.ids = attempt;
        self.compared += 1;
        if let Some(Seen::Envelope(_, frame)) = found.and_then(|at| client.seen.remove(at)) {
            self.compare_bytes(line, &frame);
        }
    }

    /// A protobuf frame is the same to the byte, if it holds no time and no list without an order.
    fn compare_bytes(&self, line: &Line, frame: &Bytes) {
        let text = line.json.to_string();
        if line.json.get("matchmaker_matched").is_some() {
            return; // the server writes its fields in another order
        }
        let has_list = text.matches("session_id").count() > 2 && line.json.get("party").is_none();
        if self.format == Format::Protobuf && !text.contains("_time\"") && !has_list {
            let recorded = self.ids.translate(line.wire.as_deref().unwrap_or_default());
            assert_eq!(recorded, frame[..], "{}: bytes differ", self.at);
        }
    }

    /// A REST call in between: one line for the request, one for the response.
    fn rest(&mut self, line: &Line) {
        if let Some(status) = line.json["status"].as_u64() {
            self.compared += 1;
            let (our_status, our_body) = self.response.take().expect("a call before its response");
            assert_eq!(u64::from(our_status), status, "{}: {our_body}", self.at);
            assert!(
                self.ids.unify(&line.json["body"], &our_body, true),
                "{}: expected {}, got {our_body}",
                self.at,
                line.json["body"],
            );
            return;
        }
        let (token, refresh_token) = self.tokens(&line.client);
        let (method, path) = line
            .kind
            .as_deref()
            .and_then(|kind| kind.split_once(' '))
            .expect("a call");
        let translated =
            |text: &str| String::from_utf8(self.ids.translate(text.as_bytes())).expect("UTF-8");
        let mut body = line.json["body"].clone();
        for (name, token) in [("token", token.clone()), ("refresh_token", refresh_token)] {
            if body[name] == "<jwt>" {
                body[name] = token.into();
            }
        }
        let body = if body.is_null() {
            String::new()
        } else {
            translated(&body.to_string())
        };
        let target = translated(&format!("{path}{}", query(&line.json["query"])));
        let authorization = format!("Bearer {token}");
        let response = self.world.request((method, &target), &authorization, body);
        let body = serde_json::from_slice(response.body()).unwrap_or(json!(null));
        self.response = Some((response.status().as_u16(), body));
    }
}

/// When the recording begins, so that its matches are made at the end of an interval: those of the recorded server had begun
/// before.
fn begin(scenario: &Scenario, interval: Duration) -> Duration {
    let mut lines = scenario.lines.iter();
    let matched = lines.find(|line| line.kind.as_deref() == Some("matchmaker_matched"));
    matched.map_or(Duration::ZERO, |matched| {
        let at = Duration::from_millis(matched.t_ms - 1).as_nanos();
        let phase = u64::try_from(at % interval.as_nanos()).expect("below an interval");
        interval - Duration::from_nanos(phase)
    })
}

fn message(format: Format, wire: Vec<u8>) -> Incoming {
    match format {
        _ if wire.len() > LocalServerConfig::default().max_message_size => Incoming::TooLong,
        Format::Json => Incoming::Text(wire.into()),
        Format::Protobuf => Incoming::Binary(wire.into()),
    }
}

fn read(format: Format, frame: &Bytes) -> Value {
    match format {
        Format::Json => serde_json::from_slice(frame).expect("JSON"),
        Format::Protobuf => {
            let envelope = proto::decode(frame.clone()).expect("an envelope");
            serde_json::to_value(envelope).expect("proto JSON")
        }
    }
}

/// Whether this is the close frame recorded. (The one after silence has addresses in it.)
fn is_close(seen: &Seen, recorded: &Value) -> bool {
    let Seen::Close(code, reason) = seen else {
        return false;
    };
    let recorded_reason = recorded["reason"].as_str().unwrap_or_default();
    let is_same_reason = recorded_reason == reason
        || (reason == "i/o timeout" && recorded_reason.ends_with(": i/o timeout"));
    code.map(u64::from) == recorded["code"].as_u64() && is_same_reason
}

/// Whether a close frame of a real server may overtake this.
fn may_be_lost(seen: &Seen) -> bool {
    match seen {
        Seen::Envelope(envelope, _) => {
            let is_error = envelope.get("error").is_some();
            is_error || matches!(class(envelope), Class::Event(_))
        }
        _ => false,
    }
}
