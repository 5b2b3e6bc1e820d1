//! Every frame is read, or refused, as prost does it.

#![no_main]

#[path = "../../tests/suite/hostile/as_prost_does.rs"]
mod as_prost_does;
#[path = "../../tests/suite/hostile/pieces.rs"]
mod pieces;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    as_prost_does::read_as_prost_does(&pieces::frames(input));
});
