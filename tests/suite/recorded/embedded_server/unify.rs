//! Comparing what a real server said with what ours says: the same, but for ids and times.

use std::collections::HashMap;

use serde_json::{Map, Value};

const UUID_LENGTH: usize = 36;

/// Which recorded id, time, version or cursor is which of ours. One to one.
#[derive(Clone, Default)]
pub(super) struct Bijection {
    ours: HashMap<String, String>,
    recorded: HashMap<String, String>,
}

impl Bijection {
    /// Whether these two may be the same thing; from now on they are.
    pub(super) fn bind(&mut self, recorded: &str, ours: &str) -> bool {
        let known_ours = self
            .ours
            .entry(recorded.to_owned())
            .or_insert_with(|| ours.to_owned());
        let known_recorded = self
            .recorded
            .entry(ours.to_owned())
            .or_insert_with(|| recorded.to_owned());
        known_ours == ours && known_recorded == recorded
    }

    pub(super) fn ours(&self, recorded: &str) -> Option<&str> {
        self.ours.get(recorded).map(String::as_str)
    }

    /// Puts our ids in place of the recorded ones. They are of the same length, so it works on protobuf, too.
    pub(super) fn translate(&self, recorded: &[u8]) -> Vec<u8> {
        let mut translated = recorded.to_vec();
        for at in 0..(recorded.len() + 1).saturating_sub(UUID_LENGTH) {
            let window = at..at + UUID_LENGTH;
            let id = std::str::from_utf8(&recorded[window.clone()]).ok();
            if let Some(ours) = id.and_then(|id| self.ours(id)) {
                translated[window].copy_from_slice(ours.as_bytes());
            }
        }
        let tokens = self.ours.iter().filter(|(token, _)| is_token(token));
        for (token, ours) in tokens.filter(|(token, ours)| token.len() == ours.len()) {
            for at in 0..(recorded.len() + 1).saturating_sub(token.len()) {
                if recorded[at..].starts_with(token.as_bytes()) {
                    translated[at..at + ours.len()].copy_from_slice(ours.as_bytes());
                }
            }
        }
        translated
    }

    /// Whether ours says what was recorded. Lists of presences have no order, unless `in_order` (parties do).
    pub(super) fn unify(&mut self, recorded: &Value, ours: &Value, in_order: bool) -> bool {
        match (recorded, ours) {
            (Value::Object(recorded), Value::Object(ours)) => {
                self.unify_objects(recorded, ours, in_order)
            }
            (Value::Array(recorded), Value::Array(ours)) => {
                let mut pairs = recorded.iter().zip(ours);
                recorded.len() == ours.len()
                    && pairs.all(|(recorded, ours)| self.unify(recorded, ours, in_order))
            }
            (Value::String(recorded), Value::String(ours)) if is_token(recorded) => {
                is_token(ours) && self.bind(recorded, ours)
            }
            (Value::String(recorded), Value::String(ours)) => self.unify_texts(recorded, ours),
            _ => recorded == ours,
        }
    }

    fn unify_objects(
        &mut self,
        recorded: &Map<String, Value>,
        ours: &Map<String, Value>,
        in_order: bool,
    ) -> bool {
        let mut fields = recorded.iter();
        recorded.len() == ours.len()
            && fields.all(
                |(name, recorded)| match (name.as_str(), recorded, ours.get(name)) {
                    (_, _, None) => false,
                    (
                        "create_time" | "update_time",
                        Value::String(recorded),
                        Some(Value::String(ours)),
                    ) => self.unify_times(recorded, ours),
                    // What only the server that made it can read.
                    (opaque, Value::String(recorded), Some(Value::String(ours)))
                        if opaque == "version" || opaque.ends_with("cursor") =>
                    {
                        self.bind(recorded, ours)
                    }
                    (
                        "presences" | "joins" | "leaves" | "users",
                        Value::Array(recorded),
                        Some(Value::Array(ours)),
                    ) if !in_order => self.unify_sets(recorded, ours),
                    (_, recorded, Some(ours)) => self.unify(recorded, ours, in_order),
                },
            )
    }

    fn unify_sets(&mut self, recorded: &[Value], ours: &[Value]) -> bool {
        let mut rest: Vec<&Value> = ours.iter().collect();
        recorded.len() == ours.len()
            && recorded.iter().all(|recorded| {
                let found = rest.iter().position(|ours| {
                    let mut attempt = self.clone();
                    let fits = attempt.unify(recorded, ours, true);
                    if fits {
                        *self = attempt;
                    }
                    fits
                });
                found.map(|at| rest.remove(at)).is_some()
            })
    }

    /// Texts are equal, but for the UUIDs in them.
    fn unify_texts(&mut self, recorded: &str, ours: &str) -> bool {
        let (mut recorded, mut ours) = (recorded, ours);
        while let Some(at) = uuid_in(recorded) {
            if uuid_in(ours) != Some(at) || recorded[..at] != ours[..at] {
                return false;
            }
            let (id, our_id) = (&recorded[at..at + UUID_LENGTH], &ours[at..at + UUID_LENGTH]);
            if !self.bind(id, our_id) {
                return false;
            }
            recorded = &recorded[at + UUID_LENGTH..];
            ours = &ours[at + UUID_LENGTH..];
        }
        recorded == ours
    }

    /// Times have the same precision. If they are exact, equal ones are equal on both sides.
    fn unify_times(&mut self, recorded: &str, ours: &str) -> bool {
        let precision = |time: &str| {
            time.split_once('.')
                .map_or(0, |(_, fraction)| fraction.len())
        };
        precision(recorded) == precision(ours)
            && (precision(recorded) == 0 || self.bind(recorded, ours))
    }
}

/// Whether this is a match token. (All others are left out of the recordings.)
fn is_token(text: &str) -> bool {
    text.starts_with("eyJ")
}

/// Where the first UUID begins.
fn uuid_in(text: &str) -> Option<usize> {
    (0..(text.len() + 1).saturating_sub(UUID_LENGTH)).find(|&at| {
        text.get(at..at + UUID_LENGTH)
            .is_some_and(|window| window.contains('-') && uuid::Uuid::parse_str(window).is_ok())
    })
}
