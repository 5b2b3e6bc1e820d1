//! Bytes: sockets, TLS, WebSocket and HTTP.

pub(super) mod dial;
pub(super) mod exchange;
pub(crate) mod frames;
mod http;
pub(super) mod pool;
pub(super) mod resolver;
pub(super) mod rest;
mod stream;
#[cfg(feature = "rustls")]
pub(super) mod tls;
pub(super) mod websocket;
