//! What one can be in, as the fold sees it, and how a world is written down.

use std::collections::BTreeMap;

use serde_json::Value;

/// The area that something belongs to: `match`, `party` or `channel`.
pub(crate) type Area = &'static str;

#[derive(Default)]
pub(crate) struct Place {
    pub(crate) facts: BTreeMap<&'static str, String>,
    /// In order of joining.
    pub(crate) people: Vec<Person>,
    /// Who asks to join, in order of asking.
    pub(crate) askers: Vec<Person>,
    /// The leader's session.
    pub(crate) leader: String,
    /// When somebody left.
    pub(crate) left: BTreeMap<String, u64>,
    /// What was said, by time and id.
    said: BTreeMap<(String, String), Said>,
}

/// A line of a channel, as it stands.
struct Said {
    by: String,
    name: String,
    code: u64,
    content: String,
    is_edited: bool,
}

#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) session: String,
    user: String,
    name: String,
    pub(crate) is_self: bool,
    how: &'static str,
}

pub(crate) fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// A time with all nine digits, whose order as text is that in time.
fn sortable(time: &str) -> String {
    let (seconds, fraction) = time
        .trim_end_matches('Z')
        .split_once('.')
        .unwrap_or((time, ""));
    format!("{seconds}.{fraction:0<9}")
}

impl Person {
    pub(crate) fn new(presence: &Value, how: &'static str) -> Self {
        Self {
            session: text(presence, "session_id"),
            user: text(presence, "user_id"),
            name: text(presence, "username"),
            is_self: false,
            how,
        }
    }

    pub(crate) fn list(body: &Value, field: &str, how: &'static str) -> Vec<Self> {
        let listed = body[field].as_array().into_iter().flatten();
        listed.map(|presence| Self::new(presence, how)).collect()
    }
}

impl Place {
    pub(crate) fn set(&mut self, fact: &'static str, value: impl ToString) {
        self.facts.insert(fact, value.to_string());
    }

    /// Somebody is here. Who was here before keeps their place.
    pub(crate) fn add(&mut self, newcomer: Person) {
        self.left.remove(&newcomer.session);
        let mut here = self.people.iter_mut();
        match here.find(|person| person.session == newcomer.session) {
            Some(known) => {
                known.name = newcomer.name;
                known.is_self |= newcomer.is_self;
            }
            None => self.people.push(newcomer),
        }
    }

    /// The snapshot of an answer, or of a pushed `party`. Who left since it was asked for stays away.
    pub(crate) fn enter(&mut self, body: &Value, since: u64) {
        let mut here = Person::list(body, "presences", "snapshot");
        let me = Person::new(&body["self"], "snapshot");
        if !here.iter().any(|person| person.session == me.session) {
            here.push(me.clone());
        }
        for mut person in here.into_iter().filter(|person| !person.session.is_empty()) {
            person.is_self = person.session == me.session;
            if person.is_self
                || self
                    .left
                    .get(&person.session)
                    .is_none_or(|left| *left <= since)
            {
                self.add(person);
            }
        }
    }

    /// Joins and leaves of one event, the `number`th. Who is in both lists has changed.
    pub(crate) fn presences(&mut self, body: &Value, number: u64) {
        let joins = Person::list(body, "joins", "event");
        for gone in Person::list(body, "leaves", "") {
            if !joins.iter().any(|one| one.session == gone.session) {
                self.people.retain(|person| person.session != gone.session);
                self.left.insert(gone.session, number);
            }
        }
        for newcomer in joins {
            self.forget_asker(&newcomer.session);
            self.add(newcomer);
        }
    }

    pub(crate) fn set_label(&mut self, body: &Value) {
        self.set("label", Value::from(text(body, "label")));
        self.set("hidden", body["hidden"] == true);
    }

    pub(crate) fn add_askers(&mut self, body: &Value) {
        for asker in Person::list(body, "presences", "") {
            if !self
                .askers
                .iter()
                .any(|known| known.session == asker.session)
            {
                self.askers.push(asker);
            }
        }
    }

    pub(crate) fn has(&self, session: &str) -> bool {
        self.people.iter().any(|person| person.session == session)
    }

    pub(crate) fn is_asked_by(&self, session: &str) -> bool {
        self.askers.iter().any(|asker| asker.session == session)
    }

    pub(crate) fn is_null(&self, fact: &str) -> bool {
        self.facts.get(fact).is_none_or(|value| value == "null")
    }

    /// A line, or an edit or removal of one's own line.
    pub(crate) fn say(&mut self, body: &Value) {
        let (id, by) = (text(body, "message_id"), text(body, "sender_id"));
        let (name, content) = (text(body, "username"), text(body, "content"));
        let code = body["code"].as_u64().expect("always there");
        let mut lines = self.said.iter_mut();
        let line = lines.find(|((_, known), said)| *known == id && said.by == by);
        match (code, line) {
            (1, Some((_, said))) => {
                (said.name, said.content, said.is_edited) = (name, content, true)
            }
            (2, Some((key, _))) => {
                let key = key.clone();
                self.said.remove(&key);
            }
            (1 | 2, None) => {}
            _ => {
                let is_edited = body["create_time"] != body["update_time"];
                let said = Said {
                    by,
                    name,
                    code,
                    content,
                    is_edited,
                };
                self.said
                    .insert((sortable(&text(body, "create_time")), id), said);
            }
        }
    }

    pub(crate) fn forget_asker(&mut self, session: &str) {
        self.askers.retain(|asker| asker.session != session);
    }

    pub(crate) fn is_led_by_self(&self) -> bool {
        let mut people = self.people.iter();
        people.any(|person| person.is_self && person.session == self.leader)
    }

    pub(crate) fn lines(&self, area: Area, id: &str) -> Vec<String> {
        let facts = self.facts.iter();
        let facts: Vec<_> = facts
            .map(|(fact, value)| format!("{fact}={value}"))
            .collect();
        let mut lines = vec![format!("{area} {id} {}", facts.join(" "))];
        for (number, person) in self.people.iter().enumerate() {
            let Person {
                session,
                user,
                name,
                is_self,
                how,
            } = person;
            let leads = *session == self.leader;
            // Only in parties the order is known.
            let number = if area == "party" {
                number.to_string()
            } else {
                "-".into()
            };
            lines.push(format!("{area} {id} has {number} {session} {user} {name} {how} self={is_self} leader={leads}"));
        }
        for (number, asker) in self.askers.iter().enumerate() {
            let Person {
                session,
                user,
                name,
                ..
            } = asker;
            lines.push(format!(
                "{area} {id} asked by {number} {session} {user} {name}"
            ));
        }
        for (number, ((_, message), said)) in self.said.iter().enumerate() {
            let Said {
                by,
                name,
                code,
                content,
                is_edited,
            } = said;
            lines.push(format!("{area} {id} line {number} {message} {by} {name} {code} {content} edited={is_edited}"));
        }
        lines
    }
}
