//! JSON as the real server's language reads it, with its error texts, and as its database gives it back.

use std::fmt::Write as _;

use serde_json::Value;

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// The deepest nesting.
const MAX_DEPTH: usize = 10_000;

/// What is wrong with a text that ends too early.
pub(super) const TRUNCATED: &str = "unexpected end of JSON input";

/// Whether a text is JSON; if not, why, in the words of Go's `encoding/json`.
pub(super) fn check(text: &str) -> Result<(), String> {
    let rest = text[first_value(text)?.len()..].trim_start_matches(SPACE);
    match rest.bytes().next() {
        None => Ok(()),
        Some(c) => Err(invalid(c, "after top-level value")),
    }
}

/// The part of a text that is its first value, with the white space before it.
pub(super) fn first_value(text: &str) -> Result<&str, String> {
    let mut scanner = Scanner {
        rest: text.as_bytes(),
    };
    scanner.value()?;
    Ok(&text[..text.len() - scanner.rest.len()])
}

/// Whether a text is JSON, and an object.
pub(super) fn is_object(text: &str) -> bool {
    check(text).is_ok() && kind(text) == "object"
}

/// What kind of value a valid text is.
pub(super) fn kind(text: &str) -> &'static str {
    match text.trim_start().as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        Some(b'n') => "null",
        _ => "number",
    }
}

/// A text as the database's `jsonb` gives it back: one space after colons and commas, short names first. `None` if it does not take
/// it. (It would keep the digits of `1.50` and write `1e3` as `1000`; here numbers are what they are worth.)
pub(super) fn jsonb(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    let mut written = String::new();
    write_jsonb(&value, &mut written)?;
    Some(written)
}

fn write_jsonb(value: &Value, out: &mut String) -> Option<()> {
    let separate = |out: &mut String, index: usize| {
        if index > 0 {
            out.push_str(", ");
        }
    };
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| (name.len(), *name));
            out.push('{');
            for (index, (name, value)) in fields.into_iter().enumerate() {
                separate(out, index);
                write_jsonb(&Value::from(name.as_str()), out)?;
                out.push_str(": ");
                write_jsonb(value, out)?;
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index);
                write_jsonb(item, out)?;
            }
            out.push(']');
        }
        Value::String(text) if text.contains('\0') => return None,
        scalar => write!(out, "{scalar}").ok()?,
    }
    Some(())
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl Scanner<'_> {
    fn value(&mut self) -> Result<(), String> {
        // What closes the arrays and objects that are open.
        let mut open = Vec::new();
        loop {
            // A value, or the beginning of one …
            match self.token()? {
                b'{' | b'[' if open.len() == MAX_DEPTH => {
                    return Err("exceeded max depth".to_owned());
                }
                b'{' if !self.take_token(b'}') => {
                    self.key()?;
                    open.push(b'}');
                    continue;
                }
                b'[' if !self.take_token(b']') => {
                    open.push(b']');
                    continue;
                }
                b'{' | b'[' => {}
                b'"' => self.string()?,
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                b'-' => {
                    let digit = self.next()?;
                    self.number(digit, "in numeric literal")?;
                }
                c => self.number(c, "looking for beginning of value")?,
            }
            // … and all that ends with it.
            loop {
                let Some(close) = open.last().copied() else {
                    return Ok(());
                };
                let is_object = close == b'}';
                match self.token()? {
                    c if c == close => {
                        open.pop();
                    }
                    b',' if is_object => {
                        self.key()?;
                        break;
                    }
                    b',' => break,
                    c if is_object => return Err(invalid(c, "after object key:value pair")),
                    c => return Err(invalid(c, "after array element")),
                }
            }
        }
    }

    /// A key and its colon.
    fn key(&mut self) -> Result<(), String> {
        match self.token()? {
            b'"' => self.string()?,
            c => return Err(invalid(c, "looking for beginning of object key string")),
        }
        match self.token()? {
            b':' => Ok(()),
            c => Err(invalid(c, "after object key")),
        }
    }

    /// The rest of a string.
    fn string(&mut self) -> Result<(), String> {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                c @ 0..=0x1f => return Err(invalid(c, "in string literal")),
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        match self.next()? {
            b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    let c = self.next()?;
                    if !c.is_ascii_hexdigit() {
                        return Err(invalid(c, "in \\u hexadecimal character escape"));
                    }
                }
                Ok(())
            }
            c => Err(invalid(c, "in string escape code")),
        }
    }

    /// The rest of a literal, after its first letter.
    fn literal(&mut self, literal: &str) -> Result<(), String> {
        for expected in literal.bytes().skip(1) {
            let c = self.next()?;
            if c != expected {
                let context = format!("in literal {literal} (expecting {})", quoted(expected));
                return Err(invalid(c, &context));
            }
        }
        Ok(())
    }

    /// The rest of a number, after its sign and first digit.
    fn number(&mut self, first: u8, context: &str) -> Result<(), String> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            c => return Err(invalid(c, context)),
        }
        if self.take(b'.') {
            self.digit("after decimal point in numeric literal")?;
            self.digits();
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            self.digit("in exponent of numeric literal")?;
            self.digits();
        }
        Ok(())
    }

    fn digit(&mut self, context: &str) -> Result<(), String> {
        match self.next()? {
            b'0'..=b'9' => Ok(()),
            c => Err(invalid(c, context)),
        }
    }

    fn digits(&mut self) {
        let count = self.rest.iter().take_while(|c| c.is_ascii_digit()).count();
        self.rest = &self.rest[count..];
    }

    fn next(&mut self) -> Result<u8, String> {
        let (first, rest) = self.rest.split_first().ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, wanted: u8) -> bool {
        let is_next = self.rest.first() == Some(&wanted);
        if is_next {
            self.rest = &self.rest[1..];
        }
        is_next
    }

    /// The next byte after white space.
    fn token(&mut self) -> Result<u8, String> {
        self.skip_space();
        self.next()
    }

    fn take_token(&mut self, wanted: u8) -> bool {
        self.skip_space();
        self.take(wanted)
    }

    fn skip_space(&mut self) {
        let is_space = |c: &&u8| SPACE.contains(&char::from(**c));
        let count = self.rest.iter().take_while(is_space).count();
        self.rest = &self.rest[count..];
    }
}

fn invalid(c: u8, context: &str) -> String {
    format!("invalid character {} {context}", quoted(c))
}

/// A byte as Go shows it.
fn quoted(c: u8) -> String {
    match c {
        b'"' => "'\"'".to_owned(),
        0x80.. => format!("'{}'", char::from(c)),
        _ => format!("'{}'", c.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_texts_are_accepted() {
        for text in [
            "null",
            " {} ",
            "[]",
            "[1, -0.5e+3, \"\\ud800\", {\"a\": [true, false]}]",
            "0",
            "{\"a\":{},\"b\":[]}",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        assert!(is_object(" {\"a\": 1}\n") && !is_object("[1]") && !is_object("{"));
    }

    #[test]
    fn the_database_writes_objects_its_own_way() {
        let text = r#" {"long":[1,2.5,{}],"b":"ä\n","a":null,"b":"last"} "#;
        let written = r#"{"a": null, "b": "last", "long": [1, 2.5, {}]}"#;
        assert_eq!(jsonb(text).as_deref(), Some(written));
        assert_eq!(jsonb(r#"{"a":"\u0000"}"#), None);
        assert_eq!(jsonb(r#"{"a":"\ud800"}"#), None);
    }

    #[test]
    fn invalid_texts_are_explained_as_the_real_server_does() {
        for (text, why) in [
            (
                "not json",
                "invalid character 'o' in literal null (expecting 'u')",
            ),
            ("", "unexpected end of JSON input"),
            ("{\"a\":", "unexpected end of JSON input"),
            ("x", "invalid character 'x' looking for beginning of value"),
            (
                "{x",
                "invalid character 'x' looking for beginning of object key string",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\":1 \"b\"}",
                "invalid character '\"' after object key:value pair",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1] 2", "invalid character '2' after top-level value"),
            ("01", "invalid character '1' after top-level value"),
            ("-x", "invalid character 'x' in numeric literal"),
            (
                "1.x",
                "invalid character 'x' after decimal point in numeric literal",
            ),
            (
                "1e]",
                "invalid character ']' in exponent of numeric literal",
            ),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            (
                "\"\\u00g0\"",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            (
                "'",
                "invalid character '\\'' looking for beginning of value",
            ),
        ] {
            assert_eq!(check(text), Err(why.to_owned()), "{text}");
        }
        let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
        assert_eq!(check(&deep), Err("exceeded max depth".to_owned()));
    }
}
