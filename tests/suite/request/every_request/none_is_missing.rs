//! No kind of request is missing in the list of cases.

use super::*;

/// The sources say which types are requests.
#[test]
fn no_kind_of_request_is_missing() {
    let named: Vec<_> = cases().iter().map(|case| case.name).collect();
    let mut missing = Vec::new();
    for (_, code) in crate::form::paths::sources("") {
        for (at, head) in code.match_indices("request!(") {
            let rest = &code[at + head.len()..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            let name = &rest[..end.unwrap_or(rest.len())];
            // A macro has no name here. (It makes those of chat.)
            if !name.is_empty() && !named.contains(&name) {
                missing.push(name.to_owned());
            }
        }
    }
    assert_eq!(missing, [""; 0]);
}
