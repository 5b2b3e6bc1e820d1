//! The history of a channel: pages, cursors, and what the log keeps of them.

use super::*;
use crate::common::steps::connect_as;

#[test]
fn a_page_is_oldest_first_in_either_direction() {
    let (mut game, channel, _) = in_lobby(&["ada"]);
    let histories = histories(&mut game);
    let lines: Vec<_> = (1..=3)
        .map(|n| stored(&line("bob", &format!("m{n}"), &n.to_string(), n)))
        .collect();

    game.commands(|c| {
        c.nakama()
            .fetch_chat_history(channel, ChatHistory::newest(2).cursor("a+/=&b"))
            .id()
    });
    game.update();
    assert_eq!(
        game.rest_calls(),
        [(
            "GET",
            "/v2/channel/2...lobby?limit=2&forward=false&cursor=a%2B%2F%3D%26b".to_owned()
        )]
    );
    game.answer_rest(
        200,
        &serde_json::json!({ "messages": [lines[2], lines[1]], "next_cursor": "n", "cacheable_cursor": "c" }),
    );
    game.update();
    assert_eq!(histories.take(), ["2 3 next:n prev:- later:c"]);
    assert_eq!(game.chat_lines(LOBBY), ["bob: 2", "bob: 3"]);

    game.commands(|c| {
        c.nakama()
            .fetch_chat_history(room_id(LOBBY), ChatHistory::oldest(2))
            .id()
    });
    game.update();
    game.answer_rest(
        200,
        &serde_json::json!({ "messages": [lines[0], lines[1]], "prev_cursor": "p", "future": 1 }),
    );
    game.update();
    assert_eq!(histories.take(), ["1 2 next:- prev:p later:-"]);
    assert_eq!(
        game.chat_lines(LOBBY),
        ["bob: 1", "bob: 2", "bob: 3"],
        "by its id it is the same channel"
    );
}

#[test]
fn the_history_of_a_channel_that_the_user_is_not_in_is_read_and_not_kept() {
    let mut game = TestGame::connected();
    let histories = histories(&mut game);
    let request = ChatHistory::oldest(1);
    game.commands(|c| {
        c.nakama()
            .fetch_chat_history(ChannelId::from("2...a b,ä?"), request)
            .id()
    });
    game.update();
    assert_eq!(
        game.rest_calls()[0].1,
        "/v2/channel/2...a%20b%2C%C3%A4%3F?limit=1&forward=true"
    );
    game.answer_rest(200, &serde_json::json!({}));
    game.update();
    assert_eq!(histories.take(), [" next:- prev:- later:-"]);
}

#[test]
fn a_channel_that_is_left_before_its_history_comes_is_no_matter() {
    let (mut game, channel, _) = in_lobby(&["ada"]);
    let histories = histories(&mut game);
    game.commands(|c| {
        c.nakama()
            .fetch_chat_history(channel, ChatHistory::newest(1))
            .id()
    });
    game.update();
    game.commands(|c| c.entity(channel).despawn());
    let line = stored(&line("bob", "m1", "1", 1));
    game.answer_rest(200, &serde_json::json!({ "messages": [line] }));
    game.update();
    assert_eq!(histories.take(), ["1 next:- prev:- later:-"]);

    game.commands(|c| {
        c.nakama()
            .fetch_chat_history(channel, ChatHistory::newest(1))
            .id()
    });
    game.update();
    assert_eq!(histories.take(), ["the entity is not a chat channel"]);
}

#[test]
fn a_history_that_is_none_is_an_error() {
    let (mut game, channel, _) = in_lobby(&["ada"]);
    let histories = histories(&mut game);
    let bodies = [
        serde_json::json!([]),
        serde_json::json!({ "messages": "none" }),
        serde_json::json!({ "messages": [{ "create_time": "yesterday" }] }),
    ];
    for body in bodies {
        game.commands(|c| {
            c.nakama()
                .fetch_chat_history(channel, ChatHistory::newest(1))
                .id()
        });
        game.update();
        game.answer_rest(200, &body);
        game.update();
        assert_eq!(
            histories.take(),
            ["the server answered with no list of messages"],
            "{body}"
        );
    }
    assert_eq!(game.chat_lines(LOBBY), [""; 0]);
}

#[test]
fn the_token_of_a_history_request_does_not_show() {
    let (mut game, channel, _) = in_lobby(&["ada"]);
    let secret = session_of("ada").token().expose().to_owned();
    game.commands(|c| {
        c.nakama()
            .fetch_chat_history(channel, ChatHistory::newest(1))
            .id()
    });
    let connection = game.app.world().resource::<NakamaConnection>();
    let shown = format!("{connection:?}");
    assert!(shown.contains("user-ada"), "{shown}");
    assert!(!shown.contains(&secret), "{shown}");
}

#[test]
fn a_page_that_the_last_user_asked_for_is_not_in_the_log_of_the_next() {
    let (mut game, channel, _) = in_lobby(&["ada"]);
    let histories = histories(&mut game);
    game.commands(|c| {
        c.nakama()
            .fetch_chat_history(channel, ChatHistory::newest(1))
            .id()
    });
    game.update();
    connect_as(&mut game, "bob");
    game.update();
    game.server_accepts();
    game.update();
    game.join_room(LOBBY, &["bob"]);
    let line = stored(&line("cat", "m1", "1", 1));
    game.answer_rest(200, &serde_json::json!({ "messages": [line] }));
    game.update();
    let heard = "1 next:- prev:- later:-";
    assert_eq!(histories.take(), [heard], "who asked hears of it");
    assert_eq!(game.chat_lines(LOBBY), [""; 0]);
}
