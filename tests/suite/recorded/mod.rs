//! What real servers did, played to this crate.

mod embedded_server;
