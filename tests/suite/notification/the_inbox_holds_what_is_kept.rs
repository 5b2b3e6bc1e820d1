//! The inbox holds what the server keeps, up to a bound, and each notification once.

use std::time::Duration;

use super::*;
use crate::common::{
    log::Log,
    steps::{connect_as, log_replies},
};

#[test]
fn an_inbox_that_is_made_smaller_keeps_the_newest_that_fit() {
    let mut game = TestGame::connected();
    let set_limit = |game: &mut TestGame, limit| {
        let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
        settings.inbox_notifications = limit;
    };
    for second in 1..=8 {
        push(&mut game, kept(&format!("n{second}"), second));
    }
    set_limit(&mut game, 3);
    push(&mut game, kept("n9", 9));
    assert_eq!(inbox(&game), ["n7", "n8", "n9"]);
    // There is no room for an older notification.
    push(&mut game, kept("n0", 0));
    assert_eq!(inbox(&game), ["n7", "n8", "n9"]);
    set_limit(&mut game, 0);
    push(&mut game, kept("n10", 10));
    assert_eq!(inbox(&game), [""; 0]);
}

#[test]
fn the_inbox_holds_what_is_kept_whichever_way_it_came() {
    let mut game = TestGame::connected();
    push(&mut game, kept("live", 30));
    assert_eq!(inbox(&game), ["live"]);
    assert_eq!(arrived(&mut game).len(), 1);
    fetch(&mut game, FetchNotifications::new(3));
    assert_eq!(
        game.rest_calls(),
        [("GET", "/v2/notification?limit=3".to_owned())]
    );
    push(&mut game, kept("newest", 40));
    let entries = [
        stored("first", 10),
        stored("second", 20),
        stored("live", 30),
    ];
    assert_eq!(arrived(&mut game).len(), 1);
    answer(&mut game, page(&entries, "c=1"));
    assert_eq!(inbox(&game), ["first", "second", "live", "newest"]);
    assert_eq!(
        arrived(&mut game),
        [""; 0],
        "what is fetched is not reported as new"
    );

    let cursor = game.app.world().resource::<NotificationInbox>().cursor();
    let cursor = cursor.to_owned();
    assert_eq!(cursor, "c=1");
    fetch(&mut game, FetchNotifications::new(3).since(cursor));
    let target = "/v2/notification?limit=3&cacheable_cursor=c%3D1";
    assert_eq!(game.rest_calls(), [("GET", target.to_owned())]);
    answer(&mut game, page(&[stored("newest", 40)], "c=2"));
    assert_eq!(inbox(&game), ["first", "second", "live", "newest"]);

    delete(&mut game, &["second", "live"]);
    let target = "/v2/notification?ids=second&ids=live";
    assert_eq!(game.rest_calls(), [("DELETE", target.to_owned())]);
    assert_eq!(inbox(&game).len(), 4, "not before the server has done it");
    answer(&mut game, json!({}));
    assert_eq!(inbox(&game), ["first", "newest"]);
}

#[test]
fn a_page_that_was_under_way_brings_nothing_back_that_was_deleted() {
    let mut game = TestGame::connected();
    push(&mut game, kept("a", 1));
    delete(&mut game, &["a"]);
    fetch(&mut game, FetchNotifications::new(100));
    answer(&mut game, json!({}));
    let again = [stored("a", 1), stored("b", 2), stored("b", 2)];
    answer(&mut game, page(&again, "c"));
    assert_eq!(inbox(&game), ["b"], "each once");
}

#[test]
fn the_inbox_is_bounded_and_the_oldest_go_first() {
    let mut game = TestGame::connected();
    let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
    settings.inbox_notifications = 3;
    for second in [5, 4, 9, 7] {
        push(&mut game, kept(&second.to_string(), second));
    }
    assert_eq!(inbox(&game), ["5", "7", "9"]);
    let entries = [stored("6", 6), stored("8", 8)];
    fetch(&mut game, FetchNotifications::new(2));
    answer(&mut game, page(&entries, "c"));
    assert_eq!(inbox(&game), ["7", "8", "9"]);
}

#[test]
fn the_end_of_the_connection_empties_the_inbox_and_a_new_one_the_messages() {
    let mut game = TestGame::connected();
    game.server_says(kept("a", 1));
    game.server_says(notification_sent("b", -7, "single_socket", "{}", false));
    game.connection_breaks();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |gone: On<Disconnected>| seen.add(gone.reason.to_string()));
    game.update();
    assert_eq!(
        log.take(),
        ["replaced by a newer socket of the same account"]
    );
    assert_eq!(inbox(&game), [""; 0]);
    let world = game.app.world();
    let unread = world.resource::<Messages<NotificationReceived>>().len();
    assert_eq!(unread, 2, "the game may still want to know");
    game.connect();
    assert_eq!(arrived(&mut game), [""; 0]);
    let inbox = game.app.world().resource::<NotificationInbox>();
    assert_eq!(inbox.cursor(), "");
}

#[test]
fn an_inbox_that_has_not_changed_does_not_say_so() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.app
        .add_systems(Update, move |inbox: Res<NotificationInbox>| {
            if inbox.is_changed() {
                seen.add(inbox.len().to_string());
            }
        });
    game.update();
    log.take();
    game.advance(Duration::from_millis(50));
    push(&mut game, notification_sent("passing", 1, "s", "{}", false));
    assert_eq!(log.take(), [""; 0]);
    push(&mut game, kept("a", 1));
    game.update();
    assert_eq!(log.take(), ["1"]);
}

#[test]
fn a_page_of_the_last_user_is_not_in_the_inbox_of_the_next() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<FetchNotifications>>| {
        let page = reply.result.as_ref().expect("a page");
        seen.add(format!(
            "{} for {}",
            page.notifications.len(),
            page.cacheable_cursor
        ));
    });
    game.commands(|commands| {
        commands
            .nakama()
            .fetch_notifications(FetchNotifications::new(10));
    });
    game.update();
    connect_as(&mut game, "bob");
    game.update();
    game.server_accepts();
    game.update();
    let page = json!({
        "notifications": [{ "id": "n", "subject": "hello", "content": "{}", "code": 1, "persistent": true }],
        "cacheable_cursor": "ada's",
    });
    game.answer_rest(200, &page);
    game.update();
    assert_eq!(log.take(), ["1 for ada's"], "who asked hears of it");
    let inbox = game.app.world().resource::<NotificationInbox>();
    assert_eq!((inbox.len(), inbox.cursor()), (0, ""));
}

#[test]
fn what_the_last_user_deletes_stays_in_the_inbox_of_the_next() {
    let mut game = TestGame::connected();
    let log = Log::default();
    log_replies::<DeleteNotifications>(&mut game, &log, "deleted");
    delete(&mut game, &["a"]);
    connect_as(&mut game, "bob");
    game.update();
    game.server_accepts();
    push(&mut game, kept("a", 1));
    answer(&mut game, json!({}));
    assert_eq!(log.take().len(), 1, "who asked hears of it");
    assert_eq!(inbox(&game), ["a"]);
}
