//! What several tests share.

#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on panics")]

pub(crate) mod by_hand;
pub(crate) mod game;
pub(crate) mod history;
pub(crate) mod live;
pub(crate) mod log;
pub(crate) mod player;
pub(crate) mod raw_client;
pub(crate) mod scenes;
pub(crate) mod schedule;
pub(crate) mod scripted;
pub(crate) mod server_code;
pub(crate) mod steps;
pub(crate) mod transcripts;
