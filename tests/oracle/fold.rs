//! What a client's world has to look like after each frame, worked out from the `json` of a recording alone.
//! Written from the recordings' README and from `design.md`: the standard library and `serde_json`, nothing of the crate.

use serde_json::{Value, json};
use std::{collections::BTreeMap, mem, slice};

/// An answer that comes later does not count, and an open party answers sooner; in milliseconds.
const REQUEST_TIMEOUT: u64 = 10_000;
const OPEN_PARTY: u64 = 1_000;
/// Refusals that mean that nobody asks to join any more.
const NOBODY_ASKS: &str = "join request not found|could not accept request|party member not found";
/// A refusal that means that somebody asks to join already.
const ASKS_ALREADY: &str = "party join request duplicate";
/// Every kind of envelope: what it is about, and what it does. A request does it (`ok:`) when it is answered without an
/// error; the answer has what was `asked` in it. What is pushed does it if it is about something known, or `any`.
const RULES: &str = "\
ok:match_create ok:match_join | match /match_id | set authoritative=false label self; + has /presences user_id username how=snapshot; + has /self user_id username how=snapshot
ok:match_leave | match /asked/match_id | cut
match_presence_event | match /match_id | - has /leaves; + has /joins user_id username how=event
match_data | match /match_id | tell .
ok:channel_join | channel /id | set room_name group_id user_id_one user_id_two self; + has /presences user_id username how=snapshot; + has /self user_id username how=snapshot
ok:channel_leave | channel /asked/channel_id | cut
channel_presence_event | channel /channel_id | - has /leaves; + has /joins user_id username how=event
channel_message | channel /channel_id | tell .; say sender_id code create_time username content update_time
party | party /party_id | in; set open=false max_size=0 leader self; + has /presences user_id username how=snapshot
ok:party_create | party /party_id | set open=false max_size=0 leader self label=\"\" hidden=false; + has /presences user_id username how=snapshot
ok:party_join | party /asked/party_id | take
ok:party_leave ok:party_close | party /asked/party_id | cut
ok:party_accept ok:party_remove | party /asked/party_id | - asks /asked/presence
ok:party_join_request_list | party /asked/party_id | cut asks; + asks /presences user_id username how=asks
party_presence_event | party /party_id | - has /leaves; - asks /joins; + has /joins user_id username how=event; cut ticket
party_join_request | party /party_id | + asks /presences user_id username how=asks
party_leader | party /party_id | lead
party_update | party /party_id | set open=false label=\"\" hidden=false
party_close | party /party_id | cut
party_data | party /party_id | tell .
ok:matchmaker_add ok:party_matchmaker_add party_matchmaker_ticket | party /party_id | + ticket .
ok:matchmaker_remove ok:party_matchmaker_remove | party /asked/party_id | - ticket /asked
matchmaker_matched | party /self/party_id | any; tell .; - ticket .
ok:status_follow | none - | + user /asked/user_ids; + user /presences username; + session /presences username status how=snapshot
ok:status_unfollow | none - | - user /asked/user_ids
status_presence_event | none - | any; - session /leaves; + user /joins username; + session /joins username status how=event
stream_presence_event | stream /stream | any; set stream; - has /leaves; + has /joins user_id username persistence=false how=event
stream_data | stream /stream | any; set stream; tell .
notifications | none - | any; tell /notifications; + inbox /notifications subject content code=0 sender_id create_time
ok:channel_message_send ok:channel_message_update ok:channel_message_remove ok:party_promote ok:party_update | none - |
ok:status_update ok:rpc ok:ping ok:match match_data_send party_data_send pong error | none - |";

/// What one client knows at one moment.
#[derive(Default)]
pub(crate) struct Fold {
    /// The recording's word on the client: `user_id` and `session_id`.
    pub(crate) who: Value,
    now: u64,
    count: usize,
    /// What there is to see: by path (`party`, id, `has`, session) when it appeared, and what it is like.
    rows: BTreeMap<String, (usize, Value)>,
    requests: Vec<Value>,
    early: Vec<(String, Value)>,
    outcomes: Vec<String>,
    pub(crate) told: Vec<Value>,
}

/// A field's text, or else its JSON. What is left out is empty.
fn text(body: &Value, pointer: &str) -> String {
    let none = Value::from("");
    let value = body.pointer(pointer).unwrap_or(&none);
    let text = value.as_str().map(str::to_owned);
    text.unwrap_or_else(|| value.to_string())
}

/// A list, which may be of one; `.` is the whole.
fn list<'a>(body: &'a Value, pointer: &str) -> &'a [Value] {
    match body.pointer(pointer.trim_start_matches('.')) {
        None => &[],
        Some(Value::Array(list)) => list,
        Some(one) => slice::from_ref(one),
    }
}

/// The path of somebody or something in a place.
fn within(place: &str, what: &str, who: &Value) -> String {
    let ids = ["/session_id", "/ticket", "/id", "/message_id"].map(|id| text(who, id));
    let user = text(who, if who.is_string() { "" } else { "/user_id" });
    match what {
        "user" => format!("user\t{user}"),
        "session" => format!("user\t{user}\tsession\t{}", ids.concat()),
        _ => format!("{place}\t{what}\t{}", ids.concat()),
    }
}

fn has(people: &[Value], who: &Value) -> bool {
    let mut people = people.iter();
    people.any(|person| person["session_id"] == who["session_id"])
}

/// What a kind is about, and what it does.
fn rule(kind: &str, body: &Value) -> (String, &'static str) {
    let mut rules = RULES.lines().filter_map(|line| line.split_once(" | "));
    let rule = rules.find(|(kinds, _)| kinds.split(' ').any(|known| known == kind));
    let rule = rule.and_then(|(_, rule)| rule.split_once(" |"));
    let (about, does) = rule.unwrap_or_else(|| panic!("{kind} is not known"));
    let (area, id) = about.split_once(' ').expect("an area and an id");
    (format!("{area}\t{}", text(body, id)), does.trim())
}

impl Fold {
    /// Time goes on, and what came early may be in time.
    pub(crate) fn pass(&mut self, now: u64) {
        self.now = now;
        self.give_up("timeout", now.checked_sub(REQUEST_TIMEOUT));
        for (kind, body) in mem::take(&mut self.early) {
            self.push(&kind, &body);
        }
    }

    /// The connection is gone, and everything with it.
    pub(crate) fn gone(&mut self) {
        self.give_up("lost", Some(self.now));
        self.rows.clear();
        self.early.clear();
    }

    fn give_up(&mut self, outcome: &str, since: Option<u64>) {
        let is_it = |request: &mut Value| request["at"].as_u64() <= since;
        for request in self.requests.extract_if(.., is_it) {
            let kind = text(&request, "/kind");
            self.outcomes.push(format!("answered {kind} {outcome}"));
        }
    }

    /// The client sends something, unless it is `refused` before.
    pub(crate) fn send(&mut self, kind: &str, json: &Value, refused: Option<&str>) {
        if let Some(why) = refused {
            self.outcomes.push(format!("answered {kind} {why}"));
        } else if !["match_data_send", "party_data_send", "pong"].contains(&kind) {
            let mut request = json[kind].clone();
            (request["kind"], request["cid"]) = (kind.into(), json["cid"].clone());
            request["at"] = self.now.into();
            self.requests.push(request);
        }
    }

    /// The client receives something; an acknowledgement has no kind.
    pub(crate) fn receive(&mut self, kind: &str, json: &Value) {
        let mut requests = self.requests.iter();
        if json["cid"].is_null() && !["", "rpc", "pong", "channel_message_ack"].contains(&kind) {
            self.push(kind, &json[kind]);
        } else if let Some(index) = requests.position(|asked| asked["cid"] == json["cid"]) {
            let asked = self.requests.remove(index);
            self.answer(asked, kind, json[kind].clone());
        }
        self.pass(self.now);
    }

    fn answer(&mut self, asked: Value, kind: &str, mut body: Value) {
        let what = text(&asked, "/kind");
        let mut word = text(&body, "/message") + &text(&body, "/payload");
        let asks_already = word.ends_with(ASKS_ALREADY);
        if asks_already {
            word.clear();
        }
        let is_ok = kind != "error" || asks_already;
        let outcome = if is_ok { "ok" } else { "refused" };
        let outcome = format!("answered {what} {outcome} {word}");
        self.outcomes.push(outcome);
        (body["asked"], body["at"]) = (asked, self.now.into());
        if word.starts_with("Must join channel before") {
            self.act("ok:channel_leave", &body); // Some recordings have nothing but this.
        } else if is_ok || NOBODY_ASKS.split('|').any(|end| word.ends_with(end)) {
            self.act(&format!("ok:{what}"), &body);
        }
    }

    /// The server says something by itself. What is about nothing known yet may be in time later.
    fn push(&mut self, kind: &str, body: &Value) {
        let (place, does) = rule(kind, body);
        let area = place.split('\t').next().unwrap_or_default();
        let joins = [format!("{area}_join"), format!("{area}_create")];
        let mut paths = [place.clone(), format!("joining\t{place}")].into_iter();
        let is_known = paths.any(|path| self.rows.contains_key(&path));
        let people = [list(body, "/joins"), list(body, "/leaves")].concat();
        let is_early = self.requests.iter().any(|asked| {
            let moves = has(&people, &asked["presence"]) && asked["party_id"] == body["party_id"];
            moves || (!is_known && joins.contains(&text(asked, "/kind")))
        });
        if is_early {
            self.early.push((kind.to_owned(), body.clone()));
        } else if is_known || does.starts_with("any") {
            self.act(kind, body);
        }
    }

    /// Takes away what is at a path, and everything in it.
    fn cut(&mut self, path: &str) {
        let inside = format!("{path}\t");
        let is_out = |known: &str| known != path && !known.starts_with(&inside);
        self.rows.retain(|known, _| is_out(known));
    }

    /// Takes over some fields, of a presence its session. What is left out has its default.
    fn set(&mut self, path: &str, fields: &str, body: &Value) {
        self.count += 1;
        let new = (self.count, json!({}));
        let (_, row) = self.rows.entry(path.to_owned()).or_insert(new);
        for field in fields.split_whitespace() {
            let (field, default) = field.split_once('=').unwrap_or((field, "null"));
            let is_own = default == "event" && body["session_id"] == self.who["session_id"];
            let default = if is_own { "snapshot" } else { default };
            let parsed = serde_json::from_str(default);
            let default = parsed.unwrap_or_else(|_| default.into());
            let value = body.get(field).unwrap_or(&default);
            if field != "how" || row["how"].is_null() {
                row[field] = value.get("session_id").unwrap_or(value).clone();
            }
        }
    }

    fn act(&mut self, kind: &str, body: &Value) {
        let (place, does) = rule(kind, body);
        let joining = format!("joining\t{place}");
        for step in does.split("; ").filter(|step| !step.is_empty()) {
            match step.split(' ').collect::<Vec<_>>()[..] {
                ["set", ..] => self.set(&place, &step[4..], body),
                ["+", what, people, ref fields @ ..] => {
                    for who in list(body, people) {
                        if what != "inbox" || who["persistent"] == true {
                            self.set(&within(&place, what, who), &fields.join(" "), who);
                        }
                    }
                }
                ["-", what, people] => {
                    for who in list(body, people) {
                        if people == "/joins" || !has(list(body, "/joins"), who) {
                            self.cut(&within(&place, what, who)); // else they have changed
                        }
                    }
                }
                ["cut", ref inside @ ..] => {
                    self.cut(&[&[place.as_str()], inside].concat().join("\t"))
                }
                ["take"] if !self.rows.contains_key(&place) => self.set(&joining, "at", body),
                ["take"] | ["any"] => {}
                ["in"] => self.cut(&joining),
                ["lead"] => {
                    let party = &self.rows[&place].1;
                    let led = party["leader"] == party["self"];
                    let leads = body["presence"]["session_id"] == party["self"];
                    self.set(&place, "leader", &json!({ "leader": body["presence"] }));
                    if !leads {
                        self.cut(&format!("{place}\tasks"));
                    } else if !led {
                        // Nobody tells the new leader who asks to join; the plugin asks by itself.
                        let list = json!({ "cid": "by itself", "party_join_request_list": body });
                        self.send("party_join_request_list", &list, None);
                    }
                }
                ["tell", what] => self.told.extend_from_slice(list(body, what)),
                ["say", ref fields @ ..] => {
                    let path = within(&place, "line", body);
                    let is_it = |(_, line): &(usize, Value)| line["sender_id"] == body["sender_id"];
                    let is_own = self.rows.get(&path).is_some_and(is_it);
                    match body["code"].as_u64() {
                        Some(2) if is_own => self.cut(&path),
                        Some(1) if is_own => self.set(&path, &fields[3..].join(" "), body),
                        Some(1 | 2) => {}
                        Some(5 | 6 | 8) if body["sender_id"] == self.who["user_id"] => {
                            self.cut(&place)
                        }
                        _ => self.set(&path, &fields.join(" "), body),
                    }
                }
                _ => panic!("{step} is no step"),
            }
        }
    }

    /// The world, sorted.
    pub(crate) fn text(&self) -> String {
        let mut lines = self.outcomes.clone();
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|(_, (n, row))| (text(row, "/create_time").replace('Z', ""), *n));
        let mut numbers = BTreeMap::<_, usize>::new();
        for (path, (_, row)) in rows {
            let (group, _) = path.rsplit_once('\t').unwrap_or_default();
            let is_party = group.starts_with("party") || !group.ends_with("\thas");
            let is_ordered = is_party && group.split('\t').count() == 3; // or not known
            let number = numbers.entry(group).or_default();
            let is_pending = row["at"].as_u64().map(|at| self.now >= at + OPEN_PARTY);
            let pending = is_pending.map(|is_pending| json!({ "pending": is_pending }));
            let row = pending.as_ref().unwrap_or(row);
            lines.push(format!("{path} {number} {row}"));
            *number += usize::from(is_ordered);
        }
        for request in &self.requests {
            let kind = text(request, "/kind");
            lines.push(format!("open {kind}"));
            let ids = ["/match_id", "/party_id", "/target"].map(|id| text(request, id));
            let is_join = ["_join", "_create", "_add"]
                .iter()
                .any(|end| kind.ends_with(end));
            lines.extend(is_join.then(|| format!("joining {kind} {}", ids.concat())));
        }
        lines.sort();
        lines.join("\n")
    }
}
