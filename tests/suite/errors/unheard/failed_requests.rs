//! A request that fails is told if the game does not observe that.

use super::*;
use crate::common::{log::warnings, steps::join_party};
use bevy_nakama::{overlay::NakamaOverlayPlugin, proto::Kind};
use serde_json::json;

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
    // The log has each failure.
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

/// The plugin of a new leader asks who wants to join. The game did not ask, so a refusal does not concern it.
#[test]
fn what_the_plugin_asks_by_itself_is_no_failure_of_the_games() {
    let mut game = listening();
    join_party(&mut game, "p1", &["bob", "ada"]);
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
