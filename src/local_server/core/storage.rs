//! Objects that users store: who may read and write them, and which version is there.

use std::{borrow::Cow, collections::BTreeMap};

use sha2::{Digest as _, Sha256};

use super::{ids::UserId, json};
use crate::proto::Timestamp;

/// The longest name of a collection or an object that the database takes, in characters.
const LONGEST_NAME: usize = 128;

/// The version of an object that does not exist yet.
const NONE: &str = "*";

/// The permission to read an object of everybody.
pub(super) const PUBLIC: i32 = 2;

/// The permission to read or write an object of its owner.
pub(super) const OWNER: i32 = 1;

/// Where an object is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    pub(super) collection: String,
    pub(super) key: String,
    pub(super) owner: UserId,
}

/// An object, as the database keeps it. The value is the game's own business: there is no `Debug`.
#[derive(Clone)]
pub(super) struct Object {
    /// A JSON object.
    pub(super) value: String,
    pub(super) version: String,
    pub(super) read: i32,
    pub(super) write: i32,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

/// An object to be written.
pub(super) struct Write {
    pub(super) place: Place,
    /// A JSON object.
    pub(super) value: String,
    /// The version that has to be there, [`NONE`], or nothing.
    pub(super) version: String,
    pub(super) read: i32,
    pub(super) write: i32,
}

/// Why nothing was written, read or deleted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum StorageError {
    /// The version is not the one that is there.
    Version,
    /// Its owner may not write it.
    Permission,
    /// There is no such object, or its version is another one, or its owner may not write it.
    NotDeleted,
    /// The database does not take a text: a name that is too long, or one with a zero character in it.
    Database,
}

/// All objects.
#[derive(Default)]
pub(super) struct Storage {
    objects: BTreeMap<Place, Object>,
}

impl Storage {
    /// Writes all of them, or none. Says what is there then, in the order of the writes.
    pub(super) fn write(
        &mut self,
        writes: &[Write],
        now: Timestamp,
    ) -> Result<Vec<Object>, StorageError> {
        let mut written: BTreeMap<&Place, Object> = BTreeMap::new();
        let mut done: Vec<(usize, Object)> = Vec::new();
        // In the order in which the database does it: it decides which error is told.
        let mut in_order: Vec<(usize, &Write)> = writes.iter().enumerate().collect();
        in_order.sort_by_key(|(_, write)| &write.place);
        for (index, write) in in_order {
            let place = &write.place;
            let before = written.get(place).or_else(|| self.objects.get(place));
            let object = after(before, write, now)?;
            written.insert(place, object.clone());
            done.push((index, object));
        }
        let written = written.into_iter();
        self.objects
            .extend(written.map(|(place, object)| (place.clone(), object)));
        done.sort_by_key(|(index, _)| *index);
        Ok(done.into_iter().map(|(_, object)| object).collect())
    }

    /// Deletes all of them, or none. With a version: only if it is the one that is there.
    pub(super) fn delete(&mut self, deletes: &[(Place, String)]) -> Result<(), StorageError> {
        let mut gone: Vec<&Place> = Vec::new();
        for (place, version) in deletes {
            if !is_storable(&place.collection) || !is_storable(&place.key) {
                return Err(StorageError::Database);
            }
            let is_there = self.objects.get(place).is_some_and(|object| {
                let is_version = version.is_empty() || *version == object.version;
                object.write >= OWNER && is_version
            });
            if !is_there || gone.contains(&place) {
                return Err(StorageError::NotDeleted);
            }
            gone.push(place);
        }
        for place in gone {
            self.objects.remove(place);
        }
        Ok(())
    }

    /// An object, if the reader may see it.
    pub(super) fn read(
        &self,
        place: &Place,
        reader: UserId,
    ) -> Result<Option<&Object>, StorageError> {
        if !is_storable(&place.collection) || !is_storable(&place.key) {
            return Err(StorageError::Database);
        }
        let object = self.objects.get(place);
        Ok(object.filter(|object| is_readable(place, object, reader)))
    }

    /// All objects of a collection that the reader may see, of one owner or of everybody.
    pub(super) fn of_collection<'a>(
        &'a self,
        collection: &'a str,
        owner: Option<UserId>,
        reader: UserId,
    ) -> impl Iterator<Item = (&'a Place, &'a Object)> {
        self.objects.iter().filter(move |(place, object)| {
            place.collection == collection
                && match owner {
                    Some(owner) => place.owner == owner && is_readable(place, object, reader),
                    None => object.read >= PUBLIC,
                }
        })
    }

    /// A user is gone, and so is what they stored.
    pub(super) fn forget(&mut self, owner: UserId) {
        self.objects.retain(|place, _| place.owner != owner);
    }
}

fn is_readable(place: &Place, object: &Object, reader: UserId) -> bool {
    object.read >= PUBLIC || (object.read == OWNER && place.owner == reader)
}

/// What a write leaves behind.
fn after(before: Option<&Object>, write: &Write, now: Timestamp) -> Result<Object, StorageError> {
    let place = &write.place;
    let names = [&place.collection, &place.key];
    if names
        .iter()
        .any(|name| !is_storable(name) || name.chars().count() > LONGEST_NAME)
    {
        return Err(StorageError::Database);
    }
    let value = json::jsonb(&write.value).ok_or(StorageError::Database)?;
    let new = Object {
        value,
        version: version_of(&write.value),
        read: write.read,
        write: write.write,
        created: before.map_or(now, |before| before.created),
        updated: now,
    };
    let wanted = write.version.as_str();
    match before {
        Some(_) if wanted == NONE => Err(StorageError::Version),
        Some(before) if before.write < OWNER => Err(StorageError::Permission),
        Some(before) if !wanted.is_empty() && wanted != before.version => {
            Err(StorageError::Version)
        }
        Some(before) if wanted.is_empty() && is_same(before, &new) => Ok(before.clone()),
        None if !wanted.is_empty() && wanted != NONE => Err(StorageError::Version),
        _ => Ok(new),
    }
}

/// Whether nothing changes, so that not even the time does.
fn is_same(before: &Object, new: &Object) -> bool {
    (&before.version, before.read, before.write) == (&new.version, new.read, new.write)
}

/// The database takes no zero character.
fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

/// The same text has the same version, whatever was there in between. (A Nakama takes the MD5 of the text.)
fn version_of(value: &str) -> String {
    let hash = Sha256::digest(value.as_bytes());
    hash.iter()
        .take(16)
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

impl StorageError {
    /// What a Nakama says. `doing` is what could not be done.
    pub(super) fn text(self, doing: &str) -> Cow<'static, str> {
        match self {
            Self::Version => "Storage write rejected - version check failed.".into(),
            Self::Permission => "Storage write rejected - permission denied.".into(),
            Self::NotDeleted => {
                "Storage delete rejected - not found, version check failed, or permission denied."
                    .into()
            }
            Self::Database => format!("Error {doing} storage objects.").into(),
        }
    }
}
