//! How the server refuses something about chat.

use crate::error::{ServerError, refusals};

refusals! {
    /// How the server refuses something about chat. The server's own text is in the error.
    pub enum ChatRefusal(ServerError) {
        /// The name of a room is empty, longer than 64 bytes, or has control characters in it.
        InvalidRoomName,
        /// There is no such user to write to.
        UserNotFound,
        /// There is no such group, or the local user is not a member of it.
        GroupNotFound,
        /// The local user is not in the channel. If the channel has an entity, it goes: see [`ChatClosed`](super::ChatClosed).
        NotJoined,
        /// The local user has no such message in the channel's history. Users can only edit and remove their own messages.
        MessageNotFound,
        /// The content is not a JSON object.
        InvalidContent,
        /// An id or a target is malformed.
        InvalidInput,
        /// Something else.
        Other,
    }
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
