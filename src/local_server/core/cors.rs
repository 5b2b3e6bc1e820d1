//! Calls from pages of other origins: browsers may make them all.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    },
};

/// The headers a page may send.
const HEADERS: &[&str] = &["authorization", "content-type", "user-agent"];

/// The answer to a browser that asks first; `None` for other requests.
pub(super) fn preflight(request: &Request<Bytes>) -> Option<Response<Bytes>> {
    if request.method() != Method::OPTIONS {
        return None;
    }
    let mut response = Response::new(Bytes::new());
    if request.headers().contains_key(ORIGIN) {
        match allowed(request.headers()) {
            Ok(headers) => *response.headers_mut() = headers,
            Err(status) => *response.status_mut() = status,
        }
    }
    Some(response)
}

/// Lets the page that made a request read the response.
pub(super) fn expose(request: &Request<Bytes>, response: &mut Response<Bytes>) {
    if request.headers().contains_key(ORIGIN) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
}

fn allowed(asked: &HeaderMap) -> Result<HeaderMap, StatusCode> {
    let method = asked
        .get(ACCESS_CONTROL_REQUEST_METHOD)
        .ok_or(StatusCode::BAD_REQUEST)?;
    if !matches!(
        method.as_bytes(),
        b"GET" | b"HEAD" | b"POST" | b"PUT" | b"DELETE"
    ) {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let mut allowed = HeaderMap::new();
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        let mut each = names.to_str().unwrap_or("?").split(',');
        if !each.all(|name| HEADERS.contains(&&*name.trim().to_ascii_lowercase())) {
            return Err(StatusCode::FORBIDDEN);
        }
        allowed.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    allowed.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    allowed.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(allowed)
}
