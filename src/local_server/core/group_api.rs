//! Groups over REST.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{
    Core, cursor,
    groups::{Details, Group, News, State},
    http::{ApiError, ApiResult, Call, Code, answer, empty},
    ids::UserId,
    matches::count,
    notifications::Notice,
    tokens::Claims,
    wildcard::fits,
};
use crate::proto::{
    Timestamp,
    api::{self, GroupList, UserGroupList, user_group_list::UserGroup},
};

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

fn shown(group: &Group) -> api::Group {
    let details = group.details.clone();
    let seconds = |unix: Duration| {
        Some(Timestamp {
            seconds: unix.as_secs().cast_signed(),
            nanos: 0,
        })
    };
    api::Group {
        id: group.id.to_string(),
        creator_id: group.creator.to_string(),
        name: details.name,
        description: details.description,
        lang_tag: details.lang_tag,
        metadata: "{}".to_owned(),
        avatar_url: details.avatar_url,
        open: Some(details.open),
        edge_count: group.count(),
        max_count: details.max_count,
        create_time: seconds(group.created),
        update_time: seconds(group.updated),
    }
}

/// Lists of groups.
impl Core {
    pub(super) fn list_groups(&mut self, call: &Call<'_>, _: Claims) -> ApiResult {
        let limit = call.limit(1)?;
        let pattern = call.filled("name");
        let (open, members) = (call.query_bool("open")?, call.query_int("members")?);
        let lang_tag = call.filled("lang_tag");
        if pattern.is_some() && (open.is_some() || members.is_some() || lang_tag.is_some()) {
            return Err(ApiError::invalid(
                "name filter cannot be combined with any other filter",
            ));
        }
        let invalid = ApiError::new(Code::Internal, "Error while trying to list groups.");
        let after: Option<Rank> = call.cursor("cursor", invalid)?;
        // As SQL's `ILIKE` sees it.
        let pattern = pattern.map(|name| name.trim_start_matches(['%', ' ']).to_lowercase());
        let is_like = |name: &str, pattern: &str| fits(&name.to_lowercase(), pattern, '%', '_');
        let is_wanted = |group: &&Group| {
            let details = &group.details;
            pattern
                .as_ref()
                .is_none_or(|pattern| is_like(&details.name, pattern))
                && open.is_none_or(|open| details.open == open)
                && members.is_none_or(|members| group.count() <= members)
                && lang_tag.is_none_or(|tag| details.lang_tag == tag)
        };
        let rank = |group: &Group| Rank {
            name: pattern
                .as_ref()
                .map_or_else(String::new, |_| group.details.name.clone()),
            updated: group.updated,
            count: group.count(),
            id: group.id,
        };
        let mut groups: Vec<(Rank, &Group)> = self
            .groups
            .all()
            .filter(is_wanted)
            .map(|group| (rank(group), group))
            .filter(|(rank, _)| after.as_ref().is_none_or(|after| rank > after))
            .collect();
        groups.sort_by(|(one, _), (other, _)| one.cmp(other));
        let is_more = groups.len() > limit;
        groups.truncate(limit);
        let last = groups.last().filter(|_| is_more).map(|(rank, _)| rank);
        answer(GroupList {
            cursor: last.map_or_else(String::new, cursor::encode),
            groups: groups.iter().map(|(_, group)| shown(group)).collect(),
        })
    }

    pub(super) fn list_user_groups(&mut self, call: &Call<'_>, _: Claims) -> ApiResult {
        let user = UserId(id_in(call)?);
        let limit = call.limit(100)?;
        let after: Option<Tie> = call.cursor("cursor", ApiError::invalid("Cursor is invalid."))?;
        let mut ties = self.groups.of(user);
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
                .iter()
                .map(|(group, state, _)| UserGroup {
                    group: Some(shown(group)),
                    state: Some(*state as i32),
                })
                .collect(),
        })
    }
}

/// What users do with groups.
impl Core {
    /// Makes a group whose only member is the caller.
    pub(super) fn create_group(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
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
        let is_taken = |other: &Group| other.details.name == details.name;
        if self.groups.all().any(is_taken) {
            let problem = "Group name is in use.";
            return Err(ApiError::new(Code::AlreadyExists, problem));
        }
        let id = self.add_group(caller.user, details);
        let group = self.groups.get(id).ok_or_else(not_found)?;
        answer(shown(group))
    }

    /// Joins an open group, or asks to join a closed one, which its owners and admins are told.
    pub(super) fn join_group(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let id = id_in(call)?;
        let group = self.groups.get(id).ok_or_else(not_found)?;
        if group.count() >= group.details.max_count {
            return Err(is_full());
        }
        if group.state(caller.user).is_some() {
            return empty();
        }
        if group.details.open {
            self.set_state(id, caller.user, Some(State::Member));
            self.announce(id, News::Joined, caller.user);
            return empty();
        }
        let managers = group.managers();
        self.set_state(id, caller.user, Some(State::Asking));
        let username = caller.username;
        for manager in managers {
            let notice = Notice {
                content: json!({ "group_id": id, "username": username }).to_string(),
                sender: Some(caller.user),
                persistent: true,
                ..Notice::new(-5, format!("User {username} wants to join your group"))
            };
            self.notify(manager, [notice]);
        }
        empty()
    }

    pub(super) fn leave_group(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let (id, user) = (id_in(call)?, caller.user);
        let Some(group) = self.groups.get(id) else {
            return empty();
        };
        match group.state(user) {
            None => return empty(),
            Some(State::Owner) if group.is_last_owner(user) => {
                if group.count() > 1 {
                    let problem = "Cannot leave group when you are the last superadmin.";
                    return Err(ApiError::invalid(problem));
                }
                self.remove_group(id);
                return empty();
            }
            Some(_) => {}
        }
        self.set_state(id, user, None);
        self.announce(id, News::Left, user);
        self.leave_channel(id, user);
        empty()
    }

    /// Adds users, or accepts those who asked. All of them, or none.
    pub(super) fn add_to_group(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let (id, users) = (id_in(call)?, user_ids(call)?);
        let (group, _) = self.groups.managed(id, caller.user).ok_or_else(denied)?;
        let is_new = |user: &UserId| matches!(group.state(*user), None | Some(State::Asking));
        let new: BTreeSet<UserId> = users.into_iter().filter(is_new).collect();
        if new.iter().any(|user| self.accounts.get(*user).is_none()) {
            return Err(ApiError::invalid("One or more users not found."));
        }
        if group.count().saturating_add(count(&new)) > group.details.max_count {
            return Err(is_full());
        }
        let name = group.details.name.clone();
        for user in new {
            self.set_state(id, user, Some(State::Member));
            self.announce(id, News::Added, user);
            let notice = Notice {
                content: json!({ "group_id": id, "name": name }).to_string(),
                sender: Some(caller.user),
                persistent: true,
                ..Notice::new(-4, format!("You've been added to group {name}"))
            };
            self.notify(user, [notice]);
        }
        empty()
    }

    /// Removes members and requests. Admins cannot remove their likes, and the last owner stays.
    pub(super) fn kick_from_group(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let id = id_in(call)?;
        for user in user_ids(call)? {
            let (group, own) = self.groups.managed(id, caller.user).ok_or_else(denied)?;
            let Some(state) = group.state(user).filter(|_| user != caller.user) else {
                continue;
            };
            let may_kick = match own {
                State::Owner => !(state == State::Owner && group.is_last_owner(user)),
                _ => state > State::Admin,
            };
            if may_kick {
                self.set_state(id, user, None);
                if state <= State::Member {
                    self.announce(id, News::Kicked, user);
                    self.leave_channel(id, user);
                }
            }
        }
        empty()
    }

    /// Makes members admins, and admins owners, up to what the caller is.
    pub(super) fn promote_in_group(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let id = id_in(call)?;
        for user in user_ids(call)? {
            let (group, own) = self.groups.managed(id, caller.user).ok_or_else(denied)?;
            let promoted = match group.state(user) {
                Some(State::Member) => State::Admin,
                Some(State::Admin) if own == State::Owner => State::Owner,
                _ => continue,
            };
            if user != caller.user {
                self.set_state(id, user, Some(promoted));
                self.announce(id, News::Promoted, user);
            }
        }
        empty()
    }

    pub(super) fn delete_group(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let id = id_in(call)?;
        let group = self.groups.get(id);
        if group.and_then(|group| group.state(caller.user)) != Some(State::Owner) {
            let problem = "Group not found or you're not allowed to delete.";
            return Err(ApiError::invalid(problem));
        }
        self.remove_group(id);
        empty()
    }
}

fn not_found() -> ApiError {
    ApiError::not_found("Group not found.")
}

fn denied() -> ApiError {
    ApiError::not_found("Group not found or permission denied.")
}

fn is_full() -> ApiError {
    ApiError::invalid("Group is full.")
}

/// The id in the path of a call.
fn id_in(call: &Call<'_>) -> Result<Uuid, ApiError> {
    Uuid::parse_str(call.argument()).map_err(|_| ApiError::invalid("Group ID must be a valid ID."))
}

fn user_ids(call: &Call<'_>) -> Result<Vec<UserId>, ApiError> {
    call.query_all("user_ids")
        .map(|id| Uuid::parse_str(id).map(UserId))
        .collect::<Result<_, _>>()
        .map_err(|_| ApiError::invalid("User ID must be a valid ID."))
}
