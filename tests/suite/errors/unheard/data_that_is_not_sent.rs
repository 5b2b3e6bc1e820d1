//! Data that is not sent is told once for each reason, if the game does not observe that.

use super::*;
use crate::common::log::warnings;

/// Sends a payload that is too large, in each of this many frames.
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
    game.connection_ends();
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
fn what_the_games_own_policy_refuses_is_only_told_to_who_observes_it() {
    use std::time::Duration;
    let policies = [
        SendPolicy::Drop,
        SendPolicy::Queue {
            max_messages: 1,
            max_bytes: usize::MAX,
            max_age: Duration::from_millis(100),
        },
    ];
    for policy in policies {
        let mut game = listening();
        let here = game.match_entity("m1");
        game.server_goes_silent();
        for _ in 0..100 {
            let data = OutgoingData::raw(7, "x").policy(policy);
            game.commands(|commands| commands.nakama().send_data(here, data));
            game.update_by(Duration::from_millis(50));
        }
        assert_eq!(warnings(), [""; 0], "{policy:?}");
    }
}
