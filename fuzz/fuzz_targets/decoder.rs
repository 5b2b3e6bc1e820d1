//! Every frame is read, or refused, as prost does it.

#![no_main]

#[path = "../../tests/suite/hostile/pieces.rs"]
mod pieces;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    bevy_nakama::fuzzing::read_as_prost_does(&pieces::frames(input));
});
