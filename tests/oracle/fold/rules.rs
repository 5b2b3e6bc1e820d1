//! What answers and events do.

use serde_json::Value;

use super::{
    Fold, Request,
    places::{Area, Person, Place, text},
};

impl Fold {
    pub(super) fn answer(&mut self, request: &Request, kind: &str, json: &Value) {
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

    pub(super) fn event(&mut self, kind: &str, body: Value) {
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
}
