//! The list of matches over REST.

use super::{
    Core,
    http::{ApiError, ApiResult, Call, Code, answer},
    label,
    matches::count,
    presence::Mode,
    query::Query,
    tokens::Claims,
};
use crate::proto::api::{Match, MatchList};

impl Core {
    pub(super) fn list_matches(&mut self, call: &Call<'_>, _: Claims) -> ApiResult {
        let limit = call.limit(1)?;
        let authoritative = call.query_bool("authoritative")?;
        for (filter, name) in [("label", "Label"), ("query", "Query")] {
            if call.query(filter).is_some() && authoritative == Some(false) {
                return Err(ApiError::invalid(format!(
                    "{name} filtering is not supported for non-authoritative matches."
                )));
            }
        }
        let size = |parameter: &str, name: &str| match call.query_int(parameter)? {
            Some(..0) => Err(ApiError::invalid(format!(
                "{name} size must be 0 or above."
            ))),
            size => Ok(size),
        };
        let (min, max) = (size("min_size", "Minimum")?, size("max_size", "Maximum")?);
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            return Err(ApiError::invalid(
                "Maximum size must be greater than or equal to minimum size when both are specified.",
            ));
        }

        let (label, query) = (call.query("label"), call.query("query"));
        let query = query.map(|text| {
            let problem = || ApiError::new(Code::Internal, "Error listing matches.");
            Query::parse(text).ok_or_else(problem)
        });
        let query = query.transpose()?;
        let fits =
            |size: i32| min.is_none_or(|min| size >= min) && max.is_none_or(|max| size <= max);
        let mut found = Vec::new();
        if authoritative != Some(false) {
            found.extend(self.authoritative_matches(label, query.as_ref()));
        }
        if authoritative != Some(true) && label.is_none() && query.is_none() {
            found.extend(self.relayed_matches());
        }
        found.retain(|found| fits(found.size));
        found.truncate(limit);
        answer(MatchList { matches: found })
    }

    /// Those that lists know of, the oldest first.
    fn authoritative_matches(&self, label: Option<&str>, query: Option<&Query>) -> Vec<Match> {
        let now = self.clock.now();
        let listed = self.running.iter().filter_map(|(id, running)| {
            let shown = running.label.shown(now)?;
            let stream = self.authoritative_stream(id);
            let is_wanted = label.is_none_or(|label| label == shown)
                && query.is_none_or(|query| label::holds(query, &stream.id(), shown));
            is_wanted.then(|| Match {
                match_id: stream.id(),
                size: count(self.tracker.visible(&stream)),
                authoritative: true,
                label: Some(shown.clone()),
                tick_rate: running.tick_rate.cast_signed(),
                handler_name: running.handler_name.clone(),
            })
        });
        listed.collect()
    }

    fn relayed_matches(&self) -> Vec<Match> {
        let matches = self.tracker.streams(Mode::MATCH_RELAYED);
        let mut found: Vec<Match> = matches
            .map(|stream| Match {
                match_id: stream.id(),
                size: count(self.tracker.visible(stream)),
                ..Match::default()
            })
            .collect();
        found.sort_by(|one, other| one.match_id.cmp(&other.match_id));
        found
    }
}
