//! Groups: who belongs to which, and what changes of that mean for the group's channel.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use serde::Deserialize;
use uuid::Uuid;

use super::{Core, channels, chat::in_channel, ids::UserId, notifications::Notice};
use crate::proto::{Message, api::ChannelMessage};

/// What a group tells its channel, as codes of messages.
#[derive(Clone, Copy, Debug)]
enum News {
    Joined = 3,
    Added = 4,
    Left = 5,
    Kicked = 6,
    Promoted = 7,
}

/// What a user is in a group.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum State {
    Owner = 0,
    Admin = 1,
    Member = 2,
    /// Asks to join.
    Asking = 3,
}

/// Why something cannot be done with a group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum GroupError {
    NotFound,
    /// The caller does not manage it, or it does not exist.
    PermissionDenied,
    /// The caller does not own it, or it does not exist.
    NotOwner,
    Full,
    UserNotFound,
    LastOwner,
    NameInUse,
}

/// What the creator of a group says about it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub(super) name: String,
    pub(super) description: String,
    #[serde(alias = "avatarUrl")]
    pub(super) avatar_url: String,
    #[serde(alias = "langTag")]
    pub(super) lang_tag: String,
    pub(super) open: bool,
    #[serde(alias = "maxCount")]
    pub(super) max_count: i32,
}

/// A group.
pub(super) struct Group {
    pub(super) id: Uuid,
    pub(super) creator: UserId,
    pub(super) details: Details,
    /// Since 1970.
    pub(super) created: Duration,
    pub(super) updated: Duration,
    edges: Vec<Edge>,
}

/// A user's tie to a group.
struct Edge {
    user: UserId,
    state: State,
    /// Grows with every tie made.
    position: u64,
}

/// All groups.
#[derive(Default)]
pub(super) struct Groups {
    by_id: HashMap<Uuid, Group>,
    last_position: u64,
}

impl Group {
    /// How many belong to it.
    pub(super) fn count(&self) -> i32 {
        let members = self.edges.iter().filter(|edge| edge.state <= State::Member);
        i32::try_from(members.count()).unwrap_or(i32::MAX)
    }

    fn state(&self, user: UserId) -> Option<State> {
        self.edges
            .iter()
            .find(|edge| edge.user == user)
            .map(|edge| edge.state)
    }

    fn is_last_owner(&self, user: UserId) -> bool {
        let mut owners = self.edges.iter().filter(|edge| edge.state == State::Owner);
        owners.all(|edge| edge.user == user)
    }

    fn set(&mut self, user: UserId, state: Option<State>, position: u64) {
        let known = self.edges.iter().position(|edge| edge.user == user);
        match (known, state) {
            (Some(index), Some(state)) => self.edges[index].state = state,
            (Some(index), None) => {
                self.edges.remove(index);
            }
            (None, Some(state)) => self.edges.push(Edge {
                user,
                state,
                position,
            }),
            (None, None) => {}
        }
    }
}

impl Groups {
    pub(super) fn all(&self) -> impl Iterator<Item = &Group> {
        self.by_id.values()
    }

    /// The groups that a user has to do with, the most important ones first.
    pub(super) fn of(&self, user: UserId) -> Vec<(&Group, State, u64)> {
        let edge_of = |group: &'_ Group| {
            let edge = group.edges.iter().find(|edge| edge.user == user)?;
            Some((edge.state, edge.position))
        };
        let mut groups: Vec<_> = self
            .all()
            .filter_map(|group| edge_of(group).map(|(state, position)| (group, state, position)))
            .collect();
        groups.sort_by_key(|(_, state, position)| (*state, *position));
        groups
    }

    pub(super) fn is_member(&self, id: Uuid, user: UserId) -> bool {
        let state = self.by_id.get(&id).and_then(|group| group.state(user));
        state.is_some_and(|state| state <= State::Member)
    }

    /// Takes a user out of all groups.
    pub(super) fn forget(&mut self, user: UserId) {
        for group in self.by_id.values_mut() {
            group.set(user, None, 0);
        }
    }

    fn get(&mut self, id: Uuid) -> Result<&mut Group, GroupError> {
        self.by_id.get_mut(&id).ok_or(GroupError::NotFound)
    }

    /// A group that the caller may manage, and what the caller is in it.
    fn managed(&mut self, id: Uuid, caller: UserId) -> Result<(&mut Group, State), GroupError> {
        let group = self
            .by_id
            .get_mut(&id)
            .ok_or(GroupError::PermissionDenied)?;
        match group.state(caller) {
            Some(state) if state <= State::Admin => Ok((group, state)),
            _ => Err(GroupError::PermissionDenied),
        }
    }
}

impl Core {
    /// Makes a group whose only member is its creator.
    pub(super) fn create_group(
        &mut self,
        creator: UserId,
        details: Details,
    ) -> Result<&Group, GroupError> {
        if self
            .groups
            .all()
            .any(|other| other.details.name == details.name)
        {
            return Err(GroupError::NameInUse);
        }
        let now = self.clock.unix();
        let group = Group {
            id: self.ids.random(),
            creator,
            details,
            created: now,
            updated: now,
            edges: Vec::new(),
        };
        let id = group.id;
        self.groups.by_id.insert(id, group);
        self.set_state(id, creator, Some(State::Owner));
        self.groups.get(id).map(|group| &*group)
    }

    /// Joins an open group, or asks to join a closed one, which its owners and admins are told.
    pub(super) fn join_group(
        &mut self,
        id: Uuid,
        user: UserId,
        username: &str,
    ) -> Result<(), GroupError> {
        let group = self.groups.get(id)?;
        if group.count() >= group.details.max_count {
            return Err(GroupError::Full);
        }
        if group.state(user).is_some() {
            return Ok(());
        }
        if group.details.open {
            self.set_state(id, user, Some(State::Member));
            self.announce(id, News::Joined, user);
            return Ok(());
        }
        let managers = group.edges.iter().filter(|edge| edge.state <= State::Admin);
        let managers: Vec<UserId> = managers.map(|edge| edge.user).collect();
        self.set_state(id, user, Some(State::Asking));
        for manager in managers {
            let notice = Notice::new(-5, format!("User {username} wants to join your group"))
                .with_content(
                    serde_json::json!({ "group_id": id, "username": username }).to_string(),
                )
                .from(user)
                .persistent();
            self.notify(manager, [notice]);
        }
        Ok(())
    }

    pub(super) fn leave_group(&mut self, id: Uuid, user: UserId) -> Result<(), GroupError> {
        let Ok(group) = self.groups.get(id) else {
            return Ok(());
        };
        match group.state(user) {
            None => return Ok(()),
            Some(State::Owner) if group.is_last_owner(user) => {
                if group.count() > 1 {
                    return Err(GroupError::LastOwner);
                }
                self.remove_group(id);
                return Ok(());
            }
            Some(_) => {}
        }
        self.set_state(id, user, None);
        self.announce(id, News::Left, user);
        self.leave_channel(id, user);
        Ok(())
    }

    /// Adds users, or accepts those who asked. All of them, or none.
    pub(super) fn add_to_group(
        &mut self,
        id: Uuid,
        caller: UserId,
        users: &[UserId],
    ) -> Result<(), GroupError> {
        let (group, _) = self.groups.managed(id, caller)?;
        let is_new = |user: &UserId| matches!(group.state(*user), None | Some(State::Asking));
        let new: BTreeSet<UserId> = users.iter().copied().filter(is_new).collect();
        let count = i32::try_from(new.len()).unwrap_or(i32::MAX);
        let is_full = group.count().saturating_add(count) > group.details.max_count;
        let name = group.details.name.clone();
        if new.iter().any(|user| self.accounts.get(*user).is_none()) {
            return Err(GroupError::UserNotFound);
        }
        if is_full {
            return Err(GroupError::Full);
        }
        for user in new {
            self.set_state(id, user, Some(State::Member));
            self.announce(id, News::Added, user);
            let notice = Notice::new(-4, format!("You've been added to group {name}"))
                .with_content(serde_json::json!({ "group_id": id, "name": name }).to_string())
                .from(caller)
                .persistent();
            self.notify(user, [notice]);
        }
        Ok(())
    }

    /// Removes members and requests. Admins cannot remove their likes, and the last owner stays.
    pub(super) fn kick_from_group(
        &mut self,
        id: Uuid,
        caller: UserId,
        users: &[UserId],
    ) -> Result<(), GroupError> {
        for &user in users {
            let (group, own) = self.groups.managed(id, caller)?;
            let Some(state) = group.state(user).filter(|_| user != caller) else {
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
        Ok(())
    }

    /// Makes members admins, and admins owners, up to what the caller is.
    pub(super) fn promote_in_group(
        &mut self,
        id: Uuid,
        caller: UserId,
        users: &[UserId],
    ) -> Result<(), GroupError> {
        for &user in users {
            let (group, own) = self.groups.managed(id, caller)?;
            let promoted = match group.state(user) {
                Some(State::Member) => State::Admin,
                Some(State::Admin) if own == State::Owner => State::Owner,
                _ => continue,
            };
            if user != caller {
                self.set_state(id, user, Some(promoted));
                self.announce(id, News::Promoted, user);
            }
        }
        Ok(())
    }

    pub(super) fn delete_group(&mut self, id: Uuid, caller: UserId) -> Result<(), GroupError> {
        let group = self.groups.by_id.get(&id);
        if group.and_then(|group| group.state(caller)) != Some(State::Owner) {
            return Err(GroupError::NotOwner);
        }
        self.remove_group(id);
        Ok(())
    }

    /// Deletes a group. Who is in its channel is not told.
    fn remove_group(&mut self, id: Uuid) {
        self.groups.by_id.remove(&id);
        self.tracker.untrack_stream(&channels::group(id));
    }

    fn set_state(&mut self, id: Uuid, user: UserId, state: Option<State>) {
        self.groups.last_position += 1;
        let position = self.groups.last_position;
        let now = self.clock.unix();
        if let Ok(group) = self.groups.get(id) {
            group.set(user, state, position);
            group.updated = now;
        }
    }

    /// Tells the channel of a group what has happened to a user. It is stored with a time in whole seconds.
    fn announce(&mut self, id: Uuid, news: News, user: UserId) {
        let stream = channels::group(id);
        let now = Some(self.clock.timestamp());
        let message = ChannelMessage {
            message_id: self.ids.random().to_string(),
            code: Some(news as i32),
            sender_id: user.to_string(),
            username: self
                .accounts
                .get(user)
                .map_or_else(String::new, |user| user.username.clone()),
            content: "{}".to_owned(),
            create_time: now,
            update_time: now,
            persistent: Some(true),
            ..in_channel(&stream)
        };
        let seconds = Some(self.clock.timestamp_seconds());
        let stored = ChannelMessage {
            create_time: seconds,
            update_time: seconds,
            ..message.clone()
        };
        if let Err(error) = self.history.insert(&stream, stored) {
            log::error!("the news of a group cannot be stored: {error:?}");
        }
        self.broadcast(&stream, Message::ChannelMessage(message));
    }

    /// Takes all sockets of a user out of the channel of a group.
    fn leave_channel(&mut self, id: Uuid, user: UserId) {
        let stream = channels::group(id);
        let of_user = self
            .tracker
            .all(&stream)
            .filter(|presence| presence.peer.user == user);
        let sessions: Vec<_> = of_user.map(|presence| presence.peer.session).collect();
        for session in sessions {
            self.tracker.untrack(&stream, session);
        }
    }
}
