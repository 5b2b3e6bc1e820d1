//! Status: who is followed, who is online, and what they show.

mod answers_and_events_may_cross;
mod followed_users_are_mirrored;
mod following_ends;
mod the_local_user_shows_a_status;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::request::Request;
use bevy_nakama::{
    prelude::*,
    proto::{Envelope, Kind, Message},
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
    let id = UserId::from(user_presence(name).user_id);
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
        ["+bob Present \"\"", "bob is online", "followed"]
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
