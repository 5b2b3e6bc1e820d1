//! What several tests share.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

pub mod raw_client;
pub mod transcripts;
