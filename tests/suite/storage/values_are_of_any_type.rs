//! Values, and what becomes of those that do not fit.

use std::collections::HashMap;

use super::Save;
use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::*};
use serde::Serialize;
use serde_json::{Value, json};

/// An object as a server shows it.
fn stored(key: &str, value: &Value) -> Value {
    json!({
        "collection": "saves", "key": key, "user_id": "11111111-2222-4333-8444-555555555555",
        "value": value.to_string(), "version": "v1", "permission_read": 1, "permission_write": 1,
    })
}

#[test]
fn a_value_that_has_no_form_in_json_is_not_sent_and_the_error_names_it() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<WriteStorage>>| match &reply.result {
            Err(error @ RequestError::Unencodable(_)) => seen.add(error.to_string()),
            other => panic!("{other:?}"),
        },
    );
    let by_place = HashMap::from([((1, 2), "a tower of ada")]); // a key of JSON is a text
    game.commands(|commands| {
        let write = WriteStorage::new("saves", "slot-1", &Save { level: 1 });
        commands
            .nakama()
            .write_storage(write.and("saves", "map", &by_place))
            .id()
    });
    game.update();
    game.update();
    assert_eq!(game.rest_calls(), []);
    let expected = "it cannot be encoded: the value of `map` in `saves`: key must be a string";
    assert_eq!(log.take(), [expected]);
}

#[test]
fn a_value_of_another_type_does_not_hide_the_others() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<ListStorage<Save>>>| -> Result {
        for object in &reply.result()?.objects {
            seen.add(match object.value() {
                Ok(save) => format!("{}: level {}", object.key, save.level),
                Err(error) => error.to_string(),
            });
        }
        Ok(())
    });
    game.commands(|commands| {
        let list = ListStorage::new("saves", 10);
        commands.nakama().list_storage::<Save>(list).id()
    });
    game.update();
    let objects = [
        stored("a", &json!({ "level": 3 })),
        stored("b", &json!({ "level": "the secret of ada" })),
        stored("c", &json!({ "stage": 3 })),
        stored("d", &json!({ "level": 4 })),
    ];
    game.answer_rest(200, &json!({ "objects": objects }));
    game.update();
    assert_eq!(
        log.take(),
        [
            "a: level 3",
            "the value of `b` in `saves`: a value does not fit at line 1 column 28",
            "the value of `c` in `saves`: missing field `level` at line 1 column 11",
            "d: level 4",
        ]
    );
}

#[test]
fn what_is_read_is_in_the_order_of_the_game() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<ReadStorage<Save>>>| -> Result {
        for object in reply.result()? {
            seen.add(object.key.clone());
        }
        Ok(())
    });
    game.commands(|commands| {
        let read = ["z", "gone", "a"].map(|key| ReadStorage::new("saves", key));
        let read = read.into_iter().collect();
        commands.nakama().read_storage::<Save>(read).id()
    });
    game.update();
    let own = session_of("ada").user_id().clone();
    let ids = ["z", "gone", "a"]
        .map(|key| json!({ "collection": "saves", "key": key, "user_id": own.as_str() }));
    assert_eq!(game.rest_bodies(), [json!({ "object_ids": ids })]);
    let mut objects = ["a", "z"].map(|key| stored(key, &json!({ "level": 1 })));
    for object in &mut objects {
        object["user_id"] = own.as_str().into();
    }
    game.answer_rest(200, &json!({ "objects": objects }));
    game.update();
    assert_eq!(log.take(), ["z", "a"]);
}

#[test]
fn no_value_is_in_debug() {
    #[derive(Clone, Debug, Serialize)]
    struct Diary(HashMap<&'static str, &'static str>);
    let diary = Diary(HashMap::from([("today", "my secret")]));
    let write = WriteStorage::new("diaries", "mine", &diary);
    assert_eq!(
        format!("{write:?}"),
        r#"WriteStorage [("diaries", "mine")]"#
    );
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<ListStorage<Value>>>| seen.add(format!("{reply:?}")));
    let seen = log.clone();
    game.observe(move |reply: On<Replied<ListStorage<u32>>>| seen.add(format!("{reply:?}")));
    let seen = log.clone();
    game.observe(move |reply: On<Replied<ReadStorage<Value>>>| seen.add(format!("{reply:?}")));
    game.commands(|commands| {
        commands
            .nakama()
            .list_storage::<Value>(ListStorage::new("diaries", 1));
        commands
            .nakama()
            .list_storage::<u32>(ListStorage::new("diaries", 1));
        commands
            .nakama()
            .read_storage::<Value>(ReadStorage::new("diaries", "mine"));
    });
    game.update();
    for _ in 0..3 {
        let objects = [stored("mine", &json!({ "today": "my secret" }))];
        game.answer_rest(200, &json!({ "objects": objects }));
    }
    game.update();
    let said = log.take();
    assert_eq!(said.len(), 3);
    for said in said {
        assert!(
            said.contains("mine") && !said.contains("my secret"),
            "{said}"
        );
    }
}

#[test]
fn nothing_is_asked_for_nothing() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<WriteStorage>>| seen.add(format!("{:?}", reply.result)));
    let seen = log.clone();
    game.observe(move |reply: On<Replied<ReadStorage<Save>>>| {
        seen.add(format!("{:?}", reply.result));
    });
    let seen = log.clone();
    game.observe(move |reply: On<Replied<DeleteStorage>>| seen.add(format!("{:?}", reply.result)));
    game.commands(|commands| {
        commands.nakama().write_storage(WriteStorage::from_iter([]));
        commands
            .nakama()
            .read_storage::<Save>(ReadStorage::from_iter([]));
        commands
            .nakama()
            .delete_storage(DeleteStorage::from_iter([]));
    });
    game.update();
    game.update();
    assert_eq!(game.rest_calls(), []);
    assert_eq!(log.take(), ["Ok([])", "Ok([])", "Ok(())"]);
}

#[test]
fn a_collection_with_a_slash_is_not_listed() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<RequestFailed>| seen.add(failed.reason.clone()));
    game.commands(|commands| {
        let list = ListStorage::new("saves/old", 1);
        commands.nakama().list_storage::<Save>(list).id()
    });
    game.update();
    game.update();
    assert_eq!(game.rest_calls(), []);
    let expected = "the server cannot be asked for `saves/old` over REST: it holds a slash";
    assert_eq!(log.take(), [expected]);
}

#[test]
fn an_answer_without_a_version_for_each_object_is_no_answer() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<RequestFailed>| seen.add(failed.reason.clone()));
    for body in [json!({}), json!([]), json!({ "acks": [{}] })] {
        game.commands(|commands| {
            let write = WriteStorage::new("saves", "slot", &Save { level: 1 });
            commands.nakama().write_storage(write).id()
        });
        game.update();
        game.answer_rest(200, &body);
        game.update();
        let expected = "the server answered with no versions of what was written";
        assert_eq!(log.take(), [expected], "{body}");
    }
}
