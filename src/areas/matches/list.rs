//! Which matches there are, over REST.

use bevy_ecs::prelude::*;
use serde::Deserialize;

use crate::{
    commands::NakamaCommands,
    error::{RestError, refusals},
    mirror::presence::MatchId,
    request::{Outcome, RestRequest, UserCall, read_object, request, submit_rest},
    transport::RestResponse,
};

/// Asks which matches there are. You get those that meet all of your conditions.
///
/// A new authoritative match appears in the list after about a second, and so does a new label. A relayed match appears at once.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use bevy_ecs::prelude::*;
/// fn look(_: On<Connected>, mut commands: Commands) {
///     let duels = ListMatches::new(20).authoritative(true).query("+label.mode:duel").max_size(1);
///     commands.nakama().list_matches(duels);
/// }
///
/// fn join_one(reply: On<Replied<ListMatches>>, mut commands: Commands) {
///     if let Some(duel) = reply.result.iter().flatten().next() {
///         commands.nakama().join_match(JoinMatch::by_id(duel.match_id.clone()));
///     }
/// }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListMatches {
    limit: u32,
    authoritative: Option<bool>,
    label: Option<String>,
    min_size: Option<u32>,
    max_size: Option<u32>,
    query: Option<String>,
}

impl ListMatches {
    /// At most `limit` matches: 1 to 100. There are no pages.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            authoritative: None,
            label: None,
            min_size: None,
            max_size: None,
            query: None,
        }
    }

    /// With `true`, only matches that code on the server runs; with `false`, only relayed ones. By default, both.
    #[must_use]
    pub fn authoritative(mut self, authoritative: bool) -> Self {
        self.authoritative = Some(authoritative);
        self
    }

    /// Only matches with exactly this label. Relayed matches have no label.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Only matches with at least `size` members.
    #[must_use]
    pub fn min_size(mut self, size: u32) -> Self {
        self.min_size = Some(size);
        self
    }

    /// Only matches with at most `size` members.
    #[must_use]
    pub fn max_size(mut self, size: u32) -> Self {
        self.max_size = Some(size);
        self
    }

    /// Only matches whose label, a JSON object, fits a query such as `+label.mode:duel +label.rank:>=10`.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = Some(query.into());
        self
    }
}

/// A match in the answer to [`ListMatches`]. Mirrors `Match` of the REST interface.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct ListedMatch {
    /// Give it to [`join_match`](NakamaCommands::join_match).
    pub match_id: MatchId,
    /// Whether code on the server runs it.
    #[serde(default)]
    pub authoritative: bool,
    /// The label that its handler gave it. `None` in relayed matches.
    pub label: Option<String>,
    /// How many members it has.
    #[serde(default)]
    pub size: u32,
    /// How many times a second its handler runs. `None` in relayed matches.
    pub tick_rate: Option<u32>,
    /// The name of its handler. `None` in relayed matches.
    pub handler_name: Option<String>,
}

refusals! {
    /// How the server refuses to list matches. The server's own text is in the error.
    pub enum MatchListRefusal(RestError) {
        /// The limit is not between 1 and 100.
        InvalidLimit,
        /// No match can have such a size.
        InvalidSize,
        /// The server does not understand the query.
        InvalidQuery,
        /// Something else.
        Other,
    }
}

impl From<RestError> for MatchListRefusal {
    fn from(error: RestError) -> Self {
        let text = error.message.as_str();
        if text.starts_with("Invalid limit") {
            Self::InvalidLimit(error)
        } else if text.starts_with("Maximum size ") || text.starts_with("Minimum size ") {
            Self::InvalidSize(error)
        } else if text == "Error listing matches." {
            Self::InvalidQuery(error)
        } else {
            Self::Other(error)
        }
    }
}

/// The body of the answer. What is empty is left out; what a newer server adds is passed over.
#[derive(Deserialize)]
struct List {
    #[serde(default)]
    matches: Vec<ListedMatch>,
}

request!(ListMatches -> Vec<ListedMatch>, MatchListRefusal);

impl RestRequest for ListMatches {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        let it = self.clone();
        let conditions = [
            ("limit", Some(it.limit.to_string())),
            ("authoritative", it.authoritative.map(|it| it.to_string())),
            ("label", it.label),
            ("min_size", it.min_size.map(|size| size.to_string())),
            ("max_size", it.max_size.map(|size| size.to_string())),
            ("query", it.query),
        ];
        UserCall::get("/v2/match", conditions)
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        let list: List = read_object(response, "no list of matches")?;
        Ok(list.matches)
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Asks which matches there are, over REST. The answer is a [`Replied<ListMatches>`](crate::request::Replied).
    ///
    /// To be logged in is enough, as with [`rest`](Self::rest).
    pub fn list_matches(self, request: ListMatches) -> EntityCommands<'a> {
        self.request_with(move |world, entity| submit_rest(world, entity, request))
    }
}
