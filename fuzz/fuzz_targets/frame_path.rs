//! From a frame to the world: whatever arrives, the game goes on.

#![no_main]

#[path = "../../tests/suite/hostile/frame_path.rs"]
mod frame_path;
#[path = "../../tests/suite/hostile/pieces.rs"]
mod pieces;

libfuzzer_sys::fuzz_target!(|input: &[u8]| frame_path::frame_path(&pieces::frames(input)));
