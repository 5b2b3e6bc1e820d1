//! The list of matches over REST.

use serde::Serialize;

use super::{
    Core,
    http::{ApiError, ApiResult, Call, answer},
    matches,
    presence::Mode,
    tokens::Claims,
};

#[derive(Serialize)]
struct MatchList {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    matches: Vec<MatchView>,
}

/// A relayed match.
#[derive(Serialize)]
struct MatchView {
    match_id: String,
    /// Everybody in it.
    size: usize,
}

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
        let size = |parameter: &str, name: &str| {
            let size = call.query_int(parameter)?.map(usize::try_from).transpose();
            size.map_err(|_| ApiError::invalid(format!("{name} size must be 0 or above.")))
        };
        let (min, max) = (size("min_size", "Minimum")?, size("max_size", "Maximum")?);
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            return Err(ApiError::invalid(
                "Maximum size must be greater than or equal to minimum size when both are specified.",
            ));
        }

        // All matches here are relayed, and those have no label.
        let is_for_others = authoritative == Some(true)
            || call.query("label").is_some()
            || call.query("query").is_some();
        let fits =
            |size: usize| min.is_none_or(|min| size >= min) && max.is_none_or(|max| size <= max);
        let mut found: Vec<MatchView> = self
            .tracker
            .streams(Mode::MatchRelayed)
            .filter(|(_, size)| !is_for_others && fits(*size))
            .map(|(stream, size)| MatchView {
                match_id: matches::id_of(stream),
                size,
            })
            .collect();
        found.sort_by(|one, other| one.match_id.cmp(&other.match_id));
        found.truncate(limit);
        answer(MatchList { matches: found })
    }
}
