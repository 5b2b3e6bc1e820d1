//! Chat rooms.

use bevy::prelude::*;
use bevy_nakama::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Game, fresh, player};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Say {
    text: String,
}

fn say(text: &str) -> Say {
    Say { text: text.into() }
}

/// The lines of the only channel, oldest first.
fn lines(app: &mut App) -> Vec<String> {
    let Some(channel) = Game::the::<ChatChannel>(app) else {
        return Vec::new();
    };
    let log = app.world().get::<ChatLog>(channel).expect("a log");
    log.iter()
        .map(|line| line.content::<Say>().expect("our own line").text)
        .collect()
}

fn sees_lines(game: &mut Game, expected: &[&str]) {
    let what = format!("the lines {expected:?}");
    game.until(&what, |app| (lines(app) == expected).then_some(()));
}

fn channel_members(app: &mut App) -> usize {
    let mut members = app.world_mut().query_filtered::<(), With<ChatMemberOf>>();
    members.iter(app.world()).count()
}

/// A room: members, messages, edits, removals, what is refused, and the history of it for who comes later.
pub(crate) fn a_chat(server: &NakamaServer) {
    let room = fresh("room");
    let mut ada = player(server, "ada");
    let mut bob = player(server, "bob");
    let join = |game: &mut Game| {
        game.ask::<JoinChat>(|nakama| nakama.join_chat(JoinChat::room(&room)).id())
            .expect("the room")
            .entity
    };
    let adas = join(&mut ada);
    let bobs = join(&mut bob);
    for game in [&mut ada, &mut bob] {
        game.until("both", |app| (channel_members(app) == 2).then_some(()));
    }
    let first = ada
        .ask::<SendChatMessage>(|nakama| nakama.send_chat(adas, &say("hello")).id())
        .expect("it is said");
    sees_lines(&mut bob, &["hello"]);
    let second = bob
        .ask::<SendChatMessage>(|nakama| nakama.send_chat(bobs, &say("hi")).id())
        .expect("it is said");
    for game in [&mut ada, &mut bob] {
        sees_lines(game, &["hello", "hi"]);
    }
    ada.ask::<UpdateChatMessage>(|nakama| {
        let edited = say("hello everybody");
        nakama
            .update_chat_message(adas, first.message_id.clone(), &edited)
            .id()
    })
    .expect("it is edited");
    let refused = ada
        .ask::<RemoveChatMessage>(|nakama| {
            nakama
                .remove_chat_message(adas, second.message_id.clone())
                .id()
        })
        .expect_err("it is bob's");
    assert!(
        refused
            .to_string()
            .contains("Could not find message to remove in channel history"),
        "{refused}"
    );
    for game in [&mut ada, &mut bob] {
        sees_lines(game, &["hello everybody", "hi"]);
    }
    bob.ask::<RemoveChatMessage>(|nakama| {
        nakama
            .remove_chat_message(bobs, second.message_id.clone())
            .id()
    })
    .expect("it is removed");
    for game in [&mut ada, &mut bob] {
        sees_lines(game, &["hello everybody"]);
    }
    let refused = ada
        .ask::<SendChatMessage>(|nakama| nakama.send_chat_json(adas, "[1]").id())
        .expect_err("content is an object");
    assert!(
        refused
            .to_string()
            .contains("Message content must be a valid JSON object"),
        "{refused}"
    );

    // Who comes later reads what was said, and what is said meanwhile is there once.
    let mut cat = player(server, "cat");
    let cats = join(&mut cat);
    ada.ask::<SendChatMessage>(|nakama| nakama.send_chat(adas, &say("welcome")).id())
        .expect("it is said");
    sees_lines(&mut cat, &["welcome"]);
    let page = cat
        .ask::<FetchChatHistory>(|nakama| {
            nakama
                .fetch_chat_history(cats, ChatHistory::newest(50))
                .id()
        })
        .expect("the history");
    assert_eq!(page.messages.len(), 2, "{page:?}");
    sees_lines(&mut cat, &["hello everybody", "welcome"]);

    bob.ask::<LeaveChat>(|nakama| nakama.leave_chat(bobs).id())
        .expect("bob leaves");
    assert!(Game::the::<ChatChannel>(&mut bob.app).is_none());
    ada.until("bob's leave", |app| {
        (channel_members(app) == 2).then_some(())
    });
}

/// What is too large is refused here: the server would close the socket.
pub(crate) fn the_size_limit(server: &NakamaServer) {
    let mut ada = player(server, "ada");
    let room = JoinChat::room(fresh("room"));
    let channel = ada
        .ask::<JoinChat>(|nakama| nakama.join_chat(room).id())
        .expect("the room")
        .entity;
    let refused = ada
        .ask::<SendChatMessage>(|nakama| nakama.send_chat(channel, &say(&"x".repeat(5000))).id())
        .expect_err("too large");
    assert!(
        matches!(refused, RequestError::TooLarge { limit: 4096, .. }),
        "{refused:?}"
    );
    ada.ask::<SendChatMessage>(|nakama| nakama.send_chat(channel, &say(&"x".repeat(3800))).id())
        .expect("the connection is as good as before");
}
