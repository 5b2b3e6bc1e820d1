//! A room may have any name, and events of groups do not concern it.

use std::time::Duration;

use crate::common::{
    game::{Game, serve},
    log::Log,
};
use bevy::prelude::*;
use bevy_nakama::{local_server::LocalServerConfig, prelude::*, proto::Kind, testing::*};

/// A game in a room. The log says how histories are refused and how channels close.
fn game_in(room: &str) -> (TestGame, Entity, Log) {
    let (mut game, log) = (TestGame::connected(), Log::default());
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<FetchChatHistory>>| match &reply.result {
            Ok(_) => seen.add("a page"),
            Err(RequestError::UnusableId { id }) => seen.add(format!("a slash in {id}")),
            Err(error) => seen.add(error.to_string()),
        },
    );
    let seen = log.clone();
    game.observe(move |closed: On<ChatClosed>| seen.add(format!("closed: {:?}", closed.reason)));
    let channel = game.join_room(room, &["ada", "bob"]);
    (game, channel, log)
}

#[test]
fn a_room_with_a_slash_in_its_name_works_but_for_its_history() {
    let (mut game, room, log) = game_in("games/chess");
    game.commands(|c| c.nakama().send_chat_json(room, r#"{"text":"e4"}"#).id());
    game.update();
    game.expect_sent(Kind::ChannelMessageSend);
    let kind = ChatMessageKind::Chat;
    let said = chat_message("games/chess", "bob", kind, "m1", "{}", Duration::ZERO);
    game.server_says(said);
    game.update();
    assert_eq!(game.chat_lines("games/chess"), ["bob: {}"]);

    // No Nakama server finds this path, so the plugin does not ask for it, and says why.
    game.commands(|c| {
        c.nakama().fetch_chat_history(room, ChatHistory::newest(10));
        let id = room_id("a/b/../c");
        c.nakama().fetch_chat_history(id, ChatHistory::newest(10));
    });
    game.update();
    assert_eq!(game.rest_calls(), []);
    let expected = ["a slash in 2...games/chess", "a slash in 2...a/b/../c"];
    assert_eq!(log.take(), expected);
    let error = RequestError::<ChatHistoryRefusal>::UnusableId {
        id: "2...a/b".into(),
    };
    let text = "the server cannot be asked for `2...a/b` over REST: it holds a slash";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_room_whose_name_needs_escaping_has_a_history() {
    let (mut game, room, log) = game_in("a b?c#d%2F:e..\\");
    game.commands(|c| {
        c.nakama()
            .fetch_chat_history(room, ChatHistory::newest(10))
            .id()
    });
    game.update();
    let calls = game.rest_calls();
    let path = "/v2/channel/2...a%20b%3Fc%23d%252F%3Ae..%5C?";
    assert!(calls[0].1.starts_with(path), "{calls:?}");
    game.answer_rest(200, &serde_json::json!({}));
    game.update();
    assert_eq!(log.take(), ["a page"]);
}

#[test]
fn what_happens_to_a_group_closes_no_room() {
    let (mut game, room, log) = game_in("lobby");
    let kinds = [
        ChatMessageKind::GroupLeave,
        ChatMessageKind::GroupKick,
        ChatMessageKind::GroupBan,
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let id = format!("m{number}");
        game.server_says(chat_message(
            "lobby",
            "ada",
            kind,
            &id,
            "{}",
            Duration::ZERO,
        ));
        game.update();
    }
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(game.chat_roster("lobby"), ["ada", "bob"]);
    assert!(game.app.world().get::<ChatChannel>(room).is_some());
}

/// A real server answers the same call with the same 404.
#[test]
fn the_embedded_server_does_not_find_it_either() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut ada = Game::online(&server, Login::device("device-of-ada").username("ada"));
    for (room, found) in [("2...games%2Fchess", false), ("2...games,chess%3F", true)] {
        let path = format!("/v2/channel/{room}?limit=1");
        let answer = ada.ask::<CallRest>(|nakama| nakama.rest(RestMethod::Get, path, None).id());
        match answer {
            Err(RequestError::Refused(error)) if !found => assert_eq!(error.status, 404),
            Ok(_) if found => {}
            other => panic!("{room}: {other:?}"),
        }
    }
}
