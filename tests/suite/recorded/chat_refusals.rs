//! Every error that real servers answered requests about chat with has a name.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{
    log::Log,
    steps::variant,
    transcripts::{GENERATIONS, scenarios},
};
use bevy::prelude::*;
use bevy_nakama::request::Request;
use bevy_nakama::{prelude::*, proto::Kind, testing::*};

#[test]
fn every_recorded_error_is_a_refusal_that_a_game_can_tell() {
    let expected = BTreeMap::from([
        (
            "Channel name is required and must be 1-64 chars: Invalid channel target",
            "InvalidRoomName",
        ),
        (
            "Channel name must not contain control chars: Invalid channel target",
            "InvalidRoomName",
        ),
        (
            "Could not find message to remove in channel history",
            "MessageNotFound",
        ),
        (
            "Could not find message to update in channel history",
            "MessageNotFound",
        ),
        ("Group not found: Invalid channel target", "GroupNotFound"),
        ("Invalid channel identifier", "InvalidInput"),
        ("Invalid channel target", "InvalidInput"),
        ("Invalid channel type", "InvalidInput"),
        (
            "Invalid group ID in group channel join: Invalid channel target",
            "InvalidInput",
        ),
        ("Invalid message identifier", "InvalidInput"),
        (
            "Invalid user ID in direct message join: Invalid channel target",
            "InvalidInput",
        ),
        (
            "Message content must be a valid JSON object",
            "InvalidContent",
        ),
        ("Must join channel before removing messages", "NotJoined"),
        ("Must join channel before sending messages", "NotJoined"),
        ("Must join channel before updating messages", "NotJoined"),
        ("User ID not found: Invalid channel target", "UserNotFound"),
        // Not recorded.
        ("Something new", "Other"),
    ]);
    for generation in GENERATIONS {
        // Each text with the kind of request that it answered.
        let mut seen = BTreeSet::from([("channel_join".to_owned(), "Something new".to_owned())]);
        for scenario in scenarios(generation) {
            if !scenario.name.starts_with("chat_") && scenario.name != "group_requests" {
                continue;
            }
            for (kind, line) in scenario.refusals() {
                let text = line.json["error"]["message"].as_str().expect("a text");
                assert_eq!(line.json["error"]["code"], 3);
                seen.insert((kind.to_owned(), text.to_owned()));
            }
        }
        let texts: BTreeSet<_> = seen.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, expected.keys().copied().collect(), "{generation}");

        for (kind, text) in seen {
            let mut game = TestGame::connected();
            let channel = game.join_room("lobby", &["ada"]);
            let log = Log::default();
            tell_refusals::<JoinChat>(&mut game, &log);
            tell_refusals::<LeaveChat>(&mut game, &log);
            tell_refusals::<SendChatMessage>(&mut game, &log);
            tell_refusals::<UpdateChatMessage>(&mut game, &log);
            tell_refusals::<RemoveChatMessage>(&mut game, &log);
            let sent = game.commands(|c| match kind.as_str() {
                "channel_join" => {
                    c.nakama().join_chat(JoinChat::room("other"));
                    Kind::ChannelJoin
                }
                "channel_leave" => {
                    c.nakama().leave_chat(channel);
                    Kind::ChannelLeave
                }
                "channel_message_send" => {
                    c.nakama().send_chat_json(channel, "{}");
                    Kind::ChannelMessageSend
                }
                "channel_message_update" => {
                    c.nakama().update_chat_message_json(channel, "m1", "{}");
                    Kind::ChannelMessageUpdate
                }
                "channel_message_remove" => {
                    c.nakama().remove_chat_message(channel, "m1");
                    Kind::ChannelMessageRemove
                }
                other => panic!("an error for {other}"),
            });
            game.update();
            let asked = game.expect_sent(sent);
            game.refuse(&asked, 3, &text);
            game.update();
            assert_eq!(
                log.take(),
                [format!("{} {text} (bad input)", expected[text.as_str()])],
                "{generation} {kind}"
            );
        }
    }
}

fn tell_refusals<R: Request<Refusal = ChatRefusal>>(game: &mut TestGame, log: &Log) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Err(RequestError::Refused(refusal)) => {
            seen.add(format!("{} {refusal}", variant(refusal)));
        }
        other => seen.add(format!("{other:?}")),
    });
}
