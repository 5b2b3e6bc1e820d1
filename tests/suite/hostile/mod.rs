//! Hostile input: the targets of the fuzzer in `fuzz/`, over all recordings and over seeded damage to them.

mod any_order_of_events;
mod as_prost_does;
mod core_inputs;
mod decoder;
mod frame_path;
mod mutations;
mod pieces;
mod session;

use std::{fs, path::Path};

use self::mutations::Mutator;
use crate::common::transcripts::received;
use bytes::Bytes;

#[test]
fn recorded_frames_reach_the_world() {
    let connections = received();
    for frames in &connections {
        frame_path::frame_path(frames);
    }
    println!("{} connections", connections.len());
    assert!(connections.len() > 200);
}

#[test]
fn damaged_frames_break_nothing() {
    let connections = received();
    let all: Vec<Bytes> = connections.concat();
    let mut mutator = Mutator::new(2);
    let mut sent = 0;
    for _ in 0..SESSIONS {
        // The beginning of a recorded connection, and then anything.
        let frames = &connections[mutator.below(connections.len())];
        let whole = mutator.below(frames.len().min(8) + 1);
        let mut frames = frames[..whole].to_vec();
        frames.extend((0..12).map(|_| Bytes::from(mutator.mutate(&all))));
        sent += frames.len();
        // An input of the fuzzer says the same.
        let frames = pieces::frames(&pieces::join(&frames));
        frame_path::frame_path(&frames);
    }
    println!("{SESSIONS} sessions, {sent} frames");
}

#[test]
fn any_order_of_events_gives_each_request_one_outcome() {
    let mut mutator = Mutator::new(3);
    for _ in 0..INPUTS {
        let length = 2 * mutator.below(200) + 1;
        let byte = |_| u8::try_from(mutator.below(256)).unwrap_or_default();
        core_inputs::core_inputs(&(0..length).map(byte).collect::<Vec<_>>());
    }
}

/// Writes the fuzzer's first inputs to `fuzz/corpus`: `cargo test --test suite hostile::corpus -- --ignored`.
#[test]
#[ignore = "writes files"]
fn corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let write = |target: &str, name: usize, input: Vec<u8>| {
        let folder = folder.join(target);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name.to_string()), input).expect("a file");
    };
    for (name, frames) in received().iter().enumerate() {
        let input = pieces::join(frames);
        write("decoder", name, input.clone());
        write("frame_path", name, input);
    }
    let mut mutator = Mutator::new(4);
    for name in 0..200 {
        let byte = |_| u8::try_from(mutator.below(256)).unwrap_or_default();
        write("core_inputs", name, (0..201).map(byte).collect());
    }
}

const SESSIONS: u32 = 250;
const INPUTS: u32 = 40;
