//! Which parties there are, over REST.

use bevy_ecs::prelude::*;
use serde::Deserialize;

use crate::{
    commands::NakamaCommands,
    error::{RestError, refusals},
    mirror::presence::PartyId,
    request::{Outcome, RestRequest, UserCall, read_object, request, submit_rest},
    transport::RestResponse,
};

/// Asks which parties there are, but for hidden ones. Nakama 3.28 and newer.
///
/// A new party, and a new label, is listed about a second later.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use bevy_ecs::prelude::*;
/// fn look(_: On<Connected>, mut commands: Commands) {
///     commands.nakama().list_parties(ListParties::new(20).open(true).query("+label.mode:duel"));
/// }
///
/// fn join_one(reply: On<Replied<ListParties>>, mut commands: Commands) {
///     let page = reply.result.as_ref().ok();
///     if let Some(party) = page.and_then(|page| page.parties.first()) {
///         commands.nakama().join_party(party.party_id.clone());
///     }
/// }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListParties {
    limit: u32,
    open: Option<bool>,
    query: Option<String>,
    cursor: Option<String>,
}

impl ListParties {
    /// At most so many at once: 1 to 100.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            open: None,
            query: None,
            cursor: None,
        }
    }

    /// Only those that anybody may join, or only those whose leader decides. Otherwise both.
    #[must_use]
    pub fn open(mut self, open: bool) -> Self {
        self.open = Some(open);
        self
    }

    /// Only those whose label, a JSON object, is like this: `+label.mode:duel +label.rank:>=10`.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = Some(query.into());
        self
    }

    /// Where another page left off. Cursors belong to a query.
    #[must_use]
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }
}

/// A page of the list of parties. Mirrors `PartyList`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct PartyPage {
    /// The parties.
    #[serde(default)]
    pub parties: Vec<ListedParty>,
    /// Leads to the next page. `None` at the end.
    #[serde(default, rename = "cursor")]
    pub next_cursor: Option<String>,
}

/// A party that there is. Mirrors `Party` of the REST interface.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct ListedParty {
    /// To be joined with [`join_party`](NakamaCommands::join_party).
    pub party_id: PartyId,
    /// Whether anybody may join without being accepted.
    #[serde(default)]
    pub open: bool,
    /// How many members it may have.
    #[serde(default)]
    pub max_size: u32,
    /// A JSON object, written as the server does, which is not how it was set. Empty if there is none.
    #[serde(default)]
    pub label: String,
}

refusals! {
    /// How the server refuses to list parties. The server's own text is in the error.
    pub enum PartyListRefusal(RestError) {
        /// The server is older than 3.28 and has no such list.
        Unsupported,
        /// The limit is not between 1 and 100.
        InvalidLimit,
        /// The query does not parse.
        InvalidQuery,
        /// The cursor is none, or of another query.
        InvalidCursor,
        /// Something else.
        Other,
    }
}

impl From<RestError> for PartyListRefusal {
    fn from(error: RestError) -> Self {
        let text = error.message.as_str();
        if error.status == 404 {
            Self::Unsupported(error)
        } else if text.starts_with("Invalid limit") {
            Self::InvalidLimit(error)
        } else if text == "Error listing matches." {
            Self::InvalidQuery(error) // the server's own mix-up
        } else if text.starts_with("Cursor is invalid") {
            Self::InvalidCursor(error)
        } else {
            Self::Other(error)
        }
    }
}

request!(ListParties -> PartyPage, PartyListRefusal);

impl RestRequest for ListParties {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        let it = self.clone();
        let conditions = [
            ("limit", Some(it.limit.to_string())),
            ("open", it.open.map(|open| open.to_string())),
            ("query", it.query),
            ("cursor", it.cursor),
        ];
        UserCall::get("/v2/party", conditions)
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        let mut page: PartyPage = read_object(response, "no list of parties")?;
        page.next_cursor = page.next_cursor.filter(|cursor| !cursor.is_empty());
        Ok(page)
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Asks which parties there are, over REST: the answer is a [`Replied<ListParties>`](crate::request::Replied). Nakama
    /// 3.28 and newer; on an older server, it is [`PartyListRefusal::Unsupported`].
    ///
    /// To be logged in is enough, as with [`rest`](Self::rest).
    pub fn list_parties(self, request: ListParties) -> EntityCommands<'a> {
        self.request_with(move |world, entity| submit_rest(world, entity, request))
    }
}
