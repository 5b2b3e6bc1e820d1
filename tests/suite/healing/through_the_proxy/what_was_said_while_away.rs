//! What the server has stored while Ada was away: lines of chat, and notifications.

use bevy_nakama::{
    chat::{ChatGap, ChatMessageKind},
    local_server::{NotificationSend, RuntimeModule},
    rpc::Rpc,
};

use super::*;

/// Ada and Bob are in a room, where Bob has said these lines.
fn in_a_room(stage: &mut Stage, lines: &[&str]) -> (Entity, Entity, Vec<MessageId>) {
    let rooms = [&mut stage.ada, &mut stage.bob].map(|player| {
        let joined = player
            .game
            .ask::<JoinChat>(|nakama| nakama.join_chat("lobby").id());
        joined.expect("a room").entity
    });
    let ids = lines
        .iter()
        .map(|line| say(stage, rooms[1], line))
        .collect();
    stage.until("ada reads them", |stage| {
        (log(&stage.ada, rooms[0]).len() == lines.len()).then_some(())
    });
    said(&mut stage.ada);
    (rooms[0], rooms[1], ids)
}

/// Bob says a line.
fn say(stage: &mut Stage, room: Entity, line: &str) -> MessageId {
    let json = json(line);
    let bob = &mut stage.bob.game;
    let said = bob.ask::<SendChatMessage>(|nakama| nakama.send_chat_json(room, json).id());
    said.expect("he may").message_id
}

fn json(line: &str) -> String {
    format!("{{\"text\":\"{line}\"}}")
}

fn log(player: &Player, room: Entity) -> Vec<(MessageId, String)> {
    let log = player.game.app.world().get::<ChatLog>(room);
    let lines = log.expect("a log").iter();
    let text = |json: &str| json.replace(' ', "");
    lines
        .map(|line| (line.message_id.clone(), text(&line.json)))
        .collect()
}

/// What arrived since the last call: the line, what it is, and whether it was replayed.
fn said(player: &mut Player) -> Vec<(MessageId, ChatMessageKind, bool)> {
    let said = Game::arrived::<ChatMessageReceived>(&mut player.game.app);
    let said = said.into_iter();
    said.map(|it| (it.message.message_id, it.message.kind, it.replayed))
        .collect()
}

#[test]
fn scenario_28_lines_edits_and_removals_of_the_gap_are_told_once() {
    let mut stage = Stage::new();
    let (ada_room, room, ids) = in_a_room(&mut stage, &["one", "two", "three"]);
    stage.ada_goes_away();
    let fourth = say(&mut stage, room, "four");
    let fifth = say(&mut stage, room, "five");
    let bob = &mut stage.bob.game;
    let (first, text) = (ids[0].clone(), json("won"));
    bob.ask::<UpdateChatMessage>(|nakama| nakama.update_chat_message_json(room, first, text).id())
        .expect("it is his");
    for id in [ids[1].clone(), fifth] {
        bob.ask::<RemoveChatMessage>(|nakama| nakama.remove_chat_message(room, id).id())
            .expect("it is his");
    }
    stage.ada_comes_back();
    let mut arrived = said(&mut stage.ada);
    stage.play_for(millis(300));
    arrived.extend(said(&mut stage.ada));
    let mut expected = vec![
        (ids[0].clone(), ChatMessageKind::Update, true),
        (ids[1].clone(), ChatMessageKind::Remove, true),
        (fourth, ChatMessageKind::Chat, true),
    ];
    // Lines are in order; edits and removals are about older ones, in any order.
    assert_eq!(arrived.last(), expected.last());
    let by_id = |it: &(MessageId, ChatMessageKind, bool)| it.0.to_string();
    arrived.sort_by_key(by_id);
    expected.sort_by_key(by_id);
    assert_eq!(arrived, expected);
    let bobs = log(&stage.bob, room);
    assert_eq!(log(&stage.ada, ada_room), bobs);
    assert_eq!(bobs.len(), 3, "{bobs:?}");
    // What is said now is live.
    let sixth = say(&mut stage, room, "six");
    let live = stage.until("a line", |stage| said(&mut stage.ada).pop());
    assert_eq!(live, (sixth, ChatMessageKind::Chat, false));
}

#[test]
fn scenario_28_more_lines_than_the_limit_are_a_gap_that_is_said() {
    let settings = NakamaSettings {
        chat_fill: 2,
        ..Default::default()
    };
    let mut stage = Stage::with(LocalServerConfig::default(), settings);
    let (_, room, _) = in_a_room(&mut stage, &["one"]);
    let gaps = Log::default();
    let to = gaps.clone();
    let app = &mut stage.ada.game.app;
    app.add_observer(move |_: On<ChatGap>| to.add("a gap"));
    stage.ada_goes_away();
    let lines = ["two", "three", "four", "five"];
    let ids = lines.map(|line| say(&mut stage, room, line));
    stage.ada_comes_back();
    stage.play_for(millis(300));
    assert_eq!(gaps.take(), ["a gap"]);
    let newest = ids[2..].iter().cloned();
    let newest: Vec<_> = newest.map(|id| (id, ChatMessageKind::Chat, true)).collect();
    assert_eq!(said(&mut stage.ada), newest);
}

/// Who is in the room changes, too.
#[test]
fn scenario_28_a_room_in_which_nothing_was_said_is_silent() {
    let mut stage = Stage::new();
    let (ada_room, room, _) = in_a_room(&mut stage, &["one", "two"]);
    let members = |player: &Player, room| {
        let members = player.game.app.world().get::<ChatMembers>(room);
        let mut members: Vec<_> = members.expect("members").iter().collect();
        members.sort();
        members
    };
    stage.until("both are in the room", |stage| {
        (members(&stage.ada, ada_room).len() == 2).then_some(())
    });
    let before = (members(&stage.ada, ada_room), log(&stage.ada, ada_room));
    let news = Log::default();
    let app = &mut stage.ada.game.app;
    let to = news.clone();
    app.add_observer(move |_: On<ChatGap>| to.add("a gap"));
    let to = news.clone();
    app.add_observer(move |_: On<Joined<ChatChannel>>| to.add("joined"));
    let to = news.clone();
    app.add_observer(move |_: On<Left<ChatChannel>>| to.add("left"));
    let to = news.clone();
    app.add_observer(move |back: On<Reentered<ChatChannel>>| {
        to.add(format!("{:?}", back.outcome));
    });
    stage.ada_goes_away();
    stage.ada_comes_back();
    stage.play_for(millis(300));
    assert_eq!(news.take(), ["Restored"]);
    assert_eq!(said(&mut stage.ada), []);
    let after = (members(&stage.ada, ada_room), log(&stage.ada, ada_room));
    assert_eq!(after, before);
    assert_eq!(log(&stage.bob, room), before.1);
}

/// Bob can give something to Ada: two notifications that are stored, and one that is not.
fn with_gifts() -> Stage {
    let runtime = RuntimeModule::new().register_rpc("give", |context, receiver| {
        let gift = |code| NotificationSend::new(receiver, code, "a gift").with_content("{}");
        let gifts = [gift(1).persistent(), gift(2), gift(3).persistent()];
        context.runtime.notifications_send(gifts)?;
        Ok(String::new())
    });
    let config = LocalServerConfig {
        runtime,
        ..Default::default()
    };
    Stage::with(config, NakamaSettings::default())
}

fn give(stage: &mut Stage) {
    let (ada, _) = stage.ada.connection().user().expect("a user");
    let rpc = Rpc::new("give").payload(ada.to_string());
    let given = stage.bob.game.ask::<Rpc>(|nakama| nakama.rpc(rpc).id());
    given.expect("he may");
}

/// The codes that arrived since the last call, and whether they were replayed.
fn given(player: &mut Player) -> Vec<(i32, bool)> {
    let given = Game::arrived::<NotificationReceived>(&mut player.game.app).into_iter();
    given
        .map(|it| (it.notification.code.code(), it.replayed))
        .collect()
}

#[test]
fn scenario_29_notifications_of_the_gap_are_told_once() {
    let mut stage = with_gifts();
    give(&mut stage);
    let mut live = Vec::new();
    stage.until("the gifts", |stage| {
        live.extend(given(&mut stage.ada));
        (live.len() == 3).then_some(())
    });
    assert_eq!(live, [(1, false), (2, false), (3, false)]);
    for _ in 0..2 {
        stage.ada_goes_away();
        give(&mut stage);
        stage.ada_comes_back();
        stage.play_for(millis(500));
        assert_eq!(given(&mut stage.ada), [(1, true), (3, true)]);
    }
    // Nothing was given meanwhile, and nothing is told again.
    stage.ada_goes_away();
    stage.ada_comes_back();
    stage.play_for(millis(500));
    assert_eq!(given(&mut stage.ada), []);
    let inbox = stage.ada.game.app.world().resource::<NotificationInbox>();
    assert_eq!(inbox.len(), 6);
}
