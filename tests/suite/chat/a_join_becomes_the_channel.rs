//! A join becomes the channel, once, and can be taken back until it is answered.

use super::*;
use crate::common::steps::sent_json;

#[test]
fn a_join_makes_its_entity_the_channel() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = ask_to_join(&mut game);
    assert_eq!(
        sent_json(&asked)["channel_join"],
        serde_json::json!({ "target": LOBBY, "type": 1, "persistence": true, "hidden": false })
    );
    assert!(game.app.world().get::<Joining>(entity).is_some());

    game.answer(&asked, chat_joined(LOBBY, &["ada", "bob"]));
    game.update();

    assert_eq!(
        log.take(),
        ["+bob Present", "+ada Present (self)", "joined"]
    );
    let world = game.app.world();
    assert!(world.get::<Joining>(entity).is_none());
    assert_eq!(
        world.get::<ChannelId>(entity).map(ChannelId::as_str),
        Some("2...lobby")
    );
    let name = LOBBY.to_owned();
    assert_eq!(
        world.get::<ChatChannel>(entity),
        Some(&ChatChannel {
            kind: ChatChannelKind::Room { name }
        })
    );
    assert!(
        world.get::<ChatLog>(entity).is_some_and(ChatLog::is_empty),
        "the log is there from the beginning"
    );
    assert_eq!(
        world.get::<Name>(entity).map(Name::as_str),
        Some("chat channel 2...lobby")
    );

    // The event about the local user's join follows; there is nothing new in it.
    game.server_says(chat_presences(LOBBY, &["ada"], &[]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn the_channel_can_be_used_from_the_moment_it_is_one() {
    let mut game = TestGame::connected();
    game.observe(|joined: On<Add, ChatChannel>, mut commands: Commands| {
        commands.nakama().send_chat(joined.entity, &say("hello"));
    });
    let (mut game, log) = watched(game);
    let (_, asked) = ask_to_join(&mut game);
    game.answer(&asked, chat_joined(LOBBY, &["ada"]));
    game.update();
    let sent = game.expect_sent(Kind::ChannelMessageSend);
    assert_eq!(
        sent_json(&sent)["channel_message_send"],
        serde_json::json!({ "channel_id": "2...lobby", "content": r#"{"text":"hello"}"# })
    );
    assert_eq!(log.take(), ["+ada Present (self)", "joined"]);
}

#[test]
fn a_channel_may_be_despawned_the_moment_it_is_one() {
    let mut game = TestGame::connected();
    game.observe(|joined: On<Add, ChatChannel>, mut commands: Commands| {
        commands.entity(joined.entity).despawn();
    });
    let (_, asked) = ask_to_join(&mut game);
    game.answer(&asked, chat_joined(LOBBY, &["ada", "bob"]));
    game.update();
    game.expect_sent(Kind::ChannelLeave);
    assert_eq!(game.chat_roster(LOBBY), [""; 0]);
    let mut members = game.app.world_mut().query::<&ChatMemberOf>();
    assert_eq!(members.iter(game.app.world()).count(), 0);
}

#[test]
fn a_second_join_finds_the_same_channel() {
    let (mut game, first, log) = in_lobby(&["ada", "bob"]);
    game.server_says(line("bob", "m1", "{}", 1));
    game.update();
    log.take();
    let (second, asked) = ask_to_join(&mut game);

    // A repeated join lists the local user among the presences, and may know somebody new.
    let mut answer = chat_joined(LOBBY, &["ada", "bob", "carol"]);
    if let proto::Message::Channel(joined) = &mut answer {
        joined.presences.push(user_presence("ada"));
    }
    game.answer(&asked, answer);
    game.update();

    assert_eq!(log.take(), ["+carol Present", "joined what we were in"]);
    assert_eq!(
        game.app
            .world()
            .resource::<ChatIndex>()
            .get(&room_id(LOBBY)),
        Some(first)
    );
    assert!(game.app.world().get_entity(second).is_err());
    assert_eq!(game.chat_roster(LOBBY), ["ada", "bob", "carol"]);
    assert_eq!(game.chat_lines(LOBBY), ["bob: {}"], "the log stays");
}

#[test]
fn a_join_that_was_despawned_is_taken_back() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = ask_to_join(&mut game);
    game.commands(|c| c.entity(entity).despawn());
    game.answer(&asked, chat_joined(LOBBY, &["ada"]));
    game.update();
    assert_eq!(log.take(), ["join: it was withdrawn"]);
    game.expect_sent(Kind::ChannelLeave);
}

#[test]
fn a_join_can_be_left_before_it_is_answered() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = ask_to_join(&mut game);
    game.commands(|c| c.nakama().leave_chat(entity).id());
    game.update();
    assert_eq!(log.take(), ["left"]);
    assert_eq!(game.sent(), [], "the server would not know it yet");

    game.answer(&asked, chat_joined(LOBBY, &["ada"]));
    game.update();
    assert_eq!(log.take(), ["join: it was withdrawn"]);
    game.expect_sent(Kind::ChannelLeave);
    assert_eq!(game.chat_roster(LOBBY), [""; 0]);
}

#[test]
fn a_hidden_local_user_sees_themselves() {
    let (mut game, log) = watched(TestGame::connected());
    let join = JoinChat::room(LOBBY).hidden(true).persistent(false);
    game.commands(|c| c.nakama().join_chat(join).id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelJoin);
    assert_eq!(
        sent_json(&asked)["channel_join"],
        serde_json::json!({ "target": LOBBY, "type": 1, "persistence": false, "hidden": true })
    );
    game.answer(&asked, chat_joined(LOBBY, &["ada", "bob"]));
    game.update();
    assert_eq!(
        log.take(),
        ["+bob Present", "+ada Present (self)", "joined"]
    );

    // Somebody else is hidden, too.
    game.server_says(line("carol", "m1", "{}", 1));
    game.update();
    assert_eq!(log.take(), ["carol (not here) Chat {}"]);
    assert_eq!(game.chat_lines(LOBBY), ["carol: {}"]);
}
