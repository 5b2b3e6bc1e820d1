//! Notifications: live, in the inbox, fetched and deleted.

mod an_inbox_over_sockets;
mod notifications_arrive_as_they_were_sent;
mod the_inbox_holds_what_is_kept;

use crate::common::steps::drain;
use bevy::prelude::*;
use bevy_nakama::{
    notification::Timestamp,
    prelude::*,
    proto::{Message, api, realtime},
    testing::*,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// How a game might show a notification.
fn line(notification: &Notification) -> String {
    let Notification {
        id,
        subject,
        code,
        json,
        ..
    } = notification;
    let sender = notification.sender.as_ref().map_or("-", UserId::as_str);
    let kept = if notification.persistent {
        "kept"
    } else {
        "passing"
    };
    format!("{id} {subject:?} {code:?} {json} from {sender}, {kept}")
}

/// What arrived since it was read last.
pub(crate) fn arrived(game: &mut TestGame) -> Vec<String> {
    let received: Vec<NotificationReceived> = drain(game);
    received
        .iter()
        .map(|received| line(&received.notification))
        .collect()
}

/// The ids in the inbox, in order.
pub(crate) fn inbox(game: &TestGame) -> Vec<String> {
    let inbox = game.app.world().resource::<NotificationInbox>();
    let ids: Vec<_> = inbox.iter().map(|kept| kept.id.to_string()).collect();
    assert_eq!(inbox.len(), ids.len());
    assert_eq!(inbox.is_empty(), ids.is_empty());
    for id in &ids {
        assert_eq!(inbox.get(id).map(|kept| kept.id.as_str()), Some(&**id));
    }
    ids
}

fn at(second: i64) -> Timestamp {
    Timestamp {
        seconds: second,
        nanos: 0,
    }
}

/// A notification that the server keeps, as it is pushed.
fn kept(id: &str, second: i64) -> Message {
    let notification = api::Notification {
        id: id.into(),
        create_time: Some(at(second)),
        code: 1,
        persistent: true,
        ..Default::default()
    };
    Message::Notifications(realtime::Notifications {
        notifications: vec![notification],
    })
}

/// The same, as it is listed.
fn stored(id: &str, second: i64) -> Value {
    json!({ "id": id, "code": 1, "create_time": at(second).to_string(), "persistent": true })
}

fn push(game: &mut TestGame, message: Message) {
    game.server_says(message);
    game.update();
}

pub(crate) fn fetch(game: &mut TestGame, request: FetchNotifications) {
    game.commands(|commands| commands.nakama().fetch_notifications(request).id());
    game.update();
}

pub(crate) fn delete(game: &mut TestGame, ids: &[&str]) {
    let ids: Vec<NotificationId> = ids.iter().map(|id| (*id).into()).collect();
    game.commands(|commands| commands.nakama().delete_notifications(ids).id());
    game.update();
}

fn answer(game: &mut TestGame, body: Value) {
    game.answer_rest(200, &body);
    game.update();
}

fn page(entries: &[Value], cursor: &str) -> Value {
    json!({ "notifications": entries, "cacheable_cursor": cursor })
}

#[derive(Debug, Deserialize, PartialEq)]
struct Gift {
    gold: u32,
}
