//! The local user leaves a match, or the game despawns it.

use std::time::Duration;

use super::*;
use crate::common::steps::goes;

#[test]
fn leaving_ends_with_the_servers_consent() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let here = game.match_entity("m1");
    game.commands(|c| c.nakama().leave_match(here).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchLeave);
    game.server_says(says("bob", "still here?"));
    game.update();
    assert_eq!(log.take(), ["bob: still here?"]);

    game.acknowledge(&asked);
    game.update();
    let mut seen = log.take();
    seen.sort();
    assert_eq!(seen, ["-ada YouLeft", "-bob YouLeft", "left"]);
    goes(&mut game, here);
}

#[test]
fn leaving_what_is_no_match_is_refused_in_the_next_frame() {
    let (mut game, log) = watched(TestGame::connected());
    let nothing = game.app.world_mut().spawn_empty().id();
    game.commands(|c| c.nakama().leave_match(nothing).id());
    assert_eq!(log.take(), [""; 0], "never before the call has returned");
    game.update();
    assert_eq!(log.take(), ["leave: the entity is not a match"]);
}

#[test]
fn despawning_a_match_is_leaving() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let here = game.match_entity("m1");
    game.commands(|c| c.entity(here).despawn());
    game.update();
    game.expect_sent(Kind::MatchLeave);
    let mut seen = log.take();
    seen.sort();
    assert_eq!(seen, ["-ada YouLeft", "-bob YouLeft"]);

    game.server_says(says("bob", "anybody?"));
    game.advance(Duration::from_secs(1));
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn a_match_can_be_left_and_joined_again() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let here = game.match_entity("m1");
    game.commands(|c| c.entity(here).despawn());
    game.update();
    game.sent();
    log.take();
    game.join("m1", &["ada", "bob"]);
    game.server_says(says("bob", "welcome back"));
    game.update();
    assert_eq!(
        log.take(),
        [
            "+bob Present",
            "+ada Present (self)",
            "joined",
            "bob: welcome back"
        ]
    );
}

#[test]
fn a_match_that_was_left_by_despawning_stays_left_although_a_second_join_was_on_its_way() {
    let mut game = TestGame::joined("m1", &["ada"]);
    let here = game.match_entity("m1");
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m1")).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    // The server has answered the join when the game leaves.
    game.answer(&asked, match_joined("m1", &["ada"]));
    game.commands(|commands| commands.entity(here).despawn());
    game.update();
    let leave = game.expect_sent(Kind::MatchLeave);
    game.acknowledge(&leave);
    game.update();
    let index = game.app.world().resource::<MatchIndex>();
    assert_eq!(index.get(&MatchId::from("m1")), None);
    assert_eq!(game.sent(), [], "and the server knows");
}
