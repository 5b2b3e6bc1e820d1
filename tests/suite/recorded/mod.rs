//! What real servers did, played to this crate.

mod authoritative_matches;
mod chat;
mod chat_history;
mod chat_refusals;
mod embedded_server;
mod frames;
mod functions;
mod lists;
mod matchmaker;
mod notifications;
mod status;
mod storage;
mod streams;
mod watching;
