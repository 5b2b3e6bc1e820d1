//! Who is online, and who wants to know.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::{
    Core,
    ids::{SessionId, UserId},
    presence::{Event, Mode, Peer, Presence, Stream},
    requests::{Answer, Refusal, Reply},
};
use crate::proto::{
    Message,
    realtime::{Status, StatusFollow, StatusPresenceEvent, StatusUnfollow, StatusUpdate},
};

/// The longest status, in bytes.
const MAX_STATUS: usize = 2048;

/// Which sockets follow which users. Every socket follows its own user.
#[derive(Default)]
pub(super) struct Follows {
    by_user: HashMap<UserId, Vec<SessionId>>,
}

impl Follows {
    pub(super) fn follow(&mut self, session: SessionId, user: UserId) {
        let followers = self.by_user.entry(user).or_default();
        if !followers.contains(&session) {
            followers.push(session);
        }
    }

    fn unfollow(&mut self, session: SessionId, user: UserId) {
        if let Some(followers) = self.by_user.get_mut(&user) {
            followers.retain(|follower| *follower != session);
        }
    }

    pub(super) fn unfollow_all(&mut self, session: SessionId) {
        self.by_user.retain(|_, followers| {
            followers.retain(|follower| *follower != session);
            !followers.is_empty()
        });
    }

    /// Which session follows which user.
    #[cfg(feature = "__testing")]
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let all = self.by_user.iter().flat_map(|(user, followers)| {
            let of_user = |it: &SessionId| (it.to_string(), user.to_string());
            followers.iter().map(of_user).collect::<Vec<_>>()
        });
        all.collect()
    }

    pub(super) fn followers(&self, user: UserId) -> Vec<SessionId> {
        self.by_user.get(&user).cloned().unwrap_or_default()
    }
}

pub(super) fn stream(user: UserId) -> Stream {
    Stream::new(Mode::STATUS, user.0)
}

pub(super) fn presence(peer: Peer, status: String) -> Presence {
    Presence {
        status: Some(status),
        ..Presence::new(peer)
    }
}

pub(super) fn presence_event(event: &Event) -> Message {
    Message::StatusPresenceEvent(StatusPresenceEvent {
        joins: event.join.iter().map(Presence::to_proto).collect(),
        leaves: event.leave.iter().map(Presence::to_proto).collect(),
    })
}

impl Core {
    pub(super) fn status_update(&mut self, caller: &Peer, request: StatusUpdate) -> Answer {
        let stream = stream(caller.user);
        match request.status {
            None => self.tracker.untrack(&stream, caller.session),
            Some(status) if status.len() > MAX_STATUS => {
                return Err(Refusal::bad_input("Status must be 2048 characters or less"));
            }
            Some(status) => self
                .tracker
                .update(&stream, presence(caller.clone(), status)),
        }
        Ok(Reply::Acknowledged)
    }

    pub(super) fn status_follow(&mut self, caller: &Peer, request: &StatusFollow) -> Answer {
        let mut users: BTreeSet<UserId> = user_ids(&request.user_ids)?
            .into_iter()
            .filter(|user| self.accounts.get(*user).is_some())
            .collect();
        if request.usernames.iter().any(String::is_empty) {
            return Err(Refusal::bad_input("Invalid username"));
        }
        let by_name = request
            .usernames
            .iter()
            .filter_map(|name| self.accounts.by_username(name));
        users.extend(by_name.map(|user| user.id));
        users.remove(&caller.user);

        let mut presences = Vec::new();
        for user in users {
            self.follows.follow(caller.session, user);
            presences.extend(self.tracker.visible(&stream(user)).map(Presence::to_proto));
        }
        Ok(Message::Status(Status { presences }).into())
    }

    pub(super) fn status_unfollow(&mut self, caller: &Peer, request: &StatusUnfollow) -> Answer {
        for user in user_ids(&request.user_ids)? {
            if user != caller.user {
                self.follows.unfollow(caller.session, user);
            }
        }
        Ok(Reply::Acknowledged)
    }
}

fn user_ids(ids: &[String]) -> Result<Vec<UserId>, Refusal> {
    ids.iter()
        .map(|id| Uuid::parse_str(id).map(UserId))
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::bad_input("Invalid user identifier"))
}
