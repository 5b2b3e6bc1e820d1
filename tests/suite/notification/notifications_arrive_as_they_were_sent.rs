//! What the server tells arrives as it is.

use super::*;
use crate::common::log::Log;

#[test]
fn what_the_server_tells_arrives_as_it_is() {
    let mut game = TestGame::connected();
    push(
        &mut game,
        notification_sent("n1", 7, "treasure", r#"{"gold": 5}"#, false),
    );
    let received: Vec<NotificationReceived> = drain(&mut game);
    let [
        NotificationReceived {
            notification: it,
            replayed: false,
        },
    ] = received.as_slice()
    else {
        panic!("{received:?}");
    };
    assert_eq!(it.content::<Gift>().expect("a gift"), Gift { gold: 5 });
    assert_eq!(it.code, NotificationCode::Custom(7));
    assert_eq!(it.sender, None, "the nil UUID is nobody");
    assert_eq!(it.to_string(), "treasure");
    it.content::<Vec<u8>>().expect_err("no list");
    assert_eq!(inbox(&game), [""; 0], "the server does not keep it");
}

#[test]
fn codes_are_told_from_each_other_and_none_is_lost() {
    for code in -20..20 {
        assert_eq!(NotificationCode::from(code).code(), code);
    }
    let known = [-1, -2, -3, -4, -5, -6, -7, -8, -9].map(NotificationCode::from);
    let known = known.map(|code| format!("{code:?}"));
    assert_eq!(
        known.join(" "),
        "DirectMessage FriendRequest FriendAccepted GroupAdded GroupJoinRequest FriendJoinedGame SingleSocket Banned \
         FriendRemoved"
    );
    assert_eq!(NotificationCode::from(0), NotificationCode::Unknown(0));
    assert_eq!(NotificationCode::from(-10), NotificationCode::Unknown(-10));
    assert_eq!(NotificationCode::from(11), NotificationCode::Custom(11));
}

#[test]
fn what_cannot_be_is_an_error() {
    let mut game = TestGame::new();
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<FetchNotifications>>| match &reply.result {
            Ok(page) => seen.add(format!(
                "{} {}",
                page.notifications.len(),
                page.cacheable_cursor
            )),
            Err(error) => seen.add(error.to_string()),
        },
    );
    let seen = log.clone();
    game.observe(move |reply: On<Replied<DeleteNotifications>>| {
        seen.add(format!("{:?}", reply.result));
    });
    let fetch_since = |game: &mut TestGame| {
        fetch(game, FetchNotifications::new(1).since("old"));
    };
    fetch_since(&mut game);
    game.update();
    assert_eq!(log.take(), ["not logged in"]);
    game.connect();
    fetch_since(&mut game);
    answer(&mut game, json!([1]));
    assert_eq!(
        log.take(),
        ["the server answered with no list of notifications"]
    );
    fetch_since(&mut game);
    answer(&mut game, json!({}));
    assert_eq!(log.take(), ["0 old"], "a server without cursors");
    delete(&mut game, &[]);
    game.update();
    assert!(game.rest_calls().is_empty());
    assert_eq!(log.take(), ["Ok(())"], "nothing is easily deleted");
}
