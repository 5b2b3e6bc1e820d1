//! What is in a response.

use std::error::Error;

use serde::de::DeserializeOwned;

use super::error::RequestError;
use crate::transport::{RestResponse, page_text};

/// Reads the JSON object that a response is; otherwise the server answered with `instead`.
pub(crate) fn read_object<T: DeserializeOwned, E: Error>(
    response: &RestResponse,
    instead: &str,
) -> Result<T, RequestError<E>> {
    // Serde would take a list for an object.
    let body = response.body.trim_ascii_start();
    let object = body
        .starts_with(b"{")
        .then(|| serde_json::from_slice(body).ok())
        .flatten();
    object.ok_or_else(|| RequestError::UnexpectedReply {
        got: instead_of(instead, response),
    })
}

/// What a response is called that should have been something else. A page, as of a hotel's network, is named; anything else may
/// hold secrets.
pub(crate) fn instead_of(what: &str, response: &RestResponse) -> String {
    match page_text(&response.body) {
        Some(title) => format!(
            "{what}, but with the page \"{title}\" ({})",
            response.status
        ),
        None => what.to_owned(),
    }
}
