//! What a game and its players would notice. One binary: linking Bevy is what takes time.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod architecture;
mod chat;
mod chat_recorded;
mod connection;
mod hostile;
mod local_server;
mod local_server_runtime;
mod match_data;
mod matches;
mod overlay;
mod party;
mod party_moves;
mod play;
mod request_property;
mod requests;
mod sessions;
mod sockets;
mod stall;
mod status;
mod status_recorded;
mod stream;
mod transcripts;
