//! A request deletes more notifications than one call can name.

use std::time::Duration;

use super::*;
use bevy_nakama::proto::api;
use serde_json::json;

/// How long a path may be: what a real server takes of the first line and the headers, less the headers.
const TARGET: usize = 4096;

/// A game with this many notifications in its inbox.
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

/// The ids in the only open call, which is short enough for a real server.
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
    let token = session_of("ada").token().expose().to_owned();
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
fn who_logs_out_between_the_calls_ends_the_request() {
    let (mut game, log) = full_inbox(220);
    delete(&mut game, &uuids(0..220));
    game.commands(|commands| commands.nakama().log_out().id());
    game.answer_rest(200, &json!({}));
    game.update();
    let log_out = ("POST", "/v2/session/logout".to_owned());
    assert_eq!(game.rest_calls(), [log_out], "and no other call");
    assert_eq!(log.take(), ["failed: not logged in"]);
}

#[test]
fn a_connection_that_ends_between_the_calls_changes_nothing() {
    let (mut game, log) = full_inbox(220);
    delete(&mut game, &uuids(0..220));
    game.connection_breaks();
    game.update();
    while !game.rest_calls().is_empty() {
        game.answer_rest(200, &json!({}));
        game.update();
    }
    assert_eq!(log.take().len(), 1, "all of it is deleted");
}
