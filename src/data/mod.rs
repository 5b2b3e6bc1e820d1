//! Typed and raw data of matches, parties and streams.

pub mod payload;
pub mod send;
