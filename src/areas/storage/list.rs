//! What is in a collection.

use std::{fmt, marker::PhantomData};

use bevy_ecs::prelude::*;
use serde::{Deserialize, de::DeserializeOwned};

use super::{StorageObject, StorageRefusal, object::Entry, owner::Owner};
use crate::{
    commands::NakamaCommands,
    ecs::sealed::Sealed,
    mirror::presence::UserId,
    request::{
        Outcome, Request, RequestError, RestRequest, UserCall, read_object, refuse, submit_rest,
    },
    transport::{RestResponse, path_segment},
};

/// Lists the objects of a collection, whose values are of the type `T`, page by page.
///
/// ```
/// # use bevy_ecs::prelude::*;
/// # use bevy_nakama::prelude::*;
/// # #[derive(serde::Deserialize)] struct Save { level: u32 }
/// fn show_slots(mut commands: Commands) {
///     commands.nakama().list_storage::<Save>(ListStorage::new("saves", 20));
/// }
///
/// fn slots(reply: On<Replied<ListStorage<Save>>>, mut commands: Commands) -> Result {
///     let page = reply.result()?;
///     for slot in &page.objects {
///         match &slot.value {
///             Ok(save) => println!("{}: level {}", slot.key, save.level),
///             Err(error) => println!("{}: damaged ({error})", slot.key),
///         }
///     }
///     if let Some(cursor) = &page.next_cursor {
///         commands.nakama().list_storage::<Save>(ListStorage::new("saves", 20).cursor(cursor));
///     }
///     Ok(())
/// }
/// ```
pub struct ListStorage<T> {
    collection: String,
    limit: u32,
    /// `None`: everybody.
    owner: Option<Owner>,
    cursor: Option<String>,
    read_as: PhantomData<fn() -> T>,
}

impl<T> Clone for ListStorage<T> {
    fn clone(&self) -> Self {
        Self {
            collection: self.collection.clone(),
            owner: self.owner.clone(),
            cursor: self.cursor.clone(),
            ..*self
        }
    }
}

impl<T> fmt::Debug for ListStorage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListStorage")
            .field("collection", &self.collection)
            .field("limit", &self.limit)
            .field("owner", &self.owner)
            .field("cursor", &self.cursor)
            .finish()
    }
}

impl<T> ListStorage<T> {
    /// The local user's objects in this collection, at most this many per page: 1 to 100. Those that only the local user can
    /// read come first, then the public ones, each in the order of their keys.
    #[must_use]
    pub fn new(collection: impl Into<String>, limit: u32) -> Self {
        Self {
            collection: collection.into(),
            limit,
            owner: Some(Owner::Own),
            cursor: None,
            read_as: PhantomData,
        }
    }

    /// The public objects of this user, in the order of their keys.
    #[must_use]
    pub fn of(mut self, user: impl Into<UserId>) -> Self {
        self.owner = Some(Owner::User(user.into()));
        self
    }

    /// The public objects that code on the server has stored for nobody in particular.
    #[must_use]
    pub fn of_server(mut self) -> Self {
        self.owner = Some(Owner::Server);
        self
    }

    /// The public objects of all users, in the order of their keys.
    #[must_use]
    pub fn of_everybody(mut self) -> Self {
        self.owner = None;
        self
    }

    /// Where another page left off.
    #[must_use]
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }
}

/// A page of the objects in a collection. Mirrors `StorageObjectList`.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct StoragePage<T> {
    /// The objects. One whose value is not a `T` is among them, with an [error](StorageObject::value) in place of the value.
    pub objects: Vec<StorageObject<T>>,
    /// Leads to the next page. `None` at the end.
    pub next_cursor: Option<String>,
}

impl<T> fmt::Debug for StoragePage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoragePage")
            .field("objects", &self.objects)
            .field("next_cursor", &self.next_cursor)
            .finish()
    }
}

/// The body of the answer. What is empty is left out; what a newer server adds is passed over.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    objects: Vec<Entry>,
    cursor: Option<String>,
}

impl<T> Sealed for ListStorage<T> {}

impl<T: DeserializeOwned + Send + Sync + 'static> Request for ListStorage<T> {
    type Reply = StoragePage<T>;
    type Refusal = StorageRefusal;
    const NAME: &'static str = "ListStorage";
}

impl<T: DeserializeOwned + Send + Sync + 'static> RestRequest for ListStorage<T> {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        /// The id that no user has.
        const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
        let owner = self.owner.as_ref();
        let owner = owner.map(|owner| owner.id().map_or(NOBODY, UserId::as_str));
        let mut path = format!("/v2/storage/{}", path_segment(&self.collection));
        if let Some(owner) = owner {
            path.push('/');
            path.push_str(&path_segment(owner));
        }
        let conditions = [
            ("limit", Some(self.limit.to_string())),
            ("cursor", self.cursor.clone()),
        ];
        UserCall::get(&path, conditions)
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        let page: Page = read_object(response, "no list of stored objects")?;
        Ok(StoragePage {
            objects: page.objects.into_iter().map(Into::into).collect(),
            next_cursor: page.cursor.filter(|cursor| !cursor.is_empty()),
        })
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Lists the objects of a collection in the server's [storage](crate::storage), over REST: the answer is a
    /// [`Replied<ListStorage<T>>`](crate::request::Replied) with a [`StoragePage`].
    ///
    /// # Errors
    ///
    /// [`SlashInId`](RequestError::SlashInId) for a collection with a slash in its name: you can write and read objects there, but
    /// Nakama does not find it to list it.
    pub fn list_storage<T: DeserializeOwned + Send + Sync + 'static>(
        self,
        mut request: ListStorage<T>,
    ) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            // A Nakama decodes the path before it looks for the slashes in it.
            if request.collection.contains('/') {
                let id = request.collection;
                return refuse::<ListStorage<T>>(world, entity, RequestError::SlashInId { id });
            }
            if let Some(owner) = &mut request.owner {
                owner.resolve(world);
            }
            submit_rest(world, entity, request);
        })
    }
}
