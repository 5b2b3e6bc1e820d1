//! Following ends: the game unfollows or despawns a user, withdraws a request, or the connection breaks.

use std::time::Duration;

use super::*;

#[test]
fn unfollowing_by_entity_and_by_id() {
    let (mut game, log, bob) = following_bob();
    game.commands(|c| c.nakama().unfollow(bob).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusUnfollow);
    assert_eq!(unfollowed_ids(&asked), ["user-bob"]);
    assert!(user(&game, "bob").is_some(), "until the server agrees");
    game.acknowledge(&asked);
    game.server_says(status_presences(&[("bob", "unheard")], &[]));
    game.update();
    assert_eq!(log.take(), ["-bob", "bob is offline", "unfollowed"]);
    assert_eq!(user(&game, "bob"), None);

    let ids = UnfollowUsers::ids(["user-bob", "user-cat"]);
    game.commands(|c| c.nakama().unfollow(ids).id());
    game.commands(|c| c.nakama().unfollow(bob).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusUnfollow);
    assert_eq!(unfollowed_ids(&asked), ["user-bob", "user-cat"]);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(
        log.take(),
        [
            "not unfollowed: the entity is not a followed user",
            "unfollowed"
        ]
    );
}

#[test]
fn despawning_a_user_is_unfollowing() {
    let (mut game, log, bob) = following_bob();
    game.app.world_mut().despawn(bob);
    game.update();
    let asked = game.expect_sent(Kind::StatusUnfollow);
    assert_eq!(unfollowed_ids(&asked), ["user-bob"]);
    game.server_says(status_presences(&[("bob", "unheard")], &[]));
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take(), ["bob is offline", "-bob"]);
}

#[test]
fn a_follow_that_is_late_or_not_wanted_any_more_is_taken_back() {
    let (mut game, log, _) = following_bob();
    let asked = follow(
        &mut game,
        FollowUsers::ids(["user-dave", "user-bob"]).usernames(["cat", "eve"]),
    );
    game.advance(Duration::from_secs(11));
    assert_eq!(log.take(), ["not followed: no answer within 10.0 s"]);
    game.answer(&asked, followed(&[("cat", ""), ("bob", "")]));
    game.update();
    game.update();
    let unfollow = game.expect_sent(Kind::StatusUnfollow);
    assert_eq!(unfollowed_ids(&unfollow), ["user-cat", "user-dave"]);
    game.acknowledge(&unfollow);
    game.server_says(status_presences(&[("eve", "")], &[]));
    game.update();
    assert_eq!(log.take(), [""; 0], "and nothing has happened");

    let request = FollowUsers::ids(["user-dave"]);
    let entity = game.commands(|c| c.nakama().follow(request).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.app.world_mut().despawn(entity);
    game.answer(&asked, followed(&[]));
    game.update();
    game.update();
    let unfollow = game.expect_sent(Kind::StatusUnfollow);
    assert_eq!(unfollowed_ids(&unfollow), ["user-dave"]);
}

#[test]
fn the_next_connection_begins_without_anybody() {
    let (mut game, log, _) = following_bob();
    let asked = follow(&mut game, FollowUsers::named(["cat"]));
    game.answer(&asked, followed(&[]));
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.update();
    assert_eq!(status(&mut game, "ada"), [""]);
    game.connection_ends();
    game.update();
    let world = game.app.world_mut();
    assert_eq!(world.query::<&SessionOf>().iter(world).count(), 0);
    assert_eq!(world.query::<&FollowedUser>().iter(world).count(), 0);
    game.connect();
    log.take();
    assert_eq!(
        game.sent()
            .iter()
            .filter_map(|sent| sent.message.as_ref().map(Kind::of))
            .count(),
        0
    );
    game.server_says(status_presences(&[("cat", "")], &[]));
    game.server_says(status_presences(&[("bob", "")], &[]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
}
