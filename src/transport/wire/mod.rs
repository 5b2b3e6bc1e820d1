//! Envelopes: bytes to lean values and back.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod error_text;
pub(crate) mod ids;
mod interner;
pub(crate) mod received;
