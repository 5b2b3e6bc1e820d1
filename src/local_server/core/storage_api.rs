//! Storage over REST.

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::{
    Core, cursor,
    http::{ApiError, ApiResult, Call, Code, answer, empty},
    ids::UserId,
    json,
    storage::{OWNER, Object, PUBLIC, Place, StorageError, Write},
    tokens::Claims,
};
use crate::proto::Timestamp;

/// What a call asks to be written.
#[derive(Default, Deserialize)]
struct Writes {
    #[serde(default)]
    objects: Vec<WriteObject>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WriteObject {
    #[serde(deserialize_with = "or_default")]
    collection: String,
    #[serde(deserialize_with = "or_default")]
    key: String,
    #[serde(deserialize_with = "or_default")]
    value: String,
    #[serde(deserialize_with = "or_default")]
    version: String,
    #[serde(alias = "permissionRead")]
    permission_read: Option<Int>,
    #[serde(alias = "permissionWrite")]
    permission_write: Option<Int>,
}

/// What a call asks to be read or deleted.
#[derive(Default, Deserialize)]
struct Ids {
    #[serde(default, alias = "objectIds")]
    object_ids: Vec<ObjectId>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ObjectId {
    #[serde(deserialize_with = "or_default")]
    collection: String,
    #[serde(deserialize_with = "or_default")]
    key: String,
    #[serde(alias = "userId", deserialize_with = "or_default")]
    user_id: String,
    #[serde(deserialize_with = "or_default")]
    version: String,
}

/// A number in JSON, which may be a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Int {
    Number(i32),
    Text(#[serde(deserialize_with = "parsed")] i32),
}

fn parsed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// `null` is not a value.
fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What was written.
#[derive(Serialize)]
struct Ack<'a> {
    collection: &'a str,
    key: &'a str,
    version: &'a str,
    user_id: UserId,
    create_time: Timestamp,
    update_time: Timestamp,
}

/// An object in an answer. What has its default value is left out.
#[derive(Serialize)]
struct Shown<'a> {
    collection: &'a str,
    key: &'a str,
    user_id: UserId,
    value: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    permission_read: i32,
    #[serde(skip_serializing_if = "is_zero")]
    permission_write: i32,
    create_time: Timestamp,
    update_time: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// Answers that leave out what is empty.
#[derive(Serialize)]
struct Acks<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    acks: Vec<Ack<'a>>,
}

#[derive(Serialize)]
struct Objects<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    objects: Vec<Shown<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    cursor: String,
}

/// The object that a page ends with.
#[derive(Deserialize, Serialize)]
struct Cursor {
    key: String,
    owner: UserId,
    read: i32,
}

fn shown<'a>((place, object): (&'a Place, &'a Object)) -> Shown<'a> {
    let seconds = |time: Timestamp| Timestamp { nanos: 0, ..time };
    Shown {
        collection: &place.collection,
        key: &place.key,
        user_id: place.owner,
        value: &object.value,
        version: &object.version,
        permission_read: object.read,
        permission_write: object.write,
        create_time: seconds(object.created),
        update_time: seconds(object.updated),
    }
}

impl Core {
    pub(super) fn write_storage(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let Writes { objects } = call.body()?;
        let writes: Vec<Write> = objects
            .into_iter()
            .map(|object| checked(object, caller.user))
            .collect::<Result<_, _>>()?;
        let problem = |error: StorageError| refusal(error, "writing");
        if !writes.is_empty() && self.accounts.get(caller.user).is_none() {
            return Err(problem(StorageError::Database));
        }
        let now = self.clock.timestamp_micros();
        let written = self.storage.write(&writes, now).map_err(problem)?;
        let acks = writes.iter().zip(&written).map(|(write, object)| Ack {
            collection: &write.place.collection,
            key: &write.place.key,
            version: &object.version,
            user_id: write.place.owner,
            create_time: object.created,
            update_time: object.updated,
        });
        answer(Acks {
            acks: acks.collect(),
        })
    }

    pub(super) fn read_storage(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let Ids { object_ids } = call.body()?;
        let mut places: Vec<Place> = Vec::new();
        for id in object_ids {
            let owner = match id.user_id.as_str() {
                "" => Uuid::nil(),
                text => Uuid::parse_str(text)
                    .ok()
                    .filter(|id| !id.is_nil())
                    .ok_or_else(invalid_user_id)?,
            };
            let place = place_of(id.collection, id.key, UserId(owner))?;
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let mut objects = Vec::new();
        for place in &places {
            let object = self.storage.read(place, caller.user);
            let object = object.map_err(|error| refusal(error, "reading"))?;
            objects.extend(object.map(|object| shown((place, object))));
        }
        answer(Objects {
            objects,
            cursor: String::new(),
        })
    }

    pub(super) fn delete_storage(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let Ids { object_ids } = call.body()?;
        let mut deletes: Vec<(Place, String)> = object_ids
            .into_iter()
            .map(|id| Ok((place_of(id.collection, id.key, caller.user)?, id.version)))
            .collect::<Result<_, ApiError>>()?;
        // In the order in which the database does it.
        deletes.sort();
        self.storage
            .delete(&deletes)
            .map_err(|error| refusal(error, "deleting"))?;
        empty()
    }

    /// The objects of a collection: the caller's own, those of another user that everybody may read, or all that everybody may
    /// read.
    pub(super) fn list_storage(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let limit = call.limit(1)?;
        let owner = call.second_argument().or_else(|| call.query("user_id"));
        let owner = owner
            .filter(|owner| !owner.is_empty())
            .map(|owner| Uuid::parse_str(owner).map(UserId))
            .transpose()
            .map_err(|_| invalid_user_id())?;
        let malformed = ApiError::invalid("Malformed cursor was used.");
        let after: Option<Cursor> = call.cursor("cursor", malformed)?;
        let is_of_everybody = owner.is_none();
        let rank = |(place, object): (&Place, &Object)| {
            let among_equals = if is_of_everybody {
                place.owner
            } else {
                UserId(Uuid::nil())
            };
            (object.read, place.key.clone(), among_equals)
        };
        let after = after.map(|cursor| match owner {
            None => (PUBLIC, cursor.key, cursor.owner),
            Some(owner) if owner == caller.user => (cursor.read, cursor.key, UserId(Uuid::nil())),
            Some(_) => (PUBLIC, cursor.key, UserId(Uuid::nil())),
        });
        let all = self
            .storage
            .of_collection(call.argument(), owner, caller.user);
        let mut page: Vec<_> = all
            .map(|entry| (rank(entry), entry))
            .filter(|(rank, _)| after.as_ref().is_none_or(|after| rank > after))
            .collect();
        page.sort_by(|(one, _), (other, _)| one.cmp(other));
        let is_more = page.len() > limit;
        page.truncate(limit);
        let last = page.last().filter(|_| is_more);
        let cursor = last.map(|(_, (place, object))| Cursor {
            key: place.key.clone(),
            owner: place.owner,
            read: object.read,
        });
        answer(Objects {
            cursor: cursor.as_ref().map_or_else(String::new, cursor::encode),
            objects: page.into_iter().map(|(_, entry)| shown(entry)).collect(),
        })
    }
}

/// An object that may be written, as far as can be seen without the database.
fn checked(object: WriteObject, owner: UserId) -> Result<Write, ApiError> {
    if object.value.is_empty() {
        return Err(invalid_name());
    }
    let place = place_of(object.collection, object.key, owner)?;
    let permission = |given: Option<Int>| match given {
        None => OWNER,
        Some(Int::Number(number) | Int::Text(number)) => number,
    };
    let read = permission(object.permission_read);
    let write = permission(object.permission_write);
    if !(0..=PUBLIC).contains(&read) {
        let problem = "Invalid Read permission supplied. It must be either 0, 1 or 2.";
        return Err(ApiError::invalid(problem));
    }
    if !(0..=OWNER).contains(&write) {
        let problem = "Invalid Write permission supplied. It must be either 0 or 1.";
        return Err(ApiError::invalid(problem));
    }
    if !json::is_object(&object.value) {
        return Err(ApiError::invalid("Value must be a JSON object."));
    }
    Ok(Write {
        place,
        value: object.value,
        version: object.version,
        read,
        write,
    })
}

fn place_of(collection: String, key: String, owner: UserId) -> Result<Place, ApiError> {
    if collection.is_empty() || key.is_empty() {
        return Err(invalid_name());
    }
    Ok(Place {
        collection,
        key,
        owner,
    })
}

fn invalid_name() -> ApiError {
    ApiError::invalid("Invalid collection or key value supplied. They must be set.")
}

fn invalid_user_id() -> ApiError {
    ApiError::invalid("Invalid user ID - make sure user ID is a valid UUID.")
}

fn refusal(error: StorageError, doing: &str) -> ApiError {
    let code = match error {
        StorageError::Database => Code::Internal,
        _ => Code::InvalidArgument,
    };
    ApiError::new(code, error.text(doing))
}
