//! REST calls.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{dial::Dial, exchange::Exchange, http};
use crate::transport::{
    address::{Endpoint, Secret},
    command::{Auth, RestCall},
    error::{BadAddress, TransportError},
};

/// Where a call goes, if it can go anywhere.
pub(crate) fn endpoint(call: &RestCall) -> Result<Endpoint, BadAddress> {
    let endpoint = call.server.endpoint()?;
    let problem = if !call.target.starts_with('/') {
        "a path should begin with a slash"
    } else if !call.target.bytes().all(|byte| byte.is_ascii_graphic()) {
        "a path holds characters that must be percent-encoded"
    } else {
        return Ok(endpoint);
    };
    let path = call.target.split('?').next().unwrap_or_default();
    let address = format!("{}{}", call.server.shown_url(), path.escape_debug());
    Err(BadAddress { address, problem })
}

/// Starts a call.
pub(crate) fn start(call: &RestCall, dial: Dial) -> Result<Exchange, TransportError> {
    let request = write(call, dial.endpoint())?;
    Ok(Exchange::new(dial, request))
}

/// Percent-encodes a text, so that it is one segment of a path.
pub(crate) fn path_segment(text: &str) -> String {
    use std::fmt::Write as _;

    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(byte.into());
        } else {
            let _ = write!(segment, "%{byte:02X}"); // a `String` takes everything
        }
    }
    segment
}

fn write(call: &RestCall, endpoint: &Endpoint) -> Result<Vec<u8>, TransportError> {
    let basic = |key: &Secret| {
        let credentials = BASE64_STANDARD.encode(format!("{}:", key.expose()));
        format!("Basic {credentials}")
    };
    let authorization = match &call.auth {
        Auth::ServerKey => basic(call.server.key()),
        Auth::HttpKey(key) => basic(key),
        Auth::Bearer(token) => format!("Bearer {}", token.expose()),
    };
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

#[cfg(test)]
mod tests {
    use super::path_segment;

    #[test]
    fn a_segment_holds_nothing_that_a_path_or_query_would_be_read_by() {
        assert_eq!(path_segment("2...lobby-1_~"), "2...lobby-1_~");
        assert_eq!(path_segment("2...a b/c?d#e%f"), "2...a%20b%2Fc%3Fd%23e%25f");
        assert_eq!(path_segment("ä漢"), "%C3%A4%E6%BC%A2");
        assert_eq!(path_segment(""), "");
    }
}
