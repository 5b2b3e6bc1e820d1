//! REST calls.

use super::{dial::Dial, exchange::Exchange, http};
use crate::transport::{address::Endpoint, command::RestCall, error::TransportError};

/// Starts a call.
pub(crate) fn start(call: &RestCall, dial: Dial) -> Result<Exchange, TransportError> {
    let request = write(call, dial.endpoint())?;
    Ok(Exchange::new(dial, request))
}

fn write(call: &RestCall, endpoint: &Endpoint) -> Result<Vec<u8>, TransportError> {
    let authorization = call.authorization();
    if !http::is_header_value(&authorization) {
        return Err(TransportError::InvalidHeader("the token"));
    }
    let body = call.body.as_deref().unwrap_or_default();
    let length = body.len().to_string();
    let mut headers = vec![
        ("Authorization", authorization.as_str()),
        ("Accept", "application/json"),
        ("Connection", "close"),
        (
            "User-Agent",
            concat!("bevy_nakama/", env!("CARGO_PKG_VERSION")),
        ),
    ];
    if call.method != "GET" {
        headers.push(("Content-Type", "application/json"));
        headers.push(("Content-Length", &length));
    }
    let target = format!("{}{}", endpoint.prefix, call.target);
    Ok(http::write_request(
        call.method,
        &target,
        &endpoint.authority,
        &headers,
        body.as_bytes(),
    ))
}
