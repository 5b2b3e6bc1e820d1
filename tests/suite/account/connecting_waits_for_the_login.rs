//! `log_in` and `connect`, one after the other: the connection waits for the login.

use super::{watching::*, *};
use bevy_nakama::testing::{TestGame, server, session_of};
use serde_json::json;

#[test]
fn both_in_startup_in_any_order() {
    for log_in_first in [true, false] {
        let mut game = TestGame::of(move |app: &mut App| {
            app.add_systems(Startup, move |mut commands: Commands| {
                let login = Login::device("a-device-of-somebody");
                if log_in_first {
                    commands.nakama().log_in(&server(), login);
                    commands.nakama().connect();
                } else {
                    commands.nakama().connect();
                    commands.nakama().log_in(&server(), login);
                }
            });
        });
        game.update();
        assert_eq!(phase(&game), ConnectionState::Connecting);
        game.accept_login("ada");
        game.update();
        game.server_accepts();
        game.update();
        assert_eq!(phase(&game), ConnectionState::Connected);
    }
}

#[test]
fn a_login_that_fails_is_why_there_is_no_connection() {
    let (mut game, log) = watched();
    begin_login(&mut game);
    connect(&mut game);
    game.update();
    refuse(&mut game);
    assert_eq!(phase(&game), ConnectionState::Connecting);
    game.update();
    assert_eq!(phase(&game), ConnectionState::Disconnected);
    let why = "Username is already in use. (409)";
    assert_eq!(
        log.take(),
        [
            format!("no login: {why}"),
            format!("the login failed: {why}")
        ]
    );
}

/// As with a name that is taken: the game tries another one, and the connection waits on.
#[test]
fn a_game_that_logs_in_again_at_once_is_waited_for() {
    let (mut game, log) = watched();
    game.observe(|reply: On<Replied<LogIn>>, mut commands: Commands| {
        if reply.result.is_err() {
            let login = Login::device("a-device-of-somebody");
            commands.nakama().log_in(&server(), login);
        }
    });
    begin_login(&mut game);
    connect(&mut game);
    game.update();
    refuse(&mut game);
    game.update();
    game.accept_login("ada");
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(
        log.take()[1..],
        ["logged in as ada", "connected as ada"].map(str::to_owned)
    );
}

#[test]
fn a_login_that_was_withdrawn_is_no_login() {
    let (mut game, log) = watched();
    let login = begin_login(&mut game);
    connect(&mut game);
    game.update();
    game.commands(|commands| commands.entity(login).despawn());
    game.accept_login("ada");
    game.update();
    game.update();
    let withdrawn = "it was withdrawn";
    assert_eq!(
        log.take(),
        [
            format!("no login: {withdrawn}"),
            format!("the login failed: {withdrawn}")
        ]
    );
    let current = game.app.world().resource::<CurrentSession>();
    assert!(current.session().is_none(), "it is not in place");
}

#[test]
fn nobody_is_logged_in() {
    let (mut game, log) = watched();
    connect(&mut game);
    assert_eq!(phase(&game), ConnectionState::Connecting);
    game.update();
    assert_eq!(log.take(), [""; 0], "not before the next frame");
    game.update();
    assert_eq!(log.take(), ["nobody is logged in"]);
    assert_eq!(phase(&game), ConnectionState::Disconnected);
}

#[test]
fn who_disconnects_ends_the_waiting() {
    let (mut game, log) = watched();
    begin_login(&mut game);
    connect(&mut game);
    game.update();
    game.commands(|commands| commands.nakama().disconnect());
    game.update();
    game.update();
    assert_eq!(log.take(), ["the game disconnected"]);
    game.accept_login("ada");
    game.update();
    game.update();
    assert_eq!(
        log.take(),
        ["logged in as ada"],
        "it is not asked for any more"
    );
    assert_eq!(phase(&game), ConnectionState::Disconnected);
}

/// A connection that is open is closed at once, although the next user is not known yet.
#[test]
fn the_old_connection_does_not_wait() {
    let (mut game, log) = watched();
    game.connect();
    begin_login(&mut game);
    connect(&mut game);
    game.update();
    game.update();
    assert_eq!(log.take(), ["connected as ada", "the game disconnected"]);
    assert_eq!(phase(&game), ConnectionState::Connecting);
    game.accept_login("bob");
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["logged in as bob", "connected as bob"]);
}

/// If the login fails, nobody plays on as the user before.
#[test]
fn a_login_that_fails_does_not_connect_the_user_before() {
    let (mut game, log) = watched();
    game.commands(|commands| commands.nakama().use_session(&server(), session_of("ada")));
    begin_login(&mut game);
    connect(&mut game);
    game.update();
    refuse(&mut game);
    game.update();
    assert!(log.take()[1].starts_with("the login failed"));
    let current = game.app.world().resource::<CurrentSession>();
    assert_eq!(current.user().map(|(_, name)| name.as_str()), Some("ada"));
}

#[test]
fn the_last_login_that_is_answered_wins() {
    let (mut game, log) = watched();
    begin_login(&mut game);
    begin_login(&mut game);
    connect(&mut game);
    game.update();
    for name in ["ada", "bob"] {
        assert_eq!(phase(&game), ConnectionState::Connecting);
        game.accept_login(name);
        game.update();
    }
    game.server_accepts();
    game.update();
    assert_eq!(
        log.take(),
        ["logged in as ada", "logged in as bob", "connected as bob"]
    );
}

#[test]
fn one_login_of_two_is_enough() {
    let (mut game, log) = watched();
    begin_login(&mut game);
    begin_login(&mut game);
    connect(&mut game);
    game.update();
    game.accept_login("ada");
    game.update();
    refuse(&mut game);
    game.server_accepts();
    game.update();
    assert_eq!(
        log.take().last().map(String::as_str),
        Some("connected as ada")
    );
}

#[test]
fn who_logs_out_is_out_at_once_and_logins_under_way_are_forgotten() {
    let (mut game, log) = watched();
    game.connect();
    begin_login(&mut game);
    game.update();
    game.commands(|commands| commands.nakama().log_out().id());
    let is_out = |game: &TestGame| {
        let current = game.app.world().resource::<CurrentSession>();
        current.session().is_none() && !current.is_logging_in()
    };
    assert!(is_out(&game));
    game.update();
    game.accept_login("bob");
    game.update();
    assert!(is_out(&game));
    assert_eq!(
        game.rest_calls(),
        [("POST", "/v2/session/logout".to_owned())]
    );
    let session = session_of("ada");
    let token = session.token().expose();
    let told = json!({ "token": token, "refresh_token": token });
    assert_eq!(game.rest_bodies(), [told]);
    assert_eq!(
        log.take(),
        ["connected as ada", "no login: it was withdrawn"],
        "nothing is reported of a login that was withdrawn"
    );
    assert_eq!(phase(&game), ConnectionState::Connected, "the socket stays");
}

/// As always, each of them has its end.
#[test]
fn who_connects_twice_hears_of_both() {
    let (mut game, log) = watched();
    begin_login(&mut game);
    connect(&mut game);
    game.update();
    connect(&mut game);
    game.update();
    game.update();
    assert_eq!(log.take(), ["the game disconnected"], "the first");
    assert_eq!(phase(&game), ConnectionState::Connecting);
    game.accept_login("ada");
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["logged in as ada", "connected as ada"]);
}
