//! Whatever a game, a server and a network do, and whenever: each request has exactly one outcome.

#![no_main]

#[path = "../../tests/suite/hostile/core_inputs.rs"]
mod core_inputs;
#[path = "../../tests/suite/hostile/session/mod.rs"]
mod session;

libfuzzer_sys::fuzz_target!(|input: &[u8]| core_inputs::core_inputs(input));
