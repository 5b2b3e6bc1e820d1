//! A game that disconnects sends what is queued, within a time limit.

use std::time::Duration;

use super::*;

#[test]
fn a_disconnect_is_asked_for_and_told() {
    let (mut game, log) = watch(TestGame::connected());
    game.commands(|commands| commands.nakama().disconnect());
    game.update();
    game.update();
    assert_eq!(log.take(), ["the game disconnected"]);
    game.commands(|commands| commands.nakama().disconnect());
    game.advance(Duration::from_secs(1));
    assert_eq!(log.take(), [""; 0], "there is nothing to disconnect");
}

#[test]
fn a_disconnect_sends_what_is_queued() {
    let (mut game, log) = watch(TestGame::joined("m1", &["ada"]));
    let here = game.match_entity("m1");
    game.commands(|commands| {
        for _ in 0..500 {
            commands.nakama().send_data(here, OutgoingData::raw(1, "x"));
        }
        commands.nakama().disconnect();
    });
    game.advance(Duration::from_millis(100));
    assert_eq!(log.take(), [""; 0], "500 messages take 117 ms");
    game.advance(Duration::from_millis(40));
    assert_eq!(game.sent().len(), 500);
    assert_eq!(log.take(), ["the game disconnected"]);
}

#[test]
fn a_disconnect_does_not_wait_for_ever() {
    let (mut game, log) = watch(TestGame::joined("m1", &["ada"]));
    let here = game.match_entity("m1");
    let failed = Log::default();
    let seen = failed.clone();
    game.observe(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
    game.commands(|commands| {
        for _ in 0..2000 {
            commands.nakama().send_data(here, OutgoingData::raw(1, "x"));
        }
        commands.nakama().disconnect();
    });
    game.advance(Duration::from_millis(280));
    assert_eq!(log.take(), ["the game disconnected"]);
    let (sent, failed) = (game.sent().len(), failed.take());
    assert_eq!(sent + failed.len(), 2000, "each is sent or told");
    assert!((900..1200).contains(&sent), "{sent} left within 250 ms");
    assert!(failed.iter().all(|reason| reason == "not connected"));
}

#[test]
fn asking_twice_to_disconnect_does_not_take_longer() {
    let (mut game, log) = watch(TestGame::joined("m1", &["ada"]));
    let here = game.match_entity("m1");
    game.commands(|commands| {
        for _ in 0..2000 {
            commands.nakama().send_data(here, OutgoingData::raw(1, "x"));
        }
        commands.nakama().disconnect();
    });
    for _ in 0..20 {
        game.advance(Duration::from_millis(10));
        game.commands(|commands| commands.nakama().disconnect());
    }
    assert_eq!(log.take(), [""; 0], "there is something to send yet");
    game.advance(Duration::from_millis(80));
    assert_eq!(log.take(), ["the game disconnected"]);
}
