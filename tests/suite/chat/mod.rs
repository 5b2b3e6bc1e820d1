//! Chat: who is in a channel, what is said there, and what becomes of it.

mod rooms;

use std::time::Duration;

use crate::{
    common::{game::Game, log::Log},
    mirror::departures::goes,
};
use bevy::prelude::*;
use bevy_nakama::{
    chat::Timestamp,
    connection::Network,
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
    proto::{self, Kind, UserPresence, realtime},
    testing::*,
};
use serde::{Deserialize, Serialize};

const LOBBY: &str = "lobby";

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Say {
    text: String,
}

fn say(text: &str) -> Say {
    Say { text: text.into() }
}

/// What a game notices, line by line.
fn watched(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<JoinChat>>| match &reply.result {
        Ok(joined) if joined.entity == reply.request => seen.add("joined"),
        Ok(_) => seen.add("joined what we were in"),
        Err(error) => seen.add(format!("join: {error}")),
    });
    let seen = log.clone();
    game.observe(move |reply: On<Replied<LeaveChat>>| match &reply.result {
        Ok(()) => seen.add("left"),
        Err(error) => seen.add(format!("leave: {error}")),
    });
    acks::<SendChatMessage>(&mut game, &log, "sent");
    acks::<UpdateChatMessage>(&mut game, &log, "edited");
    acks::<RemoveChatMessage>(&mut game, &log, "removed");
    let seen = log.clone();
    game.observe(
        move |added: On<Add, ChatMemberOf>, who: Query<(&Username, &JoinedAs, Has<IsSelf>)>| {
            let (name, how, is_self) = who.get(added.entity).expect("a presence is spawned whole");
            let is_self = if is_self { " (self)" } else { "" };
            seen.add(format!("+{name} {how:?}{is_self}"));
        },
    );
    let seen = log.clone();
    game.observe(
        move |removed: On<Remove, ChatMemberOf>, who: Query<&Username>| {
            let name = who.get(removed.entity).expect("still readable");
            seen.add(format!("-{name}"));
        },
    );
    let seen = log.clone();
    game.observe(
        move |closed: On<ChatClosed>, channels: Query<&ChatChannel>| {
            assert!(channels.contains(closed.channel), "it is still there");
            seen.add(format!("closed: {:?}", closed.reason));
        },
    );
    let seen = log.clone();
    let say = move |mut chat: MessageReader<ChatMessageReceived>| {
        for ChatMessageReceived {
            sender, message, ..
        } in chat.read()
        {
            let here = if sender.is_some() { "" } else { " (not here)" };
            seen.add(format!(
                "{}{here} {:?} {}",
                message.username, message.kind, message.json
            ));
        }
    };
    game.app.add_systems(Update, say);
    (game, log)
}

fn acks<R>(game: &mut TestGame, log: &Log, done: &'static str)
where
    R: Request<Reply = ChatMessageAck, Refusal = ChatRefusal>,
{
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Ok(ack) => seen.add(format!("{done} {} {:?}", ack.message_id, ack.kind)),
        Err(error) => seen.add(format!("not {done}: {error}")),
    });
}

fn in_lobby(names: &[&str]) -> (TestGame, Entity, Log) {
    let mut game = TestGame::connected();
    let channel = game.join_room(LOBBY, names);
    let (game, log) = watched(game);
    (game, channel, log)
}

/// Asks to join the lobby; returns the entity and what was sent.
fn ask_to_join(game: &mut TestGame) -> (Entity, proto::Envelope) {
    let entity = game.commands(|c| c.nakama().join_chat(JoinChat::room(LOBBY)).id());
    game.update();
    (entity, game.expect_sent(Kind::ChannelJoin))
}

fn line(sender: &str, id: &str, json: &str, ms: u64) -> proto::Message {
    let at = Duration::from_millis(ms);
    chat_message(LOBBY, sender, ChatMessageKind::Chat, id, json, at)
}

fn edit(sender: &str, id: &str, json: &str, ms: u64) -> proto::Message {
    let at = Duration::from_millis(ms);
    chat_message(LOBBY, sender, ChatMessageKind::Update, id, json, at)
}

fn removal(sender: &str, id: &str, ms: u64) -> proto::Message {
    let at = Duration::from_millis(ms);
    chat_message(LOBBY, sender, ChatMessageKind::Remove, id, "{}", at)
}

fn body(message: &proto::Message) -> proto::api::ChannelMessage {
    let proto::Message::ChannelMessage(message) = message else {
        panic!("no chat message");
    };
    message.clone()
}

fn ack(of: &proto::Message) -> proto::Message {
    let message = body(of);
    proto::Message::ChannelMessageAck(realtime::ChannelMessageAck {
        channel_id: message.channel_id,
        message_id: message.message_id,
        code: message.code,
        username: message.username,
        create_time: message.create_time,
        update_time: message.update_time,
        persistent: message.persistent,
        room_name: message.room_name,
        ..Default::default()
    })
}

fn sent_json(envelope: &proto::Envelope) -> serde_json::Value {
    let mut json = serde_json::to_value(envelope).expect("proto JSON");
    json.as_object_mut().expect("an object").remove("cid");
    json
}

// ---- Who is there --------------------------------------------------------------------------------------------------

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
        ["+bob Snapshot", "+ada Snapshot (self)", "joined"]
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

    // One's own join event follows; there is nothing new in it.
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
    assert_eq!(log.take(), ["+ada Snapshot (self)", "joined"]);
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
fn joins_and_leaves_are_followed() {
    let (mut game, _, log) = in_lobby(&["ada"]);
    game.server_says(chat_presences(LOBBY, &["bob", "carol"], &[]));
    game.server_says(chat_presences(LOBBY, &["bob"], &[]));
    game.server_says(chat_presences(LOBBY, &[], &["bob", "nobody"]));
    game.update();
    assert_eq!(log.take(), ["+bob Event", "+carol Event", "-bob"]);
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
            "+bob Snapshot",
            "+ada Snapshot (self)",
            "joined",
            "+carol Event",
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
    assert_eq!(log.take(), ["+ada Snapshot (self)", "joined"]);
    assert_eq!(game.chat_lines(LOBBY), [""; 0]);
}

#[test]
fn a_second_join_finds_the_same_channel() {
    let (mut game, first, log) = in_lobby(&["ada", "bob"]);
    game.server_says(line("bob", "m1", "{}", 1));
    game.update();
    log.take();
    let (second, asked) = ask_to_join(&mut game);

    // A repeated join lists oneself among the presences, and may know somebody new.
    let mut answer = chat_joined(LOBBY, &["ada", "bob", "carol"]);
    if let proto::Message::Channel(joined) = &mut answer {
        joined.presences.push(presence("ada"));
    }
    game.answer(&asked, answer);
    game.update();

    assert_eq!(log.take(), ["+carol Snapshot", "joined what we were in"]);
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
fn leaving_ends_with_the_servers_consent() {
    let (mut game, channel, log) = in_lobby(&["ada", "bob"]);
    game.commands(|c| c.nakama().leave_chat(channel).id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelLeave);
    game.server_says(line("bob", "m1", "{}", 1));
    game.update();
    assert_eq!(log.take(), ["bob Chat {}"]);

    game.acknowledge(&asked);
    game.update();
    let mut seen = log.take();
    seen.sort();
    assert_eq!(seen, ["-ada", "-bob", "left"]);
    goes(&mut game, channel);
}

#[test]
fn despawning_a_channel_is_leaving() {
    let (mut game, channel, log) = in_lobby(&["ada", "bob"]);
    game.commands(|c| c.entity(channel).despawn());
    game.update();
    let left = game.expect_sent(Kind::ChannelLeave);
    assert_eq!(sent_json(&left)["channel_leave"]["channel_id"], "2...lobby");
    let mut seen = log.take();
    seen.sort();
    assert_eq!(seen, ["-ada", "-bob"]);

    game.server_says(line("bob", "m1", "{}", 1));
    game.update();
    assert_eq!(log.take(), [""; 0]);
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
fn the_end_of_the_connection_ends_the_channel() {
    let (mut game, channel, log) = in_lobby(&["ada"]);
    game.connection_breaks();
    game.update();
    assert_eq!(log.take(), ["-ada"]);
    goes(&mut game, channel);
}

#[test]
fn who_joins_hidden_is_there_for_oneself() {
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
        ["+bob Snapshot", "+ada Snapshot (self)", "joined"]
    );

    // Somebody else is hidden, too.
    game.server_says(line("carol", "m1", "{}", 1));
    game.update();
    assert_eq!(log.take(), ["carol (not here) Chat {}"]);
    assert_eq!(game.chat_lines(LOBBY), ["carol: {}"]);
}

#[test]
fn of_several_sessions_the_own_or_the_newest_has_said_it() {
    let (mut game, channel, _) = in_lobby(&["ada", "bob"]);
    let device = |name: &str, session: &str| UserPresence {
        session_id: session.into(),
        ..presence(name)
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
    // Bob's second session has gone in the same frame, and can be looked at all the same.
    assert_eq!(senders.take(), ["session-ada", "bob-2", "session-bob"]);
    assert!(of(&game, "bob-2").is_none());
    assert!(of(&game, "session-bob").is_some());
}

// ---- Saying something ----------------------------------------------------------------------------------------------

#[test]
fn what_one_says_is_heard_and_acknowledged() {
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
    // The message comes first, always.
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
        // JSON has no such keys.
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
            "leave: the entity is no chat channel",
            "not edited: the entity is no chat channel",
            "not removed: the entity is no chat channel",
            "not sent: 5020 bytes are above the server's limit of 4096",
            "not sent: it cannot be encoded: key must be a string",
            "not sent: the entity is no chat channel",
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
            .chat_history(room_id(LOBBY), ChatHistory::newest(1));
    });
    game.update();
    game.update();
    assert_eq!(log.take(), ["join: not connected"]);
    assert_eq!(histories.take(), ["not connected"]);
}

#[test]
fn a_send_that_is_refused_for_want_of_membership_ends_the_mirror() {
    let (mut game, channel, log) = in_lobby(&["ada"]);
    game.commands(|c| c.nakama().send_chat(channel, &say("hi")).id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelMessageSend);
    game.refuse(&asked, 3, "Must join channel before sending messages");
    game.update();
    assert_eq!(
        log.take(),
        [
            "closed: NotJoined",
            "-ada",
            "not sent: Must join channel before sending messages (bad input)"
        ]
    );
    goes(&mut game, channel);
    assert_eq!(game.sent(), [], "there is nothing to leave");
}

// ---- What is said, typed -------------------------------------------------------------------------------------------

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

// ---- The log -------------------------------------------------------------------------------------------------------

/// Something that reaches the log.
#[derive(Clone)]
enum Step {
    Live(Box<proto::Message>),
    History(Vec<proto::api::ChannelMessage>),
}

fn live(message: proto::Message) -> Step {
    Step::Live(Box::new(message))
}

/// As the database gives a message back: times to the microsecond, JSON in its own words.
fn stored(message: &proto::Message) -> proto::api::ChannelMessage {
    let cut = |time: Option<Timestamp>| {
        time.map(|time| Timestamp {
            nanos: time.nanos - time.nanos % 1_000,
            ..time
        })
    };
    let message = body(message);
    proto::api::ChannelMessage {
        code: Some(0),
        content: message.content.replace(':', ": "),
        create_time: cut(message.create_time),
        update_time: cut(message.update_time),
        ..message
    }
}

fn play(game: &mut TestGame, channel: Entity, step: &Step) {
    match step {
        Step::Live(message) => game.server_says((**message).clone()),
        Step::History(messages) => {
            game.commands(|c| {
                c.nakama()
                    .chat_history(channel, ChatHistory::oldest(100))
                    .id()
            });
            game.update();
            game.answer_rest(200, &serde_json::json!({ "messages": messages }));
        }
    }
    game.update();
}

fn permutations<T: Clone>(of: &[T]) -> Vec<Vec<T>> {
    if of.is_empty() {
        return vec![vec![]];
    }
    (0..of.len())
        .flat_map(|first| {
            let mut rest = of.to_vec();
            let first = rest.remove(first);
            permutations(&rest).into_iter().map(move |mut order| {
                order.insert(0, first.clone());
                order
            })
        })
        .collect()
}

/// The log after the steps in every order; it is the same in all of them.
fn log_of(steps: &[Step]) -> Vec<ChatMessage> {
    let mut logs = permutations(steps).into_iter().map(|order| {
        let (mut game, channel, _) = in_lobby(&["ada", "bob", "mallory"]);
        for step in &order {
            play(&mut game, channel, step);
        }
        let log = game.app.world().get::<ChatLog>(channel).expect("a log");
        let lines: Vec<_> = log.iter().cloned().collect();
        for line in &lines {
            assert_eq!(log.get(&line.message_id), Some(line));
        }
        assert_eq!(log.len(), lines.len());
        lines
    });
    let first = logs.next().expect("at least one order");
    for (n, other) in logs.enumerate() {
        assert_eq!(other, first, "order {} differs from the first", n + 1);
    }
    first
}

fn texts(lines: &[ChatMessage]) -> Vec<&str> {
    lines.iter().map(|line| &*line.json).collect()
}

/// Sets the time of a message, in nanoseconds after second 100.
fn at(message: proto::Message, nanos: i32) -> proto::Message {
    let time = Some(Timestamp {
        seconds: 100,
        nanos,
    });
    proto::Message::ChannelMessage(proto::api::ChannelMessage {
        create_time: time,
        update_time: time,
        ..body(&message)
    })
}

#[test]
fn a_message_its_edit_and_the_history_make_one_line_in_any_order() {
    let original = at(line("bob", "m1", r#"{"n":1}"#, 0), 438_773_450);
    // The server reads the message before it edits it, so its first time is cut off, its new one is not.
    let edited = proto::Message::ChannelMessage(proto::api::ChannelMessage {
        create_time: stored(&original).create_time,
        ..body(&at(edit("bob", "m1", r#"{"n":2}"#, 0), 622_537_543))
    });
    let before = Step::History(vec![stored(&original)]);
    let after = Step::History(vec![stored(&edited)]);
    let lines = log_of(&[live(original.clone()), live(edited.clone()), before, after]);
    assert_eq!(texts(&lines), [r#"{"n":2}"#]);
    assert_eq!(
        Some(lines[0].create_time),
        body(&original).create_time,
        "to the nanosecond"
    );
    assert_eq!(Some(lines[0].update_time), body(&edited).update_time);
    assert_eq!(lines[0].kind, ChatMessageKind::Chat);
}

#[test]
fn two_edits_end_in_the_later_one_in_any_order() {
    let lines = log_of(&[
        live(line("bob", "m1", r#"{"n":1}"#, 1)),
        live(edit("bob", "m1", r#"{"n":2}"#, 2)),
        live(edit("bob", "m1", r#"{"n":3}"#, 3)),
    ]);
    assert_eq!(texts(&lines), [r#"{"n":3}"#]);
}

#[test]
fn a_removed_message_is_gone_in_any_order() {
    let original = line("bob", "m1", r#"{"n":1}"#, 1);
    let lines = log_of(&[
        live(original.clone()),
        live(edit("bob", "m1", r#"{"n":2}"#, 2)),
        live(removal("bob", "m1", 3)),
        // Asked for before the removal, and answered after it.
        Step::History(vec![stored(&original)]),
    ]);
    assert_eq!(texts(&lines), [""; 0]);
}

#[test]
fn nobody_edits_or_removes_what_somebody_else_has_said() {
    let original = line("bob", "m1", r#"{"n":1}"#, 1);
    let lines = log_of(&[
        live(original.clone()),
        live(edit("mallory", "m1", r#"{"n":"mine"}"#, 2)),
        live(removal("mallory", "m1", 3)),
        Step::History(vec![stored(&original)]),
    ]);
    assert_eq!(texts(&lines), [r#"{"n":1}"#]);

    // Nor does it keep the author from it.
    let lines = log_of(&[
        live(original),
        live(removal("mallory", "m1", 2)),
        live(edit("bob", "m1", r#"{"n":2}"#, 3)),
        live(edit("mallory", "m1", r#"{"n":"mine"}"#, 4)),
    ]);
    assert_eq!(texts(&lines), [r#"{"n":2}"#]);
}

#[test]
fn what_somebody_else_tries_is_still_seen() {
    let (mut game, _, log) = in_lobby(&["ada", "bob", "mallory"]);
    game.server_says(line("bob", "m1", "{}", 1));
    game.update();
    log.take();
    let changes = Log::default();
    let seen = changes.clone();
    game.app
        .add_systems(Update, move |logs: Query<Entity, Changed<ChatLog>>| {
            for _ in &logs {
                seen.add("changed");
            }
        });
    game.update();
    changes.take();

    game.server_says(edit("mallory", "m1", r#"{"n":1}"#, 2));
    game.server_says(removal("mallory", "m1", 3));
    game.update();
    assert_eq!(
        log.take(),
        ["mallory Update {\"n\":1}", "mallory Remove {}"]
    );
    assert_eq!(game.chat_lines(LOBBY), ["bob: {}"]);
    assert_eq!(changes.take(), [""; 0], "the log has not changed");

    game.server_says(edit("bob", "m1", r#"{"n":1}"#, 4));
    game.update();
    assert_eq!(changes.take(), ["changed"]);
}

#[test]
fn neighbours_of_one_microsecond_keep_their_order() {
    // By id it would be the other way round, and that is what the history has to go by.
    let first = at(line("bob", "m2", r#"{"n":1}"#, 0), 773_450);
    let second = at(line("ada", "m1", r#"{"n":2}"#, 0), 773_900);
    let page = Step::History(vec![stored(&second), stored(&first)]);
    let lines = log_of(&[live(first), live(second), page.clone(), page]);
    assert_eq!(texts(&lines), [r#"{"n":1}"#, r#"{"n":2}"#]);
}

#[test]
fn lines_are_in_the_order_of_time_wherever_they_come_from() {
    let lines: Vec<_> = (1..=4)
        .map(|n| line("bob", &format!("m{}", 9 - n), &format!("{{\"n\":{n}}}"), n))
        .collect();
    let log = log_of(&[
        live(lines[3].clone()),
        Step::History(vec![stored(&lines[0]), stored(&lines[1])]),
        live(lines[2].clone()),
    ]);
    assert_eq!(
        texts(&log),
        [r#"{"n": 1}"#, r#"{"n": 2}"#, r#"{"n":3}"#, r#"{"n":4}"#]
    );
}

#[test]
fn what_happens_to_the_group_is_a_line_too() {
    let (mut game, channel, _) = in_lobby(&["ada"]);
    for (n, code) in (1..).zip([3, 4, 5, 6, 7, 8, 9, 10]) {
        let at = Duration::from_millis(n);
        let kind = ChatMessageKind::from(code);
        assert_eq!(kind.code(), code);
        game.server_says(chat_message(LOBBY, "bob", kind, &format!("m{n}"), "{}", at));
    }
    game.update();
    let log = game.app.world().get::<ChatLog>(channel).expect("a log");
    let kinds: Vec<_> = log.iter().map(|line| line.kind).collect();
    assert_eq!(
        kinds,
        [
            ChatMessageKind::GroupJoin,
            ChatMessageKind::GroupAdd,
            ChatMessageKind::GroupLeave,
            ChatMessageKind::GroupKick,
            ChatMessageKind::GroupPromote,
            ChatMessageKind::GroupBan,
            ChatMessageKind::GroupDemote,
            ChatMessageKind::Unknown(10),
        ]
    );
}

#[test]
fn the_log_holds_the_newest_lines_up_to_its_bound() {
    assert_eq!(NakamaSettings::default().chat_log_lines, 200);
    let mut game = TestGame::connected();
    let set_limit = |game: &mut TestGame, limit| {
        let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
        settings.chat_log_lines = limit;
    };
    set_limit(&mut game, 3);
    let channel = game.join_room(LOBBY, &["ada"]);
    for n in 10..15 {
        game.server_says(line("bob", &format!("m{n}"), &n.to_string(), n));
    }
    game.update();
    assert_eq!(game.chat_lines(LOBBY), ["bob: 12", "bob: 13", "bob: 14"]);

    // Older ones have no room, unless there is a gap.
    let older = Step::History(vec![stored(&line("bob", "m1", "1", 1))]);
    play(&mut game, channel, &older);
    assert_eq!(game.chat_lines(LOBBY), ["bob: 12", "bob: 13", "bob: 14"]);
    play(&mut game, channel, &live(removal("bob", "m13", 20)));
    play(&mut game, channel, &older);
    assert_eq!(game.chat_lines(LOBBY), ["bob: 1", "bob: 12", "bob: 14"]);

    // What went over the edge can be edited and removed without harm.
    play(&mut game, channel, &live(edit("bob", "m10", "x", 21)));
    play(&mut game, channel, &live(removal("bob", "m11", 22)));
    assert_eq!(game.chat_lines(LOBBY), ["bob: 1", "bob: 12", "bob: 14"]);

    set_limit(&mut game, 0);
    play(&mut game, channel, &live(line("bob", "m30", "30", 30)));
    assert_eq!(game.chat_lines(LOBBY), [""; 0]);
}

#[test]
fn only_so_many_removals_wait_for_their_line() {
    let (mut game, channel, _) = in_lobby(&["ada"]);
    for n in 0..300 {
        game.server_says(removal("bob", &format!("m{n}"), n));
    }
    game.update();
    let all: Vec<_> = (0..300)
        .map(|n| stored(&line("bob", &format!("m{n}"), &n.to_string(), n)))
        .collect();
    play(&mut game, channel, &Step::History(all));
    assert_eq!(
        game.chat_lines(LOBBY).len(),
        300 - 256,
        "the oldest removals are forgotten, the newest are not"
    );
    assert_eq!(game.chat_lines(LOBBY)[0], "bob: 0");
}

// ---- History -------------------------------------------------------------------------------------------------------

fn histories(game: &mut TestGame) -> Log {
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<FetchChatHistory>>| match &reply.result {
            Ok(page) => {
                let lines: Vec<_> = page.messages.iter().map(|line| &*line.json).collect();
                seen.add(format!(
                    "{} next:{} prev:{} later:{}",
                    lines.join(" "),
                    page.next_cursor.as_deref().unwrap_or("-"),
                    page.prev_cursor.as_deref().unwrap_or("-"),
                    page.cacheable_cursor.as_deref().unwrap_or("-"),
                ));
            }
            Err(error) => seen.add(error.to_string()),
        },
    );
    log
}

#[test]
fn a_page_is_oldest_first_in_either_direction() {
    let (mut game, channel, _) = in_lobby(&["ada"]);
    let histories = histories(&mut game);
    let lines: Vec<_> = (1..=3)
        .map(|n| stored(&line("bob", &format!("m{n}"), &n.to_string(), n)))
        .collect();

    game.commands(|c| {
        c.nakama()
            .chat_history(channel, ChatHistory::newest(2).cursor("a+/=&b"))
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
            .chat_history(room_id(LOBBY), ChatHistory::oldest(2))
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
fn the_history_of_a_channel_that_one_is_not_in_is_read_and_not_kept() {
    let mut game = TestGame::connected();
    let histories = histories(&mut game);
    let request = ChatHistory::oldest(1);
    game.commands(|c| {
        c.nakama()
            .chat_history(ChannelId::from("2...a b,ä?"), request)
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
            .chat_history(channel, ChatHistory::newest(1))
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
            .chat_history(channel, ChatHistory::newest(1))
            .id()
    });
    game.update();
    assert_eq!(histories.take(), ["the entity is no chat channel"]);
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
                .chat_history(channel, ChatHistory::newest(1))
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
    let secret = session("ada").token().expose().to_owned();
    game.commands(|c| {
        c.nakama()
            .chat_history(channel, ChatHistory::newest(1))
            .id()
    });
    let connection = game.app.world().resource::<NakamaConnection>();
    let shown = format!("{connection:?}");
    assert!(shown.contains("user-ada"), "{shown}");
    assert!(!shown.contains(&secret), "{shown}");
}

// ---- Over real sockets ---------------------------------------------------------------------------------------------

/// A game that logs in, connects, and joins the lobby.
fn enter(network: &Network, server: &NakamaServer, name: &str) -> (Game, Entity) {
    let mut game = Game::on(network);
    let to = server.clone();
    game.app
        .add_observer(move |reply: On<Replied<LogIn>>, mut commands: Commands| {
            let login = reply.result.as_ref().expect("it takes everybody");
            commands
                .nakama()
                .connect(&to, &login.session, ConnectOptions::default());
        });
    game.app
        .add_observer(|_: On<Connected>, mut commands: Commands| {
            commands.nakama().join_chat(JoinChat::room("a lobby?ä"));
        });
    let login = Login::device(format!("device-of-{name}")).username(name);
    game.commands(|commands| commands.nakama().log_in(server, login).id());
    let here = game.until("a channel", |app| {
        let mut channels = app
            .world_mut()
            .query_filtered::<Entity, With<ChatChannel>>();
        channels.iter(app.world()).next()
    });
    (game, here)
}

/// The log, once it has so many lines.
fn lines(game: &mut Game, channel: Entity, count: usize) -> Vec<ChatMessage> {
    game.until(&format!("{count} lines"), |app| {
        let log = app.world().get::<ChatLog>(channel)?;
        (log.len() == count).then(|| log.iter().cloned().collect())
    })
}

#[test]
fn two_players_talk_and_a_third_reads_it_up() {
    let local = LocalServer::start(LocalServerConfig::default()).expect("a port");
    let server = NakamaServer::new(local.url(), local.server_key());
    let network = Network::new().expect("a thread");
    let (mut ada, ada_here) = enter(&network, &server, "ada");
    let (mut bob, bob_here) = enter(&network, &server, "bob");

    ada.commands(|c| c.nakama().send_chat(ada_here, &say("one")).id());
    ada.app.update();
    let first = lines(&mut bob, bob_here, 1).remove(0);
    assert_eq!(first.content::<Say>().expect("it fits"), say("one"));
    assert_eq!(first.username.as_str(), "ada");

    bob.commands(|c| c.nakama().send_chat(bob_here, &say("two")).id());
    bob.app.update();
    let both = lines(&mut ada, ada_here, 2);
    assert_eq!(both[0], first, "both have the same");
    let edited = first.message_id.clone();
    ada.commands(|c| {
        c.nakama()
            .update_chat_message(ada_here, edited, &say("won"))
            .id()
    });
    ada.app.update();
    bob.until("the edit", |app| {
        let log = app.world().get::<ChatLog>(bob_here)?;
        let line = log.get(&first.message_id)?;
        line.content::<Say>()
            .is_ok_and(|now| now == say("won"))
            .then_some(())
    });

    // Bob has no right to remove it.
    let refused = Log::default();
    let seen = refused.clone();
    bob.app
        .add_observer(move |reply: On<Replied<RemoveChatMessage>>| {
            let is_refused = matches!(
                reply.result,
                Err(RequestError::Refused(ChatRefusal::MessageNotFound(_)))
            );
            seen.add(if is_refused { "refused" } else { "not refused" });
        });
    let id = first.message_id.clone();
    bob.commands(|c| c.nakama().remove_chat_message(bob_here, id).id());
    let outcome = bob.until("an answer", |_| refused.take_first());
    assert_eq!(outcome, "refused");

    let (mut carol, carol_here) = enter(&network, &server, "carol");
    carol.commands(|c| {
        c.nakama()
            .chat_history(carol_here, ChatHistory::newest(50))
            .id()
    });
    let read_up = lines(&mut carol, carol_here, 2);
    let said: Vec<_> = read_up
        .iter()
        .map(|line| {
            (
                line.username.to_string(),
                line.content::<Say>().expect("it fits"),
            )
        })
        .collect();
    assert_eq!(
        said,
        [("ada".into(), say("won")), ("bob".into(), say("two"))]
    );

    // The same page for ada, who has heard it all: nothing twice, and nothing less exact.
    let before = lines(&mut ada, ada_here, 2);
    let pages = Log::default();
    let seen = pages.clone();
    ada.app
        .add_observer(move |reply: On<Replied<FetchChatHistory>>| {
            let page = reply.result.as_ref().expect("a page");
            seen.add(page.messages.len().to_string());
        });
    ada.commands(|c| {
        c.nakama()
            .chat_history(ada_here, ChatHistory::newest(50))
            .id()
    });
    assert_eq!(ada.until("a page", |_| pages.take_first()), "2");
    let log = ada.app.world().get::<ChatLog>(ada_here).expect("a log");
    assert_eq!(log.iter().cloned().collect::<Vec<_>>(), before);
}

/// A message that nobody has read by then is not the new connection's.
#[test]
fn the_messages_of_an_earlier_connection_are_gone_with_a_new_one() {
    let mut game = TestGame::connected();
    game.join_room("r", &["ada", "bob"]);
    let line = |id: &str| {
        let at = Duration::from_secs(1);
        chat_message("r", "bob", ChatMessageKind::Chat, id, "{}", at)
    };
    let unread = |game: &TestGame| {
        let messages = game.app.world().resource::<Messages<ChatMessageReceived>>();
        messages.len()
    };
    // The frames are so short that Bevy forgets no message by itself.
    game.server_says(line("m1"));
    game.connection_breaks();
    game.update_by(Duration::ZERO);
    assert_eq!(unread(&game), 1, "the game may still want to know");
    let session = session("ada");
    game.commands(|commands| {
        let options = ConnectOptions::default();
        commands.nakama().connect(&server(), &session, options);
    });
    game.update_by(Duration::ZERO);
    assert_eq!(unread(&game), 1, "also while it connects");
    game.server_accepts();
    game.update_by(Duration::ZERO);
    assert_eq!(unread(&game), 0);
}
