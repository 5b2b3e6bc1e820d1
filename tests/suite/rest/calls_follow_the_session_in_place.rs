//! Calls are made as the user who is logged in, with or without a socket. Nothing is done in the name of the next user.

use super::*;
use crate::common::steps::connect_as;
use bevy_nakama::{
    __testing::forge_token,
    testing::{notification_sent, server},
};

fn log_in_as(game: &mut TestGame, name: &str) {
    game.commands(|commands| {
        let login = Login::device("a-device-of-somebody");
        commands.nakama().log_in(&server(), login);
    });
    game.update();
    game.accept_login(name);
    game.update();
}

#[test]
fn a_call_needs_no_socket() {
    let (mut game, log) = watching(TestGame::new());
    ask(&mut game, "/early");
    game.update();
    assert_eq!(log.take(), ["/early: not logged in"]);

    log_in_as(&mut game, "ada");
    ask(&mut game, "/a");
    assert_eq!(game.rest_tokens(), [Some(token_of("ada"))]);
    answer(&mut game, 200, json!({}));
    assert_eq!(log.take(), ["/a: 200 {}"]);
}

#[test]
fn the_end_of_the_socket_is_nothing_to_a_call() {
    let (mut game, log) = watched();
    ask(&mut game, "/under-way");
    ask(&mut game, "/waits");
    game.connection_breaks();
    game.update();
    answer(&mut game, 200, json!({}));
    refuse_token(&mut game);
    ask(&mut game, "/later");
    assert_eq!(calls(&mut game), [REFRESH.1]);
    give_tokens(&mut game, "ada-2");
    assert_eq!(calls(&mut game), ["/waits", "/later"]);
    answer(&mut game, 200, json!({}));
    answer(&mut game, 200, json!({}));
    assert_eq!(
        log.take(),
        [
            "/under-way: 200 {}",
            "now ada-2",
            "/waits: 200 {}",
            "/later: 200 {}"
        ]
    );
}

#[test]
fn a_login_as_somebody_else_leaves_the_socket_alone_and_calls_follow_it() {
    let (mut game, log) = watched();
    let gone = log.clone();
    game.observe(move |_: On<Disconnected>| gone.add("disconnected"));
    log_in_as(&mut game, "bob");
    let connection = game.app.world().resource::<NakamaConnection>();
    assert!(connection.is_connected());
    let user = connection.user().map(|(_, name)| name.as_str());
    assert_eq!(user, Some("ada"), "the socket is hers");
    ask(&mut game, "/a");
    assert_eq!(game.rest_tokens(), [Some(token_of("bob"))]);
    assert_eq!(log.take(), [""; 0]);

    game.commands(|commands| commands.nakama().connect());
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["disconnected"]);
    let connection = game.app.world().resource::<NakamaConnection>();
    let user = connection.user().map(|(_, name)| name.as_str());
    assert_eq!(user, Some("bob"));
}

#[test]
fn what_bob_is_told_does_not_show_in_the_world_of_ada() {
    let mut game = TestGame::connected();
    game.server_says(notification_sent("n1", 1, "for ada", "{}", true));
    game.update();
    log_in_as(&mut game, "bob");
    let notes = json!({ "notifications": [{ "id": "n2", "subject": "for bob", "content": "{}" }] });
    for (who, expected) in [("bob", 1), ("ada", 2)] {
        game.commands(|commands| {
            commands.nakama().use_session(&server(), session_of(who));
            commands
                .nakama()
                .fetch_notifications(FetchNotifications::new(10));
        });
        game.update();
        answer(&mut game, 200, notes.clone());
        let inbox = game.app.world().resource::<NotificationInbox>();
        assert_eq!(inbox.len(), expected, "{who}");
    }
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
    refuse_token(&mut game); // of `/b`, which ada called
    assert_eq!(log.take(), ["/a: not logged in", "/b: not logged in"]);
    ask(&mut game, "/c");
    assert_eq!(calls(&mut game), [REFRESH.1, "/c"]);
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(game.rest_tokens(), [Some(token_of("bob"))]);
}

/// The same user logs in again: what waits is still theirs.
#[test]
fn a_new_login_of_the_same_user_ends_no_call() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    refuse_token(&mut game);
    let new = forge_token(&json!({ "uid": "user-ada", "usn": "ada", "exp": u32::MAX - 1 }));
    let session = NakamaSession::restore(&new, Some(&new)).expect("a token");
    game.commands(|commands| commands.nakama().use_session(&server(), session));
    give_tokens(&mut game, "ada-2");
    assert_eq!(game.rest_tokens(), [Some(new)]);
    answer(&mut game, 200, json!({}));
    assert_eq!(log.take(), ["/a: 200 {}"]);
}

#[test]
fn a_game_that_plays_as_somebody_else_when_its_session_is_refreshed() {
    let (mut game, log) = watched();
    game.observe(|_: On<SessionRefreshed>, mut commands: Commands| {
        commands.nakama().use_session(&server(), session_of("bob"));
        commands.nakama().connect();
    });
    ask(&mut game, "/a");
    refuse_token(&mut game);
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), ["now ada-2", "/a: not logged in"]);
}

/// In one frame with the login, as `connect` may be.
#[test]
fn a_call_waits_for_the_login_that_is_under_way() {
    fn begin() -> (TestGame, Log) {
        let (mut game, log) = watching(TestGame::new());
        game.commands(|commands| {
            let login = Login::device("a-device-of-somebody");
            commands.nakama().log_in(&server(), login);
        });
        ask(&mut game, "/a");
        (game, log)
    }

    let (mut game, log) = begin();
    game.accept_login("ada");
    game.update();
    assert_eq!(calls(&mut game), ["/a"]);
    assert_eq!(game.rest_tokens(), [Some(token_of("ada"))]);
    answer(&mut game, 200, json!({}));
    assert_eq!(log.take(), ["/a: 200 {}"]);

    let (mut game, log) = begin();
    let no = json!({ "code": 6, "message": "Username is already in use." });
    answer(&mut game, 409, no);
    assert_eq!(log.take(), ["/a: not logged in"]);

    // The next user does not do what the one before has asked for.
    let (mut game, log) = begin();
    game.commands(|commands| commands.nakama().log_out().id());
    log_in_as(&mut game, "bob");
    assert_eq!(log.take(), ["/a: not logged in"]);

    let (mut game, log) = begin();
    game.advance(std::time::Duration::from_secs(11));
    let told = log.take();
    assert!(
        told[0].starts_with("/a: it could not be sent within"),
        "{told:?}"
    );
}
