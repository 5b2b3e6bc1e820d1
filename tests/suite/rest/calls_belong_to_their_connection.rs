//! Calls that wait for a token end with their connection. Nothing is done in the name of the next user.

use super::*;
use crate::common::steps::connect_as;
use bevy_nakama::testing::server;

#[test]
fn a_connection_that_ends_takes_the_waiting_calls_with_it() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    refuse_token(&mut game);
    ask(&mut game, "/b");
    game.connection_breaks();
    game.update();
    let lost = "the connection was lost before it was sent";
    assert_eq!(log.take(), [format!("/a: {lost}"), format!("/b: {lost}")]);
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), [""; 0], "nothing of an old connection");
    ask(&mut game, "/c");
    game.update();
    assert_eq!(log.take(), ["/c: not connected"]);
}

#[test]
fn a_call_that_is_under_way_outlives_the_connection_but_is_not_made_again() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    ask(&mut game, "/b");
    game.connection_breaks();
    game.update();
    answer(&mut game, 200, json!({}));
    refuse_token(&mut game);
    assert_eq!(
        log.take(),
        [
            "/a: 200 {}",
            "/b: the connection was lost before it was sent"
        ]
    );
}

#[test]
fn nothing_is_done_in_the_name_of_the_next_user() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    ask(&mut game, "/b");
    refuse_token(&mut game);
    connect_as(&mut game, "bob");
    game.update();
    game.server_accepts();
    game.update();
    let lost = "the connection was lost before it was sent";
    assert_eq!(log.take(), [format!("/a: {lost}")]);
    refuse_token(&mut game); // of `/b`, which ada called
    assert_eq!(log.take(), [format!("/b: {lost}")]);
    ask(&mut game, "/c");
    assert_eq!(calls(&mut game), [REFRESH.1, "/c"]);
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(game.rest_tokens(), [Some(token_of("bob"))]);
}

#[test]
fn a_game_that_disconnects_when_its_session_is_refreshed() {
    let (mut game, log) = watched();
    game.observe(|_: On<SessionRefreshed>, mut commands: Commands| {
        let options = ConnectOptions::default();
        commands
            .nakama()
            .connect(&server(), &session_of("bob"), options);
    });
    ask(&mut game, "/a");
    refuse_token(&mut game);
    give_tokens(&mut game, "ada-2");
    assert_eq!(
        log.take(),
        [
            "now ada-2",
            "/a: the connection was lost before it was sent"
        ]
    );
}
