//! A connection is lost: of each message the game knows whether it has left. What has left and was not confirmed may have arrived.

use super::*;
use crate::common::{
    log::{listen, warnings},
    steps::create_party,
};
use bevy_nakama::{proto::PartyLayout, testing::party_joined};

const UNCONFIRMED: &str = "3 failed: the connection was lost before the server confirmed it";

/// Sends three times.
fn beep(game: &mut TestGame, here: Entity) {
    game.commands(|commands| {
        for _ in 0..3 {
            commands.nakama().send(here, &Beep(1));
        }
    });
    game.update();
}

#[test]
fn what_the_server_has_not_confirmed_is_told() {
    let (mut game, here, log) = game();
    beep(&mut game, here);
    assert_eq!(sent_data(&mut game).len(), 3);
    game.connection_breaks();
    game.update();
    assert_eq!(log.take(), [UNCONFIRMED; 3]);
}

#[test]
fn what_the_server_has_confirmed_is_not() {
    let (mut game, here, log) = game();
    beep(&mut game, here);
    // A heartbeat is answered.
    game.advance(std::time::Duration::from_secs(6));
    game.connection_breaks();
    game.update();
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn a_game_that_ends_the_connection_itself_is_not_told() {
    let (mut game, here, log) = game();
    beep(&mut game, here);
    game.commands(|commands| commands.nakama().disconnect());
    game.update();
    game.update();
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn a_lost_line_fills_no_log() {
    listen();
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    let here = game.match_entity("m1");
    game.commands(|commands| {
        let data = OutgoingData::raw(3, "x");
        commands.nakama().send_data(here, data);
    });
    game.update();
    warnings();
    game.connection_breaks();
    game.update();
    let told = warnings();
    assert!(
        !told.iter().any(|line| line.contains("op code")),
        "{told:?}"
    );
}

/// A game in a party that sends twice. The second message waits for the answer to the first.
fn sends_twice(layout: PartyLayout) -> (TestGame, Log) {
    let mut game = TestGame::with_settings(NakamaSettings {
        requests_in_flight: 1,
        ..default()
    });
    game.server_writes(layout);
    game.connect();
    let party = create_party(
        &mut game,
        CreateParty::open(4),
        party_joined("p", "ada", &["ada", "bob"]),
    );
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
    game.commands(|commands| {
        commands.nakama().send_party_data(party, 1, "first");
        commands.nakama().send_party_data(party, 1, "second");
    });
    game.update();
    (game, log)
}

const LAYOUTS: [PartyLayout; 2] = [PartyLayout::Current, PartyLayout::Before3_28];

#[test]
fn of_party_data_it_is_known_whether_they_have_left() {
    for (mut game, log) in LAYOUTS.map(sends_twice) {
        game.connection_breaks();
        game.update();
        assert_eq!(
            log.take(),
            [
                "the connection was lost before the server confirmed it",
                "not connected"
            ]
        );
    }
}

#[test]
fn party_data_that_could_not_leave_in_time_say_so() {
    for (mut game, log) in LAYOUTS.map(sends_twice) {
        game.advance(std::time::Duration::from_secs(11));
        assert_eq!(
            log.take(),
            ["no answer", "it could not be sent within 10.0 s"]
        );
    }
}
