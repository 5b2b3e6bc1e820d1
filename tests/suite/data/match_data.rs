//! Sending and receiving match data: types, receivers, limits, and the pace.

use std::time::Duration;

use crate::common::log::Log;
use bevy::{ecs::message::MessageCursor, prelude::*};
use bevy_nakama::{
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Moved {
    x: f32,
    y: f32,
}

impl MatchPayload for Moved {
    const OP_CODE: i64 = 1;
    type Codec = Postcard;
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Said {
    text: String,
}

impl MatchPayload for Said {
    const OP_CODE: i64 = -2;
    type Codec = Json;
}

#[derive(Debug, PartialEq)]
struct Beep(u8);

impl Codec<Self> for Beep {
    fn encode(beep: &Self) -> Result<Bytes, PayloadError> {
        if beep.0 == 0 {
            Err(PayloadError::new("silence"))
        } else {
            Ok(Bytes::copy_from_slice(&[beep.0]))
        }
    }

    fn decode(bytes: &Bytes) -> Result<Self, PayloadError> {
        bytes
            .first()
            .copied()
            .map(Beep)
            .ok_or_else(|| PayloadError::new("nothing there"))
    }
}

impl MatchPayload for Beep {
    const OP_CODE: i64 = 3;
    type Codec = Self;
}

fn game() -> (TestGame, Entity, Log) {
    let mut game = TestGame::new();
    game.app
        .add_match_data::<Moved>()
        .add_match_data::<Said>()
        .add_match_data::<Beep>()
        .add_match_data::<Beep>();
    game.connect();
    let here = game.join("m1", &["ada", "bob", "carol"]);
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<SendFailed>| {
        seen.add(format!("{} failed: {}", failed.op_code, failed.reason));
    });
    (game, here, log)
}

fn drain<M: bevy::prelude::Message>(game: &mut TestGame) -> Vec<M> {
    game.app
        .world_mut()
        .resource_mut::<Messages<M>>()
        .drain()
        .collect()
}

fn sent_data(game: &mut TestGame) -> Vec<realtime::MatchDataSend> {
    let data = game
        .sent()
        .into_iter()
        .filter_map(|envelope| match envelope.message {
            Some(Message::MatchDataSend(data)) => Some(data),
            _ => None,
        });
    data.collect()
}

#[test]
fn values_of_bound_types_arrive_as_they_were_sent() {
    let (mut game, here, _) = game();
    game.commands(|commands| {
        commands.nakama().send(here, &Moved { x: 1.5, y: -2.0 });
        commands.nakama().send(
            here,
            &Said {
                text: "hello".into(),
            },
        );
        commands.nakama().send(here, &Beep(9));
    });
    game.update();
    for sent in sent_data(&mut game) {
        assert_eq!(sent.match_id, "m1");
        game.server_says(match_data("m1", Some("bob"), sent.op_code, sent.data));
    }
    game.update();

    let bob = game.presence_of("m1", "bob");
    let moved: Vec<FromMatch<Moved>> = drain(&mut game);
    assert_eq!(moved.len(), 1);
    assert_eq!(
        (&moved[0].payload, moved[0].context),
        (&Moved { x: 1.5, y: -2.0 }, here)
    );
    let sender = moved[0].sender.as_ref().expect("bob");
    assert_eq!(
        (sender.entity, sender.presence.username.as_str()),
        (Some(bob), "bob")
    );
    assert_eq!(
        drain::<FromMatch<Said>>(&mut game)[0].payload,
        Said {
            text: "hello".into()
        }
    );
    assert_eq!(drain::<FromMatch<Beep>>(&mut game)[0].payload, Beep(9));
    assert!(
        drain::<MatchDataReceived>(&mut game).is_empty(),
        "a bound op code arrives typed only"
    );
}

#[test]
fn what_is_no_such_value_is_told_apart_and_kept() {
    let (mut game, here, _) = game();
    game.server_says(match_data("m1", Some("bob"), 1, "short"));
    game.server_says(match_data("m1", Some("bob"), -2, "{"));
    game.server_says(match_data("m1", None, 3, ""));
    let mut trailing = postcard_bytes(&Moved { x: 0.0, y: 0.0 });
    trailing.push(0);
    game.server_says(match_data("m1", Some("bob"), 1, trailing));
    game.update();
    let rejected: Vec<MatchDataRejected> = drain(&mut game);
    assert_eq!(
        rejected
            .iter()
            .map(|r| (r.context, r.op_code))
            .collect::<Vec<_>>(),
        [(here, 1), (here, -2), (here, 3), (here, 1)]
    );
    assert_eq!(rejected[1].data, "{");
    assert!(rejected[2].error.to_string().contains("nothing there"));
    assert!(drain::<FromMatch<Moved>>(&mut game).is_empty());
}

fn postcard_bytes(moved: &Moved) -> Vec<u8> {
    Postcard::encode(moved).expect("two floats").to_vec()
}

#[test]
#[should_panic(expected = "op code 1 is claimed twice")]
fn two_types_for_one_op_code_are_a_mistake() {
    #[derive(Deserialize, Serialize)]
    struct Other;
    impl MatchPayload for Other {
        const OP_CODE: i64 = 1;
        type Codec = Postcard;
    }
    game().0.app.add_match_data::<Other>();
}

#[test]
fn data_can_go_to_some_only() {
    let (mut game, here, log) = game();
    let (bob, stranger) = (
        game.presence_of("m1", "bob"),
        game.app.world_mut().spawn_empty().id(),
    );
    game.commands(|commands| {
        commands.nakama().send_data(
            here,
            OutgoingData::raw(7, "psst")
                .to([bob, stranger])
                .reliable(false),
        );
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(7, "all"));
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(7, "nobody").to([stranger]));
    });
    game.update();
    let sent = sent_data(&mut game);
    assert_eq!(
        sent.len(),
        2,
        "an empty list of receivers would mean everybody"
    );
    assert_eq!(sent[0].presences, [presence("bob")]);
    assert!(!sent[0].reliable && sent[1].reliable);
    assert!(sent[1].presences.is_empty());
    game.update();
    assert_eq!(
        log.take(),
        ["7 failed: none of the receivers is in the match"]
    );
}

/// A whisper must not end up with somebody else, and one for nobody must not go to everybody.
#[test]
fn data_goes_to_nobody_of_another_match() {
    let (mut game, here, log) = game();
    game.join("m2", &["ada", "bob", "cat"]);
    let (bob, cat) = (game.presence_of("m1", "bob"), game.presence_of("m2", "cat"));
    let elsewhere = game.presence_of("m2", "bob");
    for receivers in [&[cat, bob][..], &[cat, elsewhere], &[elsewhere]] {
        let whisper = OutgoingData::raw(7, "psst").to(receivers.iter().copied());
        game.commands(|commands| commands.nakama().send_data(here, whisper));
    }
    game.update();
    let sent = sent_data(&mut game);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].presences, [presence("bob")]);
    game.update();
    let nobody = "7 failed: none of the receivers is in the match";
    assert_eq!(log.take(), [nobody, nobody]);
}

#[test]
fn data_that_cannot_be_sent_is_told() {
    let (mut game, here, log) = game();
    let nothing = game.app.world_mut().spawn_empty().id();
    let joining =
        game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m2")).id());
    let all = log.clone();
    game.observe(move |failed: On<SendFailed>| all.add(format!("on {:?}", failed.context)));
    game.commands(|commands| {
        commands.nakama().send(nothing, &Beep(1));
        commands.nakama().send(joining, &Beep(1));
        commands.nakama().send(here, &Beep(0));
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(5, vec![0; 4096]));
    });
    assert_eq!(log.take(), [""; 0], "never before the call has returned");
    game.update();
    game.update();
    assert_eq!(
        log.take(),
        [
            "3 failed: not a member".into(),
            format!("on {nothing:?}"),
            "3 failed: not a member".into(),
            format!("on {joining:?}"),
            "3 failed: it cannot be encoded: silence".into(),
            format!("on {here:?}"),
            "5 failed: 4110 bytes are above the server's limit of 4096".into(),
            format!("on {here:?}"),
        ]
    );
    assert!(sent_data(&mut game).is_empty());
}

#[test]
fn exactly_the_limit_passes() {
    let (mut game, here, log) = game();
    game.commands(|commands| {
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(5, vec![0; 4096 - 14]))
    });
    game.update();
    game.update();
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(
        prost::Message::encoded_len(&game.expect_sent(Kind::MatchDataSend)),
        4096
    );
}

#[test]
fn five_hundred_sends_in_one_frame_leave_in_order_and_paced() {
    let (mut game, here, log) = game();
    game.app.world_mut().resource_mut::<EnvelopeTap>().open();
    game.update();
    game.commands(|commands| {
        for op_code in 0..500 {
            commands
                .nakama()
                .send_data(here, OutgoingData::raw(op_code, "x"));
        }
    });
    let mut left = Vec::new();
    for _ in 0..20 {
        game.update();
        left.extend(
            drain::<EnvelopeSent>(&mut game)
                .into_iter()
                .map(|envelope| envelope.at),
        );
    }
    assert_eq!(
        sent_data(&mut game)
            .iter()
            .map(|data| data.op_code)
            .collect::<Vec<_>>(),
        (0..500).collect::<Vec<_>>()
    );
    assert_eq!(log.take(), [""; 0]);

    let since: Vec<Duration> = left.iter().map(|at| *at - left[0]).collect();
    assert_eq!(since[31], Duration::ZERO, "32 leave at once");
    assert_eq!(
        since[32],
        Duration::from_micros(250),
        "then four per millisecond"
    );
    assert_eq!(since[499], Duration::from_micros(250) * 468);
}

#[test]
fn a_leave_does_not_overtake_the_data_before_it() {
    let (mut game, here, _) = game();
    game.commands(|commands| {
        for _ in 0..50 {
            commands.nakama().send(here, &Beep(1));
        }
        commands.nakama().leave_match(here);
    });
    game.advance(Duration::from_millis(50));
    let kinds: Vec<_> = game
        .sent()
        .iter()
        .filter_map(|envelope| envelope.message.as_ref().map(Kind::of))
        .collect();
    assert_eq!(kinds.len(), 51);
    assert_eq!(kinds.last(), Some(&Kind::MatchLeave));
}

#[test]
fn a_game_that_sends_faster_than_its_pace_is_told() {
    let (mut game, here, log) = game();
    game.app
        .world_mut()
        .resource_mut::<NakamaSettings>()
        .receive_budget = Duration::from_secs(60);
    game.commands(|commands| {
        for _ in 0..5000 {
            commands.nakama().send(here, &Beep(1));
        }
    });
    game.update();
    game.update();
    let failed = log.take();
    assert!(
        failed
            .iter()
            .all(|line| line == "3 failed: 4096 messages are waiting to be sent")
    );
    assert_eq!(failed.len(), 5000 - 4096);
    game.advance(Duration::from_secs(2));
    assert_eq!(sent_data(&mut game).len(), 4096, "what was accepted leaves");
}

/// What the documentation says of a pause: Bevy keeps all that arrives, and how a game can have it forgotten.
#[test]
fn a_pause_keeps_messages_unless_the_game_forgets_them() {
    for (forgets, kept) in [(false, 100), (true, 2)] {
        let mut game = TestGame::joined("m1", &["ada"]);
        let forget = |mut data: ResMut<Messages<MatchDataReceived>>| data.update();
        if forgets {
            let is_paused = |time: Res<Time<Virtual>>| time.is_paused();
            game.app.add_systems(Last, forget.run_if(is_paused));
        }
        let world = game.app.world_mut();
        world.resource_mut::<Time<Virtual>>().pause();
        let mut cursor = MessageCursor::<MatchDataReceived>::default();
        let mut read = Vec::new();
        for op_code in 0..100 {
            game.server_says(match_data("m1", None, op_code, "x"));
            game.update();
            let messages = game.app.world().resource::<Messages<MatchDataReceived>>();
            read.extend(cursor.read(messages).map(|data| data.op_code));
        }
        assert_eq!(read, (0..100).collect::<Vec<_>>(), "nothing is lost");
        let messages = game.app.world().resource::<Messages<MatchDataReceived>>();
        assert!(messages.len() <= kept, "{} are kept", messages.len());
        assert!(forgets || messages.len() == kept, "{}", messages.len());
    }
}
