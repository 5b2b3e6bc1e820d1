//! What may overtake what: a real server sends answers and events from different tasks.

use serde_json::Value;

/// Whether a real server has no fixed order for these two: events come from other tasks than answers.
pub(super) fn may_race(one: &Value, other: &Value) -> bool {
    match (class(one), class(other)) {
        (Class::Event(_), Class::Answer | Class::Notification)
        | (Class::Answer | Class::Notification, Class::Event(_)) => true,
        (Class::Event(one), Class::Event(other)) => one != other,
        (Class::Handler, Class::Event(_) | Class::Answer)
        | (Class::Event(_) | Class::Answer, Class::Handler) => true,
        _ => false,
    }
}

pub(super) enum Class {
    /// Told by a task for events; those of one area come in order.
    Event(String),
    Notification,
    /// Told by a match, which is a task of its own.
    Handler,
    Answer,
    Fixed,
}

pub(super) fn class(envelope: &Value) -> Class {
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
