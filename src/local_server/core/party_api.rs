//! The list of parties over REST.

use serde::{Deserialize, Serialize};

use super::{
    Core, cursor,
    http::{ApiError, ApiResult, Call, Code, answer},
    json, label,
    query::Query,
    tokens::Claims,
};
use crate::proto::api::{Party, PartyList};

/// Where a list goes on, and of what it is a list.
#[derive(Deserialize, PartialEq, Serialize)]
struct Cursor {
    query: String,
    open: Option<bool>,
    offset: usize,
}

impl Core {
    pub(super) fn list_parties(&mut self, call: &Call<'_>, _: Claims) -> ApiResult {
        let limit = call.limit(10)?;
        let text = call.query("query").unwrap_or_default();
        let open = call.query_bool("open")?;
        let query = Query::parse(text)
            .ok_or_else(|| ApiError::new(Code::Internal, "Error listing matches."))?; // sic
        let invalid = || ApiError::invalid("Cursor is invalid.");
        let offset = match call.cursor::<Cursor>("cursor", invalid())? {
            None => 0,
            Some(cursor) if cursor.query == text && cursor.open == open => cursor.offset,
            Some(_) => return Err(invalid()),
        };
        let now = self.clock.now();
        let mut found = self.parties.listed(now);
        found.retain(|(stream, _, listing)| {
            !listing.hidden
                && open.is_none_or(|open| listing.open == open)
                && label::holds(&query, &stream.id(), &listing.label)
        });
        let total = found.len();
        let page = found.into_iter().skip(offset).take(limit);
        let parties: Vec<Party> = page
            .map(|(stream, max_size, listing)| Party {
                party_id: stream.id(),
                open: listing.open,
                hidden: false,
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
