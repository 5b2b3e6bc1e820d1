//! How the server refuses something about parties.

use crate::error::{ServerError, refusals};

refusals! {
    /// How the server refuses something about parties. The server's own text is in the error.
    pub enum PartyRefusal(ServerError) {
        /// There is no such party, or it has closed.
        NotFound,
        /// Only the leader may do this. Users who are not in the party get this refusal, too.
        NotLeader,
        /// The party has as many members as it may have.
        Full,
        /// The party has as many open join requests as it may have members.
        RequestsFull,
        /// The local user has asked to join before.
        AlreadyAsked,
        /// There is no such join request, or not any more.
        RequestNotFound,
        /// The user who asked to join is not online any more.
        AskerGone,
        /// There is no such member.
        MemberNotFound,
        /// A leader cannot remove themselves. Leave the party instead.
        CannotRemoveSelf,
        /// The label is not a JSON object, is too long, or the party is hidden, which allows no label.
        InvalidLabel,
        /// An id, a size or a presence is malformed.
        InvalidInput,
        /// Something else.
        Other,
    }
}

impl From<ServerError> for PartyRefusal {
    fn from(error: ServerError) -> Self {
        let says = |text| error.message.ends_with(text);
        // The server has one code for all of this, so its words have to do.
        if says(": party not found") {
            Self::NotFound(error)
        } else if says(": party leader only") {
            Self::NotLeader(error)
        } else if says(": party full") {
            Self::Full(error)
        } else if says(": party join requests full") {
            Self::RequestsFull(error)
        } else if says(": party join request duplicate") {
            Self::AlreadyAsked(error)
        } else if says(": party join request not found") {
            Self::RequestNotFound(error)
        } else if says(": party could not accept request") {
            Self::AskerGone(error)
        } else if says(": party member not found") {
            Self::MemberNotFound(error)
        } else if says(": party cannot remove self") {
            Self::CannotRemoveSelf(error)
        } else if error.message.contains("label") {
            Self::InvalidLabel(error)
        } else if error.message.starts_with("Invalid ") {
            Self::InvalidInput(error)
        } else {
            Self::Other(error)
        }
    }
}
