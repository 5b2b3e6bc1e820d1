//! A join that the game does not want any more is taken back when it succeeds.

use std::time::Duration;

use super::*;

#[test]
fn a_join_that_was_despawned_is_taken_back() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = ask_to_join(&mut game);
    game.commands(|c| c.entity(entity).despawn());
    game.answer(&asked, match_joined("m1", &["ada"]));
    game.update();

    assert_eq!(log.take(), ["join: it was withdrawn"]);
    let left = game.expect_sent(Kind::MatchLeave);
    assert_eq!(
        left.message,
        Some(proto::Message::MatchLeave(proto::realtime::MatchLeave {
            match_id: "m1".into()
        }))
    );
}

#[test]
fn a_join_that_succeeds_too_late_is_taken_back() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = ask_to_join(&mut game);
    game.advance(Duration::from_secs(13));
    assert_eq!(log.take(), ["join: no answer within 12.0 s"]);
    assert!(
        game.app.world().get_entity(entity).is_err(),
        "a failed request's entity goes"
    );

    game.answer(&asked, match_joined("m1", &["ada"]));
    game.update();
    game.expect_sent(Kind::MatchLeave);
    assert_eq!(game.roster("m1"), [""; 0]);
    assert_eq!(log.take(), [""; 0], "a request has one answer");
}

#[test]
fn a_late_join_is_kept_if_another_one_is_in() {
    let (mut game, _) = watched(TestGame::connected());
    let (_, asked) = ask_to_join(&mut game);
    game.advance(Duration::from_secs(13));
    game.join("m1", &["ada", "bob"]);
    game.answer(&asked, match_joined("m1", &["ada", "bob"]));
    game.update();
    assert_eq!(game.sent(), [], "no leave");
    assert_eq!(game.roster("m1"), ["ada", "bob"]);
}
