//! Kinds of notifications.

use bevy_reflect::Reflect;
use serde::{Deserialize, Serialize};

/// What kind of notification it is. Those of the server itself are below zero; above it are the game's own. Mirrors
/// `Notification.code`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Reflect, Serialize)]
#[type_path = "bevy_nakama::notification"]
#[serde(from = "i32", into = "i32")]
#[non_exhaustive]
pub enum NotificationCode {
    /// -1: somebody wants to chat: they have joined the direct messages with this user, who is not there.
    DirectMessage,
    /// -2: somebody wants to be a friend.
    FriendRequest,
    /// -3: somebody has accepted the wish to be friends.
    FriendAccepted,
    /// -4: the local user's request to join a group was accepted, or somebody added the local user to it.
    GroupAdded,
    /// -5: somebody wants to join a group that the local user is an admin of.
    GroupJoinRequest,
    /// -6: a friend from elsewhere plays this game now.
    FriendJoinedGame,
    /// -7: another socket of this user was opened, and the server allows only one:
    /// [`Disconnected`](crate::connection::Disconnected) follows.
    SingleSocket,
    /// -8: the user was banned: [`Disconnected`](crate::connection::Disconnected) follows.
    Banned,
    /// -9: somebody is no friend any more. Servers before 3.28 do not tell.
    FriendRemoved,
    /// Above 0: the game's own.
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
