//! A game that forgot the plugin is told its name.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use bevy_nakama::proto::{Message, realtime};

/// The panic of `commands.nakama()` in a world without the plugin.
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
        Box::new(|nakama| nakama.connect()),
        Box::new(|nakama| nakama.use_session(&server(), session_of("ada"))),
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
            nakama.list_matches(ListMatches::new(10));
        }),
        Box::new(|nakama| {
            nakama.send_raw(Message::Ping(realtime::Ping {}));
        }),
        Box::new(|nakama| {
            nakama.rest(RestMethod::Get, "/v2/account", None);
        }),
    ];
    for (index, ask) in asks.into_iter().enumerate() {
        let panic = panic_without_plugin(ask);
        assert!(panic.contains("add `NakamaPlugin`"), "{index}: {panic}");
    }
    // All other calls take the same path.
    for (path, code) in crate::form::paths::sources("") {
        let code: String = code.split_whitespace().collect();
        let goes_alone = code.contains("self.commands.queue(");
        assert!(!goes_alone || path.ends_with("commands.rs"), "{path:?}");
    }
}
