//! A session that has ended is one and the same answer, whatever the game asked for.

use super::*;

type Ask = fn(&mut Commands);

const ASKS: [(&str, Ask); 7] = [
    ("CallRest", |commands| {
        commands.nakama().rest(RestMethod::Get, "/a", None);
    }),
    ("ListMatches", |commands| {
        commands.nakama().list_matches(ListMatches::new(1));
    }),
    ("ListParties", |commands| {
        commands.nakama().list_parties(ListParties::new(1));
    }),
    ("FetchChatHistory", |commands| {
        let channel = ChannelId::from("2...lobby");
        commands
            .nakama()
            .fetch_chat_history(channel, ChatHistory::newest(1));
    }),
    ("FetchNotifications", |commands| {
        commands
            .nakama()
            .fetch_notifications(FetchNotifications::new(1));
    }),
    ("DeleteNotifications", |commands| {
        commands.nakama().delete_notifications(["n1"]);
    }),
    ("Rpc", |commands| {
        commands.nakama().rpc(Rpc::new("a").over_rest());
    }),
];

/// A game that notes the failures of all its requests.
fn listening() -> (TestGame, Log) {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<RequestFailed>| {
        seen.add(format!("{}: {}", failed.name, failed.reason));
    });
    (game, log)
}

#[test]
fn to_every_request_after_a_refused_refresh() {
    for (name, ask) in ASKS {
        let (mut game, log) = listening();
        game.commands(ask);
        game.update();
        refuse_token(&mut game);
        let text = "Refresh token invalid or expired.";
        answer(&mut game, 401, json!({ "code": 16, "message": text }));
        let ended = format!("{name}: the session has ended: {text} (401)");
        assert_eq!(log.take(), [ended]);
    }
}

#[test]
fn to_every_request_whose_new_token_is_refused_too() {
    for (name, ask) in ASKS {
        let (mut game, log) = listening();
        game.commands(ask);
        game.update();
        refuse_token(&mut game);
        give_tokens(&mut game, "ada-2");
        refuse_token(&mut game);
        let ended = format!("{name}: the session has ended: Auth token invalid (401)");
        assert_eq!(log.take(), [ended]);
    }
}

/// Code of the game on the server may refuse a call with the same status. The session goes on.
#[test]
fn what_code_of_the_game_refuses_is_not_the_end_of_the_session() {
    let (mut game, log) = watched();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<ListMatches>>| {
        let error = reply
            .result
            .as_ref()
            .err()
            .map(|error| format!("{error:?}"));
        seen.add(error.unwrap_or_default());
    });
    game.commands(|commands| {
        commands.nakama().list_matches(ListMatches::new(1));
    });
    game.update();
    answer(
        &mut game,
        401,
        json!({ "code": 16, "message": "not at night" }),
    );
    let told = log.take();
    assert!(told[0].starts_with("Refused(Other("), "{told:?}");
}
