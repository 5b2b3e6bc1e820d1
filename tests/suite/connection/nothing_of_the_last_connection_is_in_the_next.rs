//! A new connection ends the old one first, and starts without anything of it.

use super::*;
use crate::common::steps::connect_as;
use bevy_nakama::proto::PartyLayout;

#[test]
fn what_is_known_of_one_server_is_not_believed_of_the_next() {
    let mut game = TestGame::connected();
    let layout = |game: &TestGame| {
        let connection = game.app.world().resource::<NakamaConnection>();
        connection.party_layout()
    };
    game.server_writes(PartyLayout::Before3_28);
    game.server_says(party_joined("p1", "ada", &["ada"]));
    game.update();
    assert_eq!(layout(&game), Some(PartyLayout::Before3_28));
    let session = session_of("ada");
    let other = NakamaServer::new("http://other.invalid:7350", "defaultkey");
    game.commands(|commands| {
        commands.nakama().use_session(&other, session.clone());
        commands.nakama().connect();
    });
    game.update();
    assert_eq!(layout(&game), None, "nobody knows yet how it writes");
    game.server_accepts();
    game.update();
    assert_eq!(layout(&game), None, "nobody knows yet how it writes");
}

#[test]
fn connecting_anew_ends_the_old_connection_first() {
    let (mut game, log) = watch(TestGame::joined("m1", &["ada", "bob"]));
    start_connecting(&mut game);
    assert_eq!(log.take(), ["the game disconnected"]);
    assert_eq!(state(&game), ConnectionState::Connecting);
    assert_eq!(game.roster("m1"), [""; 0]);
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["connected, resumed: false"]);
    assert_eq!(state(&game), ConnectionState::Connected);
}

#[test]
fn nothing_of_the_last_connection_is_read_in_the_next() {
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    game.server_says(match_data_sent("m1", Some("bob"), 1, "old"));
    game.connection_ends();
    game.update();
    game.connect();
    assert_eq!(
        game.app
            .world()
            .resource::<Messages<MatchDataReceived>>()
            .len(),
        0
    );
}

#[test]
fn what_the_last_connection_tells_of_its_server_is_not_told_of_the_next() {
    let mut game = TestGame::connected();
    // It arrives after the game has asked for another connection.
    connect_as(&mut game, "bob");
    game.server_writes(PartyLayout::Before3_28);
    game.server_says(party_joined("p1", "ada", &["ada"]));
    game.update();
    game.update();
    game.server_accepts();
    game.update();
    let connection = game.app.world().resource::<NakamaConnection>();
    assert!(connection.is_connected());
    assert_eq!(connection.party_layout(), None);
}

#[test]
fn a_connection_that_was_replaced_is_not_told() {
    let mut game = TestGame::new();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |_: On<Connected>, connection: Res<NakamaConnection>| {
        seen.add(format!(
            "connected as {}",
            connection.user().expect("a user").1
        ));
    });
    connect_as(&mut game, "ada");
    game.update();
    game.server_accepts();
    connect_as(&mut game, "bob");
    game.update();
    assert_eq!(
        log.take(),
        [""; 0],
        "ada's socket was open, but she is not asked for any more"
    );
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["connected as bob"]);
}
