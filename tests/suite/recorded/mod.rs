//! What real servers did, played to this crate.

mod authoritative_matches;
mod chat;
mod chat_history;
mod chat_refusals;
mod embedded_server;
mod frames;
mod matchmaker;
mod status;
mod streams;
mod watching;
