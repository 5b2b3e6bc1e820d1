//! Storage: what your game keeps on the server for each user, as save games, settings and profiles.
//!
//! ```
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! # use serde::{Deserialize, Serialize};
//! #[derive(Clone, Default, Serialize, Deserialize, Resource)]
//! struct Save {
//!     level: u32,
//! }
//!
//! fn load(mut commands: Commands) {
//!     commands.nakama().read_storage::<Save>(ReadStorage::new("saves", "slot-1"));
//! }
//!
//! fn loaded(reply: On<Replied<ReadStorage<Save>>>, mut commands: Commands) -> Result {
//!     let save = match reply.result()?.first() {
//!         Some(object) => object.value()?.clone(),
//!         None => Save::default(), // nothing is stored: a new game
//!     };
//!     commands.insert_resource(save);
//!     Ok(())
//! }
//!
//! fn save(save: Res<Save>, mut commands: Commands) {
//!     commands.nakama().write_storage(WriteStorage::new("saves", "slot-1", &*save));
//! }
//! ```
//!
//! An object has a collection, a key, and an owner: the user who wrote it. Each is at most 128 characters long. The value is any
//! type with serde that becomes a JSON **object**: a struct, a map, or an enum whose variants have fields. A list, a number or a
//! text is refused; put it into a struct.
//!
//! All calls go over REST, as the user who is [logged in](crate::session::CurrentSession). They need no socket: load a save game before
//! you connect. They fail as all requests do, see [`request`](crate::request). What the server refuses is a [`StorageRefusal`].
//!
//! | You want to | Call | The answer |
//! |---|---|---|
//! | write one object, or several at once | [`write_storage`](NakamaCommands::write_storage) with [`WriteStorage`] | a [`StorageAck`] for each, with its new version |
//! | read objects whose names you know | [`read_storage`](NakamaCommands::read_storage) with [`ReadStorage`] | those that exist, as [`StorageObject`]s |
//! | see what is in a collection | [`list_storage`](NakamaCommands::list_storage) with [`ListStorage`] | a [`StoragePage`] |
//! | delete objects | [`delete_storage`](NakamaCommands::delete_storage) with [`DeleteStorage`] | nothing |
//!
//! # Versions
//!
//! A player with two devices may overwrite on one what the other has saved. A version prevents that: the server writes only if the
//! object still has the version that you know, and refuses with [`VersionMismatch`](StorageRefusal::VersionMismatch) otherwise. Then
//! read the object again, merge or ask the player, and write with the version that you have just read.
//!
//! ```
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! # use serde::Serialize;
//! # #[derive(Serialize, Resource)]
//! # struct Save { level: u32 }
//! #[derive(Resource)]
//! struct Known(StorageVersion);
//!
//! fn save(save: Res<Save>, known: Option<Res<Known>>, mut commands: Commands) {
//!     let write = WriteStorage::new("saves", "slot-1", &*save);
//!     let write = match known {
//!         Some(known) => write.version(&known.0),
//!         None => write.only_if_new(),
//!     };
//!     commands.nakama().write_storage(write);
//! }
//!
//! fn saved(reply: On<Replied<WriteStorage>>, mut commands: Commands) {
//!     match &reply.result {
//!         Ok(acks) => commands.insert_resource(Known(acks[0].version.clone())),
//!         Err(RequestError::Refused(StorageRefusal::VersionMismatch(_))) => {
//!             commands.nakama().read_storage::<serde_json::Value>(ReadStorage::new("saves", "slot-1"));
//!         }
//!         Err(error) => println!("not saved: {error}"),
//!     }
//! }
//! ```
//!
//! # Permissions
//!
//! Only its owner can write or delete an object. Who can read it is up to you: [`ReadPermission`], its owner by default. With
//! [`WritePermission::NoOne`], only code on the server can change or delete it. Each write sets both permissions anew.
//!
//! # What you cannot know
//!
//! * Whether an object that was not found does not exist, or is one that the local user may not read.
//! * Why a delete was refused: there is no such object, its version is another one, or the local user may not write it.
//! * That an object has changed: the server does not tell. Read it again.
//! * Whether a write or a delete that failed with [`Timeout`](RequestError::Timeout) or
//!   [`ConnectionLost`](RequestError::ConnectionLost) was done. With a version, you can find out: try again.
//!
//! # Limits
//!
//! A write or a read has at most 256 KiB by default, the names and the spelling as JSON included; a server may be set to more
//! (`socket.max_request_size_bytes`). A list has at most 100 objects per page. A collection with a slash in its name cannot be listed.
//! The database keeps values as JSON: the order of fields, and spaces, are not kept, and a text with a zero character is refused.

mod delete;
mod list;
mod object;
mod owner;
mod read;
mod refusal;
mod write;

pub use self::{
    delete::DeleteStorage,
    list::{ListStorage, StoragePage},
    object::{ReadPermission, StorageObject, StorageValueError, WritePermission},
    read::ReadStorage,
    refusal::StorageRefusal,
    write::{StorageAck, WriteStorage},
};
#[cfg(doc)]
use crate::{commands::NakamaCommands, request::RequestError};
pub use crate::{proto::Timestamp, transport::StorageVersion};
