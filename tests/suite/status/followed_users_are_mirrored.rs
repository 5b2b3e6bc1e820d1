//! Followed users, whether they are online, and what they show.

use super::*;
use crate::common::steps::variant;
use bevy_nakama::proto::{UserPresence, realtime};

#[test]
fn a_follow_brings_users_and_those_of_their_sessions_that_are_online() {
    let (mut game, log) = watched(TestGame::connected());
    let users = Log::default();
    let seen = users.clone();
    game.observe(
        move |reply: On<Replied<FollowUsers>>, names: Query<&Name>| {
            let reply = reply.result.as_ref().expect("followed");
            let users = reply.users.iter().filter_map(|user| names.get(*user).ok());
            users.for_each(|name| seen.add(name.as_str()));
        },
    );
    let request = FollowUsers::ids(["user-dave", "user-bob"]).usernames(["cat", "eve", "ada"]);
    let asked = follow(&mut game, request);
    let Some(Message::StatusFollow(sent)) = &asked.message else {
        panic!("{asked:?}");
    };
    assert_eq!(sent.user_ids, ["user-dave", "user-bob"]);
    assert_eq!(sent.usernames, ["cat", "eve", "ada"]);

    game.answer(&asked, followed(&[("cat", "away"), ("bob", "")]));
    game.update();
    assert_eq!(
        log.take(),
        [
            "+cat Present \"away\"",
            "cat is online",
            "+bob Present \"\"",
            "bob is online",
            "followed",
        ]
    );
    assert_eq!(
        users.take(),
        [
            "followed user user-dave",
            "followed user bob",
            "followed user cat"
        ]
    );
    let dave = user(&game, "dave").expect("followed, and offline");
    let world = game.app.world();
    assert!(world.get::<FollowedUser>(dave).is_some());
    assert!(world.get::<Username>(dave).is_none(), "nobody has told");
    assert!(world.get::<UserSessions>(dave).is_none());
    assert_eq!(user(&game, "eve"), None, "the answer does not name her");

    // Eve comes online, and so does dave.
    game.server_says(status_presences(&[("eve", "hi")], &[]));
    game.server_says(status_presences(&[("dave", "ho")], &[]));
    game.update();
    assert_eq!(
        log.take(),
        [
            "+eve Arrived \"hi\"",
            "eve is online",
            "+dave Arrived \"ho\"",
            "dave is online"
        ]
    );
    let name = game.app.world().get::<Name>(dave).map(Name::as_str);
    assert_eq!(name, Some("followed user dave"));
}

#[test]
fn a_change_of_status_is_a_change_of_the_same_session() {
    let (mut game, log, bob) = following_bob();
    let world = game.app.world();
    let before: Vec<_> = world
        .get::<UserSessions>(bob)
        .expect("online")
        .iter()
        .collect();
    game.server_says(status_presences(&[("bob", "busy")], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["bob: \"busy\""]);
    game.server_says(status_presences(&[("bob", "busy")], &["bob"]));
    game.update();
    assert_eq!(log.take(), [""; 0], "the same again");
    let world = game.app.world();
    let after: Vec<_> = world
        .get::<UserSessions>(bob)
        .expect("online")
        .iter()
        .collect();
    assert_eq!(before, after);

    game.server_says(status_presences(&[], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["-bob", "bob is offline"]);
    assert_eq!(user(&game, "bob"), Some(bob), "he is followed still");
}

#[test]
fn a_user_may_be_online_twice() {
    let (mut game, log, bob) = following_bob();
    let phone = UserPresence {
        session_id: "phone".into(),
        status: Some("on the bus".into()),
        ..user_presence("bob")
    };
    let event = |joins, leaves| {
        Message::StatusPresenceEvent(realtime::StatusPresenceEvent { joins, leaves })
    };
    game.server_says(event(vec![phone.clone()], vec![]));
    game.update();
    assert_eq!(log.take(), ["+bob Arrived \"on the bus\""]);
    assert_eq!(status(&mut game, "bob"), ["", "on the bus"]);
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(index.count(bob), 2);

    game.server_says(status_presences(&[], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["-bob"]);
    game.server_says(event(vec![], vec![phone]));
    game.update();
    assert_eq!(log.take(), ["-bob", "bob is offline"]);
}

#[test]
fn events_about_several_users_are_taken_apart() {
    let (mut game, log, _) = following_bob();
    game.server_says(status_presences(
        &[("carol", "unknown"), ("bob", "busy")],
        &["bob", "dave"],
    ));
    game.update();
    assert_eq!(log.take(), ["bob: \"busy\""]);
    game.server_says(status_presences(&[], &[]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn refusals_have_names() {
    let (mut game, _) = watched(TestGame::connected());
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<FollowUsers>>| {
        if let Err(RequestError::Refused(refusal)) = &reply.result {
            seen.add(variant(refusal));
        }
    });
    for text in ["Invalid user identifier", "Invalid username", "What?"] {
        let asked = follow(&mut game, FollowUsers::named(["x"]));
        game.server_says(status_presences(&[("x", "dropped")], &[]));
        game.refuse(&asked, 3, text);
        game.update();
    }
    assert_eq!(log.take(), ["InvalidUserId", "InvalidUsername", "Other"]);
    assert_eq!(user(&game, "x"), None);
    let seen = log.clone();
    game.observe(move |reply: On<Replied<UpdateStatus>>| {
        let Err(RequestError::Refused(StatusRefusal::TooLong(error))) = &reply.result else {
            panic!("{reply:?}");
        };
        seen.add(error.message.clone());
    });
    game.commands(|c| c.nakama().set_status(Some(&"x".repeat(2049))).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusUpdate);
    game.refuse(&asked, 3, "Status must be 2048 characters or less");
    game.update();
    assert_eq!(log.take(), ["Status must be 2048 characters or less"]);
}
