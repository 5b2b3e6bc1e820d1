//! A request unfollows more users than one message can name.

use super::*;

/// A game that follows this many users.
fn following(count: usize) -> (TestGame, Log) {
    let (mut game, log) = watched();
    for first in (0..count).step_by(100) {
        let ids = uuids(first..count.min(first + 100));
        follow(&mut game, FollowUsers::ids(ids));
        let asked = only(&mut game, Kind::StatusFollow);
        game.answer(&asked, followed(&[]));
        game.update();
    }
    log.take();
    assert_eq!(followed_ids(&mut game), uuids(0..count));
    (game, log)
}

fn unfollow(game: &mut TestGame, ids: Vec<String>) {
    let request = UnfollowUsers::ids(ids);
    game.commands(|commands| commands.nakama().unfollow(request).id());
    game.update();
}

#[test]
fn three_hundred_users_are_unfollowed_in_one_request() {
    let (mut game, log) = following(300);
    unfollow(&mut game, uuids(0..300));
    let mut asked_for = Vec::new();
    while asked_for.len() < 300 {
        assert_eq!(log.take(), [""; 0], "not done before all of it is");
        let asked = only(&mut game, Kind::StatusUnfollow);
        asked_for.extend(asked_to_unfollow(&asked));
        game.acknowledge(&asked);
        game.update();
    }
    assert_eq!(asked_for, uuids(0..300));
    assert_eq!(log.take(), ["done"]);
    assert_eq!(followed_ids(&mut game), [""; 0]);
}

#[test]
fn who_was_unfollowed_before_the_server_refused_is_gone() {
    let (mut game, log) = following(150);
    let mut ids = uuids(0..150);
    ids.push("nobody".into());
    unfollow(&mut game, ids);
    let first = only(&mut game, Kind::StatusUnfollow);
    let gone = asked_to_unfollow(&first).len();
    game.acknowledge(&first);
    game.update();
    let second = only(&mut game, Kind::StatusUnfollow);
    game.refuse(&second, 3, "Invalid user identifier");
    game.update();
    assert_eq!(log.take(), ["failed: Invalid user identifier (bad input)"]);
    assert_eq!(followed_ids(&mut game), uuids(gone..150));
}
