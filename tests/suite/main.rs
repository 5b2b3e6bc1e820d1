//! What a game and its players would notice. One binary: linking Bevy is what takes time.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;

mod account;
mod chaos;
mod chat;
mod connection;
mod data;
mod errors;
mod form;
mod healing;
mod hostile;
mod local_server;
mod matches;
mod matchmaker;
mod mirror;
mod notification;
mod overlay;
mod party;
mod recorded;
mod request;
mod rest;
mod rpc;
mod settings;
mod sockets;
mod status;
mod storage;
mod stream;
mod testing;
