//! Requests that are too much for one message: the plugin sends several, the game sees one request and one answer.

mod a_server_takes_what_is_split;
mod an_unwanted_follow_is_undone;
mod notifications_are_deleted_in_several_calls;
mod users_are_followed_in_several_messages;
mod users_are_unfollowed_in_several_messages;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Envelope, Kind, Message, UserPresence, realtime},
    request::Request,
    testing::*,
};
use prost::Message as _;

fn watch<R: Request>(game: &mut TestGame, log: &Log) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Ok(_) => seen.add("done"),
        Err(error) => seen.add(format!("failed: {error}")),
    });
}

fn watched() -> (TestGame, Log) {
    let (mut game, log) = (TestGame::connected(), Log::default());
    watch::<DeleteNotifications>(&mut game, &log);
    watch::<FollowUsers>(&mut game, &log);
    watch::<UnfollowUsers>(&mut game, &log);
    (game, log)
}

fn uuid(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn uuids(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(uuid).collect()
}

fn follow(game: &mut TestGame, request: FollowUsers) -> Entity {
    let request = game.commands(|commands| commands.nakama().follow(request).id());
    game.update();
    request
}

/// The only envelope of this kind that was sent, which is not too large for the server.
fn only(game: &mut TestGame, kind: Kind) -> Envelope {
    let sent = game.sent();
    let of_kind = |sent: &&Envelope| sent.message.as_ref().map(Kind::of) == Some(kind);
    let of_kind: Vec<_> = sent.iter().filter(of_kind).collect();
    let [envelope] = of_kind.as_slice() else {
        panic!("not one {kind}, but {of_kind:?}");
    };
    assert!(envelope.encoded_len() <= 4096);
    (*envelope).clone()
}

/// The ids and names in a request to follow.
fn asked_to_follow(envelope: &Envelope) -> (Vec<String>, Vec<String>) {
    match &envelope.message {
        Some(Message::StatusFollow(follow)) => (follow.user_ids.clone(), follow.usernames.clone()),
        other => panic!("{other:?}"),
    }
}

fn asked_to_unfollow(envelope: &Envelope) -> Vec<String> {
    match &envelope.message {
        Some(Message::StatusUnfollow(unfollow)) => unfollow.user_ids.clone(),
        other => panic!("{other:?}"),
    }
}

fn online(id: &str, name: &str) -> UserPresence {
    UserPresence {
        user_id: id.into(),
        session_id: format!("session of {name}"),
        username: name.into(),
        status: Some(String::new()),
        ..Default::default()
    }
}

fn status(presences: Vec<UserPresence>) -> Message {
    Message::Status(realtime::Status { presences })
}

/// The ids of all followed users, sorted.
fn followed_ids(game: &mut TestGame) -> Vec<String> {
    let world = game.app.world_mut();
    let mut users = world.query_filtered::<&UserId, With<FollowedUser>>();
    let mut ids: Vec<_> = users.iter(world).map(ToString::to_string).collect();
    ids.sort();
    ids
}
