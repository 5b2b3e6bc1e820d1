//! Storage: what your game keeps on the server for each user, as save games, settings and profiles.
//!
//! This is a save game that copes with all that can happen: it is loaded when the player has logged in; it is merged if another device
//! has saved, and survives its deletion; and without a server, the game goes on.
//!
//! ```
#![doc = include_str!("save_game.rs")]
//! # App::new().add_plugins(save_game);
//! ```
//!
//! An object has a collection, a key, and an owner: the user who wrote it. Both names are at most 128 characters long. The value is any
//! type with serde that becomes a JSON **object**: a struct, a map, or an enum whose variants have fields. The plugin refuses a list, a
//! number or a text; put it into a struct. It also refuses a number that is NaN or infinite, because JSON has none.
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
//! If another device deletes the object, no version is right any more: `object.version` is gone with the object, and
//! [`only_if_new`](WriteStorage::only_if_new) is what you want then, as above.
//!
//! # Saving at the end
//!
//! A call needs time. If the app ends in the frame of the call, the call ends with it, and nothing is stored. So wait for the answer before
//! you write [`AppExit`](bevy_app::AppExit). It comes at the latest after
//! [`request_timeout`](crate::plugin::NakamaSettings::request_timeout).
//!
//! ```
#![doc = include_str!("save_at_the_end.rs")]
//! # App::new().add_plugins(save_at_the_end);
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
//!   [`Unreachable`](RequestError::Unreachable) was done. Read the object and compare. If you write once more with the old version, you get
//!   a [`VersionMismatch`](StorageRefusal::VersionMismatch) either way: your own write may have been the other one.
//!
//! # Limits
//!
//! What you send has at most 256 KiB by default, the names and the spelling as JSON included; a server may be set to more
//! (`socket.max_request_size_bytes`). An answer has at most 16 MiB: ask for smaller pages of large objects. A list has at most 100 objects
//! per page. A collection that is `.` or `..`, or has a slash in its name, cannot be listed.
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
    object::{ReadPermission, StorageObject, StorageObjects, StorageValueError, WritePermission},
    read::ReadStorage,
    refusal::StorageRefusal,
    write::{StorageAck, WriteStorage},
};
#[cfg(doc)]
use crate::{commands::NakamaCommands, request::RequestError};
pub use crate::{proto::Timestamp, transport::StorageVersion};
