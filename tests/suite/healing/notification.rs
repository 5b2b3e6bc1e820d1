//! Scenario 29: what the server has stored meanwhile is fetched, once.

use bevy_nakama::{
    notification::{NotificationInbox, NotificationReceived},
    prelude::*,
    testing::*,
};
use serde_json::{Value, json};

use super::steps::{lose, reopen, state};
use crate::common::steps::drain;

fn stored(id: &str, time: &str) -> Value {
    json!({ "id": id, "subject": id, "content": "{}", "code": 7, "create_time": time, "persistent": true })
}

fn page(notifications: &[Value], cursor: &str) -> Value {
    json!({ "notifications": notifications, "cacheable_cursor": cursor })
}

fn received(game: &mut TestGame) -> Vec<(String, bool)> {
    let received = drain::<NotificationReceived>(game).into_iter();
    received
        .map(|it| (it.notification.id.to_string(), it.replayed))
        .collect()
}

const NOW: &str = "2999-01-01T00:00:00Z";
const OLD: &str = "2001-01-01T00:00:00Z";

#[test]
fn scenario_29_what_was_stored_meanwhile_comes_from_the_cursor_once() {
    let mut game = TestGame::connected();
    game.commands(|commands| {
        let request = FetchNotifications::new(100);
        commands.nakama().fetch_notifications(request);
    });
    game.update();
    game.answer_rest(200, &page(&[stored("n1", OLD)], "c1"));
    game.update();
    lose(&mut game);
    reopen(&mut game);
    assert_eq!(
        state(&game),
        ConnectionState::Connected,
        "nothing waits for it"
    );
    let calls = game.rest_calls();
    assert_eq!(
        calls,
        [(
            "GET",
            "/v2/notification?limit=100&cacheable_cursor=c1".into()
        )]
    );
    // One of them arrives live meanwhile, and another one late.
    game.server_says(notification_sent("n2", 7, "n2", "{}", true));
    game.update();
    assert_eq!(received(&mut game), [("n2".into(), false)]);
    let all = [stored("n2", NOW), stored("n3", NOW), stored("n4", NOW)];
    game.answer_rest(200, &page(&all, "c2"));
    game.update();
    assert_eq!(
        received(&mut game),
        [("n3".into(), true), ("n4".into(), true)]
    );
    game.server_says(notification_sent("n4", 7, "n4", "{}", true));
    game.update();
    assert!(received(&mut game).is_empty());
    let inbox = game.app.world().resource::<NotificationInbox>();
    assert_eq!(inbox.len(), 4);

    // The next loss goes on where this one ended.
    lose(&mut game);
    reopen(&mut game);
    assert!(game.rest_calls()[0].1.ends_with("cacheable_cursor=c2"));
}

#[test]
fn scenario_29_without_a_cursor_only_what_is_new_is_told() {
    let mut game = TestGame::connected();
    lose(&mut game);
    reopen(&mut game);
    assert_eq!(
        game.rest_calls(),
        [("GET", "/v2/notification?limit=100".into())]
    );
    let old: Vec<_> = (0..100).map(|n| stored(&format!("o{n}"), OLD)).collect();
    game.answer_rest(200, &page(&old, "c1"));
    game.update();
    assert!(game.rest_calls()[0].1.ends_with("cacheable_cursor=c1"));
    game.answer_rest(200, &page(&[stored("n1", NOW)], "c2"));
    game.update();
    assert_eq!(received(&mut game), [("n1".into(), true)]);
}

#[test]
fn a_token_that_has_ended_is_replaced_for_it() {
    let mut game = TestGame::connected();
    lose(&mut game);
    reopen(&mut game);
    game.answer_rest(401, &json!({ "code": 16, "message": "Auth token invalid" }));
    game.update();
    let calls = game.rest_calls();
    assert_eq!(calls, [("POST", "/v2/account/session/refresh".into())]);
    let session = session_of("ada");
    let token = session.token().expose();
    game.answer_rest(200, &json!({ "token": token, "refresh_token": token }));
    game.update();
    game.answer_rest(200, &page(&[stored("n1", NOW)], "c2"));
    game.update();
    assert_eq!(received(&mut game), [("n1".into(), true)]);
}

#[test]
fn a_page_that_cannot_be_read_is_asked_for_after_the_next_loss() {
    let mut game = TestGame::connected();
    lose(&mut game);
    reopen(&mut game);
    game.rest_calls();
    let mut news: Vec<_> = (0..100).map(|n| stored(&format!("o{n}"), OLD)).collect();
    news[99] = stored("n1", NOW);
    game.answer_rest(200, &page(&news, "c1"));
    game.update();
    assert_eq!(received(&mut game), [("n1".into(), true)]);
    game.rest_calls();
    game.answer_rest(503, &json!({ "code": 14, "message": "busy" }));
    game.update();
    lose(&mut game);
    reopen(&mut game);
    assert!(game.rest_calls()[0].1.ends_with("cacheable_cursor=c1"));
    game.answer_rest(200, &page(&[stored("n2", NOW)], "c2"));
    game.update();
    assert_eq!(received(&mut game), [("n2".into(), true)]);
}

#[test]
fn a_cursor_that_the_server_does_not_take_is_left_out() {
    let mut game = TestGame::connected();
    game.commands(|commands| {
        let request = FetchNotifications::new(100);
        commands.nakama().fetch_notifications(request);
    });
    game.update();
    game.answer_rest(200, &page(&[stored("n1", OLD)], "c1"));
    game.update();
    lose(&mut game);
    reopen(&mut game);
    assert!(game.rest_calls()[0].1.ends_with("cacheable_cursor=c1"));
    let refusal = json!({ "code": 13, "message": "Error retrieving notifications." });
    game.answer_rest(500, &refusal);
    game.update();
    assert_eq!(
        game.rest_calls(),
        [("GET", "/v2/notification?limit=100".into())]
    );
    game.answer_rest(200, &page(&[stored("n1", OLD), stored("n2", NOW)], "c2"));
    game.update();
    assert_eq!(received(&mut game), [("n2".into(), true)]);
}
