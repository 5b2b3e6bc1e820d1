//! What a store does not do is in the log, in words that are true.

use super::{keeping::*, *};
use crate::common::log::{listen, warnings};
use bevy_nakama::testing::{TestGame, session_of};

fn warned(of: &str) -> bool {
    let warnings = warnings();
    assert!(
        warnings
            .iter()
            .all(|it| !it.contains(session_of("ada").token().expose()))
    );
    let told: Vec<_> = warnings
        .iter()
        .filter(|it| it.contains("on fire"))
        .collect();
    told.len() == 1 && told[0].contains(of)
}

fn log_out(game: &mut TestGame) {
    game.commands(|commands| commands.nakama().log_out().id());
}

const NOT_KEPT: &str = "not kept";
const STILL_KEPT: &str = "still kept";

#[test]
fn a_session_that_cannot_be_removed_is_still_kept() {
    listen();
    let kept = Kept::of(session_of("ada"));
    kept.fail("clear");
    let (mut game, _) = start(&kept);
    accept(&mut game);
    log_out(&mut game);
    assert!(warned(STILL_KEPT));
}

#[test]
fn each_failure_is_told_once() {
    listen();
    let kept = Kept::default();
    let (mut game, _) = start(&kept);
    kept.fail("save");
    for _ in 0..2 {
        game.commands(|commands| {
            let server = bevy_nakama::testing::server();
            commands.nakama().use_session(&server, session_of("ada"));
        });
    }
    assert!(warned(NOT_KEPT));
    kept.fail("clear");
    for _ in 0..2 {
        log_out(&mut game);
    }
    assert!(warned(STILL_KEPT));
}

/// Otherwise the next start would take up the user before.
#[test]
fn the_session_of_the_user_before_is_not_kept_instead() {
    let kept = Kept::of(session(1, 1));
    kept.fail("save");
    let (mut game, _) = start(&kept);
    game.accept_login("bob");
    game.update();
    assert_eq!(kept.user(), None);

    // The refresh token of the same user may be good yet.
    let kept = Kept::of(session(1, LONG));
    kept.fail("save");
    let (mut game, _) = start(&kept);
    give_tokens(&mut game, "ada");
    assert_eq!(kept.user().as_deref(), Some("ada"));
}

#[test]
fn a_session_that_cannot_be_read_is_told() {
    listen();
    start(&Kept::broken());
    assert!(warned("no session is restored"));
}

/// It is kept already. The disk may be read-only.
#[test]
fn a_session_that_is_restored_is_not_written_again() {
    for begin in [start, restore] {
        let kept = Kept::of(session_of("ada"));
        let (mut game, _) = begin(&kept);
        accept(&mut game);
        assert_eq!(*kept.saves.lock().expect("unpoisoned"), 0);
    }
}
