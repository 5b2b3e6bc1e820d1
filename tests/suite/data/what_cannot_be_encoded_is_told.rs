//! A value that its codec cannot write is not sent, and the game hears the codec's own words.

use std::collections::BTreeMap;

use crate::common::{log::Log, steps::create_party};
use bevy::prelude::*;
use bevy_nakama::payload::Codec;
use bevy_nakama::payload::PayloadError;
use bevy_nakama::request::Request;
use bevy_nakama::rpc::Call;
use bevy_nakama::{prelude::*, testing::*};
use bytes::Bytes;

/// A value that its codec never writes.
#[derive(Clone, Copy)]
struct Mute;

impl Codec<Self> for Mute {
    fn encode(_: &Self) -> Result<Bytes, PayloadError> {
        Err(PayloadError::new("it has lost its voice"))
    }

    fn decode(_: &Bytes) -> Result<Self, PayloadError> {
        Ok(Self)
    }
}

impl MatchPayload for Mute {
    const OP_CODE: i64 = 4;
    type Codec = Self;
}

impl PartyPayload for Mute {
    const OP_CODE: i64 = 5;
    type Codec = Self;
}

#[test]
fn data_for_matches_and_parties() {
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    let here = game.match_entity("m1");
    let team = create_party(
        &mut game,
        CreateParty::open(4),
        party_joined("p1", "ada", &["ada"]),
    );
    let (log, seen) = (Log::default(), Log::default());
    let all = seen.clone();
    let told = log.clone();
    game.observe(move |failed: On<SendFailed>| {
        let SendError::Unencodable(why) = &failed.reason else {
            panic!("{:?}", failed.reason);
        };
        all.add(format!("{} {why}", failed.op_code));
        told.add(failed.reason.to_string());
    });
    game.commands(|commands| {
        commands.nakama().send(here, &Mute);
        commands
            .nakama()
            .send_data(here, OutgoingData::typed(&Mute));
        commands.nakama().send_to_party(team, &Mute);
    });
    game.update();
    let why = "the payload does not fit its type: it has lost its voice";
    assert_eq!(
        seen.take(),
        [format!("4 {why}"), format!("4 {why}"), format!("5 {why}")]
    );
    for line in log.take() {
        assert!(line.contains("it has lost its voice"), "{line}");
    }
    assert!(game.sent().is_empty());
}

fn watch<R: Request>(game: &mut TestGame, log: &Log) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Err(RequestError::Unencodable(why)) => seen.add(format!("{}: {why}", R::NAME)),
        other => panic!("{}: {other:?}", R::NAME),
    });
}

/// The argument of a function. JSON cannot write it: its keys are pairs.
#[derive(serde::Serialize)]
struct Odd(BTreeMap<(u8, u8), u8>);

impl RpcFunction for Odd {
    const ID: &'static str = "odd";
    type Reply = ();
}

#[test]
fn chat_and_functions() {
    let (mut game, log) = (TestGame::connected(), Log::default());
    let room = game.join_room("lobby", &["ada"]);
    watch::<SendChatMessage>(&mut game, &log);
    watch::<UpdateChatMessage>(&mut game, &log);
    watch::<Rpc>(&mut game, &log);
    watch::<Call<Odd>>(&mut game, &log);
    watch::<RpcWithKey>(&mut game, &log);
    let odd = || Odd(BTreeMap::from([((1, 2), 3)]));
    game.commands(|commands| {
        commands.nakama().send_chat(room, &odd());
        commands.nakama().update_chat_message(room, "m1", &odd());
        commands.nakama().rpc(Rpc::new("odd").json(&odd()));
        commands.nakama().call(odd());
        let rpc = Rpc::of(&odd());
        commands.nakama().rpc_with_key(&server(), "key", rpc);
    });
    game.update();
    let why = serde_json::to_string(&odd())
        .expect_err("no JSON")
        .to_string();
    let lines = log.take();
    let names: Vec<_> = lines
        .iter()
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    let expected = [
        "SendChatMessage",
        "UpdateChatMessage",
        "Rpc",
        "odd",
        "RpcWithKey",
    ];
    assert_eq!(names, expected);
    assert!(lines.iter().all(|line| line.ends_with(&why)), "{lines:?}");
    assert!(game.sent().is_empty() && game.rest_calls().is_empty());
}

/// A number that JSON does not have. `serde_json` would write `null`, which nobody can read as a number.
#[derive(Debug, serde::Deserialize, serde::Serialize)]
struct Aimed {
    angle: f32,
}

impl MatchPayload for Aimed {
    const OP_CODE: i64 = 6;
    type Codec = bevy_nakama::payload::Json;
}

impl RpcFunction for Aimed {
    const ID: &'static str = "aimed";
    type Reply = ();
}

#[test]
fn a_number_that_json_does_not_have() {
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    let here = game.match_entity("m1");
    let room = game.join_room("lobby", &["ada"]);
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
    watch::<SendChatMessage>(&mut game, &log);
    watch::<Rpc>(&mut game, &log);
    watch::<Call<Aimed>>(&mut game, &log);
    let nowhere = || Aimed { angle: f32::NAN };
    game.commands(|commands| {
        commands.nakama().send(here, &nowhere());
        commands.nakama().send_chat(room, &nowhere());
        commands.nakama().rpc(Rpc::new("aimed").json(&nowhere()));
        commands.nakama().call(nowhere());
        commands.nakama().send(here, &Aimed { angle: 1.0 });
    });
    game.update();
    let lines = log.take();
    assert_eq!(lines.len(), 4, "{lines:?}");
    let why = "a number in it is NaN or infinite, which JSON cannot say";
    assert!(lines.iter().all(|line| line.ends_with(why)), "{lines:?}");
    assert_eq!(game.sent().len(), 1, "the good one");
}
