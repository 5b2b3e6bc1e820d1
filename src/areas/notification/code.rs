//! Kinds of notifications.

use bevy_reflect::Reflect;
use serde::{Deserialize, Serialize};

/// What kind of notification it is. The codes of the server itself are below zero. Your game's own codes are above zero. Mirrors
/// `Notification.code`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Reflect, Serialize)]
#[type_path = "bevy_nakama::notification"]
#[serde(from = "i32", into = "i32")]
#[non_exhaustive]
pub enum NotificationCode {
    /// -1: a user has opened direct messages with the local user, who has not joined that channel.
    DirectMessage,
    /// -2: a friend request.
    FriendRequest,
    /// -3: a user has accepted the local user's friend request.
    FriendAccepted,
    /// -4: the local user is a member of a group: an admin accepted their join request, or added them.
    GroupAdded,
    /// -5: a join request for a group that the local user is an admin of.
    GroupJoinRequest,
    /// -6: a friend from a social network has joined this game.
    FriendJoinedGame,
    /// -7: the local user has connected with another socket, and the server allows only one.
    /// [`Disconnected`](crate::connection::Disconnected) follows.
    SingleSocket,
    /// -8: the local user was banned. [`Disconnected`](crate::connection::Disconnected) follows.
    Banned,
    /// -9: a user is not a friend any more. Servers before 3.28 do not report it.
    FriendRemoved,
    /// Above 0: your game's own code.
    Custom(i32),
    /// A code of the server that this crate does not know.
    Unknown(i32),
}

impl NotificationCode {
    /// The number on the wire.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::DirectMessage => -1,
            Self::FriendRequest => -2,
            Self::FriendAccepted => -3,
            Self::GroupAdded => -4,
            Self::GroupJoinRequest => -5,
            Self::FriendJoinedGame => -6,
            Self::SingleSocket => -7,
            Self::Banned => -8,
            Self::FriendRemoved => -9,
            Self::Custom(code) | Self::Unknown(code) => code,
        }
    }
}

impl From<NotificationCode> for i32 {
    fn from(code: NotificationCode) -> Self {
        code.code()
    }
}

impl From<i32> for NotificationCode {
    fn from(code: i32) -> Self {
        match code {
            -1 => Self::DirectMessage,
            -2 => Self::FriendRequest,
            -3 => Self::FriendAccepted,
            -4 => Self::GroupAdded,
            -5 => Self::GroupJoinRequest,
            -6 => Self::FriendJoinedGame,
            -7 => Self::SingleSocket,
            -8 => Self::Banned,
            -9 => Self::FriendRemoved,
            custom @ 1.. => Self::Custom(custom),
            other => Self::Unknown(other),
        }
    }
}
