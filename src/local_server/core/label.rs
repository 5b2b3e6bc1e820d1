//! Labels of matches and parties, as queries see them: `label.mode` is the field `mode` of one that is a JSON object.

use serde_json::Value as Json;

use super::query::{Query, Value};

/// Whether a query holds for what has this id and this label.
pub(super) fn holds(query: &Query, id: &str, label: &str) -> bool {
    let fields: Json = serde_json::from_str(label).unwrap_or_default();
    let values = |field: &str| match field {
        "_id" => vec![Value::Text(id.to_owned().into())],
        field => values(&fields, field),
    };
    query.score(&values).is_some()
}

fn values(label: &Json, field: &str) -> Vec<Value<'static>> {
    let mut found = Vec::new();
    if let Some(path) = field.strip_prefix("label.") {
        let value = path
            .split('.')
            .try_fold(label, |value, name| value.get(name));
        collect(value, &mut found);
    }
    found
}

/// The values in a field; those of a list are as good as one.
fn collect(value: Option<&Json>, found: &mut Vec<Value<'static>>) {
    match value {
        Some(Json::String(text)) => found.push(Value::Text(text.clone().into())),
        Some(Json::Number(number)) => found.extend(number.as_f64().map(Value::Number)),
        // The real server's index knows booleans by one letter.
        Some(Json::Bool(true)) => found.extend(["T", "true"].map(|text| Value::Text(text.into()))),
        Some(Json::Bool(false)) => {
            found.extend(["F", "false"].map(|text| Value::Text(text.into())));
        }
        Some(Json::Array(values)) => values.iter().for_each(|value| collect(Some(value), found)),
        Some(Json::Null | Json::Object(_)) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_labels_are_asked_for() {
        let label = r#"{"mode": "duel", "rank": 3, "open": true, "maps": ["ice", "sand"], "host": {"name": "ada"}}"#;
        for (query, expected) in [
            ("", true),
            ("*", true),
            ("+label.mode:duel", true),
            ("+label.mode:duel -label.rank:>=3", false),
            ("label.rank:<4", true),
            ("+label.open:T", true),
            ("+label.open:false", false),
            ("label.maps:sand", true),
            ("label.host.name:ada", true),
            ("mode:duel", false),
            ("+_id:3f-a1.node", true),
            ("+_id:3f-a1", false),
        ] {
            let parsed = Query::parse(query).expect("a query");
            assert_eq!(holds(&parsed, "3f-a1.node", label), expected, "{query}");
            assert_eq!(
                holds(&parsed, "", "no JSON"),
                ["", "*"].contains(&query),
                "{query}"
            );
        }
    }
}
