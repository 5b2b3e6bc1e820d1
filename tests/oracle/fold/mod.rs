//! What a client's world has to look like, worked out from a recording alone.
//!
//! Written from the recordings' README and from `design.md`: the standard library and `serde_json`, nothing of the crate.

mod places;
mod rules;

use std::{collections::BTreeMap, mem};

use serde_json::Value;

use self::places::{Area, Place, text};

/// An answer that comes later is none, in milliseconds.
const REQUEST_TIMEOUT: u64 = 10_000;
/// An open party lets one in sooner, in milliseconds.
const OPEN_PARTY: u64 = 1_000;
/// What the server reads, in bytes.
const MAX_ENVELOPE: usize = 4096;

/// What one client knows at one moment.
#[derive(Default)]
pub(crate) struct Fold {
    /// The server has no `party_update`.
    is_old: bool,
    user: String,
    now: u64,
    /// Counts events, so that "since" can be said.
    events: u64,
    places: BTreeMap<(Area, String), Place>,
    requests: Vec<Request>,
    /// Parties that took a request to join, and when.
    asked: Vec<(String, u64)>,
    early: Vec<(String, Value)>,
    outcomes: BTreeMap<String, usize>,
    /// Match and party data for the game, in order.
    pub(crate) data: Vec<String>,
}

struct Request {
    cid: String,
    kind: String,
    body: Value,
    /// Whose join or leave it brings about; that comes after the answer.
    moves: Option<String>,
    at: u64,
    events: u64,
}

impl Fold {
    pub(crate) fn new(is_old: bool, user: String) -> Self {
        Self {
            is_old,
            user,
            ..Self::default()
        }
    }

    /// Time goes on.
    pub(crate) fn pass(&mut self, now: u64) {
        self.now = now;
        let is_late = |request: &mut Request| request.at + REQUEST_TIMEOUT <= now;
        for request in self.requests.extract_if(.., is_late).collect::<Vec<_>>() {
            self.outcome(&request.kind, "timeout");
        }
        self.retry();
    }

    /// The client sends something; `size` is that of the whole envelope.
    pub(crate) fn send(&mut self, kind: Option<&str>, json: &Value, size: usize) {
        let kind = match kind {
            Some("ws_close") => return self.gone(),
            // What a game cannot send, or what has no answer for it.
            None | Some("ws_open" | "ws_ping" | "ws_pong" | "ws_text" | "ws_binary_garbage") => {
                return;
            }
            Some("unknown_field_99" | "ws_binary_fragment_fin_0" | "ws_continuation_fin_1") => {
                return;
            }
            Some("match_data_send" | "party_data_send" | "pong") => return,
            Some(kind) => kind,
        };
        let body = &json[kind];
        let is_in = self.places.contains_key(&("party", text(body, "party_id")));
        if size > MAX_ENVELOPE {
            self.outcome(kind, "too large");
        } else if kind == "party_update" && self.is_old && is_in {
            self.outcome(kind, "unsupported");
        } else {
            self.request(kind, &text(json, "cid"), body.clone());
        }
    }

    fn request(&mut self, kind: &str, cid: &str, body: Value) {
        let (kind, cid) = (kind.to_owned(), cid.to_owned());
        let session = text(&body["presence"], "session_id");
        let place = self.places.get(&("party", text(&body, "party_id")));
        let moves = place.filter(|place| match kind.as_str() {
            "party_accept" => place.is_asked_by(&session),
            "party_remove" => place.has(&session) && !place.is_asked_by(&session),
            _ => false,
        });
        let moves = moves.map(|_| session);
        let (at, events) = (self.now, self.events);
        self.requests.push(Request {
            cid,
            kind,
            body,
            moves,
            at,
            events,
        });
    }

    /// The client receives something.
    pub(crate) fn receive(&mut self, kind: Option<&str>, json: &Value) {
        let cid = text(json, "cid");
        let is_answer = match kind {
            Some("ws_close" | "tcp_eof") => return self.gone(),
            Some("ws_open" | "ws_ping" | "ws_pong") => return,
            None | Some("rpc" | "pong" | "channel_message_ack") => true,
            Some(_) => !cid.is_empty(),
        };
        let kind = kind.unwrap_or_default();
        if !is_answer {
            self.event(kind, json[kind].clone());
        } else if let Some(index) = self.requests.iter().position(|request| request.cid == cid) {
            let request = self.requests.remove(index);
            self.answer(&request, kind, json);
        }
        self.retry();
    }

    /// What came early may be in time now.
    fn retry(&mut self) {
        for (kind, body) in mem::take(&mut self.early) {
            self.event(&kind, body);
        }
    }

    /// The connection is gone, and everything with it.
    fn gone(&mut self) {
        for request in mem::take(&mut self.requests) {
            self.outcome(&request.kind, "lost");
        }
        self.places.clear();
        self.asked.clear();
        self.early.clear();
    }

    fn outcome(&mut self, kind: &str, outcome: &str) {
        *self
            .outcomes
            .entry(format!("{kind} {outcome}"))
            .or_default() += 1;
    }

    /// The world, sorted.
    pub(crate) fn text(&self) -> String {
        let places = self.places.iter();
        let mut lines: Vec<_> = places
            .flat_map(|((area, id), place)| place.lines(area, id))
            .collect();
        for (id, since) in &self.asked {
            lines.push(format!(
                "joining {id} pending={}",
                self.now >= since + OPEN_PARTY
            ));
        }
        for Request { kind, body, .. } in &self.requests {
            lines.push(format!("open {kind}"));
            let target = match kind.as_str() {
                "match_join" => text(body, "match_id"),
                "party_join" => text(body, "party_id"),
                "channel_join" => text(body, "target"),
                "match_create" | "party_create" => String::new(),
                _ => continue,
            };
            lines.push(format!("joining {target} pending=false"));
        }
        lines.extend(
            self.outcomes
                .iter()
                .map(|(outcome, count)| format!("answered {outcome} {count}")),
        );
        lines.sort();
        lines.join("\n")
    }
}
