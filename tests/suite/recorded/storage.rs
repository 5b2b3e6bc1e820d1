//! The storage, as real servers answer it over REST.

use std::{collections::BTreeMap, fmt::Debug};

use crate::common::{
    log::Log,
    player::rest::{answer_as_recorded, status},
    steps::variant,
    transcripts::{GENERATIONS, exchanges},
};
use bevy::prelude::*;
use bevy_nakama::{prelude::*, request::Request, testing::*};
use serde_json::{Value, json};

/// A game that asks what was recorded, and tells what it hears.
struct Replay {
    game: TestGame,
    log: Log,
}

impl Replay {
    fn new() -> Self {
        let (game, log) = (TestGame::connected(), Log::default());
        Self { game, log }
    }

    /// Tells what the answers to a kind of request say.
    fn tell<R: Request<Refusal = StorageRefusal>>(&mut self, words: fn(&R::Reply) -> Vec<String>) {
        let seen = self.log.clone();
        self.game
            .observe(move |reply: On<Replied<R>>| match &reply.result {
                Ok(reply) => words(reply).into_iter().for_each(|word| seen.add(word)),
                Err(RequestError::Refused(refusal)) => {
                    seen.add(format!("{} {refusal}", variant(refusal)));
                }
                Err(error) => panic!("{error}"),
            });
    }
}

/// The refusals of each call, and how often a server consented.
#[derive(Debug, Default)]
struct Told {
    refusals: BTreeMap<String, String>,
    consents: usize,
}

/// Makes the recorded calls, as far as the plugin can make them. `ask` asks for a call; `expected` is what a body tells.
fn play<R: Request<Refusal = StorageRefusal>>(
    method: &str,
    path: &str,
    ask: fn(&Value, NakamaCommands) -> Option<Entity>,
    words: fn(&R::Reply) -> Vec<String>,
    expected: fn(&Value) -> Vec<String>,
) -> Told {
    let mut told = Told::default();
    for generation in GENERATIONS {
        for exchange in exchanges(generation, "storage") {
            let (name, request) = (&exchange["name"], &exchange["request"]);
            let is_it = request["method"] == method
                && request["auth"] == "bearer session token"
                && request["path"]
                    .as_str()
                    .is_some_and(|it| it == path || (method == "GET" && it.starts_with(path)));
            if !is_it {
                continue;
            }
            let mut replay = Replay::new();
            replay.tell::<R>(words);
            let asked = replay.game.commands(|c| ask(request, c.nakama()));
            if asked.is_none() {
                continue;
            }
            replay.game.update();
            if method != "GET" {
                let sent = replay.game.rest_bodies().remove(0);
                assert_eq!(plain(&sent), plain(&request["body"]), "{name}");
            }
            answer_as_recorded(&mut replay.game, &exchange);
            let mut heard = replay.log.take();
            let body = &exchange["response"]["body"];
            if status(&exchange) == 200 {
                let mut expected = expected(body);
                // What is read comes in any order.
                heard.sort();
                expected.sort();
                assert_eq!(heard, expected, "{generation}: {name}");
                told.consents += 1;
                continue;
            }
            let text = body["message"].as_str().expect("a text");
            let said = heard.remove(0);
            let (variant, rest) = said.split_once(' ').expect("a text");
            assert_eq!(rest, format!("{text} ({})", status(&exchange)), "{name}");
            told.refusals.insert(text.to_owned(), variant.to_owned());
        }
    }
    told
}

/// A body with the defaults put in, and values as values.
fn plain(body: &Value) -> Value {
    let mut body = body.clone();
    for object in body["objects"].as_array_mut().into_iter().flatten() {
        let value = object["value"].as_str().expect("a text");
        object["value"] = serde_json::from_str(value).expect("JSON");
        for permission in ["permission_read", "permission_write"] {
            if object.get(permission).is_none_or(Value::is_null) {
                object[permission] = json!(1);
            }
        }
    }
    for list in ["objects", "object_ids"] {
        for object in body[list].as_array_mut().into_iter().flatten() {
            let object = object.as_object_mut().expect("an object");
            object.retain(|name, value| {
                !(value == "" && matches!(name.as_str(), "version" | "user_id"))
            });
        }
    }
    body
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// The objects of a body that a client of the plugin could send: there are some, and they have but known fields.
fn objects<'a>(request: &'a Value, list: &str, known: &[&str]) -> Option<&'a Vec<Value>> {
    let objects = request["body"].get(list)?.as_array()?;
    let is_known = |object: &Value| {
        let fields = object.as_object();
        fields.is_some_and(|fields| fields.keys().all(|name| known.contains(&name.as_str())))
    };
    let is_ours = !objects.is_empty() && objects.iter().all(is_known);
    is_ours.then_some(objects)
}

fn to_refusals(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    let to_owned = |(text, name): &(&str, &str)| ((*text).to_owned(), (*name).to_owned());
    expected.iter().map(to_owned).collect()
}

fn debug(value: impl Debug) -> String {
    format!("{value:?}")
}

const EMPTY_NAME: (&str, &str) = (
    "Invalid collection or key value supplied. They must be set.",
    "EmptyName",
);

#[test]
fn objects_are_written_as_recorded() {
    const KNOWN: [&str; 6] = [
        "collection",
        "key",
        "value",
        "version",
        "permission_read",
        "permission_write",
    ];
    let told = play::<WriteStorage>(
        "PUT",
        "/v2/storage",
        |request, nakama| {
            let mut writes = Vec::new();
            for object in objects(request, "objects", &KNOWN)? {
                let value: Value = serde_json::from_str(text(object, "value")?).ok()?;
                let (collection, key) = (text(object, "collection")?, text(object, "key")?);
                let mut write = WriteStorage::new(collection, key, &value);
                write = match text(object, "version") {
                    None | Some("") => write,
                    Some("*") => write.only_if_new(),
                    Some(version) => write.version(version),
                };
                write = match &object["permission_read"] {
                    Value::Null => write,
                    number => write.read_permission(match number.as_i64()? {
                        0 => ReadPermission::NoOne,
                        1 => ReadPermission::Owner,
                        2 => ReadPermission::Public,
                        _ => return None,
                    }),
                };
                write = match &object["permission_write"] {
                    Value::Null => write,
                    number => write.write_permission(match number.as_i64()? {
                        0 => WritePermission::NoOne,
                        1 => WritePermission::Owner,
                        _ => return None,
                    }),
                };
                writes.push(write);
            }
            Some(nakama.write_storage(writes.into_iter().collect()).id())
        },
        |acks| {
            let ack = |ack: &StorageAck| {
                let StorageAck {
                    collection,
                    key,
                    user_id,
                    version,
                    ..
                } = ack;
                let times = [ack.create_time, ack.update_time].map(|time| time.to_string());
                debug((collection, key, user_id, version, times))
            };
            acks.iter().map(ack).collect()
        },
        |body| {
            let ack = |ack: &Value| {
                let names = ["collection", "key", "user_id", "version"];
                let [collection, key, user_id, version] = names.map(|name| &ack[name]);
                let times = [&ack["create_time"], &ack["update_time"]];
                debug((collection, key, user_id, version, times))
                    .replace("String(", "")
                    .replace("\")", "\"")
            };
            body["acks"]
                .as_array()
                .into_iter()
                .flatten()
                .map(ack)
                .collect()
        },
    );
    let expected = [
        EMPTY_NAME,
        ("Error writing storage objects.", "NotStorable"),
        (
            "Storage write rejected - permission denied.",
            "PermissionDenied",
        ),
        (
            "Storage write rejected - version check failed.",
            "VersionMismatch",
        ),
        ("Value must be a JSON object.", "NotAnObject"),
    ];
    assert_eq!(told.refusals, to_refusals(&expected));
    assert!(told.consents >= 100, "{told:?}");
}

/// What the game sees of an object.
fn seen(object: &StorageObject<Value>) -> String {
    let value = object.value().expect("JSON");
    json!({
        "collection": object.collection,
        "key": object.key,
        "user_id": object.user_id,
        "version": object.version,
        "value": value,
        "permission_read": object.read_permission as i32,
        "permission_write": object.write_permission as i32,
        "create_time": object.create_time,
        "update_time": object.update_time,
    })
    .to_string()
}

/// What it should see.
fn recorded(object: &Value) -> String {
    let mut object = object.clone();
    let value = object["value"].as_str().expect("a text");
    object["value"] = serde_json::from_str(value).expect("JSON");
    for permission in ["permission_read", "permission_write"] {
        if object.get(permission).is_none() {
            object[permission] = json!(0);
        }
    }
    object.to_string()
}

fn recorded_objects(body: &Value) -> Vec<String> {
    let objects = body["objects"].as_array().into_iter().flatten();
    objects.map(recorded).collect()
}

#[test]
fn objects_are_read_as_recorded() {
    let told = play::<ReadStorage<Value>>(
        "POST",
        "/v2/storage",
        |request, nakama| {
            let mut reads = Vec::new();
            for id in objects(request, "object_ids", &["collection", "key", "user_id"])? {
                let read = ReadStorage::new(text(id, "collection")?, text(id, "key")?);
                reads.push(match text(id, "user_id") {
                    None | Some("") => read.of_server(),
                    // The plugin brings ids to lower case.
                    Some(user) if user.chars().any(char::is_uppercase) => return None,
                    Some(user) => read.of(user),
                });
            }
            Some(
                nakama
                    .read_storage::<Value>(reads.into_iter().collect())
                    .id(),
            )
        },
        |objects| objects.iter().map(seen).collect(),
        recorded_objects,
    );
    let expected = [
        EMPTY_NAME,
        ("Error reading storage objects.", "NotStorable"),
        (
            "Invalid user ID - make sure user ID is a valid UUID.",
            "InvalidUserId",
        ),
    ];
    assert_eq!(told.refusals, to_refusals(&expected));
    assert!(told.consents >= 40, "{told:?}");
}

#[test]
fn collections_are_listed_as_recorded() {
    let told = play::<ListStorage<Value>>(
        "GET",
        "/v2/storage/",
        |request, nakama| {
            let path = request["path"].as_str()?.strip_prefix("/v2/storage/")?;
            let query = |name: &str| request["query"].get(name).and_then(Value::as_str);
            let has_limit = request["query"].get("limit").is_some();
            let (collection, user) = match path.split_once('/') {
                Some((collection, user)) => (collection, Some(user)),
                None => (path, None),
            };
            let is_ours = request["query"].get("user_id").is_none()
                && !collection.contains(['+'])
                && !collection.contains("%2F")
                && user != Some("")
                && query("cursor") != Some("")
                && user.is_none_or(|user| !user.chars().any(char::is_uppercase));
            if collection.is_empty() || !is_ours {
                return None;
            }
            let limit = match query("limit") {
                Some(limit) => limit.parse().ok()?,
                None if has_limit => return None,
                None => 1,
            };
            let collection = form_urlencoded::parse(collection.as_bytes()).next()?.0;
            let list = ListStorage::new(collection, limit);
            let list = match user {
                Some(user) => list.of(user),
                None => list.of_everybody(),
            };
            let list = match query("cursor") {
                Some(cursor) => list.cursor(cursor),
                None => list,
            };
            Some(nakama.list_storage::<Value>(list).id())
        },
        |page| {
            let cursor = page.next_cursor.iter().cloned();
            page.objects.iter().map(seen).chain(cursor).collect()
        },
        |body| {
            let cursor = body["cursor"].as_str().map(str::to_owned);
            recorded_objects(body).into_iter().chain(cursor).collect()
        },
    );
    let expected = [
        (
            "Invalid limit - limit must be between 1 and 100.",
            "InvalidLimit",
        ),
        (
            "Invalid user ID - make sure user ID is a valid UUID.",
            "InvalidUserId",
        ),
        ("Malformed cursor was used.", "InvalidCursor"),
    ];
    assert_eq!(told.refusals, to_refusals(&expected));
    assert!(told.consents >= 40, "{told:?}");
}

#[test]
fn objects_are_deleted_as_recorded() {
    let told = play::<DeleteStorage>(
        "PUT",
        "/v2/storage/delete",
        |request, nakama| {
            let mut deletes = Vec::new();
            for id in objects(request, "object_ids", &["collection", "key", "version"])? {
                let delete = DeleteStorage::new(text(id, "collection")?, text(id, "key")?);
                deletes.push(match text(id, "version") {
                    None | Some("") => delete,
                    Some(version) => delete.version(version),
                });
            }
            Some(nakama.delete_storage(deletes.into_iter().collect()).id())
        },
        |()| vec!["deleted".to_owned()],
        |_| vec!["deleted".to_owned()],
    );
    let expected = [
        EMPTY_NAME,
        ("Error deleting storage objects.", "NotStorable"),
        (
            "Storage delete rejected - not found, version check failed, or permission denied.",
            "NotDeleted",
        ),
    ];
    assert_eq!(told.refusals, to_refusals(&expected));
    assert!(told.consents >= 12, "{told:?}");
}
