//! What several tests share.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod game;
pub mod log;
pub mod transcripts;
