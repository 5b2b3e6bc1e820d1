//! What a game and its players would notice. One binary: linking Bevy is what takes time.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod architecture;
mod chat;
mod chat_recorded;
mod chat_rooms;
mod connection;
mod departures;
mod error_texts;
mod every_request;
mod extremes;
mod floods;
mod guest;
mod hostile;
mod ids;
mod interference;
mod kinds;
mod large_requests;
mod last_words;
mod lists;
mod local_server;
mod local_server_runtime;
mod match_data;
mod matches;
mod matches_recorded;
mod matchmaker;
mod matchmaker_recorded;
mod network_thread;
mod notifications;
mod overlay;
mod party;
mod party_asking;
mod party_moves;
mod phases;
mod play;
mod reflection;
mod replay;
mod request_property;
mod requests;
mod rest;
mod rest_sockets;
mod rpc;
mod sessions;
mod sockets;
mod stall;
mod status;
mod status_recorded;
mod stopped;
#[cfg(target_os = "linux")]
mod stopped_process;
mod stream;
mod test_game;
mod transcripts;
mod unencodable;
mod unheard;
mod words;
