//! Recordings of real servers, as data.

use std::{fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bevy_nakama::{__testing::forge_token, prelude::NakamaSession, proto::PartyLayout};
use bytes::Bytes;
use serde_json::{Value, json};

/// The two generations of server, with the folder of their recordings.
pub(crate) const GENERATIONS: [&str; 2] = ["nakama-3.27", "nakama-3.40"];

/// One scenario: a file.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) generation: &'static str,
    pub(crate) name: String,
    /// The `clients` of the header: client name to `user_id`, `username`, `session_id`.
    pub(crate) clients: Value,
    pub(crate) lines: Vec<Line>,
}

/// Who a recorded client is.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) user_id: String,
    pub(crate) username: String,
    /// The id of its socket, if it got to see it.
    pub(crate) session_id: Option<String>,
}

impl Who {
    /// A session as this user, which no server has made.
    pub(crate) fn session(&self) -> NakamaSession {
        let claims = json!({ "uid": self.user_id, "usn": self.username, "exp": u32::MAX });
        NakamaSession::restore(&forge_token(&claims), None).expect("our own token")
    }
}

impl Scenario {
    /// The names of the clients.
    pub(crate) fn clients(&self) -> impl Iterator<Item = &str> {
        let clients = self.clients.as_object().expect("clients are an object");
        clients.keys().map(String::as_str)
    }

    /// The recording's word on a client. The recorder took the first session that it heard of for the client's own, which is
    /// wrong if an earlier client has it.
    pub(crate) fn who(&self, client: &str) -> Who {
        let text = |field: &str| self.clients[client][field].as_str().map(str::to_owned);
        let session = &self.clients[client]["session_id"];
        let mut owners = self
            .clients()
            .filter(|name| self.clients[*name]["session_id"] == *session);
        let is_own = owners.next() == Some(client);
        Who {
            user_id: text("user_id").expect("a user"),
            username: text("username").expect("a name"),
            session_id: text("session_id").filter(|_| is_own),
        }
    }

    /// What one client did and saw.
    pub(crate) fn lines_of<'a>(
        &'a self,
        client: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.client == client)
    }

    /// The errors that clients got, each with the kind of message that it answers.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (&str, &Line)> {
        let is_error =
            |line: &&Line| line.dir == Dir::Recv && line.kind.as_deref() == Some("error");
        self.lines.iter().filter(is_error).map(|error| {
            let mut before = self.lines_of(&error.client).filter(|line| {
                line.dir == Dir::Send
                    && line.seq < error.seq
                    && line.json["cid"] == error.json["cid"]
            });
            let asked = before.next_back().and_then(|line| line.kind.as_deref());
            (asked.unwrap_or_default(), error)
        })
    }

    /// How the recorded server writes parties.
    pub(crate) fn party_layout(&self) -> PartyLayout {
        party_layout(self.generation)
    }

    /// `generation/name`
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.generation, self.name)
    }
}

/// How a generation of server writes parties.
pub(crate) fn party_layout(generation: &str) -> PartyLayout {
    match generation {
        "nakama-3.27" => PartyLayout::Before3_28,
        _ => PartyLayout::Current,
    }
}

/// One line: a frame, a control frame, or a REST call in between.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) seq: u64,
    /// Milliseconds since the scenario began.
    pub(crate) t_ms: u64,
    pub(crate) client: String,
    pub(crate) dir: Dir,
    /// Field name of the envelope's message, `None` for a plain acknowledgement, or a pseudo-kind.
    pub(crate) kind: Option<String>,
    pub(crate) wire: Option<Bytes>,
    pub(crate) json: Value,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dir {
    Send,
    Recv,
    Rest,
}

impl Line {
    /// Whether this is an envelope that a client or server meant to send, and not a control frame or garbage.
    pub(crate) fn is_envelope(&self) -> bool {
        let is_pseudo = self
            .kind
            .as_ref()
            .is_some_and(|kind| kind.starts_with("ws_") || kind == "tcp_eof");
        self.dir != Dir::Rest && self.wire.is_some() && !is_pseudo
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// The recordings that hold HTTP only.
const HTTP: [&str; 3] = ["handshake", "rest", "storage"];

/// Every scenario with frames of one generation, sorted by name.
pub(crate) fn scenarios(generation: &'static str) -> Vec<Scenario> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder().join(generation))
        .expect("the recordings are in tests/transcripts")
        .map(|entry| entry.expect("readable folder").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .filter(|path| {
            !HTTP
                .iter()
                .any(|name| path.ends_with(format!("{name}.jsonl")))
        })
        .collect();
    files.sort();
    files.iter().map(|path| read(generation, path)).collect()
}

/// The scenario of this name.
pub(crate) fn scenario(generation: &'static str, name: &str) -> Scenario {
    let mut found = scenarios(generation).into_iter();
    let found = found.find(|scenario| scenario.name == name);
    found.unwrap_or_else(|| panic!("no recording of {name}"))
}

/// The scenarios recorded in the JSON format. The bytes of a frame are its text.
pub(crate) fn json_scenarios() -> Vec<Scenario> {
    scenarios("nakama-3.40/json")
}

/// The frames that each client of each scenario received, in order: one list per connection.
pub(crate) fn received() -> Vec<Vec<Bytes>> {
    let mut connections = Vec::new();
    for scenario in GENERATIONS.into_iter().flat_map(scenarios) {
        let mut clients: Vec<_> = scenario.lines.iter().map(|line| &line.client).collect();
        clients.sort();
        clients.dedup();
        for client in clients {
            let of_client = |line: &&Line| {
                line.dir == Dir::Recv && line.is_envelope() && line.client == *client
            };
            let frames = scenario.lines.iter().filter(of_client);
            let frames: Vec<_> = frames.filter_map(|line| line.wire.clone()).collect();
            if !frames.is_empty() {
                connections.push(frames);
            }
        }
    }
    connections
}

/// The HTTP exchanges of one generation, by the name of their recording. Each is `{name, request, response, …}`.
pub(crate) fn exchanges(generation: &str, name: &str) -> Vec<Value> {
    let path = folder().join(generation).join(format!("{name}.jsonl"));
    lines(&path).into_iter().skip(1).collect()
}

fn lines(path: &PathBuf) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("readable recording");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

fn read(generation: &'static str, path: &PathBuf) -> Scenario {
    let is_json = generation.ends_with("json");
    let mut lines = lines(path).into_iter();
    let header = lines.next().expect("a header line");
    Scenario {
        generation,
        name: path
            .file_stem()
            .expect("a file name")
            .to_string_lossy()
            .into_owned(),
        clients: header["clients"].clone(),
        lines: lines.map(|line| parse(&line, is_json)).collect(),
    }
}

fn parse(line: &Value, is_json: bool) -> Line {
    let is_control = line["kind"]
        .as_str()
        .is_some_and(|kind| kind.starts_with("ws_"));
    let text = |field: &str| line[field].as_str().map(str::to_owned);
    Line {
        seq: line["seq"].as_u64().expect("seq"),
        t_ms: line["t_ms"].as_u64().expect("t_ms"),
        client: text("client").unwrap_or_default(),
        dir: match line["dir"].as_str() {
            Some("send") => Dir::Send,
            Some("recv") => Dir::Recv,
            Some("rest") => Dir::Rest,
            other => panic!("unknown direction {other:?}"),
        },
        kind: text("kind"),
        wire: text("wire").map(|wire| {
            if is_json && !is_control {
                return wire.into();
            }
            BASE64_STANDARD.decode(wire).expect("wire is base64").into()
        }),
        json: line["json"].clone(),
    }
}
