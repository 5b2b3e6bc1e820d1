//! Writing objects.

use std::fmt;

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ReadPermission, StorageRefusal, StorageValueError, WritePermission};
use crate::{
    commands::NakamaCommands,
    data::json,
    error::PayloadError,
    mirror::presence::UserId,
    proto::Timestamp,
    request::{
        Outcome, RequestError, RestRequest, UserCall, read_object, refuse, request, settle_at_once,
        submit_rest,
    },
    transport::{RestResponse, StorageVersion},
};

/// Writes one or more objects of the local user: all of them, or none.
///
/// ```
/// # use bevy_ecs::prelude::*;
/// # use bevy_nakama::prelude::*;
/// # use serde::Serialize;
/// # #[derive(Serialize)] struct Save { level: u32 }
/// # #[derive(Serialize)] struct Profile { title: String }
/// fn save(mut commands: Commands) {
///     let save = Save { level: 3 };
///     let profile = Profile { title: "Dragon slayer".into() };
///     commands.nakama().write_storage(
///         WriteStorage::new("saves", "slot-1", &save)
///             .and("profiles", "main", &profile)
///             .read_permission(ReadPermission::Public), // of the profile, which was named last
///     );
/// }
/// ```
///
/// If you have any number of objects, collect them: `saves.iter().map(|save| WriteStorage::new("saves", &save.name,
/// save)).collect::<WriteStorage>()`.
#[derive(Clone, Default)]
pub struct WriteStorage {
    objects: Vec<Object>,
    problem: Option<StorageValueError>,
}

/// An object to be written, as the server takes it.
#[derive(Clone, Serialize)]
struct Object {
    collection: String,
    key: String,
    value: String,
    /// The version of an object that is not there yet is a star.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<StorageVersion>,
    permission_read: i32,
    permission_write: i32,
}

impl fmt::Debug for WriteStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may hold anything.
        let names = self.objects.iter();
        f.write_str("WriteStorage ")?;
        f.debug_list()
            .entries(names.map(|object| (&object.collection, &object.key)))
            .finish()
    }
}

impl WriteStorage {
    /// The object of this name, with this value. Whatever is there is overwritten.
    ///
    /// The value has to become a JSON object, without numbers that are NaN or infinite. Otherwise the request fails with
    /// [`Unencodable`](RequestError::Unencodable), which says which object it is, and writes nothing.
    #[must_use]
    pub fn new<T: Serialize + ?Sized>(
        collection: impl Into<String>,
        key: impl Into<String>,
        value: &T,
    ) -> Self {
        Self::default().and(collection, key, value)
    }

    /// One more object. What you call after this is about this one.
    #[must_use]
    pub fn and<T: Serialize + ?Sized>(
        mut self,
        collection: impl Into<String>,
        key: impl Into<String>,
        value: &T,
    ) -> Self {
        let (collection, key) = (collection.into(), key.into());
        let value = to_object(value).unwrap_or_else(|problem| {
            let problem = StorageValueError::new(&collection, &key, problem);
            self.problem.get_or_insert(problem);
            String::new()
        });
        self.objects.push(Object {
            collection,
            key,
            value,
            version: None,
            permission_read: ReadPermission::default().number(),
            permission_write: WritePermission::default().number(),
        });
        self
    }

    /// Writes only if this is the version that is there. Otherwise it is a
    /// [`VersionMismatch`](StorageRefusal::VersionMismatch). An empty version is the version of an object that does not exist, as with
    /// [`only_if_new`](Self::only_if_new).
    #[must_use]
    pub fn version(self, version: impl Into<StorageVersion>) -> Self {
        let version = known(version.into());
        self.with_last(|object| object.version = Some(version))
    }

    /// Writes only if there is no such object yet. Otherwise it is a [`VersionMismatch`](StorageRefusal::VersionMismatch).
    #[must_use]
    pub fn only_if_new(self) -> Self {
        self.version("")
    }

    /// Who can read the object from now on. Default: its owner.
    #[must_use]
    pub fn read_permission(self, permission: ReadPermission) -> Self {
        self.with_last(|object| object.permission_read = permission.number())
    }

    /// Who can write the object from now on. Default: its owner.
    #[must_use]
    pub fn write_permission(self, permission: WritePermission) -> Self {
        self.with_last(|object| object.permission_write = permission.number())
    }

    fn with_last(mut self, change: impl FnOnce(&mut Object)) -> Self {
        if let Some(last) = self.objects.last_mut() {
            change(last);
        }
        self
    }
}

/// A value as JSON, which has to be an object.
fn to_object<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    let text = json::to_string(value).map_err(|error| error.cause())?;
    if text.starts_with('{') {
        Ok(text)
    } else {
        Err("it is not an object in JSON: put it into a struct".to_owned())
    }
}

/// The version that a server must find. To a Nakama, an empty text means that any version will do, and a star that no object may be there.
pub(super) fn known(version: StorageVersion) -> StorageVersion {
    if version.as_str().is_empty() {
        "*".into()
    } else {
        version
    }
}

impl FromIterator<Self> for WriteStorage {
    fn from_iter<I: IntoIterator<Item = Self>>(writes: I) -> Self {
        writes.into_iter().fold(Self::default(), |mut all, write| {
            all.objects.extend(write.objects);
            all.problem = all.problem.or(write.problem);
            all
        })
    }
}

/// An object that was written. Mirrors `StorageObjectAck`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct StorageAck {
    /// The collection that it is in.
    pub collection: String,
    /// Its name in the collection.
    pub key: String,
    /// Whose it is: the local user's.
    pub user_id: UserId,
    /// Which version it is now. Keep it, and give it to the next [`version`](WriteStorage::version).
    pub version: StorageVersion,
    /// When it was first written, to the microsecond.
    #[serde(default)]
    pub create_time: Timestamp,
    /// When it was last written, to the microsecond; a [`StorageObject`](super::StorageObject) has the same time to the second. If you
    /// write the same value again without a version, the time does not change.
    #[serde(default)]
    pub update_time: Timestamp,
}

/// The body of the answer. What is empty is left out; what a newer server adds is passed over.
#[derive(Deserialize)]
struct Acks {
    #[serde(default)]
    acks: Vec<StorageAck>,
}

request!(WriteStorage -> Vec<StorageAck>, StorageRefusal);

impl RestRequest for WriteStorage {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        UserCall {
            method: "PUT",
            target: "/v2/storage".to_owned(),
            body: Some(json!({ "objects": self.objects }).to_string()),
        }
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        let Acks { acks } = read_object(response, "no versions of what was written")?;
        Ok(acks)
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Writes objects of the local user to the server's [storage](crate::storage), over REST: the answer is a
    /// [`Replied<WriteStorage>`](crate::request::Replied) with a [`StorageAck`] for each object, in your order. Either all are
    /// written, or none. Code on the server can leave objects out; these are not among the acks.
    ///
    /// # Errors
    ///
    /// [`VersionMismatch`](StorageRefusal::VersionMismatch) and all else that the server [refuses](StorageRefusal);
    /// [`Unencodable`](RequestError::Unencodable) if a value does not become a JSON object, or has a number in it that is NaN or infinite.
    pub fn write_storage(self, request: WriteStorage) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            if let Some(problem) = request.problem {
                let error = RequestError::Unencodable(PayloadError::new(problem));
                return refuse::<WriteStorage>(world, entity, error);
            }
            if request.objects.is_empty() {
                return settle_at_once::<WriteStorage>(world, entity, Ok(Vec::new()));
            }
            submit_rest(world, entity, request);
        })
    }
}
