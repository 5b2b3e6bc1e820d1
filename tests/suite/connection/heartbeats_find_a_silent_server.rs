//! Heartbeats measure the round trip, and find a server that is silent.

use std::time::Duration;

use super::*;
use crate::common::steps::connected_without_healing;
use bevy_nakama::proto::{Message, api};

#[test]
fn a_silent_server_is_given_up_thirteen_seconds_after_its_last_word() {
    let (mut game, log) = watch(connected_without_healing());
    game.server_goes_silent();
    game.advance(Duration::from_millis(12_900));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(200));
    let seen = log.take();
    assert!(
        seen[0].starts_with("the server was silent for 13"),
        "{seen:?}"
    );
}

#[test]
fn a_server_busy_with_a_request_may_be_silent_for_twenty_seconds() {
    let (mut game, log) = watch(connected_without_healing());
    game.server_goes_silent();
    game.commands(|commands| {
        commands
            .nakama()
            .send_raw(Message::Rpc(api::Rpc::default()))
            .id()
    });
    game.advance(Duration::from_millis(19_500));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(1_000));
    assert!(log.take()[0].starts_with("the server was silent for 20"));
}

#[test]
fn the_round_trip_is_measured_every_five_seconds() {
    let mut game = TestGame::connected();
    let round_trip = |game: &TestGame| game.app.world().resource::<NakamaConnection>().round_trip();
    assert_eq!(round_trip(&game), None);
    game.advance(Duration::from_millis(5_100));
    assert!(round_trip(&game).is_some());
}

#[test]
fn a_pong_behind_a_slow_request_is_no_round_trip() {
    let mut game = TestGame::connected();
    game.commands(|commands| {
        commands
            .nakama()
            .send_raw(Message::Rpc(api::Rpc::default()))
            .id()
    });
    game.advance(Duration::from_millis(5_100));
    assert_eq!(
        game.app.world().resource::<NakamaConnection>().round_trip(),
        None
    );
}
