//! Reading objects whose names are known.

use std::{fmt, marker::PhantomData};

use bevy_ecs::prelude::*;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{StorageObject, StorageRefusal, object::Entry, owner::Owner};
use crate::{
    commands::NakamaCommands,
    ecs::sealed::Sealed,
    mirror::presence::UserId,
    request::{Outcome, Request, RestRequest, UserCall, read_object, settle_at_once, submit_rest},
    transport::RestResponse,
};

/// Reads one or more objects, whose values are of the type `T`.
///
/// ```
/// # use bevy_ecs::prelude::*;
/// # use bevy_nakama::prelude::*;
/// # #[derive(serde::Deserialize)] struct Profile { title: String }
/// fn look_at(user: UserId, mut commands: Commands) {
///     let profile = ReadStorage::new("profiles", "main").of(user);
///     commands.nakama().read_storage::<Profile>(profile).observe(|reply: On<Replied<ReadStorage<Profile>>>| {
///         if let Some(Ok(profile)) = reply.result.iter().flatten().map(|object| &object.value).next() {
///             println!("{}", profile.title);
///         }
///     });
/// }
/// ```
///
/// Objects of different types can be read as [`serde_json::Value`]s. If you have any number of names, collect them, as with
/// [`WriteStorage`](super::WriteStorage).
pub struct ReadStorage<T> {
    wanted: Vec<Wanted>,
    read_as: PhantomData<fn() -> T>,
}

#[derive(Clone, Debug)]
struct Wanted {
    collection: String,
    key: String,
    owner: Owner,
}

impl<T> Clone for ReadStorage<T> {
    fn clone(&self) -> Self {
        Self {
            wanted: self.wanted.clone(),
            read_as: PhantomData,
        }
    }
}

impl<T> fmt::Debug for ReadStorage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadStorage").field(&self.wanted).finish()
    }
}

impl<T> ReadStorage<T> {
    /// The local user's object of this name.
    #[must_use]
    pub fn new(collection: impl Into<String>, key: impl Into<String>) -> Self {
        Self::from_iter([]).and(collection, key)
    }

    /// One more object of the local user. What you call after this is about this one.
    #[must_use]
    pub fn and(mut self, collection: impl Into<String>, key: impl Into<String>) -> Self {
        self.wanted.push(Wanted {
            collection: collection.into(),
            key: key.into(),
            owner: Owner::Own,
        });
        self
    }

    /// The object of this user, which the local user can read only if it is [`Public`](super::ReadPermission::Public).
    #[must_use]
    pub fn of(self, user: impl Into<UserId>) -> Self {
        self.with_owner(Owner::User(user.into()))
    }

    /// The object that code on the server has stored for nobody in particular.
    #[must_use]
    pub fn of_server(self) -> Self {
        self.with_owner(Owner::Server)
    }

    fn with_owner(mut self, owner: Owner) -> Self {
        if let Some(last) = self.wanted.last_mut() {
            last.owner = owner;
        }
        self
    }
}

impl<T> FromIterator<Self> for ReadStorage<T> {
    fn from_iter<I: IntoIterator<Item = Self>>(reads: I) -> Self {
        Self {
            wanted: reads.into_iter().flat_map(|read| read.wanted).collect(),
            read_as: PhantomData,
        }
    }
}

/// The body of the answer. What is empty is left out; what a newer server adds is passed over.
#[derive(Deserialize)]
struct Objects {
    #[serde(default)]
    objects: Vec<Entry>,
}

impl<T> Sealed for ReadStorage<T> {}

impl<T: DeserializeOwned + Send + Sync + 'static> Request for ReadStorage<T> {
    type Reply = Vec<StorageObject<T>>;
    type Refusal = StorageRefusal;
    const NAME: &'static str = "ReadStorage";
}

impl<T: DeserializeOwned + Send + Sync + 'static> RestRequest for ReadStorage<T> {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        let ids = self.wanted.iter().map(|wanted| {
            let mut id = json!({ "collection": wanted.collection, "key": wanted.key });
            if let Some(owner) = wanted.owner.id() {
                id["user_id"] = owner.as_str().into();
            }
            id
        });
        UserCall {
            method: "POST",
            target: "/v2/storage".to_owned(),
            body: Some(json!({ "object_ids": ids.collect::<Value>() }).to_string()),
        }
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        let Objects { objects } = read_object(response, "no stored objects")?;
        let mut objects: Vec<StorageObject<T>> = objects.into_iter().map(Into::into).collect();
        // The server has an order of its own.
        objects.sort_by_cached_key(|object| {
            self.wanted.iter().position(|wanted| {
                (&wanted.collection, &wanted.key) == (&object.collection, &object.key)
                    && wanted.owner.id().is_none_or(|id| *id == object.user_id)
            })
        });
        Ok(objects)
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Reads objects from the server's [storage](crate::storage), over REST: the answer is a
    /// [`Replied<ReadStorage<T>>`](crate::request::Replied) with [`StorageObject`]s, in your order. Objects that do not exist, or
    /// that the local user may not read, are not among them: the server does not tell the two apart.
    ///
    /// An object whose value is not a `T` is among them, with an [error](StorageObject::value) in place of the value.
    pub fn read_storage<T: DeserializeOwned + Send + Sync + 'static>(
        self,
        mut request: ReadStorage<T>,
    ) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            if request.wanted.is_empty() {
                return settle_at_once::<ReadStorage<T>>(world, entity, Ok(Vec::new()));
            }
            for wanted in &mut request.wanted {
                wanted.owner.resolve(world);
            }
            submit_rest(world, entity, request);
        })
    }
}
