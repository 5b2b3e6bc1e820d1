//! Chat as real servers do it: the recordings, played to a game.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::common::{
    log::Log,
    transcripts::{Dir, GENERATIONS, Line, Scenario, Who, exchanges, scenarios},
};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{self, Kind, Message},
    testing::*,
};

fn scenario(generation: &'static str, name: &str) -> Scenario {
    let found = scenarios(generation)
        .into_iter()
        .find(|scenario| scenario.name == name);
    found.unwrap_or_else(|| panic!("no recording of {name}"))
}

/// A game that is connected as this user.
fn connected_as(who: &Who) -> TestGame {
    let session = who.session();
    let mut game = TestGame::new();
    game.commands(|c| {
        c.nakama()
            .connect(&server(), &session, ConnectOptions::default());
    });
    game.update();
    game.server_accepts();
    game.update();
    game
}

/// Plays everything that one client sent and received to a game that does the same.
struct Replay {
    game: TestGame,
    /// What the game sent in place of what was recorded, by the recorded `cid`.
    asked: HashMap<String, proto::Envelope>,
    replies: Log,
}

impl Replay {
    fn of(scenario: &Scenario, client: &str) -> Self {
        let mut replay = Self {
            game: connected_as(&scenario.who(client)),
            asked: HashMap::new(),
            replies: Log::default(),
        };
        replay.watch::<JoinChat>();
        replay.watch::<LeaveChat>();
        replay.watch::<SendChatMessage>();
        replay.watch::<UpdateChatMessage>();
        replay.watch::<RemoveChatMessage>();
        for line in scenario.lines.iter().filter(|line| line.client == client) {
            if line.is_envelope() {
                replay.play(line);
            }
        }
        replay
    }

    fn watch<R: Request<Refusal = ChatRefusal>>(&mut self) {
        let seen = self.replies.clone();
        self.game
            .observe(move |reply: On<Replied<R>>| match &reply.result {
                Ok(_) => seen.add(R::NAME),
                Err(error) => seen.add(format!("{}: {error}", R::NAME)),
            });
    }

    fn play(&mut self, line: &Line) {
        let frame = line.wire.clone().expect("a frame");
        let envelope = proto::decode(frame.clone()).expect("an envelope");
        match line.dir {
            Dir::Send => self.ask(envelope),
            Dir::Recv => {
                match (self.asked.remove(&envelope.cid), envelope.message) {
                    (Some(asked), Some(message)) => self.game.answer(&asked, message),
                    (Some(asked), None) => self.game.acknowledge(&asked),
                    (None, _) if envelope.cid.is_empty() => self.game.server_sends(frame),
                    (None, _) => {}
                }
                self.game.update();
            }
            Dir::Rest => {}
        }
    }

    /// Does what the client did, if a game can: it cannot speak where it is not.
    fn ask(&mut self, envelope: proto::Envelope) {
        if envelope.cid.is_empty() {
            return; // a game always wants to know
        }
        let message = envelope.message.expect("a message");
        let kind = Kind::of(&message);
        let channel = |game: &TestGame, id: &str| {
            let index = game.app.world().resource::<ChatIndex>();
            index.get(&ChannelId::from(id))
        };
        let game = &mut self.game;
        match message {
            Message::ChannelJoin(join) => {
                let request = match join.r#type {
                    2 => JoinChat::direct(join.target),
                    3 => JoinChat::group(join.target),
                    _ => JoinChat::room(join.target),
                };
                let request = request
                    .persistent(join.persistence.unwrap_or(true))
                    .hidden(join.hidden.unwrap_or_default());
                game.commands(|c| c.nakama().join_chat(request).id());
            }
            Message::ChannelLeave(leave) => {
                let Some(channel) = channel(game, &leave.channel_id) else {
                    return;
                };
                game.commands(|c| c.nakama().leave_chat(channel).id());
            }
            Message::ChannelMessageSend(send) => {
                let Some(channel) = channel(game, &send.channel_id) else {
                    return;
                };
                game.commands(|c| c.nakama().send_chat_json(channel, send.content).id());
            }
            Message::ChannelMessageUpdate(update) => {
                let Some(channel) = channel(game, &update.channel_id) else {
                    return;
                };
                game.commands(|c| {
                    c.nakama()
                        .update_chat_message_json(channel, update.message_id, update.content)
                        .id()
                });
            }
            Message::ChannelMessageRemove(remove) => {
                let Some(channel) = channel(game, &remove.channel_id) else {
                    return;
                };
                game.commands(|c| {
                    c.nakama()
                        .remove_chat_message(channel, remove.message_id)
                        .id()
                });
            }
            other => panic!("a chat recording with {other:?}"),
        }
        game.update();
        let sent = game.expect_sent(kind);
        self.asked.insert(envelope.cid, sent);
    }

    fn channels(&self) -> Vec<(String, ChatChannelKind)> {
        let world = self.game.app.world();
        let index = world.resource::<ChatIndex>();
        let mut channels: Vec<_> = index
            .iter()
            .map(|(id, entity)| {
                let channel = world.get::<ChatChannel>(entity).expect("a channel");
                (id.to_string(), channel.kind.clone())
            })
            .collect();
        channels.sort_by(|one, other| one.0.cmp(&other.0));
        channels
    }

    fn log(&self, channel: &str) -> Vec<String> {
        let world = self.game.app.world();
        let index = world.resource::<ChatIndex>();
        let entity = index.get(&channel.into()).expect("a channel");
        let log = world.get::<ChatLog>(entity).expect("a log");
        log.iter()
            .map(|line| format!("{} {:?} {}", line.username, line.kind, line.json))
            .collect()
    }

    fn roster(&mut self) -> Vec<String> {
        let world = self.game.app.world_mut();
        let mut members = world.query_filtered::<&Username, With<ChatMemberOf>>();
        let mut names: Vec<_> = members.iter(world).map(ToString::to_string).collect();
        names.sort();
        names
    }
}

#[test]
fn a_room() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "chat_room");
        let mut alice = Replay::of(&scenario, "alice");
        let channels = alice.channels();
        let [(id, ChatChannelKind::Room { name })] = channels.as_slice() else {
            panic!("{generation}: {channels:?}");
        };
        assert_eq!(*id, format!("2...{name}"));
        assert_eq!(
            alice.log(id),
            [
                "alice Chat {\"text\":\"no cid\"}",
                "alice Chat   { \"text\" : \"ä漢😀\" }\n"
            ],
            "{generation}: what she removed is gone"
        );
        assert_eq!(alice.roster(), ["alice"], "{generation}: bob hung up");
        let replies = alice.replies.take();
        assert_eq!(
            replies.iter().filter(|reply| *reply == "JoinChat").count(),
            2,
            "{generation}: {replies:?}"
        );
        assert!(
            replies.contains(
                &"RemoveChatMessage: Could not find message to remove in channel history (bad input)"
                    .to_owned()
            ),
            "{generation}: {replies:?}"
        );
    }
}

#[test]
fn hidden_members_and_messages_that_are_not_stored() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "chat_room_persistence");
        for (client, roster) in [
            ("alice", vec!["alice", "alice", "bob"]),
            ("bob", vec!["alice", "alice", "bob"]),
            ("carol", vec![]),
        ] {
            let mut replay = Replay::of(&scenario, client);
            assert_eq!(replay.roster(), roster, "{generation} {client}");
            if client == "carol" {
                assert_eq!(replay.channels(), [], "{generation}: she left");
                continue;
            }
            let (id, _) = replay.channels().remove(0);
            assert_eq!(
                replay.log(&id),
                [
                    "carol Chat {\"n\":3}",
                    "alice Chat {\"from\":\"second socket\"}"
                ],
                "{generation} {client}: bob's message was edited and removed, though it never was stored"
            );
        }
    }
}

#[test]
fn direct_messages() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "chat_direct");
        let id_of = |client: &str| {
            UserId::from(scenario.clients[client]["user_id"].as_str().expect("an id"))
        };
        let (alice_id, bob_id) = (id_of("alice"), id_of("bob"));
        let mut bob = Replay::of(&scenario, "bob");
        let channels = bob.channels();
        let users = [
            bob_id.clone().min(alice_id.clone()),
            bob_id.max(alice_id.clone()),
        ];
        assert_eq!(
            channels,
            [(
                format!("4.{}.{}.", users[0], users[1]),
                ChatChannelKind::Direct { users }
            )],
            "{generation}"
        );
        assert_eq!(bob.roster(), ["bob"], "{generation}: alice left");
        assert_eq!(
            bob.log(&channels[0].0),
            [
                "bob Chat {\"text\":\"hello\"}",
                "bob Chat {\"text\":\"gone?\"}"
            ]
        );

        let alice = Replay::of(&scenario, "alice");
        let users = [alice_id.clone(), alice_id];
        assert_eq!(
            alice.channels().pop().expect("with herself").1,
            ChatChannelKind::Direct { users },
            "{generation}"
        );
    }
}

#[test]
fn who_is_out_of_a_group_is_out_of_its_channel() {
    for generation in GENERATIONS {
        for (name, reason) in [
            ("chat_group", ChatClosedReason::KickedFromGroup),
            ("group_requests", ChatClosedReason::LeftGroup),
        ] {
            let scenario = scenario(generation, name);
            let closed = Log::default();
            let mut replay = Replay {
                game: connected_as(&scenario.who("bob")),
                asked: HashMap::new(),
                replies: Log::default(),
            };
            let seen = closed.clone();
            replay.game.observe(
                move |gone: On<ChatClosed>, channels: Query<(&ChatLog, &ChatMembers)>| {
                    let (log, members) = channels.get(gone.channel).expect("still there");
                    let last = log.iter().next_back().expect("the line that says so");
                    seen.add(format!(
                        "{:?} {:?} {}",
                        gone.reason,
                        last.kind,
                        members.len()
                    ));
                },
            );
            let mut was_in = false;
            for line in scenario.lines.iter().filter(|line| line.client == "bob") {
                if line.is_envelope() {
                    replay.play(line);
                    was_in |= !replay.channels().is_empty();
                }
            }
            assert!(was_in, "{generation} {name}");
            assert_eq!(replay.channels(), [], "{generation} {name}");
            assert_eq!(replay.roster(), [""; 0], "{generation} {name}");
            let kind = if reason == ChatClosedReason::LeftGroup {
                "GroupLeave"
            } else {
                "GroupKick"
            };
            assert_eq!(
                closed.take(),
                [format!("{reason:?} {kind} 2")],
                "{generation} {name}"
            );
            assert_eq!(replay.game.sent(), [], "there is nothing to leave");

            // The others see him go, and stay.
            let mut alice = Replay::of(&scenario, "alice");
            let channels = alice.channels();
            let [(id, ChatChannelKind::Group { id: group })] = channels.as_slice() else {
                panic!("{generation} {name}: {channels:?}");
            };
            assert_eq!(*id, format!("3.{group}.."));
            assert_eq!(alice.roster(), ["alice"]);
            assert!(
                alice.log(id).contains(&format!("bob {kind} {{}}")),
                "{generation} {name}: {:?}",
                alice.log(id)
            );
        }
    }
}

/// The variant of a refusal.
fn variant(refusal: &impl std::fmt::Debug) -> String {
    let text = format!("{refusal:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}

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
            let mut asked = HashMap::new();
            for line in &scenario.lines {
                let cid = line.json["cid"].as_str().unwrap_or_default();
                let request = (line.client.clone(), cid.to_owned());
                match (line.dir, line.kind.as_deref()) {
                    (Dir::Send, Some(kind)) => {
                        asked.insert(request, kind.to_owned());
                    }
                    (Dir::Recv, Some("error")) => {
                        let text = line.json["error"]["message"].as_str().expect("a text");
                        assert_eq!(line.json["error"]["code"], 3);
                        seen.insert((asked[&request].clone(), text.to_owned()));
                    }
                    _ => {}
                }
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

#[test]
fn the_history_over_rest() {
    let mut pages = 0;
    for generation in GENERATIONS {
        let mut errors = BTreeMap::new();
        for exchange in exchanges(generation, "rest") {
            let request = &exchange["request"];
            let path = request["path"].as_str().unwrap_or_default();
            let is_list = request["method"] == "GET" && path.starts_with("/v2/channel/");
            let Some(id) = path.strip_prefix("/v2/channel/").filter(|_| is_list) else {
                continue;
            };
            let query = |name: &str| request["query"][name].as_str();
            let limit = query("limit").map_or(1, |limit| limit.parse().expect("a number"));
            let mut history = match query("forward") {
                Some("false") => ChatHistory::newest(limit),
                _ => ChatHistory::oldest(limit),
            };
            if let Some(cursor) = query("cursor") {
                history = history.cursor(cursor);
            }
            let mut game = TestGame::connected();
            let (outcome, seen) = (Log::default(), Log::default());
            let (tell, tell_refusal) = (outcome.clone(), seen.clone());
            game.observe(
                move |reply: On<Replied<FetchChatHistory>>| match &reply.result {
                    Ok(page) => {
                        for line in &page.messages {
                            tell.add(format!(
                                "{} {} {} {} {}",
                                line.message_id,
                                line.json,
                                line.create_time,
                                line.update_time,
                                line.persistent
                            ));
                        }
                        for cursor in [&page.next_cursor, &page.prev_cursor, &page.cacheable_cursor]
                        {
                            tell.add(cursor.clone().unwrap_or_default());
                        }
                    }
                    Err(RequestError::Refused(refusal)) => {
                        tell_refusal.add(format!("{} {refusal}", variant(refusal)));
                    }
                    Err(error) => panic!("{error}"),
                },
            );
            game.commands(|c| c.nakama().chat_history(ChannelId::from(id), history).id());
            game.update();
            let (method, target) = game.rest_calls().remove(0);
            let (called, parameters) = target.split_once('?').expect("a query");
            assert_eq!((method, called), ("GET", path));
            for (name, value) in request["query"].as_object().into_iter().flatten() {
                let pair = format!("{name}={}", value.as_str().expect("a text"));
                // Recorded cursors hold `=` at their end.
                let pair = pair
                    .replacen('=', "\n", 1)
                    .replace('=', "%3D")
                    .replace('\n', "=");
                assert!(
                    parameters.split('&').any(|it| it == pair),
                    "{pair} is not in {parameters}"
                );
            }
            let response = &exchange["response"];
            let status = response["status"].as_u64().expect("a status");
            game.answer_rest(u16::try_from(status).expect("a status"), &response["body"]);
            game.update();
            if status != 200 {
                let text = response["body"]["message"].as_str().expect("a text");
                let said = seen.take_first().expect("a refusal");
                let (variant, rest) = said.split_once(' ').expect("a text");
                assert_eq!(rest, format!("{text} ({status})"));
                errors.insert(text.to_owned(), variant.to_owned());
                continue;
            }
            let body = &response["body"];
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let mut expected: Vec<_> = body["messages"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|line| {
                    format!(
                        "{} {} {} {} {}",
                        text(&line["message_id"]),
                        text(&line["content"]),
                        text(&line["create_time"]),
                        text(&line["update_time"]),
                        line["persistent"]
                    )
                })
                .collect();
            if query("forward") == Some("false") {
                expected.reverse();
            }
            for cursor in ["next_cursor", "prev_cursor", "cacheable_cursor"] {
                expected.push(text(&body[cursor]));
            }
            assert_eq!(
                outcome.take(),
                expected,
                "{generation}: {}",
                exchange["name"]
            );
            pages += 1;
        }
        let expected = [
            ("Channel not found.", "ChannelNotFound"),
            ("Cursor is invalid or expired.", "InvalidCursor"),
            ("Invalid channel ID.", "InvalidChannelId"),
            (
                "Invalid limit - limit must be between 1 and 100.",
                "InvalidLimit",
            ),
        ];
        let expected = expected.map(|(text, variant)| (text.to_owned(), variant.to_owned()));
        assert_eq!(errors, BTreeMap::from(expected), "{generation}");
    }
    assert!(pages >= 10, "{pages} pages were recorded");
}

#[test]
fn an_expired_token_is_told_from_other_refusals() {
    for generation in GENERATIONS {
        let recorded = exchanges(generation, "rest").into_iter().find(|exchange| {
            exchange["response"]["status"] == 401
                && exchange["response"]["body"]["message"] == "Auth token invalid"
        });
        let recorded = recorded.expect("a refused token");
        let mut game = TestGame::connected();
        let log = Log::default();
        let seen = log.clone();
        game.observe(move |reply: On<Replied<FetchChatHistory>>| {
            if let Err(RequestError::Refused(refusal)) = &reply.result {
                seen.add(format!("{} {refusal}", variant(refusal)));
            }
        });
        game.commands(|c| {
            c.nakama()
                .chat_history(room_id("lobby"), ChatHistory::newest(1))
                .id()
        });
        game.update();
        game.answer_rest(401, &recorded["response"]["body"]);
        game.update();
        assert_eq!(
            game.rest_calls(),
            [("POST", "/v2/account/session/refresh".to_owned())]
        );
        let refused = exchanges(generation, "rest").into_iter().find(|exchange| {
            exchange["request"]["path"] == "/v2/account/session/refresh"
                && exchange["response"]["status"] == 401
        });
        let refused = refused.expect("a refused refresh token");
        game.answer_rest(401, &refused["response"]["body"]);
        game.update();
        assert_eq!(
            log.take(),
            ["InvalidToken Refresh token invalid or expired. (401)"]
        );
    }
}
