//! No kind of request is missing in the list of cases.

use super::*;
use crate::form::paths::sources;

/// The sources say which types are requests.
#[test]
fn no_kind_of_request_is_missing() {
    let named: Vec<_> = cases().iter().map(|case| case.name).collect();
    let requests = requests();
    // One of each way to be a request: nothing is overlooked.
    for known in [
        "JoinMatch",
        "SendChatMessage",
        "LeaveMatch",
        "RemoveMatchmakerTicket",
        "Call",
    ] {
        assert!(requests.iter().any(|name| name == known), "{known}");
    }
    // The name of a call is that of its function.
    let has_case = |name: &str| named.contains(&if name == "Call" { "greet" } else { name });
    // It needs a store with a session: see `account/sessions_are_kept`.
    let has_case = |name: &str| name == "RestoreSession" || has_case(name);
    // The plugin makes these by itself after a loss: see `healing/chat` and `healing/notification`.
    let is_own = |name: &str| ["FillChat", "LookUpParty", "ReadMissed"].contains(&name);
    let has_case = |name: &str| is_own(name) || has_case(name);
    let missing: Vec<_> = requests.iter().filter(|name| !has_case(name)).collect();
    assert_eq!(missing, [""; 0]);
}

/// The names of all requests in the sources, however they came to be requests.
fn requests() -> Vec<String> {
    let mut found = Vec::new();
    for (_, code) in sources("") {
        found.extend(after(&code, "request!("));
        found.extend(macros(&code).flat_map(|made| {
            let head = format!("\n{made}! {{\n");
            let calls = code.split(&*head).skip(1);
            let rows = calls.flat_map(|call| call.split("\n}").next().unwrap_or("").lines());
            let names = rows.filter(|row| row.starts_with("    ") && !row.starts_with("     "));
            names.map(|row| word(row.trim_start())).collect::<Vec<_>>()
        }));
        found.extend(after(&code, " Request for "));
        // Those that leave something are one type, each with its own name.
        found.extend(after(&code, "const LEAVE: &'static str = \""));
    }
    found.retain(|name| !name.is_empty() && name != "Leave");
    found
}

/// The macros of a source that make requests of the names they are given.
fn macros(code: &str) -> impl Iterator<Item = String> {
    let made = code.split("macro_rules! ").skip(1);
    made.filter(|made| {
        let body = made.split("\n}").next().unwrap_or_default();
        body.contains("request!($") || body.contains(" Request for $")
    })
    .map(word)
    .filter(|name| name != "request")
}

/// The words that follow this text.
fn after(code: &str, head: &str) -> Vec<String> {
    code.split(head).skip(1).map(word).collect()
}

/// The word at the start of a text. Empty if there is something else.
fn word(text: &str) -> String {
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
    text.chars().take_while(is_part).collect()
}
