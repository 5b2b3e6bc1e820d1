//! The content of a message is a type of the game where it fits, and is kept where it does not.

use super::*;

#[test]
fn content_is_typed_where_it_fits_and_kept_where_it_does_not() {
    let (mut game, channel, log) = in_lobby(&["ada", "bob"]);
    let hostile = [
        "",
        "null",
        "[1]",
        r#"{"text":1}"#,
        "{\"text\":\"\u{1}",
        "no",
    ];
    game.server_says(line("bob", "good", r#"{"text":"hi","more":1}"#, 1));
    for (n, json) in (2..).zip(hostile) {
        game.server_says(line("bob", &format!("bad-{n}"), json, n));
    }
    game.update();
    assert_eq!(log.take().len(), 1 + hostile.len(), "nothing is lost");
    let world = game.app.world();
    let lines: Vec<_> = world
        .get::<ChatLog>(channel)
        .expect("a log")
        .iter()
        .collect();
    assert_eq!(lines[0].content::<Say>().expect("it fits"), say("hi"));
    for (line, json) in lines[1..].iter().zip(hostile) {
        let error = line.content::<Say>().expect_err("it does not fit");
        assert!(
            error.to_string().contains("does not fit"),
            "{json}: {error}"
        );
        assert_eq!(&*line.json, json);
    }
}

#[test]
fn a_message_with_nothing_in_it_harms_nobody() {
    let (mut game, _, log) = in_lobby(&["ada"]);
    game.server_says(proto::Message::ChannelMessage(
        proto::api::ChannelMessage::default(),
    ));
    game.server_says(proto::Message::ChannelMessage(proto::api::ChannelMessage {
        channel_id: room_id(LOBBY).to_string(),
        code: Some(-7),
        create_time: Some(Timestamp {
            seconds: i64::MIN,
            nanos: i32::MIN,
        }),
        ..Default::default()
    }));
    game.update();
    assert_eq!(log.take(), [" (not here) Unknown(-7) "]);
    assert_eq!(game.chat_lines(LOBBY), [": "]);
}
