//! How the server says no.

use crate::error::{RestError, refusals};

refusals! {
    /// How the server refuses to write, read, list or delete stored objects. The server's own text is in the error. If it refuses
    /// one of several objects, it writes or deletes none of them.
    pub enum StorageRefusal(RestError) {
        /// The object's version is not the one that you gave. Or you gave a version, and there is no such object; or you asked for
        /// [`only_if_new`](super::WriteStorage::only_if_new), and there is one. Read it again.
        VersionMismatch,
        /// The local user may not write the object: its permission is [`NoOne`](super::WritePermission::NoOne).
        PermissionDenied,
        /// The object was not deleted: it does not exist, or its version is not the one that you gave, or the local user may not
        /// write it. The server does not say which.
        NotDeleted,
        /// The collection or the key is empty.
        EmptyName,
        /// The value is JSON, but not an object: a list, a number, a text or null. Put it into a struct.
        NotAnObject,
        /// The id of the user is malformed.
        InvalidUserId,
        /// The limit is not between 1 and 100.
        InvalidLimit,
        /// The cursor is malformed.
        InvalidCursor,
        /// The call is larger than the server takes: 256 KiB by default.
        TooLarge,
        /// The server's database refused it. Names have at most 128 characters, and no text can have a zero character in it.
        NotStorable,
        /// Something else.
        Other,
    }
}

impl From<RestError> for StorageRefusal {
    fn from(error: RestError) -> Self {
        let refusal = match error.message.as_str() {
            "Storage write rejected - version check failed." => Self::VersionMismatch,
            "Storage write rejected - permission denied." => Self::PermissionDenied,
            "Value must be a JSON object." => Self::NotAnObject,
            "Malformed cursor was used." => Self::InvalidCursor,
            "http: request body too large" => Self::TooLarge,
            text if text.starts_with("Storage delete rejected") => Self::NotDeleted,
            text if text.starts_with("Invalid collection or key") => Self::EmptyName,
            text if text.starts_with("Invalid user ID") => Self::InvalidUserId,
            text if text.starts_with("Invalid limit") => Self::InvalidLimit,
            text if text.starts_with("Error ") && text.ends_with(" storage objects.") => {
                Self::NotStorable
            }
            _ => Self::Other,
        };
        refusal(error)
    }
}
