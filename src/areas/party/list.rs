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

/// Asks which parties there are, except hidden ones. Nakama 3.28 and newer have this.
///
/// A new party appears in the list after about a second, and so does a new label.
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
    /// At most `limit` parties in each page: 1 to 100.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            open: None,
            query: None,
            cursor: None,
        }
    }

    /// With `true`, only parties that players may join without being accepted; with `false`, only the others. By default, both.
    #[must_use]
    pub fn open(mut self, open: bool) -> Self {
        self.open = Some(open);
        self
    }

    /// Only parties whose label, a JSON object, fits a query such as `+label.mode:duel +label.rank:>=10`.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = Some(query.into());
        self
    }

    /// Continues after another page: give it that page's [`next_cursor`](PartyPage::next_cursor), and the same query.
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

/// A party in the answer to [`ListParties`]. Mirrors `Party` of the REST interface.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct ListedParty {
    /// Give it to [`join_party`](NakamaCommands::join_party).
    pub party_id: PartyId,
    /// Whether players may join without being accepted.
    #[serde(default)]
    pub open: bool,
    /// How many members it may have.
    #[serde(default)]
    pub max_size: u32,
    /// A JSON object. The server writes it in its own way, not as it was set. Empty if the party has no label.
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
        /// The server does not understand the query.
        InvalidQuery,
        /// It is not a cursor, or it is the cursor of another query.
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
    /// Asks which parties there are, over REST. The answer is a [`Replied<ListParties>`](crate::request::Replied). It takes Nakama 3.28
    /// or newer; an older server refuses with [`PartyListRefusal::Unsupported`].
    ///
    /// To be logged in is enough, as with [`rest`](Self::rest).
    pub fn list_parties(self, request: ListParties) -> EntityCommands<'a> {
        self.request_with(move |world, entity| submit_rest(world, entity, request))
    }
}
