//! What becomes of a login is told once and truly, and holds up nobody who does not need it.

use super::{
    keeping::{REFRESH, give_tokens, session},
    watching::*,
    *,
};
use bevy_nakama::testing::{server, session_of};

/// Who is in place.
fn user(game: &bevy_nakama::testing::TestGame) -> Option<String> {
    let current = game.app.world().resource::<CurrentSession>();
    current.user().map(|(_, name)| name.to_string())
}

/// As with a form: the login was wrong, and the game goes on as the user before.
#[test]
fn a_game_goes_on_as_somebody_else_when_it_hears_of_a_login_that_failed() {
    for puts_in_place in [false, true] {
        let (mut game, log) = watched();
        if !puts_in_place {
            game.commands(|commands| commands.nakama().use_session(&server(), session_of("ada")));
        }
        let seen = log.clone();
        game.observe(
            move |reply: On<Replied<LogIn>>,
                  current: Res<CurrentSession>,
                  mut commands: Commands| {
                assert!(reply.result.is_err());
                seen.add(format!("logging in: {}", current.is_logging_in()));
                if puts_in_place {
                    commands.nakama().use_session(&server(), session_of("ada"));
                }
                commands.nakama().connect();
            },
        );
        begin_login(&mut game);
        game.update();
        refuse(&mut game);
        game.server_accepts();
        game.update();
        assert_eq!(
            log.take()[1..],
            ["logging in: false", "connected as ada"].map(str::to_owned)
        );
    }
}

#[test]
fn a_login_that_worked_may_be_despawned_by_who_hears_of_it() {
    let (mut game, log) = watched();
    game.observe(|reply: On<Replied<LogIn>>, mut commands: Commands| {
        commands.entity(reply.request).despawn();
    });
    begin_login(&mut game);
    connect(&mut game);
    game.update();
    game.accept_login("ada");
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["logged in as ada", "connected as ada"]);
}

/// A server that does not answer, and a player who has tried another one.
#[test]
fn a_login_that_was_withdrawn_holds_up_nobody() {
    let (mut game, log) = watched();
    let slow = begin_login(&mut game);
    game.update();
    game.commands(|commands| commands.entity(slow).despawn());
    game.commands(|commands| {
        commands.nakama().use_session(&server(), session_of("ada"));
        commands.nakama().connect();
    });
    let current = game.app.world().resource::<CurrentSession>();
    assert!(!current.is_logging_in());
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["connected as ada"]);
}

#[test]
fn a_connection_that_waits_does_not_wait_for_a_login_that_was_withdrawn() {
    let (mut game, log) = watched();
    let slow = begin_login(&mut game);
    connect(&mut game);
    game.update();
    game.commands(|commands| commands.entity(slow).despawn());
    game.update();
    game.update();
    assert_eq!(log.take(), ["the login failed: it was withdrawn"]);
    assert_eq!(phase(&game), ConnectionState::Disconnected);
    game.accept_login("ada");
    game.update();
    assert_eq!(log.take(), ["no login: it was withdrawn"]);
    assert_eq!(user(&game), None);
}

/// It waits for the tokens of another session.
#[test]
fn a_login_that_nobody_waits_for_fails_alone() {
    for logs_out in [true, false] {
        let (mut game, log) = watched();
        let tired = |game: &mut bevy_nakama::testing::TestGame| {
            game.commands(|commands| {
                commands
                    .nakama()
                    .use_session(&server(), session(1, u32::MAX));
                commands.nakama().connect();
            });
        };
        if logs_out {
            begin_login(&mut game);
            game.update();
            game.commands(|commands| commands.nakama().log_out().id());
            tired(&mut game);
            game.update();
        } else {
            tired(&mut game);
            game.update();
            begin_login(&mut game);
            game.update();
        }
        let mut calls = game.rest_calls();
        if !logs_out {
            // The refresh is the first, and is answered last.
            calls.reverse();
            game.advance(std::time::Duration::from_millis(10));
        }
        assert_eq!(calls.last().map(|(_, path)| path.as_str()), Some(REFRESH));
        if logs_out {
            refuse(&mut game);
            give_tokens(&mut game, "ada");
        } else {
            give_tokens(&mut game, "ada");
            refuse(&mut game);
        }
        game.update();
        game.server_accepts();
        game.update();
        let told = log.take();
        assert_eq!(
            told.last().map(String::as_str),
            Some("connected as ada"),
            "{told:?}"
        );
    }
}
