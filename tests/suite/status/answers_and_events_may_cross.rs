//! Events that come before the answer, and answers that are older than an event.

use super::*;

#[test]
fn what_comes_before_the_answer_is_told_after_it() {
    let (mut game, log) = watched(TestGame::connected());
    let request = FollowUsers::ids(["user-bob"]).usernames(["cat"]);
    let asked = follow(&mut game, request);
    game.server_says(status_presences(&[("bob", "one")], &[]));
    game.server_says(status_presences(&[("cat", "two")], &[]));
    game.server_says(status_presences(&[("eve", "never asked for")], &[]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    game.answer(&asked, followed(&[]));
    game.update();
    assert_eq!(
        log.take(),
        [
            "followed",
            "+bob Arrived \"one\"",
            "bob is online",
            "+cat Arrived \"two\"",
            "cat is online"
        ]
    );
    assert_eq!(user(&game, "eve"), None);
}

#[test]
fn an_answer_that_is_older_than_an_event_does_not_undo_it() {
    let (mut game, log, _) = following_bob();
    let asked = follow(&mut game, FollowUsers::ids(["user-bob"]));
    game.server_says(status_presences(&[("bob", "new")], &["bob"]));
    game.answer(&asked, followed(&[("bob", "")]));
    game.update();
    assert_eq!(log.take(), ["followed", "bob: \"new\""]);

    // Without a newer event, the answer counts.
    let asked = follow(&mut game, FollowUsers::ids(["user-bob"]));
    game.answer(&asked, followed(&[("bob", "newer")]));
    game.update();
    assert_eq!(log.take(), ["followed", "bob: \"newer\""]);

    // The answer does not bring back who left meanwhile.
    let asked = follow(&mut game, FollowUsers::ids(["user-bob"]));
    game.server_says(status_presences(&[], &["bob"]));
    game.answer(&asked, followed(&[("bob", "newer")]));
    game.update();
    assert_eq!(log.take(), ["-bob", "bob is offline", "followed"]);
}
