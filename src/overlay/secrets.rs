//! What the overlay hides: a screenshot of it may go anywhere.

use serde_json::Value;

/// Stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// Hides the values of fields that let their holder in: a matchmaker's token joins a match, a key of the server logs in.
/// Looks into texts that are JSON themselves, like the payload of an RPC.
pub(super) fn hide(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if is_secret(name) => {
                        if !text.is_empty() {
                            HIDDEN.clone_into(text);
                        }
                    }
                    Value::Number(_) if is_secret(name) => *value = HIDDEN.into(),
                    other => hide(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::String(text) => {
            let looks_like_json = text.trim_start().starts_with(['{', '[']);
            let inner = looks_like_json
                .then(|| serde_json::from_str::<Value>(text).ok())
                .flatten();
            if let Some(mut inner) = inner {
                let before = inner.clone();
                hide(&mut inner);
                if inner != before {
                    *text = inner.to_string();
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// JSON on several lines without its secrets. Text that is not JSON stays as it is.
pub(super) fn pretty(json: &str) -> String {
    let Ok(mut value) = serde_json::from_str(json) else {
        return json.to_owned();
    };
    hide(&mut value);
    format!("{value:#}")
}

/// The value of a field with this name, unless it lets its holder in.
pub(super) fn unless_secret(name: &str, value: impl ToString) -> String {
    if is_secret(name) {
        HIDDEN.to_owned()
    } else {
        value.to_string()
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "token",
        "password",
        "secret",
        "http_key",
        "httpkey",
        "server_key",
        "api_key",
    ]
    .iter()
    .any(|ending| name.ends_with(ending))
}

/// An address without the user name and password that it may hold.
pub(super) fn without_login(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hidden(mut json: Value) -> Value {
        hide(&mut json);
        json
    }

    #[test]
    fn tokens_and_keys_are_hidden_wherever_they_are() {
        let json = hidden(json!({
            "cid": "1",
            "matchmaker_matched": { "ticket": "t", "token": "eyJ", "users": [{ "refreshToken": "r" }] },
            "rpc": { "http_key": "k", "payload": "{\"session\":{\"token\":\"s\"},\"gold\":3}" },
            "api_key": 12345,
            "empty": { "token": "" },
        }));
        assert_eq!(
            json,
            json!({
                "cid": "1",
                "matchmaker_matched": { "ticket": "t", "token": HIDDEN, "users": [{ "refreshToken": HIDDEN }] },
                "rpc": {
                    "http_key": HIDDEN,
                    "payload": format!("{{\"gold\":3,\"session\":{{\"token\":\"{HIDDEN}\"}}}}"),
                },
                "api_key": HIDDEN,
                "empty": { "token": "" },
            })
        );
    }

    #[test]
    fn everything_else_is_left_as_it_is() {
        let json = json!({
            "payload": "{ \"gold\":  3 }",
            "broken": "{\"token\":",
            "list": ["token", 7, null, true],
            "tokens": 3,
        });
        assert_eq!(hidden(json.clone()), json);
    }

    #[test]
    fn what_is_no_json_is_left_as_it_is() {
        assert_eq!(
            pretty("{\"token\": \"t\"}"),
            format!("{{\n  \"token\": \"{HIDDEN}\"\n}}")
        );
        assert_eq!(pretty("hello"), "hello");
        assert_eq!(unless_secret("mode", 3.0), "3");
        assert_eq!(unless_secret("invite_token", 3.0), HIDDEN);
    }

    #[test]
    fn an_address_shows_no_login() {
        for (url, shown) in [
            ("http://127.0.0.1:7350", "http://127.0.0.1:7350"),
            (
                "https://ada:pw@example.com/path",
                "https://example.com/path",
            ),
            ("https://example.com/a@b?key=s#t", "https://example.com/a@b"),
            ("ada:pw@example.com", "example.com"),
            ("", ""),
        ] {
            assert_eq!(without_login(url), shown);
        }
    }
}
