//! What a game and its players would notice. One binary: linking Bevy is what takes time.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;

mod account;
mod chat;
mod chat_recorded;
mod connection;
mod data;
mod errors;
mod form;
mod hostile;
mod local_server;
mod matches;
mod matches_recorded;
mod matchmaker;
mod matchmaker_recorded;
mod mirror;
mod notification;
mod overlay;
mod party;
mod recorded;
mod replay;
mod request;
mod rest;
mod rpc;
mod settings;
mod sockets;
mod status;
mod status_recorded;
mod stream;
mod testing;
mod transcripts;
