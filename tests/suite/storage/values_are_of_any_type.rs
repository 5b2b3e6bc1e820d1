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

/// How writes of values end, one after the other, and what is sent.
fn written(write: impl Fn(&str) -> WriteStorage) -> (Vec<String>, usize) {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<WriteStorage>>| match &reply.result {
            Err(error @ RequestError::Unencodable(_)) => seen.add(error.to_string()),
            other => panic!("{other:?}"),
        },
    );
    game.commands(|commands| commands.nakama().write_storage(write("slot-1")).id());
    game.update();
    game.update();
    (log.take(), game.rest_calls().len())
}

#[test]
fn a_number_that_json_does_not_have_never_overwrites_a_save() {
    #[derive(Serialize)]
    enum Place {
        Inside { at: (u8, f32) },
        Outside(f64),
    }
    #[derive(Serialize)]
    struct Unit<T>(T);
    let problem = "it cannot be encoded: the value of `slot-1` in `saves`: a number in it is NaN or \
                   infinite, which JSON cannot say";
    let refused = (vec![problem.to_owned()], 0);
    let (nan, infinity) = (f64::NAN, f32::INFINITY);
    let save = |key: &str, value: Value| WriteStorage::new("saves", key, &value);
    let good = save("good", json!({ "level": 1 }));
    let with = |value: &dyn Fn(WriteStorage) -> WriteStorage| written(|_| value(good.clone()));
    macro_rules! refuses {
        ($value:expr) => {
            assert_eq!(with(&|good| good.and("saves", "slot-1", &$value)), refused);
        };
    }
    refuses!(HashMap::from([("speed", nan)]));
    refuses!(HashMap::from([("path", vec![(0.0, 1.0), (-0.0, -nan)])]));
    refuses!(HashMap::from([("best", Some(infinity))]));
    refuses!(HashMap::from([(
        "where",
        Place::Inside { at: (1, -infinity) }
    )]));
    refuses!(Place::Outside(nan));
    refuses!(Unit(HashMap::from([("speed", nan)])));

    // Nothing is not a number either, and JSON has it.
    let mut game = TestGame::connected();
    game.commands(|commands| {
        let value = HashMap::from([("a", None), ("b", Some(f64::MAX))]);
        let write = WriteStorage::new("saves", "slot-1", &value);
        commands.nakama().write_storage(write).id()
    });
    game.update();
    assert_eq!(game.rest_calls().len(), 1);
}

#[test]
fn a_value_that_is_not_an_object_is_named_before_anything_is_sent() {
    let problem = "it cannot be encoded: the value of `slot-1` in `saves`: it is not an object in JSON: put \
                   it into a struct";
    let refused = (vec![problem.to_owned()], 0);
    assert_eq!(
        written(|key| WriteStorage::new("saves", key, &[1, 2])),
        refused
    );
    assert_eq!(
        written(|key| WriteStorage::new("saves", key, "text")),
        refused
    );
    assert_eq!(written(|key| WriteStorage::new("saves", key, &7)), refused);
    assert_eq!(written(|key| WriteStorage::new("saves", key, &())), refused);
    let none: Option<Save> = None;
    assert_eq!(
        written(|key| WriteStorage::new("saves", key, &none)),
        refused
    );
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
fn an_answer_without_a_version_for_each_object_is_no_answer() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<RequestFailed>| seen.add(failed.reason.clone()));
    for body in [json!([]), json!({ "acks": [{}] })] {
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
