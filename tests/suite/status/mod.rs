//! Status: who is followed, who is online, and what they show.

use std::time::Duration;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Envelope, Kind, Message, UserPresence, realtime},
    testing::*,
};

/// What a game notices, line by line.
fn watched(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    watch(&mut game, &log);
    (game, log)
}

pub(crate) fn watch(game: &mut TestGame, log: &Log) {
    replies::<FollowUsers>(game, log, "followed");
    replies::<UnfollowUsers>(game, log, "unfollowed");
    replies::<UpdateStatus>(game, log, "shown");
    let seen = log.clone();
    game.observe(move |came: On<Add, UserSessions>, who: Query<&Username>| {
        seen.add(format!(
            "{} is online",
            who.get(came.entity).expect("known")
        ));
    });
    let seen = log.clone();
    game.observe(
        move |gone: On<Remove, UserSessions>, who: Query<&Username>| {
            seen.add(format!(
                "{} is offline",
                who.get(gone.entity).expect("known")
            ));
        },
    );
    let seen = log.clone();
    game.observe(
        move |came: On<Add, SessionOf>,
              who: Query<(&Username, &JoinedAs, &UserStatus, Has<IsSelf>)>| {
            let (name, how, status, is_self) = who.get(came.entity).expect("spawned whole");
            let is_self = if is_self { " (self)" } else { "" };
            seen.add(format!("+{name} {how:?} {:?}{is_self}", status.0));
        },
    );
    let seen = log.clone();
    game.observe(move |gone: On<Remove, SessionOf>, who: Query<&Username>| {
        seen.add(format!("-{}", who.get(gone.entity).expect("readable")));
    });
    let seen = log.clone();
    let changed = move |changed: Query<(&Username, &UserStatus), Changed<UserStatus>>,
                        added: Query<(), Added<UserStatus>>,
                        all: Query<Entity, Changed<UserStatus>>| {
        for session in all.iter().filter(|session| !added.contains(*session)) {
            let (name, status) = changed.get(session).expect("changed");
            seen.add(format!("{name}: {:?}", status.0));
        }
    };
    game.app.add_systems(Update, changed);
}

fn replies<R: Request>(game: &mut TestGame, log: &Log, done: &'static str) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Ok(_) => seen.add(done),
        Err(error) => seen.add(format!("not {done}: {error}")),
    });
}

fn user(game: &TestGame, name: &str) -> Option<Entity> {
    let id = UserId::from(presence(name).user_id);
    game.app.world().resource::<FollowedUserIndex>().get(&id)
}

fn status(game: &mut TestGame, name: &str) -> Vec<String> {
    let user = user(game, name).expect("a user");
    let world = game.app.world();
    let sessions = world.get::<UserSessions>(user);
    let sessions = sessions.into_iter().flat_map(UserSessions::iter);
    sessions
        .map(|session| world.get::<UserStatus>(session).expect("one").0.clone())
        .collect()
}

/// Asks to follow; what was sent.
fn follow(game: &mut TestGame, request: FollowUsers) -> Envelope {
    game.commands(|c| c.nakama().follow(request).id());
    game.update();
    game.expect_sent(Kind::StatusFollow)
}

/// A game that follows bob, who is online.
fn following_bob() -> (TestGame, Log, Entity) {
    let (mut game, log) = watched(TestGame::connected());
    let asked = follow(&mut game, FollowUsers::ids(["user-bob"]));
    game.answer(&asked, followed(&[("bob", "")]));
    game.update();
    assert_eq!(
        log.take(),
        ["+bob Snapshot \"\"", "bob is online", "followed"]
    );
    let bob = user(&game, "bob").expect("bob");
    (game, log, bob)
}

fn unfollowed_ids(envelope: &Envelope) -> Vec<String> {
    let Some(Message::StatusUnfollow(unfollow)) = &envelope.message else {
        panic!("{envelope:?}");
    };
    unfollow.user_ids.clone()
}

// ---- Following -----------------------------------------------------------------------------------------------------

#[test]
fn a_follow_brings_users_and_those_of_their_sessions_that_are_online() {
    let (mut game, log) = watched(TestGame::connected());
    let users = Log::default();
    let seen = users.clone();
    game.observe(
        move |reply: On<Replied<FollowUsers>>, names: Query<&Name>| {
            let reply = reply.result.as_ref().expect("followed");
            let names = names.iter_many(&reply.users).map(Name::as_str);
            names.for_each(|name| seen.add(name));
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
            "+cat Snapshot \"away\"",
            "cat is online",
            "+bob Snapshot \"\"",
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

    // She comes online, and so does he.
    game.server_says(status_presences(&[("eve", "hi")], &[]));
    game.server_says(status_presences(&[("dave", "ho")], &[]));
    game.update();
    assert_eq!(
        log.take(),
        [
            "+eve Event \"hi\"",
            "eve is online",
            "+dave Event \"ho\"",
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
        ..presence("bob")
    };
    let event = |joins, leaves| {
        Message::StatusPresenceEvent(realtime::StatusPresenceEvent { joins, leaves })
    };
    game.server_says(event(vec![phone.clone()], vec![]));
    game.update();
    assert_eq!(log.take(), ["+bob Event \"on the bus\""]);
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
            "+bob Event \"one\"",
            "bob is online",
            "+cat Event \"two\"",
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

    // Without such an event, the answer counts.
    let asked = follow(&mut game, FollowUsers::ids(["user-bob"]));
    game.answer(&asked, followed(&[("bob", "newer")]));
    game.update();
    assert_eq!(log.take(), ["followed", "bob: \"newer\""]);

    // Who left meanwhile is not brought back.
    let asked = follow(&mut game, FollowUsers::ids(["user-bob"]));
    game.server_says(status_presences(&[], &["bob"]));
    game.answer(&asked, followed(&[("bob", "newer")]));
    game.update();
    assert_eq!(log.take(), ["-bob", "bob is offline", "followed"]);
}

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
            "not unfollowed: the entity is no followed user",
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
fn refusals_have_names() {
    let (mut game, _) = watched(TestGame::connected());
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<FollowUsers>>| {
        if let Err(RequestError::Refused(refusal)) = &reply.result {
            seen.add(format!("{refusal:?}").split('(').next().expect("a name"));
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

#[test]
fn the_next_connection_begins_without_anybody() {
    let (mut game, log, _) = following_bob();
    let asked = follow(&mut game, FollowUsers::named(["cat"]));
    game.answer(&asked, followed(&[]));
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.update();
    assert_eq!(status(&mut game, "ada"), [""]);
    game.connection_breaks();
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

// ---- Oneself -------------------------------------------------------------------------------------------------------

/// A session of one's own user on another device.
fn tablet(status: &str) -> UserPresence {
    UserPresence {
        session_id: "tablet".into(),
        status: Some(status.into()),
        ..presence("ada")
    }
}

fn tablet_shows(status: &str) -> Message {
    Message::StatusPresenceEvent(realtime::StatusPresenceEvent {
        joins: vec![tablet(status)],
        leaves: Vec::new(),
    })
}

#[test]
fn one_hears_of_oneself_and_ones_other_devices() {
    let (mut game, log) = watched(TestGame::connected());
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.server_says(tablet_shows("also here"));
    game.update();
    assert_eq!(
        log.take(),
        [
            "+ada Snapshot \"\" (self)",
            "ada is online",
            "+ada Event \"also here\""
        ]
    );
    let me = user(&game, "ada").expect("oneself");
    let world = game.app.world_mut();
    assert!(world.get::<IsSelf>(me).is_some());
    let own = world.resource::<PresenceIndex>().own_session().cloned();
    assert_eq!(own, Some(SessionId::from("session-ada")));

    // Nobody unfollows themselves.
    game.commands(|c| c.nakama().unfollow(me).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusUnfollow);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(user(&game, "ada"), Some(me));
    game.app.world_mut().despawn(me);
    game.update();
    assert!(game.sent().is_empty());
    log.take();
    game.server_says(status_presences(&[("ada", "back")], &["ada"]));
    game.update();
    assert_eq!(
        log.take(),
        ["+ada Snapshot \"back\" (self)", "ada is online"]
    );
}

#[test]
fn ones_own_status_changes_after_the_answer_in_whatever_order_they_come() {
    for is_reversed in [false, true] {
        let (mut game, log) = watched(TestGame::connected());
        game.server_says(status_presences(&[("ada", "")], &[]));
        game.update();
        log.take();
        game.commands(|c| c.nakama().set_status(Some("in a match")).id());
        game.update();
        let asked = game.expect_sent(Kind::StatusUpdate);
        // What another device does has nothing to do with it.
        game.server_says(tablet_shows("also here"));
        if is_reversed {
            game.server_says(status_presences(&[("ada", "in a match")], &["ada"]));
            game.update();
            assert_eq!(log.take(), ["+ada Event \"also here\""]);
            game.acknowledge(&asked);
        } else {
            game.acknowledge(&asked);
            game.server_says(status_presences(&[("ada", "in a match")], &["ada"]));
            game.update();
            assert_eq!(
                log.take(),
                ["+ada Event \"also here\"", "shown", "ada: \"in a match\""]
            );
            continue;
        }
        game.update();
        assert_eq!(log.take(), ["shown", "ada: \"in a match\""]);
    }
}

#[test]
fn two_changes_in_a_row_are_told_in_order() {
    let (mut game, log) = watched(TestGame::connected());
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.update();
    log.take();
    game.commands(|c| {
        c.nakama().set_status(Some("one"));
        c.nakama().set_status(None);
    });
    game.update();
    let first = game.expect_sent(Kind::StatusUpdate);
    let second = game.expect_sent(Kind::StatusUpdate);
    game.server_says(status_presences(&[("ada", "one")], &["ada"]));
    game.acknowledge(&first);
    game.update();
    assert_eq!(log.take(), ["shown", "ada: \"one\""]);
    game.server_says(status_presences(&[], &["ada"]));
    game.acknowledge(&second);
    game.update();
    assert_eq!(log.take(), ["shown", "-ada", "ada is offline"]);
}

/// A game whose user does not appear online.
fn hidden() -> (TestGame, Log) {
    let (mut game, log) = watched(TestGame::new());
    game.commands(|c| {
        let options = ConnectOptions::default().appear_online(false);
        c.nakama().connect(&server(), &session("ada"), options);
    });
    game.update();
    game.server_accepts();
    game.update();
    (game, log)
}

#[test]
fn who_does_not_appear_online_is_known_from_their_first_status() {
    let (mut game, log) = hidden();
    game.server_says(tablet_shows(""));
    game.update();
    assert_eq!(log.take(), ["+ada Event \"\"", "ada is online"]);
    game.commands(|c| c.nakama().set_status(Some("hello")).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusUpdate);
    game.acknowledge(&asked);
    game.server_says(status_presences(&[("ada", "hello")], &[]));
    game.update();
    assert_eq!(log.take(), ["shown", "+ada Snapshot \"hello\" (self)"]);
}

#[test]
fn ones_own_session_is_known_also_if_one_sets_a_status_at_once() {
    let (mut game, log) = watched(TestGame::connected());
    game.commands(|c| c.nakama().set_status(Some("hello")).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusUpdate);
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.acknowledge(&asked);
    game.update();
    game.server_says(status_presences(&[("ada", "hello")], &["ada"]));
    game.update();
    assert_eq!(
        log.take(),
        [
            "shown",
            "+ada Snapshot \"\" (self)",
            "ada is online",
            "ada: \"hello\""
        ]
    );
}

#[test]
fn who_does_not_appear_online_is_known_from_what_they_join() {
    let (mut game, log) = hidden();
    game.server_says(status_presences(&[("ada", "from elsewhere?")], &[]));
    game.update();
    assert_eq!(
        log.take(),
        ["+ada Event \"from elsewhere?\"", "ada is online"]
    );
    game.join("m1", &["ada", "bob"]);
    let me = user(&game, "ada").expect("oneself");
    let world = game.app.world();
    let mut sessions = world.get::<UserSessions>(me).expect("online").iter();
    let session = sessions.next().expect("one");
    assert!(world.get::<IsSelf>(session).is_some(), "it was one's own");
}

#[test]
fn what_is_asked_for_on_the_way_to_the_next_connection_is_told_in_order_too() {
    let (mut game, log) = watched(TestGame::connected());
    game.commands(|c| {
        let options = ConnectOptions::default();
        c.nakama().connect(&server(), &session("ada"), options);
    });
    game.update();
    // Before the game has heard of the end of the old one.
    game.server_accepts();
    game.commands(|c| c.nakama().set_status(Some("in a match")).id());
    game.update();
    game.server_says(status_presences(&[("ada", "")], &[]));
    let asked = game.expect_sent(Kind::StatusUpdate);
    game.server_says(status_presences(&[("ada", "in a match")], &["ada"]));
    game.update();
    log.take();
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take().first().map(String::as_str), Some("shown"));
}
