//! A message of the server, with who is in it.

use std::{collections::VecDeque, sync::Arc};

use super::{
    ids::{PresenceInfo, SessionId, UserId, Username},
    interner::Interner,
};
use crate::proto::{Message, UserPresence, for_each_presence};

/// A decoded message. The presences in it are interned: whoever keeps one shares it with all other messages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Received {
    /// The message.
    pub(crate) message: Message,
    /// Who is in it.
    pub(crate) people: People,
}

/// The presences of a message, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct People(VecDeque<Arc<PresenceInfo>>);

impl Received {
    pub(crate) fn new(message: Message, interner: &mut Interner) -> Self {
        let mut people = VecDeque::new();
        for_each_presence(&message, |presence| {
            people.push_back(interner.presence_of(presence))
        });
        Self {
            message,
            people: People(people),
        }
    }
}

impl From<Message> for Received {
    fn from(message: Message) -> Self {
        Self {
            message,
            people: People::default(),
        }
    }
}

impl People {
    /// Who a presence of the message is. Shared if asked in the message's order.
    pub(crate) fn info(&mut self, presence: &UserPresence) -> Arc<PresenceInfo> {
        let is_it = |info: &Arc<PresenceInfo>| {
            info.session_id == presence.session_id.as_str()
                && info.user_id == presence.user_id.as_str()
                && info.username == presence.username.as_str()
        };
        self.0.pop_front().filter(is_it).unwrap_or_else(|| {
            Arc::new(PresenceInfo {
                user_id: UserId::from(presence.user_id.as_str()),
                session_id: SessionId::from(presence.session_id.as_str()),
                username: Username::from(presence.username.as_str()),
            })
        })
    }
}
