//! What a client's world has to look like, worked out from a recording alone.
//!
//! Written from the recordings' README and from `design.md`: the standard library and `serde_json`, nothing of the crate.

use std::{collections::BTreeMap, mem};

use serde_json::Value;

use crate::places::{Area, Person, Place, text};

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

    fn answer(&mut self, request: &Request, kind: &str, json: &Value) {
        let Request {
            kind: asked,
            body: request,
            events,
            ..
        } = request;
        let (body, since) = (&json[kind], *events);
        let is_ok = kind != "error";
        self.outcome(asked, if is_ok { "ok" } else { "refused" });
        let reason = text(body, "message");
        let says = |ends: &[&str]| ends.iter().any(|end| reason.ends_with(end));
        let party = ("party", text(request, "party_id"));
        let channel = ("channel", text(request, "channel_id"));
        match asked.as_str() {
            "party_accept"
                if is_ok || says(&["join request not found", "could not accept request"]) =>
            {
                self.forget_asker(&party, request);
            }
            "party_remove" if is_ok || says(&["party member not found"]) => {
                self.forget_asker(&party, request)
            }
            // That one is out of a channel may be told this way only.
            _ if reason.starts_with("Must join channel before") => {
                drop(self.places.remove(&channel))
            }
            _ if !is_ok => {}
            "match_create" | "match_join" => {
                let place = self.enter(("match", text(body, "match_id")), body, since);
                place.set("authoritative", body["authoritative"] == true);
                place.set("label", &body["label"]);
            }
            "match_leave" => drop(self.places.remove(&("match", text(request, "match_id")))),
            "party_create" => {
                self.enter_party(body, since).set_label(body);
            }
            "party_join" => {
                let is_it = |(area, id): &(Area, String)| {
                    *area == "party" && id.eq_ignore_ascii_case(&party.1)
                };
                if !self.places.keys().any(is_it) && !self.is_asked(&party.1) {
                    self.asked.push((party.1, self.now));
                }
            }
            "party_leave" | "party_close" => drop(self.places.remove(&party)),
            "channel_join" => {
                let place = self.enter(("channel", text(body, "id")), body, since);
                for name in ["room_name", "group_id", "user_id_one", "user_id_two"] {
                    place.set(name, &body[name]);
                }
            }
            "channel_leave" => drop(self.places.remove(&channel)),
            "party_join_request_list" => {
                if let Some(place) = self.places.get_mut(&party) {
                    place.askers = Person::list(body, "presences", "");
                }
            }
            "match"
            | "party_promote"
            | "party_update"
            | "party_matchmaker_add"
            | "party_matchmaker_remove" => {}
            "channel_message_send" | "channel_message_update" | "channel_message_remove" => {}
            "matchmaker_add" | "matchmaker_remove" | "ping" | "rpc" => {}
            "status_follow" | "status_unfollow" | "status_update" => {}
            other => panic!("what an answer to {other} does is not decided"),
        }
    }

    fn forget_asker(&mut self, party: &(Area, String), request: &Value) {
        if let Some(place) = self.places.get_mut(party) {
            place.forget_asker(&text(&request["presence"], "session_id"));
        }
    }

    fn enter(&mut self, key: (Area, String), body: &Value, since: u64) -> &mut Place {
        let place = self.places.entry(key).or_default();
        place.enter(body, since);
        place
    }

    fn enter_party(&mut self, body: &Value, since: u64) -> &mut Place {
        let place = self.enter(("party", text(body, "party_id")), body, since);
        place.set("max_size", body["max_size"].as_u64().unwrap_or(0));
        place.set("open", body["open"] == true);
        place.leader = text(&body["leader"], "session_id");
        place
    }

    fn is_asked(&self, id: &str) -> bool {
        self.asked
            .iter()
            .any(|(asked, _)| asked.eq_ignore_ascii_case(id))
    }

    /// Whether an answer under way may name this place.
    fn may_come(&self, (area, id): &(Area, String)) -> bool {
        let joins: &[_] = match *area {
            "match" => &["match_create", "match_join"],
            "party" => &["party_create", "party_join"],
            _ => &["channel_join"],
        };
        let mut kinds = self.requests.iter().map(|request| request.kind.as_str());
        kinds.any(|kind| joins.contains(&kind)) || self.is_asked(id)
    }

    /// Whether somebody joins or leaves as it was asked for, but the answer is still to come; or an earlier event waits.
    fn is_ahead_of_answer(&self, party: &str, body: &Value) -> bool {
        let people = ["joins", "leaves"].map(|field| Person::list(body, field, ""));
        let is_moved = |request: &Request| {
            let mut people = people.iter().flatten();
            text(&request.body, "party_id") == *party
                && people.any(|person| request.moves.as_ref() == Some(&person.session))
        };
        let mut early = self.early.iter();
        self.requests.iter().any(is_moved)
            || early.any(|(kind, body)| {
                kind == "party_presence_event" && text(body, "party_id") == *party
            })
    }

    fn event(&mut self, kind: &str, body: Value) {
        let key = match kind {
            "match_presence_event" | "match_data" => ("match", text(&body, "match_id")),
            "channel_presence_event" | "channel_message" => ("channel", text(&body, "channel_id")),
            "party"
            | "party_presence_event"
            | "party_leader"
            | "party_update"
            | "party_close"
            | "party_join_request"
            | "party_data" => ("party", text(&body, "party_id")),
            "error" | "matchmaker_matched" | "notifications" | "party_matchmaker_ticket" => return,
            "status_presence_event" | "stream_data" | "stream_presence_event" => return,
            other => panic!("what a pushed {other} does is not decided"),
        };
        if kind == "party" && self.is_asked(&key.1) {
            self.asked
                .retain(|(asked, _)| !asked.eq_ignore_ascii_case(&key.1));
            self.enter_party(&body, self.events);
            return;
        }
        let is_ahead = kind == "party_presence_event" && self.is_ahead_of_answer(&key.1, &body);
        let Some(place) = self.places.get_mut(&key).filter(|_| !is_ahead) else {
            if is_ahead || self.may_come(&key) {
                self.early.push((kind.to_owned(), body));
            }
            return;
        };
        match kind {
            "match_presence_event" | "party_presence_event" | "channel_presence_event" => {
                self.events += 1;
                place.presences(&body, self.events);
            }
            "party" => drop(self.enter_party(&body, self.events)),
            "party_leader" => {
                let led = place.is_led_by_self();
                place.leader = text(&body["presence"], "session_id");
                match (led, place.is_led_by_self()) {
                    // Nobody tells the new leader who asks to join; the plugin asks by itself.
                    (false, true) => self.request("party_join_request_list", "by itself", body),
                    (true, false) => place.askers.clear(),
                    _ => {}
                }
            }
            "party_update" => {
                place.set("open", body["open"] == true);
                place.set_label(&body);
            }
            "party_close" => drop(self.places.remove(&key)),
            "party_join_request" => {
                place.add_askers(&body);
            }
            "match_data" | "party_data" => {
                let from = body["presence"]["session_id"].as_str().unwrap_or("server");
                let (op_code, data) =
                    (body["op_code"].as_str().unwrap_or("0"), text(&body, "data"));
                let (area, id, reliable) = (key.0, key.1, body["reliable"] == true);
                self.data.push(format!(
                    "{area} {id} from {from}: {op_code} {data:?} {reliable}"
                ));
            }
            "channel_message" => {
                self.data.push(format!(
                    "channel {} from {}: {} {}",
                    key.1,
                    text(&body, "sender_id"),
                    body["code"],
                    text(&body, "content")
                ));
                place.say(&body);
                let is_mine = text(&body, "sender_id") == self.user;
                if is_mine
                    && !place.is_null("group_id")
                    && [5, 6, 8].iter().any(|code| body["code"] == *code)
                {
                    self.places.remove(&key);
                }
            }
            other => panic!("what a pushed {other} does is not decided"),
        }
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
            match kind.as_str() {
                "match_join" => {
                    lines.push(format!("joining {} pending=false", text(body, "match_id")))
                }
                "party_join" => {
                    lines.push(format!("joining {} pending=false", text(body, "party_id")))
                }
                "channel_join" => {
                    lines.push(format!("joining {} pending=false", text(body, "target")))
                }
                "match_create" | "party_create" => lines.push("joining  pending=false".into()),
                _ => {}
            }
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
