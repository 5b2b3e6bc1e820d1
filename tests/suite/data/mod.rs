//! Data of matches, parties and streams: what a game sends, and what it hears.

mod a_message_costs_one_allocation;
mod a_pause_keeps_messages;
mod a_value_arrives_as_it_was_sent;
mod a_window_is_shared;
mod data_goes_to_whom_it_names;
mod each_type_is_a_queue_of_its_own;
mod sending_keeps_its_pace;
mod what_a_lost_line_took_with_it_is_told;
mod what_cannot_be_encoded_is_told;
mod what_cannot_be_sent_is_told;
mod what_waits_follows_its_policy;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::payload::Codec;
use bevy_nakama::payload::Json;
use bevy_nakama::payload::PayloadError;
use bevy_nakama::{
    prelude::*,
    proto::{Message, realtime},
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
