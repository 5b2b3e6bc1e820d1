//! The queries of the matchmaker and of lists, as far as they are understood here:
//!
//! | clause | holds for |
//! |---|---|
//! | `*` | everything |
//! | `field:value` | a text that is exactly this, or a number that is equal |
//! | `field:a\ value` | the same, with a space |
//! | `field:val*`, `field:v?lue` | a text with something, or one character, in that place |
//! | `field:*` | anything that has the field |
//! | `field:>4`, `>=4`, `<4`, `<=4` | numbers |
//! | `clause^5` | the same, but it counts five times for the order of what is found |
//!
//! Clauses are separated by spaces. With `+` a clause has to hold, with `-` it must not; of those without a sign, at least one has to hold if there
//! is no clause with `+`, and otherwise they only decide what comes first. A value may hold colons and brackets, and anything behind a
//! `\`. A clause without a field, or with a value in quotes, holds for nothing. Regular expressions (`/…/`), tolerance (`~`) and dates are not understood: the
//! first are refused, the others are texts.

use std::{
    borrow::Cow,
    ops::{Bound, RangeBounds as _},
};

use tantivy_query_grammar::{
    Delimiter, Occur, UserInputAst, UserInputBound, UserInputLeaf, UserInputLiteral, parse_query,
};

use super::wildcard;

/// A query, understood.
#[derive(Debug)]
pub(super) struct Query(Node);

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Number(f64),
}

#[derive(Debug)]
enum Node {
    All,
    /// What can hold for nothing.
    Nothing,
    Exists(String),
    Equals(String, String),
    Like(String, String),
    Range(String, Bound<f64>, Bound<f64>),
    Clauses(Vec<(Occur, Self)>),
    Boost(Box<Self>, f64),
}

impl Query {
    /// Reads a query; an empty one holds for everything. `None` if it is not understood.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self(Node::All));
        }
        node(parse_query(&escaped(text)?).ok()?).map(Self)
    }

    /// How well it fits something with these fields; `None` if it does not.
    pub(super) fn score<'a>(&self, fields: &dyn Fn(&str) -> Vec<Value<'a>>) -> Option<f64> {
        score(&self.0, fields)
    }
}

/// The query with all that its language takes literally, and the parser's does not, out of harm's way. `None` if a quote is open.
fn escaped(query: &str) -> Option<String> {
    let mut escaped = String::with_capacity(query.len() + 8);
    for clause in clauses(query)? {
        if !escaped.is_empty() {
            escaped.push(' ');
        }
        let sign = clause.len() - clause.trim_start_matches(['+', '-']).len();
        let (sign, rest) = clause.split_at(sign);
        escaped.push_str(sign);
        let (field, value) = match rest.split_once(':') {
            Some((field, value)) => (Some(field), value),
            None => (None, rest),
        };
        if ["", ">", ">=", "<", "<="].contains(&value) {
            return None; // the parser would look for more in the next clause
        }
        if let Some(field) = field {
            escaped.push_str(field);
            escaped.push(':');
        }
        if ["AND", "OR", "NOT", "IN"].contains(&value) {
            escaped.push_str(&format!("'{value}'")); // no word of the parser
        } else if value.starts_with('"') {
            escaped.push_str(value);
        } else {
            let mut behind_backslash = false;
            for c in value.chars() {
                if !behind_backslash && "[](){}':!".contains(c) {
                    escaped.push('\\');
                }
                behind_backslash = c == '\\' && !behind_backslash;
                escaped.push(c);
            }
            if behind_backslash {
                return None;
            }
        }
    }
    Some(escaped)
}

/// The clauses of a query: what stands between spaces that are neither quoted nor behind a backslash.
fn clauses(query: &str) -> Option<Vec<&str>> {
    let (mut quoted, mut behind_backslash) = (false, false);
    let mut found = Vec::new();
    let mut start = 0;
    for (at, c) in query.char_indices() {
        match c {
            '"' if !behind_backslash => quoted = !quoted,
            c if c.is_whitespace() && !quoted && !behind_backslash => {
                found.push(&query[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
        behind_backslash = c == '\\' && !behind_backslash;
    }
    found.push(&query[start..]);
    found.retain(|clause| !clause.is_empty());
    (!quoted).then_some(found)
}

fn node(ast: UserInputAst) -> Option<Node> {
    Some(match ast {
        UserInputAst::Clause(clauses) => Node::Clauses(
            clauses
                .into_iter()
                .map(|(occur, ast)| Some((occur.unwrap_or(Occur::Should), node(ast)?)))
                .collect::<Option<_>>()?,
        ),
        UserInputAst::Boost(ast, boost) => Node::Boost(Box::new(node(*ast)?), boost.0),
        UserInputAst::Leaf(leaf) => match *leaf {
            UserInputLeaf::All => Node::All,
            UserInputLeaf::Exists { field } => Node::Exists(field),
            UserInputLeaf::Literal(literal) => term(literal),
            UserInputLeaf::Range {
                field: Some(field),
                lower,
                upper,
            } => match (bound(lower), bound(upper)) {
                (Some(lower), Some(upper)) => Node::Range(field, lower, upper),
                _ => Node::Nothing,
            },
            UserInputLeaf::Range { field: None, .. } => Node::Nothing,
            UserInputLeaf::Set { .. } | UserInputLeaf::Regex { .. } => return None,
        },
    })
}

fn term(literal: UserInputLiteral) -> Node {
    let UserInputLiteral {
        field_name,
        phrase,
        delimiter,
        ..
    } = literal;
    let is_quoted = delimiter == Delimiter::DoubleQuotes;
    let is_like = delimiter == Delimiter::None && phrase.contains(['*', '?']);
    match field_name {
        // A phrase is looked for in texts of several words. Here every text is a single word, whatever it holds.
        _ if is_quoted => Node::Nothing,
        None => Node::Nothing,
        Some(field) if is_like => Node::Like(field, phrase),
        Some(field) => Node::Equals(field, phrase),
    }
}

/// `None` if it is not a number.
fn bound(bound: UserInputBound) -> Option<Bound<f64>> {
    let number = |text: String| text.trim_start_matches('\\').parse().ok();
    match bound {
        UserInputBound::Inclusive(text) => number(text).map(Bound::Included),
        UserInputBound::Exclusive(text) => number(text).map(Bound::Excluded),
        UserInputBound::Unbounded => Some(Bound::Unbounded),
    }
}

fn score<'a>(node: &Node, fields: &dyn Fn(&str) -> Vec<Value<'a>>) -> Option<f64> {
    let any = |field: &str, holds: &dyn Fn(&Value<'a>) -> bool| {
        fields(field).iter().any(holds).then_some(1.0)
    };
    match node {
        Node::All => Some(1.0),
        Node::Nothing => None,
        Node::Exists(field) => any(field, &|_| true),
        Node::Equals(field, wanted) => any(field, &|value| match value {
            Value::Text(text) => text == wanted,
            Value::Number(number) => wanted.parse() == Ok(*number),
        }),
        Node::Like(field, pattern) => any(
            field,
            &|value| matches!(value, Value::Text(text) if wildcard::fits(text, pattern, '*', '?')),
        ),
        Node::Range(field, lower, upper) => any(
            field,
            &|value| matches!(value, Value::Number(number) if (*lower, *upper).contains(number)),
        ),
        Node::Boost(node, boost) => score(node, fields).map(|score| score * boost),
        Node::Clauses(clauses) => score_all(clauses, fields),
    }
}

fn score_all<'a>(
    clauses: &[(Occur, Node)],
    fields: &dyn Fn(&str) -> Vec<Value<'a>>,
) -> Option<f64> {
    let (mut total, mut holds, mut may_fail) = (0.0, false, true);
    for (occur, node) in clauses {
        match (occur, score(node, fields)) {
            (Occur::Must, None) | (Occur::MustNot, Some(_)) => return None,
            (Occur::MustNot, None) => {}
            (Occur::Must, Some(score)) => {
                total += score;
                holds = true;
            }
            (Occur::Should, Some(score)) => {
                total += score;
                holds = true;
                may_fail = false;
            }
            (Occur::Should, None) => may_fail = false,
        }
    }
    // One of nothing but prohibitions holds for the rest of the world.
    (holds || may_fail).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada(field: &str) -> Vec<Value<'static>> {
        match field {
            "properties.region" => vec![Value::Text("europe".into())],
            "properties.name" => vec![Value::Text("Ada [the first]: x's".into())],
            "properties.rank" => vec![Value::Number(4.0)],
            "properties.debt" => vec![Value::Number(-1.5)],
            _ => vec![],
        }
    }

    #[test]
    fn clauses_hold_or_do_not() {
        for (query, holds) in [
            ("", true),
            ("*", true),
            ("properties.region:europe", true),
            ("properties.region:Europe", false),
            ("properties.region:euro", false),
            ("+properties.region:europe +properties.rank:>=4", true),
            ("+properties.region:europe +properties.rank:>4", false),
            ("+properties.rank:>3 +properties.rank:<4.5", true),
            ("+properties.rank:<=3", false),
            ("+properties.debt:>=-2 +properties.debt:<-1", true),
            ("properties.debt:-1.5", true),
            ("properties.rank:4", true),
            ("properties.rank:4.0", true),
            ("properties.rank:5", false),
            ("properties.rank:>many", false),
            ("-properties.region:europe", false),
            ("-properties.region:asia", true),
            ("-properties.region:asia -properties.rank:>4", true),
            ("-properties.region:asia properties.rank:5", false),
            ("properties.region:asia properties.rank:4", true),
            ("+properties.region:europe properties.rank:5", true),
            ("properties.region:eu*", true),
            ("properties.region:*op?", true),
            ("properties.region:?urop", false),
            ("properties.region:*", true),
            ("properties.nothing:*", false),
            (r#"properties.name:"Ada [the first]: x's""#, false),
            (r#"properties.region:"europe""#, false),
            (r#"+properties.rank:4 -properties.region:"europe""#, true),
            (r"properties.name:Ada\ [the\ first]:\ x's", true),
            ("properties.region:europe^3", true),
            ("europe", false),
            ("AND", false),
            ("properties.region:NOT", false),
            ("+properties.a:[[[", false),
            ("properties.a:((((", false),
        ] {
            let parsed = Query::parse(query).unwrap_or_else(|| panic!("{query} is a query"));
            assert_eq!(parsed.score(&ada).is_some(), holds, "{query}: {parsed:?}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for query in [
            "properties.a:\"x",
            "properties.a:",
            "properties.a: b",
            "properties.a:> 4",
            "+",
            "properties.a:/x/",
            "\\",
        ] {
            assert!(Query::parse(query).is_none(), "{query}");
        }
    }

    #[test]
    fn what_is_wished_for_comes_first() {
        let score = |query: &str| Query::parse(query).and_then(|query| query.score(&ada));
        assert!(score("* properties.rank:4") > score("* properties.rank:5"));
        assert!(score("properties.rank:4^5") > score("properties.rank:4^2"));
    }

    #[test]
    fn long_queries_do_no_harm() {
        for part in [
            "(", "NOT ", "-", "+a:", "\"", "[", "a:>", "\\", "*", "a:*?*", "{'", "ä:",
        ] {
            let query = part.repeat(4096 / part.len());
            if let Some(query) = Query::parse(&query) {
                let _score = query.score(&ada);
            }
        }
    }
}
