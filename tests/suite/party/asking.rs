//! Who asks to join a party, when the answer of its leader comes too late or is not allowed.

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{prelude::*, proto::Kind, testing::*};

/// A game that leads a party which cat asks to join; and cat.
fn asked_by_cat() -> (TestGame, Entity, Log) {
    let (mut game, log) = (TestGame::connected(), Log::default());
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<DeclinePartyJoin>>| match &reply.result {
            Ok(()) => seen.add("declined"),
            Err(error) => seen.add(error.to_string()),
        },
    );
    let request = CreateParty::closed(8);
    game.commands(|commands| commands.nakama().create_party(request).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyCreate);
    game.answer(&asked, party("p1", "ada", &["ada"]));
    game.update();
    game.server_says(party_join_request("p1", &["cat"]));
    game.update();
    let mut askers = game
        .app
        .world_mut()
        .query_filtered::<Entity, With<AsksToJoin>>();
    let cat = askers.single(game.app.world()).expect("cat asks");
    (game, cat, log)
}

/// Declines cat; the server refuses with this text.
fn decline(game: &mut TestGame, cat: Entity, text: &str) {
    game.commands(|commands| commands.nakama().decline_party_join(cat).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyRemove);
    game.refuse(&asked, 3, text);
    game.update();
}

#[test]
fn who_does_not_ask_any_more_is_gone_when_the_decline_fails() {
    let (mut game, cat, log) = asked_by_cat();
    // They went away before: neither a member nor an asker.
    let text = "Error removing party member or join request: party member not found";
    decline(&mut game, cat, text);
    assert_eq!(log.take(), [format!("{text} (bad input)")]);
    let world = game.app.world();
    assert!(world.get_entity(cat).is_err(), "there is nobody to answer");
}

#[test]
fn who_still_asks_stays_when_the_decline_fails() {
    let (mut game, cat, log) = asked_by_cat();
    let text = "Error removing party member or join request: party leader only";
    decline(&mut game, cat, text);
    assert_eq!(log.take(), [format!("{text} (bad input)")]);
    let world = game.app.world();
    assert!(world.get::<AsksToJoin>(cat).is_some());
}
