//! The recordings of real servers, played against the core on a virtual clock: every recorded frame of a client goes in, and what
//! comes out is compared with what the real server answered, client by client and in order.

mod hostile;
mod lab;
mod rest;
mod unify;

#[path = "../../../../tests/common/transcripts.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use other parts")]
mod transcripts;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::RangeInclusive,
    time::Duration,
};

use bytes::Bytes;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    transcripts::{Dir, GENERATIONS, Line, Scenario},
    unify::Bijection,
};
use super::{
    Core, Incoming, Transmit,
    accounts::{Credential, Profile, User},
    codec::Format,
    ids::{SessionId, UserId},
    tokens::{Claims, Token},
};
use crate::{
    local_server::LocalServerConfig,
    proto::{self, PartyLayout},
};

/// When the virtual clock starts: to the nanosecond, so that a test sees which times are cut off.
const EPOCH: Duration = Duration::new(1_800_000_000, 123_456_789);

/// Scenarios that are not played, and why.
const NOT_PLAYED: &[(&str, &str)] = &[
    ("error_before_hook", "no runtime: hooks"),
    (
        "matchmaker_multiple",
        "which two of three equals are matched is chance",
    ),
];

/// Lines that are left out of scenarios that are played, and why.
const LEFT_OUT: &[(&str, RangeInclusive<u64>, &str)] = &[
    ("nakama-3.27/notifications", 23..=30, "no friends"),
    (
        "nakama-3.27/notifications",
        37..=38,
        "some are from before the recording",
    ),
    ("nakama-3.40/notifications", 23..=31, "no friends"),
    (
        "nakama-3.40/notifications",
        38..=39,
        "some are from before the recording",
    ),
];

#[test]
fn recordings_of_protobuf_sockets() {
    let mut frames = 0;
    for generation in GENERATIONS {
        frames += play_all(transcripts::scenarios(generation), Format::Protobuf);
    }
    println!("{frames} frames");
    assert!(frames >= 1_993, "only {frames} frames were compared");
}

#[test]
fn recordings_of_json_sockets() {
    let frames = play_all(transcripts::json_scenarios(), Format::Json);
    println!("{frames} frames");
    assert!(frames >= 269, "only {frames} frames were compared");
}

/// Plays what can be played, and counts the frames compared.
fn play_all(scenarios: Vec<Scenario>, format: Format) -> usize {
    let mut all = 0;
    for scenario in scenarios {
        let name = format!("{}/{}", scenario.generation, scenario.name);
        if let Some((_, why)) = NOT_PLAYED.iter().find(|(name, _)| *name == scenario.name) {
            println!("{name:50} not played: {why}");
            continue;
        }
        let frames = Replay::new(&scenario, format).play(&scenario);
        println!("{name:50} {frames:4} frames");
        all += frames;
    }
    all
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
struct Replay {
    core: Core,
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
    user: UserId,
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
    fn new(scenario: &Scenario, format: Format) -> Self {
        let is_single = scenario.name == "single_socket";
        let config = LocalServerConfig {
            node: "nakama".to_owned(),
            runtime: lab::module(),
            session_token_life: Duration::from_secs(60),
            refresh_token_life: Duration::from_secs(3600),
            party_layout: layout_of(scenario.generation),
            single_socket: is_single,
            single_match: is_single,
            single_party: is_single,
            ..LocalServerConfig::default()
        };
        let mut replay = Self {
            core: Core::new(config, StdRng::seed_from_u64(7), EPOCH),
            format,
            ids: Bijection::default(),
            clients: HashMap::new(),
            response: None,
            at: String::new(),
            compared: 0,
        };
        // The intervals of the recorded server had begun before.
        let is_matched = |line: &&Line| line.kind.as_deref() == Some("matchmaker_matched");
        if let Some(matched) = scenario.lines.iter().find(is_matched) {
            let interval = replay.core.config.matchmaker_interval.as_nanos();
            let phase = Duration::from_millis(matched.t_ms - 1).as_nanos() % interval;
            replay.core.matchmaker.anchor =
                Duration::from_nanos(u64::try_from(phase).expect("below an interval"));
        }
        let clients = scenario.clients.as_object().expect("clients are an object");
        for (name, client) in clients {
            replay.add_client(name, client);
        }
        replay
    }

    /// Users have the recorded ids: the id of a channel for two depends on which is the smaller.
    fn add_client(&mut self, name: &str, client: &Value) {
        let text = |field: &str| client[field].as_str().expect("a text").to_owned();
        let user = UserId(Uuid::parse_str(&text("user_id")).expect("a UUID"));
        let username = text("username");
        let now = self.core.clock.timestamp_seconds();
        let _known_by_another_socket = self.core.accounts.insert(User {
            id: user,
            username: username.clone(),
            credential: Credential::Device(username.clone()),
            password: None,
            profile: Profile::default(),
            created: now,
            updated: now,
        });
        let client = Client {
            user,
            username,
            session: None,
            tokens: None,
            closing: None,
            fragment: Vec::new(),
            seen: VecDeque::new(),
        };
        self.clients.insert(name.to_owned(), client);
    }

    fn play(mut self, scenario: &Scenario) -> usize {
        let path = format!("{}/{}", scenario.generation, scenario.name);
        for line in &scenario.lines {
            let left_out = LEFT_OUT.iter().find(|(name, lines, _)| {
                [&*scenario.name, &*path].contains(name) && lines.contains(&line.seq)
            });
            if let Some((_, _, why)) = left_out {
                println!("{path} seq {} left out: {why}", line.seq);
                continue;
            }
            self.at = format!("{}/{} seq {}", scenario.generation, scenario.name, line.seq);
            self.core.advance(Duration::from_millis(line.t_ms));
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
        let _woken = self.core.take_woken();
        for client in self.clients.values_mut() {
            let Some(session) = client.session else {
                continue;
            };
            while let Some(transmit) = self.core.transmit(session) {
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
            Some("ws_open") => return self.open(line),
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
            let now = self.core.clock.now();
            self.core.receive(now, session, incoming);
        }
    }

    fn open(&mut self, line: &Line) {
        let (token, _) = self.tokens(&line.client);
        let target = line.json["target"].as_str().expect("a target");
        let request = http::Request::get(target)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Authorization", format!("Bearer {token}"))
            .body(())
            .expect("a request");
        let now = self.core.clock.now();
        let (session, _) = self.core.open(now, &request).socket.expect("a socket");
        let client = self.clients.get_mut(&line.client).expect("a known client");
        client.session = Some(session);
    }

    /// The tokens of a client, from the first time on that they are needed.
    fn tokens(&mut self, client: &str) -> (String, String) {
        let client = self.clients.get_mut(client).expect("a known client");
        let core = &mut self.core;
        let tokens = client.tokens.get_or_insert_with(|| {
            let login = core.ids.random().to_string();
            let name = client.username.clone();
            let claims = Claims::new(login, client.user, name, BTreeMap::new(), &core.clock);
            let issue = |token| core.tokens.issue(token, &claims, &core.clock);
            (issue(Token::Session), issue(Token::Refresh))
        });
        tokens.clone()
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
        let request = http::Request::builder()
            .method(method)
            .uri(target)
            .header("Authorization", format!("Bearer {token}"))
            .body(body.into())
            .expect("a request");
        let response = self.core.request(self.core.clock.now(), &request);
        let body = serde_json::from_slice(response.body()).unwrap_or(json!(null));
        self.response = Some((response.status().as_u16(), body));
    }
}

fn layout_of(generation: &str) -> PartyLayout {
    match generation {
        "nakama-3.27" => PartyLayout::Before3_28,
        _ => PartyLayout::Current,
    }
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

/// Whether a real server has no fixed order for these two: events come from other tasks than answers.
fn may_race(one: &Value, other: &Value) -> bool {
    match (class(one), class(other)) {
        (Class::Event(_), Class::Answer | Class::Notification)
        | (Class::Answer | Class::Notification, Class::Event(_)) => true,
        (Class::Event(one), Class::Event(other)) => one != other,
        (Class::Handler, Class::Event(_) | Class::Answer)
        | (Class::Event(_) | Class::Answer, Class::Handler) => true,
        _ => false,
    }
}

enum Class {
    /// Told by a task for events; those of one area come in order.
    Event(String),
    Notification,
    /// Told by a match, which is a task of its own.
    Handler,
    Answer,
    Fixed,
}

fn class(envelope: &Value) -> Class {
    let fields = envelope.as_object();
    let kind = fields.and_then(|fields| fields.keys().find(|name| *name != "cid"));
    match kind.map_or("", String::as_str) {
        "party" if envelope.get("cid").is_none() => Class::Event("party".to_owned()),
        "party_presence_event" => Class::Event("party".to_owned()),
        event if event.ends_with("_presence_event") => Class::Event(event.to_owned()),
        "notifications" => Class::Notification,
        "match_data" if !is_relayed(&envelope["match_data"]) => Class::Handler,
        "channel" | "error" | "match" | "party" | "pong" | "rpc" | "status" | "" => Class::Answer,
        _ => Class::Fixed,
    }
}

fn is_relayed(data: &Value) -> bool {
    data["match_id"]
        .as_str()
        .is_some_and(|id| id.ends_with('.'))
}

fn query(query: &Value) -> String {
    let mut encoded = form_urlencoded::Serializer::new(String::from("?"));
    for (name, value) in query.as_object().into_iter().flatten() {
        match value {
            Value::Array(values) => values.iter().for_each(|value| {
                encoded.append_pair(name, value.as_str().unwrap_or_default());
            }),
            value => {
                encoded.append_pair(name, value.as_str().unwrap_or_default());
            }
        }
    }
    encoded.finish()
}
