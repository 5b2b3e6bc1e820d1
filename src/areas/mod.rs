//! The areas of the protocol. Each is a plugin with its components, requests and handlers; none knows another.

pub mod account;
pub mod chat;
pub mod matches;
pub mod matchmaker;
pub mod notification;
pub mod party;
pub mod rpc;
pub mod status;
pub mod stream;
