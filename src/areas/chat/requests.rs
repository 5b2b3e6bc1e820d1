//! Joining and leaving channels.

use bevy_ecs::prelude::*;

use super::{ChatChannel, ChatChannelKind, ChatJoinedAs, ChatMemberOf, ChatRefusal};
use crate::{
    commands::NakamaCommands,
    mirror::{
        self, Entry, Leave,
        presence::{ChannelId, UserId},
    },
    proto::{
        Message,
        realtime::{self, channel_join::Type},
    },
    request::{Area, Consent, Outcome, RequestError, SocketRequest, expect_message, request},
    transport::{Received, canonical},
};

/// Joins a channel. Mirrors `ChannelJoin`.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// let lobby = JoinChat::room("lobby");
/// let unseen = JoinChat::room("lobby").hidden(true).persistent(false);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JoinChat {
    kind: Type,
    target: String,
    hidden: bool,
    persistent: bool,
}

impl JoinChat {
    /// The room with this name: 1 to 64 bytes, no control characters. The room exists as long as somebody is in it. Its history stays.
    #[must_use]
    pub fn room(name: impl Into<String>) -> Self {
        Self::new(Type::Room, name.into())
    }

    /// Direct messages with a user. If that user is not in the channel, the server sends them a notification.
    #[must_use]
    pub fn direct(user: impl Into<UserId>) -> Self {
        Self::new(Type::DirectMessage, user.into().to_string())
    }

    /// The channel of a group that the local user is a member of.
    #[must_use]
    pub fn group(group_id: impl Into<String>) -> Self {
        Self::new(Type::Group, canonical(&group_id.into()).into_owned())
    }

    /// The same channel once more.
    pub(super) fn again(
        kind: &ChatChannelKind,
        me: &UserId,
        joined_as: Option<ChatJoinedAs>,
    ) -> Self {
        let join = match kind {
            ChatChannelKind::Room { name } => Self::room(name),
            ChatChannelKind::Direct { users } => {
                let other = users.iter().find(|user| *user != me);
                Self::direct(other.unwrap_or(me).clone())
            }
            ChatChannelKind::Group { id } => Self::group(id),
        };
        match joined_as {
            Some(ChatJoinedAs { hidden, persistent }) => join.hidden(hidden).persistent(persistent),
            None => join,
        }
    }

    fn new(kind: Type, target: String) -> Self {
        Self {
            kind,
            target,
            hidden: false,
            persistent: true,
        }
    }

    /// Hides the local user from the other members. They still see what the local user writes. Default: `false`.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// Whether the server stores what the local user writes. Then it is in the history, and the server makes sure that only the local user
    /// edits or removes it. Default: `true`.
    #[must_use]
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.persistent = persistent;
        self
    }
}

/// The room with this name.
impl From<&str> for JoinChat {
    fn from(room: &str) -> Self {
        Self::room(room)
    }
}

/// The room with this name.
impl From<String> for JoinChat {
    fn from(room: String) -> Self {
        Self::room(room)
    }
}

/// Direct messages with this user.
impl From<&UserId> for JoinChat {
    fn from(user: &UserId) -> Self {
        Self::direct(user.clone())
    }
}

/// Direct messages with this user.
impl From<UserId> for JoinChat {
    fn from(user: UserId) -> Self {
        Self::direct(user)
    }
}

/// The local user is in a channel now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ChatJoined {
    /// The channel: the request's own entity, or an older entity if the local user was in that channel before.
    pub entity: Entity,
}

request!(JoinChat -> ChatJoined, ChatRefusal);

impl SocketRequest for JoinChat {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Channel);

    fn to_message(&self) -> Message {
        Message::ChannelJoin(realtime::ChannelJoin {
            target: self.target.clone(),
            r#type: self.kind.into(),
            persistence: Some(self.persistent),
            hidden: Some(self.hidden),
        })
    }

    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self> {
        let Consent { entity, since, .. } = consent;
        let entry = entry(consent.reply)?;
        let entity = mirror::enter::<ChatMemberOf>(world, entity, entry, since);
        let joined_as = ChatJoinedAs {
            hidden: self.hidden,
            persistent: self.persistent,
        };
        joined_as.remember(world, entity);
        Ok(ChatJoined { entity })
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        mirror::leave_entered(world, entry(reply));
    }
}

/// What the answer to a join says.
pub(super) fn entry(
    reply: Option<Received>,
) -> Result<Entry<ChatChannel>, RequestError<ChatRefusal>> {
    let (channel, mut people) = expect_message!(reply, Channel);
    // A repeated join lists the local user among the others.
    let my_session = channel.self_.as_ref().map(|me| me.session_id.as_str());
    let others = channel.presences.iter();
    let everybody = others.chain(&channel.self_).map(|presence| {
        let is_self = my_session == Some(presence.session_id.as_str());
        (people.info(presence), is_self)
    });
    Ok(Entry {
        id: ChannelId::from(channel.id.as_str()),
        everybody: everybody.collect(),
        state: ChatChannel {
            kind: ChatChannelKind::of(&channel),
        },
    })
}

/// Leaves a channel. When the server agrees, the channel's entity goes. Mirrors `ChannelLeave`.
pub type LeaveChat = Leave<ChatChannel>;

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Joins a channel. The returned entity becomes it, see [`Replied<JoinChat>`](crate::request::Replied).
    ///
    /// Give it the name of a room, the [id](UserId) of a user for direct messages, or a [`JoinChat`].
    pub fn join_chat(self, request: impl Into<JoinChat>) -> EntityCommands<'a> {
        let request = request.into();
        self.request_with(move |world, entity| mirror::ask_to_join(world, entity, request))
    }

    /// Leaves a channel. The answer is a [`Replied<LeaveChat>`](crate::request::Replied) on the returned entity. If the channel is still
    /// [`Joining`](crate::presence::Joining), you withdraw the join, and its entity goes at once.
    ///
    /// If you do not need the answer, despawn the channel's entity instead.
    pub fn leave_chat(self, channel: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            mirror::ask_to_leave::<ChatChannel>(world, entity, channel);
        })
    }
}
