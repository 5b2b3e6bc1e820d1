//! tbd
#[cfg(feature = "local-server")]
pub mod local_server;
pub mod proto;
