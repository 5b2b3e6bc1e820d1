//! How the server says no.

use crate::error::ServerError;

/// How the server refuses something about chat. The server's own text is in the error.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChatRefusal {
    /// The name of a room is empty, longer than 64 bytes, or has control characters in it.
    #[error(transparent)]
    InvalidRoomName(ServerError),
    /// There is no such user to write to.
    #[error(transparent)]
    UserNotFound(ServerError),
    /// There is no such group, or one is not a member of it.
    #[error(transparent)]
    GroupNotFound(ServerError),
    /// One is not in the channel. If it was mirrored, its mirror goes: see [`ChatClosed`](super::ChatClosed).
    #[error(transparent)]
    NotJoined(ServerError),
    /// There is no such message of one's own in the channel's history. One cannot edit or remove those of others.
    #[error(transparent)]
    MessageNotFound(ServerError),
    /// The content is no JSON object.
    #[error(transparent)]
    InvalidContent(ServerError),
    /// An id or a target has a form that the server does not take.
    #[error(transparent)]
    InvalidInput(ServerError),
    /// Something else.
    #[error(transparent)]
    Other(ServerError),
}

impl From<ServerError> for ChatRefusal {
    fn from(error: ServerError) -> Self {
        // The server has one code for all of this, so its words have to do.
        let text = error.message.as_str();
        if text.starts_with("Channel name ") {
            Self::InvalidRoomName(error)
        } else if text.starts_with("User ID not found") {
            Self::UserNotFound(error)
        } else if text.starts_with("Group not found") {
            Self::GroupNotFound(error)
        } else if text.starts_with("Must join channel before ") {
            Self::NotJoined(error)
        } else if text.starts_with("Could not find message to ") {
            Self::MessageNotFound(error)
        } else if text.starts_with("Message content must be ") {
            Self::InvalidContent(error)
        } else if text.starts_with("Invalid ") {
            Self::InvalidInput(error)
        } else {
            Self::Other(error)
        }
    }
}
