//! The recordings of real servers, played to the embedded one on a virtual clock: every recorded frame of a client goes in, and
//! what comes out is compared with what the real server answered, client by client and in order.

mod handshakes;
mod hostile;
mod lab;
mod races;
mod replay;
mod rest;
mod storage;
mod unify;

use std::{ops::RangeInclusive, time::Duration};

use self::replay::{Format, Replay};
use crate::common::transcripts::{self, GENERATIONS, Scenario};
use bevy_nakama::local_server::LocalServerConfig;
use serde_json::Value;

/// When the virtual clock starts: to the nanosecond, so that a test sees which times are cut off.
const EPOCH: Duration = Duration::new(1_800_000_000, 123_456_789);

/// Scenarios that are not played, and why.
const NOT_PLAYED: &[(&str, &str)] = &[
    ("error_before_hook", "no runtime: hooks"),
    (
        "matchmaker_multiple",
        "which two of three equals are matched is chance",
    ),
];

/// Lines that are left out of scenarios that are played, and why.
const LEFT_OUT: &[(&str, RangeInclusive<u64>, &str)] = &[
    ("nakama-3.27/notifications", 23..=30, "no friends"),
    (
        "nakama-3.27/notifications",
        37..=38,
        "some are from before the recording",
    ),
    ("nakama-3.40/notifications", 23..=31, "no friends"),
    (
        "nakama-3.40/notifications",
        38..=39,
        "some are from before the recording",
    ),
];

#[test]
fn recordings_of_protobuf_sockets() {
    let mut frames = 0;
    for generation in GENERATIONS {
        frames += play_all(transcripts::scenarios(generation), Format::Protobuf);
    }
    println!("{frames} frames");
    assert!(frames >= 1_993, "only {frames} frames were compared");
}

#[test]
fn recordings_of_json_sockets() {
    let frames = play_all(transcripts::json_scenarios(), Format::Json);
    println!("{frames} frames");
    assert!(frames >= 269, "only {frames} frames were compared");
}

/// Plays what can be played, and counts the frames compared.
fn play_all(scenarios: Vec<Scenario>, format: Format) -> usize {
    let mut all = 0;
    for scenario in scenarios {
        let name = format!("{}/{}", scenario.generation, scenario.name);
        if let Some((_, why)) = NOT_PLAYED.iter().find(|(name, _)| *name == scenario.name) {
            println!("{name:50} not played: {why}");
            continue;
        }
        let frames = Replay::new(&scenario, format).play(&scenario);
        println!("{name:50} {frames:4} frames");
        all += frames;
    }
    all
}

/// A server like the recorded one, of that generation.
fn config(generation: &str) -> LocalServerConfig {
    LocalServerConfig {
        node: "nakama".to_owned(),
        runtime: lab::module(),
        session_token_life: Duration::from_secs(60),
        refresh_token_life: Duration::from_secs(3600),
        party_layout: transcripts::party_layout(generation),
        ..LocalServerConfig::default()
    }
}

fn query(query: &Value) -> String {
    let mut encoded = form_urlencoded::Serializer::new(String::from("?"));
    for (name, value) in query.as_object().into_iter().flatten() {
        match value {
            Value::Array(values) => values.iter().for_each(|value| {
                encoded.append_pair(name, value.as_str().unwrap_or_default());
            }),
            value => {
                encoded.append_pair(name, value.as_str().unwrap_or_default());
            }
        }
    }
    encoded.finish()
}
