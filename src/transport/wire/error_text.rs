//! The words of a response that reports an error, in one line.

use std::borrow::Cow;

use http::StatusCode;
use serde::Deserialize;

/// How much of a text is shown, in characters.
const MAX_TEXT: usize = 300;
/// How much of a page is shown, in characters.
const MAX_PAGE: usize = 80;
/// How much of a body that is not JSON is looked at, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// An error in JSON.
#[derive(Deserialize)]
struct ErrorBody<'b> {
    #[serde(borrow)]
    message: Cow<'b, str>,
}

/// A server's text from an error response: the `message` of a JSON body, or the body itself, cut to a sane length. Of a page, which
/// a proxy sends, it is the title or the first words. Without any of it, it is what the status is called.
pub(crate) fn error_text(status: u16, body: &[u8]) -> String {
    let text = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(error) => error.message.chars().take(MAX_TEXT).collect(),
        Err(_) => {
            page_text(body).unwrap_or_else(|| line(&String::from_utf8_lossy(begin(body)), MAX_TEXT))
        }
    };
    if text.is_empty() {
        let name = StatusCode::from_u16(status).ok();
        let name = name.and_then(|status| status.canonical_reason());
        return name.unwrap_or("no text").to_owned();
    }
    text
}

/// The title of a page, or its first words. `None` if it is not a page.
pub(crate) fn page_text(body: &[u8]) -> Option<String> {
    let body = body.trim_ascii_start();
    if !body.starts_with(b"<") {
        return None;
    }
    let page = String::from_utf8_lossy(begin(body));
    let title = line(
        &words(element(&page, "title").unwrap_or_default()),
        MAX_PAGE,
    );
    Some(if title.is_empty() {
        line(&words(&page), MAX_PAGE)
    } else {
        title
    })
}

/// What is looked at of a body.
fn begin(body: &[u8]) -> &[u8] {
    &body[..body.len().min(MAX_BODY)]
}

/// What is in the first element of this name.
fn element<'p>(page: &'p str, name: &str) -> Option<&'p str> {
    let lower = page.to_ascii_lowercase(); // of the same length
    let begin = lower.find(&format!("<{name}"))?;
    let begin = begin + lower[begin..].find('>')? + 1;
    let end = lower[begin..].find(&format!("</{name}"))?;
    page.get(begin..begin + end)
}

/// A page without its tags.
fn words(page: &str) -> String {
    let lower = page.to_ascii_lowercase(); // of the same length
    let find = |at: usize, what: &str| lower[at..].find(what).map(|found| at + found);
    let mut text = String::new();
    let mut at = 0;
    while let Some(tag) = find(at, "<") {
        text.push_str(&page[at..tag]);
        text.push(' ');
        // What is in there is not for people.
        let end = if lower[tag..].starts_with("<script") {
            "</script"
        } else if lower[tag..].starts_with("<style") {
            "</style"
        } else {
            ""
        };
        let end = find(tag + 1, end).and_then(|end| find(end, ">"));
        at = end.map_or(page.len(), |end| end + 1);
    }
    text.push_str(&page[at..]);
    text
}

/// A text of the server or of its functions, for a line of an error.
pub(crate) fn one_line(text: &str) -> String {
    line(text, MAX_TEXT)
}

/// One line, without what a terminal might take for commands, and not too long.
fn line(text: &str, limit: usize) -> String {
    let text: String = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_short_line() {
        for (status, body, expected) in [
            (
                401,
                r#"{"code":16,"message":"Server key invalid"}"#,
                "Server key invalid",
            ),
            (
                401,
                "Missing or invalid token\n",
                "Missing or invalid token",
            ),
            (502, "", "Bad Gateway"),
            (799, " \n", "no text"),
            (500, r#"{"message":""}"#, "Internal Server Error"),
            (502, "two\r\n lines\x1b[31m", "two lines [31m"),
            (
                502,
                "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>",
                "502 Bad Gateway",
            ),
            (
                503,
                "<!DOCTYPE html><style>p { color: red }</style><SCRIPT>if (1 < 2) alert()</SCRIPT><p>We will be <b>right</b> back",
                "We will be right back",
            ),
            (503, "<", "Service Unavailable"),
            (503, "<title", "Service Unavailable"),
            (503, "<title>no end", "no end"),
            (503, "<ä><ß", "Service Unavailable"),
        ] {
            assert_eq!(error_text(status, body.as_bytes()), expected, "{body}");
        }
        let long = format!("<p>{}", "word ".repeat(100));
        let text = error_text(500, long.as_bytes());
        assert!(
            text.ends_with("word…") && text.chars().count() <= 81,
            "{text}"
        );
    }

    #[test]
    fn a_long_error_has_its_message_all_the_same() {
        let details = "x".repeat(100_000);
        let body = format!(r#"{{"details":["{details}"],"message":"a \"reason\"","code":13}}"#);
        assert_eq!(error_text(500, body.as_bytes()), "a \"reason\"");
        let body = format!(r#"{{"message":"{details}"}}"#);
        assert_eq!(error_text(500, body.as_bytes()), "x".repeat(MAX_TEXT));
        for body in [r#"{"message":5}"#, "{\"message\":\"no end"] {
            assert_eq!(error_text(500, body.as_bytes()), body);
        }
    }

    #[test]
    fn a_page_of_nothing_but_tags_takes_no_time() {
        for tag in ["<>", "<", "<script></script>", "<style>"] {
            let body = tag.repeat(1024 * 1024);
            assert_eq!(error_text(502, body.as_bytes()), "Bad Gateway", "of {tag}");
        }
    }
}
