//! Data and events that come early wait for the join that they belong to, for a quarter of a second at most.

use std::time::Duration;

use super::*;

#[test]
fn data_and_events_before_the_answer_come_after_it() {
    let (mut game, log) = watched(TestGame::connected());
    let (_, asked) = ask_to_join(&mut game);

    // Real servers do this: an authoritative match greets first, and events overtake the answer.
    game.server_says(match_data_sent("m1", None, 1, "welcome"));
    game.server_says(match_presences("m1", &["ada"], &[]));
    game.server_says(says("bob", "hello"));
    game.update();
    assert_eq!(
        log.take(),
        [""; 0],
        "nothing may be seen of a match that we are not in yet"
    );

    game.answer(&asked, match_joined("m1", &["ada", "bob"]));
    game.update();
    assert_eq!(
        log.take(),
        [
            "+bob Present",
            "+ada Present (self)",
            "joined",
            "server: welcome",
            "bob: hello"
        ]
    );
}

#[test]
fn what_came_early_for_a_match_that_is_not_joined_goes() {
    let (mut game, log) = watched(TestGame::connected());
    let (_, asked) = ask_to_join(&mut game);
    game.server_says(says("bob", "hello"));
    game.refuse(&asked, 4, "Match not found");
    game.update();
    assert_eq!(log.take(), ["join: Match not found (match not found)"]);

    game.join("m1", &["ada", "bob"]);
    game.advance(Duration::from_secs(1));
    assert_eq!(
        log.take(),
        ["+bob Present", "+ada Present (self)", "joined"]
    );
}

#[test]
fn data_before_the_join_of_its_sender_waits_for_it() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada"]));
    game.server_says(says("bob", "one"));
    game.server_says(says("carol", "two"));
    game.server_says(says("bob", "three"));
    game.update();
    assert_eq!(log.take(), [""; 0]);

    game.server_says(match_presences("m1", &["bob"], &[]));
    game.update();
    assert_eq!(log.take(), ["+bob Arrived", "bob: one", "bob: three"]);

    // Carol's join does not come.
    game.advance(Duration::from_millis(300));
    assert_eq!(log.take(), ["carol (not here): two"]);
}

#[test]
fn data_waits_a_quarter_of_a_second_and_no_longer() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada"]));
    game.server_says(says("bob", "one"));
    game.update();
    game.advance(Duration::from_millis(230));
    assert_eq!(log.take(), [""; 0], "240 ms");
    game.advance(Duration::from_millis(20));
    assert_eq!(log.take(), ["bob (not here): one"], "260 ms");
}

#[test]
fn data_after_a_leave_and_from_the_server_comes_at_once() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    game.server_says(match_presences("m1", &[], &["bob"]));
    game.server_says(says("bob", "bye"));
    game.server_says(match_data_sent("m1", None, 1, "bob is gone"));
    game.update();
    assert_eq!(
        log.take(),
        ["-bob", "bob (not here): bye", "server: bob is gone"]
    );
}

#[test]
fn a_thousand_early_frames_are_held_and_the_oldest_go_first() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada"]));
    for _ in 0..1025 {
        game.server_says(says("bob", "x"));
    }
    game.update();
    assert_eq!(
        log.take(),
        ["bob (not here): x"],
        "1,024 are held, the oldest is delivered"
    );

    game.server_says(says("bob", "y"));
    game.server_says(match_data_sent(
        "m1",
        Some("bob"),
        1,
        vec![b'z'; 1024 * 1024 + 1],
    ));
    game.update();
    assert_eq!(log.take().len(), 1026, "more than a MiB is not held either");
}

#[test]
fn a_thousand_early_events_are_applied_one_by_one() {
    let (mut game, log) = watched(TestGame::connected());
    let (_, asked) = ask_to_join(&mut game);
    for _ in 0..500 {
        game.server_says(match_presences("m1", &["bob"], &[]));
        game.server_says(match_presences("m1", &[], &["bob"]));
    }
    game.answer(&asked, match_joined("m1", &["ada"]));
    game.update();
    assert_eq!(log.take().len(), 2 + 1_000);
    assert_eq!(game.roster("m1"), ["ada"]);
}
