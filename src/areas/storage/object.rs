//! Stored objects, as they are read.

use std::{any, fmt};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    error::PayloadError, mirror::presence::UserId, proto::Timestamp, transport::StorageVersion,
};

/// Who can read an object.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum ReadPermission {
    /// Only code on the server. Not even the owner can read it.
    NoOne,
    /// The owner.
    #[default]
    Owner,
    /// Every user.
    Public,
}

impl ReadPermission {
    pub(super) fn number(self) -> i32 {
        self as i32
    }

    fn from_number(number: i32) -> Self {
        match number {
            ..=0 => Self::NoOne,
            1 => Self::Owner,
            2.. => Self::Public,
        }
    }
}

/// Who can write and delete an object. Code on the server always can.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum WritePermission {
    /// Only code on the server. The owner can neither change nor delete the object.
    NoOne,
    /// The owner.
    #[default]
    Owner,
}

impl WritePermission {
    pub(super) fn number(self) -> i32 {
        self as i32
    }

    fn from_number(number: i32) -> Self {
        match number {
            ..=0 => Self::NoOne,
            1.. => Self::Owner,
        }
    }
}

/// A stored object. `Debug` leaves the value out: what a player stores does not belong in a log.
///
/// Mirrors `StorageObject`.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct StorageObject<T> {
    /// The collection that it is in.
    pub collection: String,
    /// Its name in the collection.
    pub key: String,
    /// Whose it is.
    pub user_id: UserId,
    /// Which version it is. Write or delete with it, and the server refuses if the object has changed since.
    pub version: StorageVersion,
    /// Who can read it.
    pub read_permission: ReadPermission,
    /// Who can write and delete it.
    pub write_permission: WritePermission,
    /// When it was first written, to the second.
    pub create_time: Timestamp,
    /// When it was written last, to the second.
    pub update_time: Timestamp,
    /// What is stored, or why it is not a `T`: another version of your game may have written it, or another user something else
    /// altogether. See [`value`](Self::value).
    pub value: Result<T, StorageValueError>,
}

impl<T> StorageObject<T> {
    /// What is stored, for `?`: the error is a copy of the one in [`value`](Self#structfield.value).
    ///
    /// # Errors
    ///
    /// What is stored is not a `T`.
    pub fn value(&self) -> Result<&T, StorageValueError> {
        self.value.as_ref().map_err(Clone::clone)
    }
}

impl<T> fmt::Debug for StorageObject<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = match &self.value {
            Ok(_) => any::type_name::<T>(),
            Err(_) => "something else",
        };
        f.debug_struct("StorageObject")
            .field("collection", &self.collection)
            .field("key", &self.key)
            .field("user_id", &self.user_id)
            .field("version", &self.version)
            .field("read_permission", &self.read_permission)
            .field("write_permission", &self.write_permission)
            .field("create_time", &self.create_time)
            .field("update_time", &self.update_time)
            .field("value", &format_args!("{value}"))
            .finish()
    }
}

/// A value that does not become JSON, or does not come back from it. It says which object it is, and what is wrong, but not
/// what the value is: that may be a secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the value of `{key}` in `{collection}`: {problem}")]
#[non_exhaustive]
pub struct StorageValueError {
    /// The collection of the object.
    pub collection: String,
    /// The object's name in the collection.
    pub key: String,
    /// What is wrong, in one line.
    pub problem: String,
}

impl StorageValueError {
    pub(super) fn new(collection: &str, key: &str, error: serde_json::Error) -> Self {
        Self {
            collection: collection.to_owned(),
            key: key.to_owned(),
            problem: PayloadError::new(error).cause(),
        }
    }
}

/// An object in an answer. What has its default value is left out; what a newer server adds is passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    collection: String,
    key: String,
    user_id: String,
    value: String,
    version: String,
    permission_read: i32,
    permission_write: i32,
    create_time: Option<Timestamp>,
    update_time: Option<Timestamp>,
}

impl<T: DeserializeOwned> From<Entry> for StorageObject<T> {
    fn from(entry: Entry) -> Self {
        let value = serde_json::from_str(&entry.value)
            .map_err(|error| StorageValueError::new(&entry.collection, &entry.key, error));
        Self {
            value,
            collection: entry.collection,
            key: entry.key,
            user_id: entry.user_id.into(),
            version: entry.version.into(),
            read_permission: ReadPermission::from_number(entry.permission_read),
            write_permission: WritePermission::from_number(entry.permission_write),
            create_time: entry.create_time.unwrap_or_default(),
            update_time: entry.update_time.unwrap_or_default(),
        }
    }
}
