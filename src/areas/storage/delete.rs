//! Deleting objects.

use bevy_ecs::prelude::*;
use serde::Serialize;
use serde_json::json;

use super::StorageRefusal;
use crate::{
    commands::NakamaCommands,
    request::{Outcome, RestRequest, UserCall, request, settle_at_once, submit_rest},
    transport::{RestResponse, StorageVersion},
};

/// Deletes one or more objects of the local user: all of them, or none.
///
/// ```
/// # use bevy_ecs::prelude::*;
/// # use bevy_nakama::prelude::*;
/// fn delete(mut commands: Commands) {
///     commands.nakama().delete_storage(DeleteStorage::new("saves", "slot-1"));
/// }
/// ```
///
/// If you have any number of names, collect them, as with [`WriteStorage`](super::WriteStorage).
#[derive(Clone, Debug, Default)]
pub struct DeleteStorage {
    objects: Vec<Object>,
}

/// An object to be deleted, as the server takes it.
#[derive(Clone, Debug, Serialize)]
struct Object {
    collection: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<StorageVersion>,
}

impl DeleteStorage {
    /// The object of this name.
    #[must_use]
    pub fn new(collection: impl Into<String>, key: impl Into<String>) -> Self {
        Self::default().and(collection, key)
    }

    /// One more object. What you call after this is about this one.
    #[must_use]
    pub fn and(mut self, collection: impl Into<String>, key: impl Into<String>) -> Self {
        self.objects.push(Object {
            collection: collection.into(),
            key: key.into(),
            version: None,
        });
        self
    }

    /// Deletes the object only if this is the version that is there.
    #[must_use]
    pub fn version(mut self, version: impl Into<StorageVersion>) -> Self {
        if let Some(last) = self.objects.last_mut() {
            last.version = Some(version.into());
        }
        self
    }
}

impl FromIterator<Self> for DeleteStorage {
    fn from_iter<I: IntoIterator<Item = Self>>(deletes: I) -> Self {
        let objects = deletes.into_iter().flat_map(|delete| delete.objects);
        Self {
            objects: objects.collect(),
        }
    }
}

request!(DeleteStorage -> (), StorageRefusal);

impl RestRequest for DeleteStorage {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        UserCall {
            method: "PUT",
            target: "/v2/storage/delete".to_owned(),
            body: Some(json!({ "object_ids": self.objects }).to_string()),
        }
    }

    fn read(&mut self, _: &RestResponse) -> Outcome<Self> {
        Ok(())
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Deletes objects of the local user from the server's [storage](crate::storage), over REST: the answer is a
    /// [`Replied<DeleteStorage>`](crate::request::Replied). Either all are deleted, or none.
    ///
    /// # Errors
    ///
    /// [`NotDeleted`](StorageRefusal::NotDeleted) if an object is not there, has another version, or may not be written.
    pub fn delete_storage(self, request: DeleteStorage) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            if request.objects.is_empty() {
                return settle_at_once::<DeleteStorage>(world, entity, Ok(()));
            }
            submit_rest(world, entity, request);
        })
    }
}
