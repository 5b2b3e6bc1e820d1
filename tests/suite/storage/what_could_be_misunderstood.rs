//! Names and versions that the server would take for something else.

use super::Save;
use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::*};
use serde_json::{Value, json};

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

fn object(key: &str, owner: &str) -> Value {
    json!({
        "collection": "saves", "key": key, "user_id": owner, "value": r#"{"level":1}"#, "version": "v1",
        "permission_read": 2, "permission_write": 1,
    })
}

/// A game that logs how reads and lists fail.
fn game() -> (TestGame, Log) {
    let (mut game, log) = (TestGame::connected(), Log::default());
    let seen = log.clone();
    game.observe(move |failed: On<RequestFailed>| seen.add(failed.reason.clone()));
    (game, log)
}

#[test]
fn an_empty_version_does_not_overwrite_what_is_there() {
    let (mut game, _) = game();
    game.commands(|commands| {
        let save = WriteStorage::new("saves", "slot-1", &Save { level: 1 });
        commands.nakama().write_storage(save.version(""));
        let delete = DeleteStorage::new("saves", "slot-1");
        commands.nakama().delete_storage(delete.version(""));
    });
    game.update();
    let [write, delete] = &game.rest_bodies()[..] else {
        panic!("two calls");
    };
    // A star is the version of what is not there.
    assert_eq!(write["objects"][0]["version"], "*");
    assert_eq!(delete["object_ids"][0]["version"], "*");
}

#[test]
fn an_empty_user_is_nobody_else() {
    let (mut game, log) = game();
    game.commands(|commands| {
        let list = ListStorage::new("saves", 10).of("");
        commands.nakama().list_storage::<Save>(list);
        let read = ReadStorage::new("profiles", "main").of("");
        commands.nakama().read_storage::<Save>(read);
    });
    game.update();
    game.update();
    assert_eq!(game.rest_calls(), []);
    let expected = "the server cannot be asked for `` over REST: it is empty";
    assert_eq!(log.take(), [expected; 2]);
}

#[test]
fn a_collection_that_has_no_path_is_not_listed() {
    let (mut game, log) = game();
    game.commands(|commands| {
        for name in ["saves/old", "", ".", ".."] {
            let list = ListStorage::new(name, 1);
            commands.nakama().list_storage::<Save>(list);
        }
    });
    game.update();
    game.update();
    assert_eq!(game.rest_calls(), []);
    let expected = [
        "the server cannot be asked for `saves/old` over REST: it holds a slash",
        "the server cannot be asked for `` over REST: it is empty",
        "the server cannot be asked for `.` over REST: it means another path",
        "the server cannot be asked for `..` over REST: it means another path",
    ];
    assert_eq!(log.take(), expected);
}

#[test]
fn what_is_the_servers_is_not_taken_for_a_players() {
    let (mut game, _) = game();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<ReadStorage<Save>>>| -> Result {
        for object in reply.result()? {
            seen.add(object.user_id.to_string());
        }
        Ok(())
    });
    let own = session_of("ada").user_id().to_string();
    game.commands(|commands| {
        let read = ReadStorage::new("saves", "k").of_server();
        let read = read.and("saves", "k").and("saves", "l").of(NOBODY);
        commands.nakama().read_storage::<Save>(read).id()
    });
    game.update();
    let ids = json!([
        { "collection": "saves", "key": "k" },
        { "collection": "saves", "key": "k", "user_id": own },
        { "collection": "saves", "key": "l" },
    ]);
    assert_eq!(game.rest_bodies(), [json!({ "object_ids": ids })]);
    let objects = [object("l", NOBODY), object("k", &own), object("k", NOBODY)];
    game.answer_rest(200, &json!({ "objects": objects }));
    game.update();
    assert_eq!(log.take(), [NOBODY, &own, NOBODY]);
}

#[test]
fn a_missing_object_does_not_put_another_in_its_place() {
    let (mut game, _) = game();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<ReadStorage<Save>>>| -> Result {
        let objects = reply.result()?;
        for key in ["slot-1", "slot-2", "slot-3"] {
            let slot = objects.get("saves", key).map(|object| &object.key);
            seen.add(format!("{slot:?}"));
        }
        assert_eq!(objects.get("profiles", "slot-2"), None);
        Ok(())
    });
    game.commands(|commands| {
        let slots = ["slot-1", "slot-2", "slot-3"].map(|key| ReadStorage::new("saves", key));
        let slots = slots.into_iter().collect();
        commands.nakama().read_storage::<Save>(slots).id()
    });
    game.update();
    let own = session_of("ada").user_id().to_string();
    let objects = [object("slot-3", &own), object("slot-2", &own)];
    game.answer_rest(200, &json!({ "objects": objects }));
    game.update();
    let expected = ["None", "Some(\"slot-2\")", "Some(\"slot-3\")"];
    assert_eq!(log.take(), expected);
}

#[test]
fn a_limit_that_is_no_limit_is_an_invalid_limit() {
    let (mut game, log) = game();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<ListStorage<Save>>>| {
        if let Err(RequestError::Refused(StorageRefusal::InvalidLimit(_))) = &reply.result {
            seen.add("an invalid limit");
        }
    });
    game.commands(|commands| {
        let list = ListStorage::new("saves", 3_000_000_000);
        commands.nakama().list_storage::<Save>(list).id()
    });
    game.update();
    let text =
        r#"parsing field "limit": strconv.ParseInt: parsing "3000000000": value out of range"#;
    game.answer_rest(400, &json!({ "code": 3, "message": text }));
    game.update();
    let said = log.take();
    assert!(said.contains(&"an invalid limit".to_owned()), "{said:?}");
}

#[test]
fn what_code_on_the_server_leaves_out_is_not_an_error() {
    let (mut game, log) = game();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<WriteStorage>>| -> Result {
        let keys = reply.result()?.iter().map(|ack| &*ack.key);
        seen.add(keys.collect::<Vec<_>>().join(", "));
        Ok(())
    });
    for acks in [json!([object("b", NOBODY)]), json!([])] {
        game.commands(|commands| {
            let save = WriteStorage::new("saves", "a", &Save { level: 1 });
            let save = save.and("saves", "b", &Save { level: 1 });
            commands.nakama().write_storage(save).id()
        });
        game.update();
        game.answer_rest(200, &json!({ "acks": acks }));
        game.update();
    }
    assert_eq!(log.take(), ["b", ""]);
}
