//! The list of parties over REST.

use serde::{Deserialize, Serialize};

use super::{
    Core, cursor,
    http::{ApiError, ApiResult, Call, Code, answer},
    json, label, parties,
    query::Query,
    tokens::Claims,
};

#[derive(Serialize)]
struct PartyList {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parties: Vec<PartyView>,
    #[serde(skip_serializing_if = "String::is_empty")]
    cursor: String,
}

#[derive(Serialize)]
struct PartyView {
    party_id: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    open: bool,
    #[serde(skip_serializing_if = "is_zero")]
    max_size: i32,
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
}

/// Where a list goes on, and of what it is a list.
#[derive(Deserialize, PartialEq, Serialize)]
struct Cursor {
    query: String,
    open: Option<bool>,
    offset: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl Core {
    pub(super) fn list_parties(&mut self, call: &Call<'_>, _: Claims) -> ApiResult {
        let limit = call.limit(10)?;
        let text = call.query("query").unwrap_or_default();
        let open = call.query_bool("open")?;
        let query = Query::parse(text)
            .ok_or_else(|| ApiError::new(Code::Internal, "Error listing matches."))?; // sic
        let offset = match call.query("cursor") {
            None | Some("") => 0,
            Some(cursor) => {
                cursor::decode(cursor)
                    .filter(|cursor: &Cursor| cursor.query == text && cursor.open == open)
                    .ok_or_else(|| ApiError::invalid("Cursor is invalid."))?
                    .offset
            }
        };
        let now = self.clock.now();
        let mut found = self.parties.listed(now);
        found.retain(|(_, _, listing)| {
            !listing.hidden
                && open.is_none_or(|open| listing.open == open)
                && label::holds(&query, &listing.label)
        });
        let total = found.len();
        let page = found.into_iter().skip(offset).take(limit);
        let parties: Vec<PartyView> = page
            .map(|(stream, max_size, listing)| PartyView {
                party_id: parties::id_of(stream),
                open: listing.open,
                max_size,
                label: json::jsonb(&listing.label).unwrap_or_default(),
            })
            .collect();
        let next = offset.saturating_add(parties.len());
        let cursor = if next < total {
            cursor::encode(&Cursor {
                query: text.to_owned(),
                open,
                offset: next,
            })
        } else {
            String::new()
        };
        answer(PartyList { parties, cursor })
    }
}
