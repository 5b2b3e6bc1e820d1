//! Requests that are too much for one message: the plugin sends several, the game sees one request and one answer.

use std::time::Duration;

use crate::common::{
    game::{Game, serve},
    log::Log,
};
use bevy::prelude::*;
use bevy_nakama::{
    local_server::LocalServerConfig,
    prelude::*,
    proto::{Envelope, Kind, Message, UserPresence, api, realtime},
    request::Request,
    testing::*,
};
use prost::Message as _;
use serde_json::json;

/// What a real server takes of a request's first line and headers, less what the headers may need.
const TARGET: usize = 4096;

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

// ---- Notifications -------------------------------------------------------------------------------------------------

/// The server keeps so many notifications, and the game has them all in its inbox.
fn full_inbox(count: usize) -> (TestGame, Log) {
    let (mut game, log) = watched();
    let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
    settings.inbox_notifications = 1000;
    let kept = |number| api::Notification {
        id: uuid(number),
        persistent: true,
        ..Default::default()
    };
    game.server_says(Message::Notifications(realtime::Notifications {
        notifications: (0..count).map(kept).collect(),
    }));
    game.update();
    assert_eq!(inbox(&game), uuids(0..count));
    (game, log)
}

fn inbox(game: &TestGame) -> Vec<String> {
    let inbox = game.app.world().resource::<NotificationInbox>();
    inbox.iter().map(|kept| kept.id.to_string()).collect()
}

fn delete(game: &mut TestGame, ids: &[String]) -> Entity {
    let ids: Vec<NotificationId> = ids.iter().map(|id| id.as_str().into()).collect();
    let request = game.commands(|commands| commands.nakama().delete_notifications(ids).id());
    game.update();
    request
}

/// The ids in the only call that is open, which a real server does not find too long.
fn asked_to_delete(game: &mut TestGame) -> Vec<String> {
    let calls = game.rest_calls();
    let [("DELETE", target)] = calls.as_slice() else {
        panic!("not one call to delete, but {calls:?}");
    };
    assert!(target.len() <= TARGET, "{} bytes", target.len());
    let query = target.strip_prefix("/v2/notification?").expect("a query");
    form_urlencoded::parse(query.as_bytes())
        .map(|(key, id)| {
            assert_eq!(key, "ids");
            id.into_owned()
        })
        .collect()
}

#[test]
fn two_hundred_and_twenty_notifications_are_deleted_in_one_request() {
    let (mut game, log) = full_inbox(220);
    delete(&mut game, &uuids(0..220));
    let mut deleted = Vec::new();
    while !game.rest_calls().is_empty() {
        assert_eq!(log.take(), [""; 0], "not done before all of it is");
        deleted.extend(asked_to_delete(&mut game));
        game.answer_rest(200, &json!({}));
        game.update();
        assert_eq!(
            inbox(&game),
            uuids(deleted.len()..220),
            "what is gone is gone"
        );
    }
    assert_eq!(deleted, uuids(0..220), "each once, in order");
    assert_eq!(log.take(), ["done"]);
    game.advance(Duration::from_secs(30));
    assert_eq!(log.take(), [""; 0], "one answer");
}

#[test]
fn what_was_deleted_before_the_server_refused_is_out_of_the_inbox() {
    let (mut game, log) = full_inbox(220);
    delete(&mut game, &uuids(0..220));
    let first = asked_to_delete(&mut game).len();
    game.answer_rest(200, &json!({}));
    game.update();
    assert!(!asked_to_delete(&mut game).is_empty());
    let text = "Error while deleting notifications.";
    game.answer_rest(500, &json!({ "code": 13, "message": text }));
    game.update();
    assert_eq!(log.take(), [format!("failed: {text} (500)")]);
    assert_eq!(game.rest_calls(), [], "it is given up");
    assert_eq!(inbox(&game), uuids(first..220));
}

#[test]
fn the_calls_of_one_request_share_its_deadline() {
    let (mut game, log) = full_inbox(220);
    delete(&mut game, &uuids(0..220));
    game.advance(Duration::from_secs(6));
    game.answer_rest(200, &json!({}));
    game.update();
    game.advance(Duration::from_secs(5));
    assert_eq!(log.take(), ["failed: no answer within 10.0 s"]);
}

#[test]
fn the_token_may_end_between_the_calls_of_one_request() {
    let (mut game, log) = full_inbox(220);
    delete(&mut game, &uuids(0..220));
    game.answer_rest(200, &json!({}));
    game.update();
    let asked = asked_to_delete(&mut game);
    game.answer_rest(401, &json!({ "code": 16, "message": "Auth token invalid" }));
    game.update();
    let calls = game.rest_calls();
    assert!(
        calls[0].1.starts_with("/v2/account/session/refresh"),
        "{calls:?}"
    );
    let token = session("ada").token().expose().to_owned();
    game.answer_rest(200, &json!({ "token": token, "refresh_token": token }));
    game.update();
    assert_eq!(asked_to_delete(&mut game), asked, "once more");
    while !game.rest_calls().is_empty() {
        game.answer_rest(200, &json!({}));
        game.update();
    }
    assert_eq!(log.take(), ["done"]);
}

#[test]
fn a_deletion_that_is_withdrawn_goes_no_further() {
    let (mut game, log) = full_inbox(220);
    let request = delete(&mut game, &uuids(0..220));
    game.app.world_mut().despawn(request);
    game.answer_rest(200, &json!({}));
    game.update();
    assert_eq!(game.rest_calls(), []);
    assert_eq!(log.take(), ["failed: it was withdrawn"]);
    assert!(inbox(&game).len() < 220, "what is gone is gone");
}

#[test]
fn a_connection_that_ends_between_the_calls_ends_the_request() {
    let (mut game, log) = full_inbox(220);
    delete(&mut game, &uuids(0..220));
    game.connection_breaks();
    game.update();
    game.answer_rest(200, &json!({}));
    game.update();
    assert_eq!(game.rest_calls(), []);
    let lost = "failed: the connection was lost before the answer";
    assert_eq!(log.take(), [lost], "part of it was done");
}

// ---- Following -----------------------------------------------------------------------------------------------------

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

/// Ids and names.
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

/// The ids of everybody who is followed, sorted.
fn followed_ids(game: &mut TestGame) -> Vec<String> {
    let world = game.app.world_mut();
    let mut users = world.query_filtered::<&UserId, With<FollowedUser>>();
    let mut ids: Vec<_> = users.iter(world).map(ToString::to_string).collect();
    ids.sort();
    ids
}

#[test]
fn three_hundred_users_are_followed_in_one_request() {
    let (mut game, log) = watched();
    let users = Log::default();
    let seen = users.clone();
    game.observe(
        move |reply: On<Replied<FollowUsers>>, ids: Query<&UserId>| {
            let reply = reply.result.as_ref().expect("followed");
            ids.iter_many(&reply.users)
                .for_each(|id| seen.add(id.as_str()));
        },
    );
    let names: Vec<_> = (0..300).map(|number| format!("name-{number}")).collect();
    let request = FollowUsers::ids(uuids(0..300)).usernames(names.clone());
    follow(&mut game, request);
    let (mut ids_asked, mut names_asked, mut messages) = (Vec::new(), Vec::new(), 0);
    while ids_asked.len() + names_asked.len() < 600 {
        assert_eq!(log.take(), [""; 0], "not done before all of it is");
        let asked = only(&mut game, Kind::StatusFollow);
        let (ids, names) = asked_to_follow(&asked);
        // One of each message is online.
        let here = match (ids.last(), names.last()) {
            (_, Some(name)) => online(&format!("user of {name}"), name),
            (Some(id), None) => online(id, &format!("name of {id}")),
            (None, None) => panic!("nobody is asked for"),
        };
        game.answer(&asked, status(vec![here]));
        game.update();
        ids_asked.extend(ids);
        names_asked.extend(names);
        messages += 1;
    }
    assert_eq!(ids_asked, uuids(0..300), "each once, in order");
    assert_eq!(names_asked, names);
    assert!(messages <= 5, "{messages} messages are more than it takes");
    assert_eq!(log.take(), ["done"]);
    let told = users.take();
    assert_eq!(
        told[..300],
        uuids(0..300),
        "those asked for by id, in order"
    );
    assert!(told.len() > 300 && told[300..].iter().all(|id| id.starts_with("user of ")));

    // Those asked for by name who were not online are followed, too.
    let late = online("user of name-0", "name-0");
    game.server_says(Message::StatusPresenceEvent(
        realtime::StatusPresenceEvent {
            joins: vec![late],
            leaves: vec![],
        },
    ));
    game.update();
    assert!(followed_ids(&mut game).contains(&"user of name-0".to_owned()));
}

#[test]
fn as_many_as_one_message_takes_are_asked_for_in_one() {
    let (mut game, log) = watched();
    follow(&mut game, FollowUsers::ids(uuids(0..107)));
    let asked = only(&mut game, Kind::StatusFollow);
    assert_eq!(asked_to_follow(&asked).0.len(), 107);
    game.answer(&asked, followed(&[]));
    game.update();
    assert_eq!(log.take(), ["done"]);
}

#[test]
fn if_one_of_many_has_no_valid_id_nobody_is_followed() {
    let (mut game, log) = watched();
    let mut ids = uuids(0..150);
    ids.push("nobody".into());
    follow(&mut game, FollowUsers::ids(ids));
    let first = only(&mut game, Kind::StatusFollow);
    let (taken, _) = asked_to_follow(&first);
    game.answer(&first, status(vec![online(&taken[0], "zero")]));
    game.update();
    let second = only(&mut game, Kind::StatusFollow);
    game.refuse(&second, 3, "Invalid user identifier");
    game.update();
    assert_eq!(log.take(), ["failed: Invalid user identifier (bad input)"]);
    let back = only(&mut game, Kind::StatusUnfollow);
    assert_eq!(asked_to_unfollow(&back), taken, "what was done is undone");
    assert_eq!(followed_ids(&mut game), [""; 0]);
}

#[test]
fn a_follow_of_many_that_is_withdrawn_is_undone() {
    let (mut game, log) = watched();
    let request = follow(&mut game, FollowUsers::ids(uuids(0..150)));
    let first = only(&mut game, Kind::StatusFollow);
    let (taken, _) = asked_to_follow(&first);
    game.answer(&first, followed(&[]));
    game.app.world_mut().despawn(request);
    game.update();
    assert_eq!(log.take(), ["failed: it was withdrawn"]);
    assert_eq!(
        asked_to_unfollow(&only(&mut game, Kind::StatusUnfollow)),
        taken
    );
}

#[test]
fn a_follow_of_many_that_times_out_is_undone_whenever_the_answer_comes() {
    let (mut game, log) = watched();
    follow(&mut game, FollowUsers::ids(uuids(0..150)));
    game.advance(Duration::from_secs(6));
    let first = only(&mut game, Kind::StatusFollow);
    let (taken, _) = asked_to_follow(&first);
    game.answer(&first, followed(&[]));
    game.update();
    let second = only(&mut game, Kind::StatusFollow);
    game.advance(Duration::from_secs(5));
    assert_eq!(
        log.take(),
        ["failed: no answer within 10.0 s"],
        "of the whole"
    );
    assert_eq!(
        asked_to_unfollow(&only(&mut game, Kind::StatusUnfollow)),
        taken
    );
    game.answer(&second, followed(&[]));
    game.update();
    let (late, _) = asked_to_follow(&second);
    assert_eq!(
        asked_to_unfollow(&only(&mut game, Kind::StatusUnfollow)),
        late
    );
}

#[test]
fn events_about_those_who_are_followed_first_wait_for_the_answer_of_all() {
    let (mut game, log) = watched();
    let seen = log.clone();
    game.observe(move |came: On<Add, UserSessions>, who: Query<&Username>| {
        seen.add(format!(
            "{} is online",
            who.get(came.entity).expect("known")
        ));
    });
    follow(&mut game, FollowUsers::ids(uuids(0..150)));
    let first = only(&mut game, Kind::StatusFollow);
    game.answer(&first, followed(&[]));
    game.server_says(Message::StatusPresenceEvent(
        realtime::StatusPresenceEvent {
            joins: vec![online(&uuid(0), "zero")],
            leaves: vec![],
        },
    ));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    let second = only(&mut game, Kind::StatusFollow);
    game.answer(&second, followed(&[]));
    game.update();
    assert_eq!(log.take(), ["done", "zero is online"]);
}

#[test]
fn a_connection_that_ends_between_the_messages_ends_the_follow() {
    let (mut game, log) = watched();
    let seen = log.clone();
    game.observe(move |_: On<Disconnected>| seen.add("disconnected"));
    follow(&mut game, FollowUsers::ids(uuids(0..150)));
    let first = only(&mut game, Kind::StatusFollow);
    game.answer(&first, followed(&[]));
    game.connection_breaks();
    game.update();
    game.update();
    let lost = "failed: the connection was lost before the answer";
    assert_eq!(log.take(), [lost, "disconnected"]);
}

#[test]
fn those_who_were_followed_by_name_are_unfollowed_when_the_request_is_withdrawn() {
    let (mut game, log) = watched();
    let names: Vec<_> = (0..300).map(|number| format!("n{number}")).collect();
    let request = follow(&mut game, FollowUsers::named(names));
    let asked = only(&mut game, Kind::StatusFollow);
    let (_, names) = asked_to_follow(&asked);
    let here = names.iter().enumerate();
    let here = here.map(|(number, name)| online(&uuid(number), name));
    game.answer(&asked, status(here.collect()));
    game.app.world_mut().despawn(request);
    game.update();
    assert_eq!(log.take(), ["failed: it was withdrawn"]);
    assert_eq!(undone(&mut game), uuids(0..300));
}

#[test]
fn those_who_were_followed_by_name_are_unfollowed_when_the_answer_comes_late() {
    let (mut game, log) = watched();
    let names: Vec<_> = (0..300).map(|number| format!("n{number}")).collect();
    follow(&mut game, FollowUsers::named(names));
    let asked = only(&mut game, Kind::StatusFollow);
    game.advance(Duration::from_secs(11));
    assert_eq!(log.take(), ["failed: no answer within 10.0 s"]);
    game.sent();
    let (_, names) = asked_to_follow(&asked);
    let here = names.iter().enumerate();
    let here = here.map(|(number, name)| online(&uuid(number), name));
    game.answer(&asked, status(here.collect()));
    game.update();
    assert_eq!(undone(&mut game), uuids(0..300));
}

/// Who is unfollowed, in as few messages as it takes: names are short, but ids are not.
fn undone(game: &mut TestGame) -> Vec<String> {
    let sent = game.sent();
    assert_eq!(sent.len(), 3, "messages");
    assert!(sent.iter().all(|envelope| envelope.encoded_len() <= 4096));
    sent.iter().flat_map(asked_to_unfollow).collect()
}

// ---- Unfollowing ---------------------------------------------------------------------------------------------------

/// Follows so many users.
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

// ---- What cannot be split ------------------------------------------------------------------------------------------

#[test]
fn a_name_that_is_too_long_for_any_message_is_too_large() {
    let (mut game, log) = watched();
    follow(&mut game, FollowUsers::named(["x".repeat(5000)]));
    game.update();
    let [failed] = log.take().try_into().expect("one answer");
    assert!(
        failed.ends_with("above the server's limit of 4096"),
        "{failed}"
    );
    assert_eq!(game.sent().len(), 0);
}

// ---- Over real sockets ---------------------------------------------------------------------------------------------

#[test]
fn a_server_refuses_the_call_that_is_too_long_and_takes_the_request_that_is_split() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut ada = Game::online(&server, Login::device("device-of-ada").username("ada"));
    let query: Vec<_> = (0..220)
        .map(|number| format!("ids={}", uuid(number)))
        .collect();
    let path = format!("/v2/notification?{}", query.join("&"));
    let refused = ada.ask::<CallRest>(|nakama| nakama.rest(RestMethod::Delete, path, None).id());
    match refused {
        Err(RequestError::Refused(error)) => assert_eq!(error.status, 431),
        other => panic!("{other:?}"),
    }
    ada.ask::<DeleteNotifications>(|nakama| nakama.delete_notifications(uuids(0..220)).id())
        .expect("deleted");
    ada.ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids(uuids(0..300))).id())
        .expect("followed");
    ada.ask::<UnfollowUsers>(|nakama| nakama.unfollow(UnfollowUsers::ids(uuids(0..300))).id())
        .expect("unfollowed");
}
