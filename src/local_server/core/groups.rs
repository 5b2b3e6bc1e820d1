//! Groups: who belongs to which, and what changes of that mean for the group's channel.

use std::{collections::HashMap, time::Duration};

use serde::Deserialize;
use uuid::Uuid;

use super::{Core, channels, ids::UserId, matches::count};
use crate::proto::{Message, api::ChannelMessage};

/// What a group tells its channel, as codes of messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum News {
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
        count(self.edges.iter().filter(|edge| edge.state <= State::Member))
    }

    pub(super) fn state(&self, user: UserId) -> Option<State> {
        self.edges
            .iter()
            .find(|edge| edge.user == user)
            .map(|edge| edge.state)
    }

    pub(super) fn is_last_owner(&self, user: UserId) -> bool {
        let mut owners = self.edges.iter().filter(|edge| edge.state == State::Owner);
        owners.all(|edge| edge.user == user)
    }

    /// Its owners and admins.
    pub(super) fn managers(&self) -> Vec<UserId> {
        let managers = self.edges.iter().filter(|edge| edge.state <= State::Admin);
        managers.map(|edge| edge.user).collect()
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

    pub(super) fn get(&self, id: Uuid) -> Option<&Group> {
        self.by_id.get(&id)
    }

    /// A group that the caller may manage, and what the caller is in it.
    pub(super) fn managed(&self, id: Uuid, caller: UserId) -> Option<(&Group, State)> {
        let group = self.get(id)?;
        let state = group.state(caller)?;
        (state <= State::Admin).then_some((group, state))
    }
}

impl Core {
    /// Makes a group whose only member is its creator.
    pub(super) fn add_group(&mut self, creator: UserId, details: Details) -> Uuid {
        let now = self.clock.unix();
        let id = self.ids.random();
        let group = Group {
            id,
            creator,
            details,
            created: now,
            updated: now,
            edges: Vec::new(),
        };
        self.groups.by_id.insert(id, group);
        self.set_state(id, creator, Some(State::Owner));
        id
    }

    /// Deletes a group. Who is in its channel is not told.
    pub(super) fn remove_group(&mut self, id: Uuid) {
        self.groups.by_id.remove(&id);
        self.tracker.untrack_stream(&channels::group(id));
    }

    pub(super) fn set_state(&mut self, id: Uuid, user: UserId, state: Option<State>) {
        self.groups.last_position += 1;
        let position = self.groups.last_position;
        let now = self.clock.unix();
        if let Some(group) = self.groups.by_id.get_mut(&id) {
            group.set(user, state, position);
            group.updated = now;
        }
    }

    /// Tells the channel of a group what has happened to a user. It is stored with a time in whole seconds.
    pub(super) fn announce(&mut self, id: Uuid, news: News, user: UserId) {
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
            ..channels::message_in(&stream)
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
    pub(super) fn leave_channel(&mut self, id: Uuid, user: UserId) {
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
