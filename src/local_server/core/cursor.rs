//! Where a list goes on: opaque texts.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

pub(super) fn encode(cursor: &impl Serialize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

/// `None` if the text is not a cursor of this kind.
pub(super) fn decode<C: DeserializeOwned>(text: &str) -> Option<C> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
