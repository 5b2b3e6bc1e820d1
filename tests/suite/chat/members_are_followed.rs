//! Who is in a channel, and in which order the game hears of it.

use super::*;
use bevy_nakama::proto::UserPresence;

#[test]
fn joins_and_leaves_are_followed() {
    let (mut game, _, log) = in_lobby(&["ada"]);
    game.server_says(chat_presences(LOBBY, &["bob", "carol"], &[]));
    game.server_says(chat_presences(LOBBY, &["bob"], &[]));
    game.server_says(chat_presences(LOBBY, &[], &["bob", "nobody"]));
    game.update();
    assert_eq!(log.take(), ["+bob Arrived", "+carol Arrived", "-bob"]);
    assert_eq!(game.chat_roster(LOBBY), ["ada", "carol"]);
}

#[test]
fn what_overtakes_the_answer_comes_after_it() {
    let (mut game, log) = watched(TestGame::connected());
    let (_, asked) = ask_to_join(&mut game);
    game.server_says(line("bob", "m1", "{}", 1));
    game.server_says(chat_presences(LOBBY, &["ada", "carol"], &[]));
    game.server_says(edit("bob", "m1", r#"{"n":2}"#, 2));
    game.update();
    assert_eq!(log.take(), [""; 0], "nothing may be seen before the join");

    game.answer(&asked, chat_joined(LOBBY, &["ada", "bob"]));
    game.update();
    assert_eq!(
        log.take(),
        [
            "+bob Present",
            "+ada Present (self)",
            "joined",
            "+carol Arrived",
            "bob Chat {}",
            "bob Update {\"n\":2}",
        ]
    );
    assert_eq!(game.chat_lines(LOBBY), ["bob: {\"n\":2}"]);
}

#[test]
fn what_came_early_for_a_channel_that_is_not_joined_goes() {
    let (mut game, log) = watched(TestGame::connected());
    let (_, asked) = ask_to_join(&mut game);
    game.server_says(line("bob", "m1", "{}", 1));
    game.refuse(&asked, 3, "Invalid channel target");
    game.update();
    assert_eq!(log.take(), ["join: Invalid channel target (bad input)"]);

    game.join_room(LOBBY, &["ada"]);
    game.update();
    assert_eq!(log.take(), ["+ada Present (self)", "joined"]);
    assert_eq!(game.chat_lines(LOBBY), [""; 0]);
}

#[test]
fn of_several_sessions_the_local_or_the_newest_one_said_it() {
    let (mut game, channel, _) = in_lobby(&["ada", "bob"]);
    let device = |name: &str, session: &str| UserPresence {
        session_id: session.into(),
        ..user_presence(name)
    };
    let second = realtime::ChannelPresenceEvent {
        channel_id: room_id(LOBBY).to_string(),
        joins: vec![device("ada", "ada-2"), device("bob", "bob-2")],
        ..Default::default()
    };
    game.server_says(proto::Message::ChannelPresenceEvent(second.clone()));
    game.server_says(line("ada", "m1", "{}", 1));
    game.server_says(line("bob", "m2", "{}", 2));
    game.server_says(proto::Message::ChannelPresenceEvent(
        realtime::ChannelPresenceEvent {
            leaves: second.joins.clone(),
            joins: vec![],
            ..second
        },
    ));
    game.server_says(line("bob", "m3", "{}", 3));
    let of = |game: &TestGame, session: &str| {
        let index = game.app.world().resource::<PresenceIndex>();
        index.get(channel, &session.into())
    };
    let senders = Log::default();
    let seen = senders.clone();
    let note = move |mut chat: MessageReader<ChatMessageReceived>, who: Query<&SessionId>| {
        for received in chat.read() {
            let session = received.sender.and_then(|sender| who.get(sender).ok());
            seen.add(session.map_or("gone", SessionId::as_str));
        }
    };
    game.app.add_systems(Update, note);
    game.update();
    // Bob's second session leaves in the same frame. The game can still look at it.
    assert_eq!(senders.take(), ["session-ada", "bob-2", "session-bob"]);
    assert!(of(&game, "bob-2").is_none());
    assert!(of(&game, "session-bob").is_some());
}
