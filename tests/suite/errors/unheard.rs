//! What goes wrong and the game does not observe is told in the log, once; and so is a plugin that was forgotten.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::common::log::{listen, warnings};
use bevy::prelude::*;
use bevy_nakama::{
    overlay::NakamaOverlayPlugin,
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};
use serde_json::json;

/// A game in a match, whose warnings are kept.
fn listening() -> TestGame {
    let game = TestGame::joined("m1", &["ada"]);
    listen();
    game
}

/// Asks to join a match, and is refused.
fn refused(game: &mut TestGame, ask: impl FnOnce(EntityCommands)) {
    game.commands(|commands| ask(commands.nakama().join_match(JoinMatch::by_id("m2"))));
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 4, "Match not found");
    for _ in 0..3 {
        game.update();
    }
}

const JOIN: &str = "JoinMatch failed, and the game observes neither `Replied<JoinMatch>` nor `RequestFailed`: \
    Match not found (match not found)";

#[test]
fn a_failure_that_nobody_observes_is_told_once() {
    let mut game = listening();
    refused(&mut game, |_| ());
    assert_eq!(warnings(), [JOIN]);
    // Each of them.
    refused(&mut game, |_| ());
    assert_eq!(warnings(), [JOIN]);
}

#[test]
fn what_the_game_observes_is_its_own_affair() {
    let mut game = listening();
    refused(&mut game, |mut request| {
        request.observe(|_: On<Replied<JoinMatch>>| {});
    });
    assert_eq!(warnings(), [""; 0], "chained to the call");

    let mut game = listening();
    game.observe(|_: On<Replied<JoinMatch>>| {});
    refused(&mut game, |_| ());
    assert_eq!(warnings(), [""; 0], "for all of a type");

    let mut game = listening();
    game.observe(|_: On<RequestFailed>| {});
    refused(&mut game, |_| ());
    assert_eq!(warnings(), [""; 0], "for all types");

    let mut game = listening();
    game.observe(|_: On<Replied<CreateMatch>>| {});
    refused(&mut game, |_| ());
    assert_eq!(warnings(), [JOIN], "for another type");
}

#[test]
fn the_overlay_does_not_stand_for_the_game() {
    let mut game = TestGame::joined_with(NakamaOverlayPlugin::default(), "m1", &["ada"]);
    listen();
    refused(&mut game, |_| ());
    assert_eq!(warnings(), [JOIN]);
}

#[test]
fn what_succeeds_or_is_withdrawn_is_no_failure() {
    let mut game = listening();
    let request = game.commands(|c| c.nakama().join_match(JoinMatch::by_id("m2")).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m2", &["ada"]));
    game.update();
    assert!(game.app.world().get_entity(request).is_ok());

    let request = game.commands(|c| c.nakama().join_match(JoinMatch::by_id("m3")).id());
    game.update();
    game.commands(|commands| commands.entity(request).despawn());
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m3", &["ada"]));
    game.update();
    assert_eq!(warnings(), [""; 0]);
}

#[test]
fn a_failure_over_rest_is_told_without_its_secrets() {
    let mut game = TestGame::new();
    listen();
    game.commands(|commands| {
        let login = Login::email("ada@example.com", "correct horse battery");
        commands.nakama().log_in(&server(), login);
    });
    game.update();
    let refusal = json!({ "code": 16, "message": "Invalid credentials." });
    game.answer_rest(401, &refusal);
    game.update();
    game.update();
    let seen = warnings();
    let [warning] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert!(warning.starts_with("LogIn failed"), "{warning}");
    assert!(warning.contains("Invalid credentials."), "{warning}");
    for secret in ["ada@example.com", "correct horse battery", "defaultkey"] {
        assert!(!warning.contains(secret), "{warning}");
    }
}

#[test]
fn an_end_that_nobody_observes_is_told_once() {
    let mut game = listening();
    game.connection_breaks();
    for _ in 0..3 {
        game.update();
    }
    let seen = warnings();
    let [warning] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    let head = "the connection ended, and the game does not observe `Disconnected`: ";
    assert!(warning.starts_with(head), "{warning}");
    assert!(warning.len() > head.len(), "{warning}");
}

#[test]
fn an_end_that_is_observed_or_asked_for_is_not_told() {
    let mut game = listening();
    game.observe(|_: On<Disconnected>| {});
    game.connection_breaks();
    game.update();
    assert_eq!(warnings(), [""; 0], "observed");

    let mut game = listening();
    game.commands(|commands| commands.nakama().disconnect());
    game.advance(FRAME * 3);
    assert_eq!(warnings(), [""; 0], "asked for");

    let mut game = listening();
    game.connect();
    assert_eq!(warnings(), [""; 0], "replaced");
}

/// What `commands.nakama()` does in a world without the plugin.
fn panic_without_plugin(ask: impl FnOnce(NakamaCommands)) -> String {
    let mut world = World::new();
    let run = AssertUnwindSafe(|| {
        ask(world.commands().nakama());
        world.flush();
    });
    let payload = catch_unwind(run).expect_err("there is no plugin");
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

#[test]
fn a_missing_plugin_is_named() {
    let entity = Entity::PLACEHOLDER;
    let asks: Vec<Box<dyn FnOnce(NakamaCommands)>> = vec![
        Box::new(|nakama| {
            nakama.log_in(&server(), Login::device("a-device-of-ada"));
        }),
        Box::new(|nakama| nakama.connect(&server(), &session("ada"), ConnectOptions::default())),
        Box::new(|nakama| nakama.disconnect()),
        Box::new(|nakama| {
            nakama.join_match(JoinMatch::by_id("m1"));
        }),
        Box::new(move |nakama| nakama.send_data(entity, OutgoingData::raw(1, "x"))),
        Box::new(move |nakama| nakama.send_party_data(entity, 1, "x")),
        Box::new(|nakama| {
            nakama.join_chat(JoinChat::room("r"));
        }),
        Box::new(|nakama| {
            nakama.list_matches(ListMatches::up_to(10));
        }),
        Box::new(|nakama| {
            nakama.raw(Message::Ping(realtime::Ping {}));
        }),
        Box::new(|nakama| {
            nakama.rest(RestMethod::Get, "/v2/account", None);
        }),
    ];
    for (index, ask) in asks.into_iter().enumerate() {
        let panic = panic_without_plugin(ask);
        assert!(panic.contains("add `NakamaPlugin`"), "{index}: {panic}");
    }
    // All the others go the same way.
    for (path, code) in crate::form::architecture::sources("") {
        let code: String = code.split_whitespace().collect();
        let goes_alone = code.contains("self.commands.queue(");
        assert!(!goes_alone || path.ends_with("commands.rs"), "{path:?}");
    }
}

/// The game's own settings are kept, wherever it puts them.
#[test]
fn settings_that_are_there_are_kept() {
    let mut app = App::new();
    let mut settings = NakamaSettings::default();
    settings.chat_log_lines = 3;
    let mut overlay = NakamaOverlay::default();
    overlay.open = true;
    app.insert_resource(settings).insert_resource(overlay);
    app.add_plugins((
        MinimalPlugins,
        bevy::state::app::StatesPlugin,
        NakamaPlugin::default(),
        NakamaOverlayPlugin::default(),
    ));
    assert_eq!(app.world().resource::<NakamaSettings>().chat_log_lines, 3);
    assert!(app.world().resource::<NakamaOverlay>().open);
}

/// Sends a payload that is too large, in so many frames.
fn send_too_much(game: &mut TestGame, frames: usize) {
    let here = game.match_entity("m1");
    for _ in 0..frames {
        let data = OutgoingData::raw(7, vec![0; 5000]);
        game.commands(|commands| commands.nakama().send_data(here, data));
        game.update();
    }
    game.update();
}

#[test]
fn data_that_is_not_sent_and_nobody_observes_is_told_once_for_its_kind() {
    let mut game = listening();
    send_too_much(&mut game, 5);
    let reason = "5014 bytes are above the server's limit of 4096";
    let told = format!(
        "data with op code 7 was not sent, and the game does not observe `SendFailed`: {reason}"
    );
    assert_eq!(warnings(), [told], "sent at 60 Hz, it would fill the log");
    // For another reason.
    let nowhere = game.app.world_mut().spawn_empty().id();
    game.commands(|c| c.nakama().send_data(nowhere, OutgoingData::raw(7, "hi")));
    game.update();
    let seen = warnings();
    let [warning] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert!(warning.ends_with("not a member"), "{warning}");
}

#[test]
fn data_that_is_not_sent_is_told_again_in_the_next_connection() {
    let mut game = listening();
    send_too_much(&mut game, 5);
    assert_eq!(warnings().len(), 1);
    game.observe(|_: On<Disconnected>| {});
    game.connection_breaks();
    game.update();
    game.connect();
    game.join("m1", &["ada"]);
    send_too_much(&mut game, 5);
    assert_eq!(warnings().len(), 1);
}

#[test]
fn data_that_is_not_sent_is_the_games_own_affair_if_it_observes_it() {
    let mut game = listening();
    game.observe(|_: On<SendFailed>| {});
    send_too_much(&mut game, 1);
    assert_eq!(warnings(), [""; 0], "everywhere");

    let mut game = listening();
    let here = game.match_entity("m1");
    game.app
        .world_mut()
        .entity_mut(here)
        .observe(|_: On<SendFailed>| {});
    send_too_much(&mut game, 1);
    assert_eq!(warnings(), [""; 0], "on the match");
}

#[test]
fn an_error_that_belongs_to_no_request_is_told() {
    let mut game = listening();
    let mut say = |code, times| {
        for _ in 0..times {
            game.server_says(Message::Error(realtime::Error {
                code,
                message: "something is wrong".into(),
                ..Default::default()
            }));
        }
        game.update();
    };
    say(3, 5);
    let told = "the server sent an error that belongs to no request, and the game does not observe `ErrorPushed`: \
        something is wrong (bad input)";
    assert_eq!(warnings(), [told], "a server may send any number");
    say(0, 1);
    assert_eq!(warnings().len(), 1, "another code");
    for code in 100..10_000 {
        say(code, 1);
    }
    assert!(warnings().len() < 100, "it never fills the log");
}

/// A party's new leader asks who wants to join. The game did not ask, so a refusal is nothing to it.
#[test]
fn what_the_plugin_asks_by_itself_is_no_failure_of_the_games() {
    let mut game = listening();
    game.commands(|c| c.nakama().join_party("p1").id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.server_says(party("p1", "ada", &["bob", "ada"]));
    game.update();
    game.server_says(party_leader("p1", "ada"));
    game.update();
    let asked = game.expect_sent(Kind::PartyJoinRequestList);
    game.refuse(
        &asked,
        3,
        "Error listing party join requests: party not found",
    );
    game.update();
    game.update();
    assert_eq!(warnings(), [""; 0]);
}
