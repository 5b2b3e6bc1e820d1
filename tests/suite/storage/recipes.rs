//! The samples of the documentation, played.

use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::*};
use serde_json::{Value, json};

mod save_game {
    include!("../../../src/areas/storage/save_game.rs");

    /// The player has reached a level, and the game saves.
    pub(super) fn reach(world: &mut World, level: u32) {
        world.resource_mut::<SaveGame>().save.level = level;
        world.run_system_cached(save).expect("it runs");
    }

    pub(super) fn level(world: &World) -> u32 {
        world.resource::<SaveGame>().save.level
    }

    pub(super) fn plugin(app: &mut App) {
        save_game(app);
    }
}

mod save_at_the_end {
    include!("../../../src/areas/storage/save_at_the_end.rs");

    pub(super) fn begin(world: &mut World) {
        world.insert_resource(Save { level: 1 });
        world.write_message(WindowCloseRequested {
            window: Entity::PLACEHOLDER,
        });
    }

    pub(super) fn plugin(app: &mut App) {
        app.add_message::<WindowCloseRequested>();
        save_at_the_end(app);
    }
}

fn reach(game: &mut TestGame, level: u32) {
    save_game::reach(game.app.world_mut(), level);
    game.update();
}

fn stored(level: u32, version: &str) -> Value {
    let own = session_of("ada");
    json!({ "objects": [{
        "collection": "saves", "key": "slot-1", "user_id": own.user_id().as_str(),
        "value": json!({ "level": level }).to_string(), "version": version, "permission_read": 1,
        "permission_write": 1,
    }] })
}

fn acked(version: &str) -> Value {
    let own = session_of("ada");
    json!({ "acks": [{
        "collection": "saves", "key": "slot-1", "user_id": own.user_id().as_str(), "version": version,
    }] })
}

fn mismatch() -> Value {
    json!({ "code": 3, "message": "Storage write rejected - version check failed." })
}

/// What the game asks for: the version and the level of a write, or that it reads.
#[track_caller]
fn asked(game: &mut TestGame) -> String {
    let bodies = game.rest_bodies();
    let [body] = &bodies[..] else {
        panic!("{bodies:?}");
    };
    match body["objects"].as_array() {
        None => "read".to_owned(),
        Some(objects) => {
            let (version, value) = (&objects[0]["version"], &objects[0]["value"]);
            let version = version.as_str().expect("there always is one");
            format!("{version} {}", value.as_str().expect("a text"))
        }
    }
}

#[track_caller]
fn answer(game: &mut TestGame, status: u16, body: &Value) {
    game.answer_rest(status, body);
    game.update();
}

/// A game that logs in.
fn started(is_accepted: bool) -> TestGame {
    let mut game = TestGame::of(save_game::plugin);
    game.commands(|commands| {
        let login = Login::device("device-of-ada");
        commands.nakama().log_in(&server(), login).id()
    });
    game.update();
    if is_accepted {
        game.accept_login("ada");
    } else {
        game.rest_breaks();
    }
    game.update();
    game.update();
    game
}

#[test]
fn a_save_game_is_loaded_and_saved_with_its_version() {
    let mut game = started(true);
    assert_eq!(asked(&mut game), "read");
    answer(&mut game, 200, &stored(3, "v1"));
    assert_eq!(save_game::level(game.app.world()), 3);
    reach(&mut game, 4);
    assert_eq!(asked(&mut game), r#"v1 {"level":4}"#);
    answer(&mut game, 200, &acked("v2"));
    reach(&mut game, 5);
    assert_eq!(asked(&mut game), r#"v2 {"level":5}"#);
}

#[test]
fn a_conflict_is_merged_and_saved() {
    let mut game = started(true);
    answer(&mut game, 200, &stored(3, "v1"));
    game.rest_bodies();
    reach(&mut game, 4);
    game.rest_bodies();
    answer(&mut game, 400, &mismatch());
    game.update();
    assert_eq!(asked(&mut game), "read");
    answer(&mut game, 200, &stored(7, "v2"));
    game.update();
    assert_eq!(asked(&mut game), r#"v2 {"level":7}"#);
    answer(&mut game, 200, &acked("v3"));
    assert_eq!(game.rest_bodies(), [Value::Null; 0]);
}

#[test]
fn a_save_game_that_another_device_deleted_is_written_anew() {
    let mut game = started(true);
    answer(&mut game, 200, &stored(3, "v1"));
    game.rest_bodies();
    reach(&mut game, 4);
    game.rest_bodies();
    answer(&mut game, 400, &mismatch());
    game.update();
    assert_eq!(asked(&mut game), "read");
    answer(&mut game, 200, &json!({}));
    game.update();
    assert_eq!(asked(&mut game), r#"* {"level":4}"#);
}

#[test]
fn a_game_goes_on_without_a_server() {
    let mut game = started(false);
    assert_eq!(game.rest_bodies(), [Value::Null; 0]);
    reach(&mut game, 4);
    game.update();
    assert_eq!(save_game::level(game.app.world()), 4);
}

#[test]
fn a_save_of_another_game_is_not_overwritten() {
    let mut game = started(true);
    let mut other = stored(3, "v1");
    other["objects"][0]["value"] = r#"{"level":"high"}"#.into();
    answer(&mut game, 200, &other);
    game.rest_bodies();
    reach(&mut game, 4);
    assert_eq!(
        asked(&mut game),
        r#"* {"level":4}"#,
        "only if nothing is there"
    );
    answer(&mut game, 400, &mismatch());
    game.update();
    assert_eq!(asked(&mut game), "read");
    answer(&mut game, 200, &other);
    game.update();
    assert_eq!(game.rest_bodies(), [Value::Null; 0]);
}

#[test]
fn a_game_that_ends_waits_until_it_is_saved() {
    for (is_online, breaks) in [(true, false), (true, true), (false, true)] {
        let mut game = TestGame::of(save_at_the_end::plugin);
        if is_online {
            game.connect();
        }
        save_at_the_end::begin(game.app.world_mut());
        game.update();
        assert_eq!(game.app.should_exit(), None);
        if is_online {
            assert_eq!(game.rest_calls().len(), 1);
        }
        match (is_online, breaks) {
            (true, false) => game.answer_rest(200, &acked("v1")),
            (true, true) => game.rest_breaks(),
            _ => {}
        }
        game.update();
        assert_eq!(game.app.should_exit(), Some(AppExit::Success));
    }
}
