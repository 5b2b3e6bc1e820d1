//! Messages are sent, edited and removed, or the game hears why not.

use super::*;
use crate::common::steps::sent_json;

#[test]
fn what_the_local_user_says_is_heard_and_acknowledged() {
    let (mut game, channel, log) = in_lobby(&["ada"]);
    let acks = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = acks.clone();
    game.observe(move |reply: On<Replied<SendChatMessage>>| {
        let ack = reply.result.as_ref().expect("the server agrees");
        seen.lock().expect("a lock").push(ack.clone());
    });
    let request = game.commands(|c| c.nakama().send_chat(channel, &say("hi")).id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelMessageSend);
    // The server always sends the message before the answer.
    let message = line("ada", "m1", r#"{"text":"hi"}"#, 1_500);
    game.server_says(message.clone());
    game.answer(&asked, ack(&message));
    game.update();
    assert_eq!(
        log.take(),
        ["sent m1 Chat", "ada Chat {\"text\":\"hi\"}"],
        "an event is there at once, a message in `Update`"
    );
    assert!(game.app.world().get_entity(request).is_err());
    let acks = acks.lock().expect("a lock");
    assert_eq!(acks.len(), 1);
    assert_eq!(acks[0].username.as_str(), "ada");
    assert!(acks[0].persistent);
    assert_eq!(
        acks[0].create_time,
        Timestamp {
            seconds: 1,
            nanos: 500_000_000
        }
    );
    assert_eq!(acks[0].update_time, acks[0].create_time);
}

#[test]
fn a_message_can_be_edited_and_removed() {
    let (mut game, channel, log) = in_lobby(&["ada"]);
    game.server_says(line("ada", "m1", "{}", 1));
    game.update();
    log.take();

    game.commands(|c| {
        c.nakama()
            .update_chat_message(channel, "m1", &say("better"))
            .id()
    });
    game.update();
    let asked = game.expect_sent(Kind::ChannelMessageUpdate);
    assert_eq!(
        sent_json(&asked)["channel_message_update"],
        serde_json::json!({
            "channel_id": "2...lobby", "message_id": "m1", "content": r#"{"text":"better"}"#
        })
    );
    let edited = edit("ada", "m1", r#"{"text":"better"}"#, 2);
    game.server_says(edited.clone());
    game.answer(&asked, ack(&edited));
    game.update();
    assert_eq!(
        log.take(),
        ["edited m1 Update", "ada Update {\"text\":\"better\"}"]
    );
    assert_eq!(game.chat_lines(LOBBY), ["ada: {\"text\":\"better\"}"]);

    game.commands(|c| c.nakama().remove_chat_message(channel, "m1").id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelMessageRemove);
    assert_eq!(
        sent_json(&asked)["channel_message_remove"],
        serde_json::json!({ "channel_id": "2...lobby", "message_id": "m1" })
    );
    let removed = removal("ada", "m1", 3);
    game.server_says(removed.clone());
    game.answer(&asked, ack(&removed));
    game.update();
    assert_eq!(log.take(), ["removed m1 Remove", "ada Remove {}"]);
    assert_eq!(game.chat_lines(LOBBY), [""; 0]);
}

#[test]
fn what_cannot_be_sent_is_refused_in_the_next_frame() {
    let (mut game, log) = watched(TestGame::connected());
    let (joining, _) = ask_to_join(&mut game);
    let channel = game.join_room("other", &["ada"]);
    log.take();
    let nothing = game.app.world_mut().spawn_empty().id();
    game.commands(|c| {
        c.nakama().send_chat(joining, &say("too early"));
        c.nakama().update_chat_message(nothing, "m1", &say("where"));
        c.nakama().remove_chat_message(nothing, "m1");
        c.nakama().leave_chat(nothing);
        c.nakama().send_chat_json(channel, "x".repeat(5000));
        // A key of JSON is a text, and no pair.
        let map = std::collections::BTreeMap::from([((1, 2), 3)]);
        c.nakama().send_chat(channel, &map);
    });
    assert_eq!(log.take(), [""; 0], "never before the call has returned");
    game.update();
    game.update();
    let mut seen = log.take();
    seen.sort();
    assert_eq!(
        seen,
        [
            "leave: the entity is not a chat channel",
            "not edited: the entity is not a chat channel",
            "not removed: the entity is not a chat channel",
            "not sent: 5020 bytes are above the server's limit of 4096",
            "not sent: it cannot be encoded: key must be a string",
            "not sent: the entity is not a chat channel",
        ]
    );
    assert_eq!(game.sent(), []);
}

#[test]
fn without_a_connection_there_is_no_chat() {
    let (mut game, log) = watched(TestGame::new());
    let histories = histories(&mut game);
    game.commands(|c| {
        c.nakama().join_chat(JoinChat::room(LOBBY));
        c.nakama()
            .fetch_chat_history(room_id(LOBBY), ChatHistory::newest(1));
    });
    game.update();
    game.update();
    assert_eq!(log.take(), ["join: not connected"]);
    assert_eq!(histories.take(), ["not logged in"]);
}
