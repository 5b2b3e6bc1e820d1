//! Groups over REST.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Core, cursor,
    groups::{Details, Group, GroupError},
    http::{ApiError, ApiResult, Call, Code, answer, empty},
    ids::UserId,
    tokens::Claims,
};
use crate::proto::Timestamp;

#[derive(Serialize)]
struct GroupView<'a> {
    id: Uuid,
    creator_id: UserId,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    lang_tag: &'a str,
    metadata: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    avatar_url: &'a str,
    open: bool,
    edge_count: i32,
    max_count: i32,
    create_time: Timestamp,
    update_time: Timestamp,
}

#[derive(Serialize)]
struct GroupList<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupView<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    cursor: String,
}

#[derive(Serialize)]
struct UserGroupList<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user_groups: Vec<UserGroup<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    cursor: String,
}

#[derive(Serialize)]
struct UserGroup<'a> {
    group: GroupView<'a>,
    state: u8,
}

/// What groups are listed by: their names if a name is looked for, else the time of their last change.
#[derive(Clone, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Rank {
    name: String,
    updated: Duration,
    count: i32,
    id: Uuid,
}

/// Whose ties to groups are listed: the place of the last one in the list.
type Tie = (u8, u64);

impl<'a> From<&'a Group> for GroupView<'a> {
    fn from(group: &'a Group) -> Self {
        let details = &group.details;
        let seconds = |unix: Duration| Timestamp {
            seconds: unix.as_secs().cast_signed(),
            nanos: 0,
        };
        Self {
            id: group.id,
            creator_id: group.creator,
            name: &details.name,
            description: &details.description,
            lang_tag: &details.lang_tag,
            metadata: "{}",
            avatar_url: &details.avatar_url,
            open: details.open,
            edge_count: group.count(),
            max_count: details.max_count,
            create_time: seconds(group.created),
            update_time: seconds(group.updated),
        }
    }
}

impl Core {
    pub(super) fn post_group(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let mut details: Details = call.body()?;
        if details.name.is_empty() {
            return Err(ApiError::invalid("Group name must be set."));
        }
        match details.max_count {
            ..0 => return Err(ApiError::invalid("Group max count must be >= 1 when set.")),
            0 => details.max_count = 100,
            1.. => {}
        }
        if details.lang_tag.is_empty() {
            details.lang_tag = "en".to_owned();
        }
        let group = self.create_group(caller.user, details)?;
        answer(GroupView::from(group))
    }

    pub(super) fn list_groups(&mut self, call: &Call<'_>, _: Claims) -> ApiResult {
        let limit = call.limit(1)?;
        let pattern = call.query("name").filter(|name| !name.is_empty());
        let (open, members) = (call.query_bool("open")?, call.query_int("members")?);
        let lang_tag = call.query("lang_tag").filter(|tag| !tag.is_empty());
        if pattern.is_some() && (open.is_some() || members.is_some() || lang_tag.is_some()) {
            return Err(ApiError::invalid(
                "name filter cannot be combined with any other filter",
            ));
        }
        let after: Option<Rank> = match call.query("cursor") {
            None | Some("") => None,
            Some(text) => Some(cursor::decode(text).ok_or_else(|| {
                ApiError::new(Code::Internal, "Error while trying to list groups.")
            })?),
        };
        let pattern = pattern.map(|name| name.trim_start_matches(['%', ' ']));
        let fits = |group: &&Group| {
            let details = &group.details;
            pattern.is_none_or(|pattern| is_like(&details.name, pattern))
                && open.is_none_or(|open| details.open == open)
                && members.is_none_or(|members| group.count() <= members)
                && lang_tag.is_none_or(|tag| details.lang_tag == tag)
        };
        let rank = |group: &Group| Rank {
            name: pattern.map_or_else(String::new, |_| group.details.name.clone()),
            updated: group.updated,
            count: group.count(),
            id: group.id,
        };
        let mut groups: Vec<(Rank, &Group)> = self
            .groups
            .all()
            .filter(fits)
            .map(|group| (rank(group), group))
            .filter(|(rank, _)| after.as_ref().is_none_or(|after| rank > after))
            .collect();
        groups.sort_by(|(one, _), (other, _)| one.cmp(other));
        let is_more = groups.len() > limit;
        groups.truncate(limit);
        let last = groups.last().filter(|_| is_more).map(|(rank, _)| rank);
        answer(GroupList {
            cursor: last.map_or_else(String::new, cursor::encode),
            groups: groups.into_iter().map(|(_, group)| group.into()).collect(),
        })
    }

    pub(super) fn list_user_groups(&mut self, call: &Call<'_>, _: Claims) -> ApiResult {
        let user = Uuid::parse_str(call.argument()).map_err(|_| invalid_id())?;
        let limit = call.limit(100)?;
        let after: Option<Tie> = match call.query("cursor") {
            None | Some("") => None,
            Some(text) => {
                Some(cursor::decode(text).ok_or_else(|| ApiError::invalid("Cursor is invalid."))?)
            }
        };
        let mut ties = self.groups.of(UserId(user));
        ties.retain(|(_, state, position)| {
            after.is_none_or(|after| (*state as u8, *position) > after)
        });
        let is_more = ties.len() > limit;
        ties.truncate(limit);
        let last = ties.last().filter(|_| is_more);
        answer(UserGroupList {
            cursor: last.map_or_else(String::new, |(_, state, position)| {
                cursor::encode(&(*state as u8, *position))
            }),
            user_groups: ties
                .into_iter()
                .map(|(group, state, _)| UserGroup {
                    group: group.into(),
                    state: state as u8,
                })
                .collect(),
        })
    }

    pub(super) fn post_group_join(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        self.join_group(group_id(call)?, caller.user, &caller.username)?;
        empty()
    }

    pub(super) fn post_group_leave(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        self.leave_group(group_id(call)?, caller.user)?;
        empty()
    }

    pub(super) fn post_group_add(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        self.add_to_group(group_id(call)?, caller.user, &user_ids(call)?)?;
        empty()
    }

    pub(super) fn post_group_kick(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        self.kick_from_group(group_id(call)?, caller.user, &user_ids(call)?)?;
        empty()
    }

    pub(super) fn post_group_promote(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        self.promote_in_group(group_id(call)?, caller.user, &user_ids(call)?)?;
        empty()
    }

    pub(super) fn delete_group_call(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        self.delete_group(group_id(call)?, caller.user)?;
        empty()
    }
}

impl From<GroupError> for ApiError {
    fn from(error: GroupError) -> Self {
        let (code, message) = match error {
            GroupError::NotFound => (Code::NotFound, "Group not found."),
            GroupError::PermissionDenied => {
                (Code::NotFound, "Group not found or permission denied.")
            }
            GroupError::NotOwner => (
                Code::InvalidArgument,
                "Group not found or you're not allowed to delete.",
            ),
            GroupError::Full => (Code::InvalidArgument, "Group is full."),
            GroupError::UserNotFound => (Code::InvalidArgument, "One or more users not found."),
            GroupError::LastOwner => (
                Code::InvalidArgument,
                "Cannot leave group when you are the last superadmin.",
            ),
            GroupError::NameInUse => (Code::AlreadyExists, "Group name is in use."),
        };
        Self::new(code, message)
    }
}

fn group_id(call: &Call<'_>) -> Result<Uuid, ApiError> {
    Uuid::parse_str(call.argument()).map_err(|_| invalid_id())
}

fn invalid_id() -> ApiError {
    ApiError::invalid("Group ID must be a valid ID.")
}

fn user_ids(call: &Call<'_>) -> Result<Vec<UserId>, ApiError> {
    call.query_all("user_ids")
        .map(|id| Uuid::parse_str(id).map(UserId))
        .collect::<Result<_, _>>()
        .map_err(|_| ApiError::invalid("User ID must be a valid ID."))
}

/// Whether a name fits a pattern as SQL's `ILIKE` sees it: `%` for any text, `_` for any letter.
fn is_like(name: &str, pattern: &str) -> bool {
    let [name, pattern] =
        [name, pattern].map(|text| text.to_lowercase().chars().collect::<Vec<_>>());
    let (mut at, mut wanted) = (0, 0);
    // The last `%`, and where what stands after it was looked for.
    let mut retry = None;
    while at < name.len() {
        match pattern.get(wanted) {
            Some('%') => {
                retry = Some((wanted + 1, at));
                wanted += 1;
            }
            Some(letter) if *letter == '_' || *letter == name[at] => {
                at += 1;
                wanted += 1;
            }
            _ => match &mut retry {
                Some((after, start)) => {
                    *start += 1;
                    (wanted, at) = (*after, *start);
                }
                None => return false,
            },
        }
    }
    pattern[wanted..].iter().all(|letter| *letter == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_pattern() {
        for (name, pattern, fits) in [
            ("Knights", "knights", true),
            ("Knights", "kni%", true),
            ("Knights", "k_i%s", true),
            ("Knights", "%ght", false),
            ("Knights", "k%g%t%", true),
            ("Knights", "kn", false),
            ("", "%%", true),
        ] {
            assert_eq!(is_like(name, pattern), fits, "{name} {pattern}");
        }
    }
}
