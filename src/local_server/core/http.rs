//! REST calls: arguments in, JSON out.

use std::{borrow::Cow, fmt::Display};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, VARY, WWW_AUTHENTICATE},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{cursor, json};

/// What may go wrong, as gRPC counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Code {
    InvalidArgument = 3,
    NotFound = 5,
    AlreadyExists = 6,
    Unimplemented = 12,
    Internal = 13,
    Unauthenticated = 16,
}

/// A call that is answered with an error.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) code: Code,
    pub(super) message: Cow<'static, str>,
}

impl ApiError {
    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    pub(super) fn not_found(message: &'static str) -> Self {
        Self::new(Code::NotFound, message)
    }

    pub(super) fn unauthenticated(message: &'static str) -> Self {
        Self::new(Code::Unauthenticated, message)
    }
}

/// What a call is answered with: JSON, or an error.
pub(super) type ApiResult = Result<Value, ApiError>;

/// An answer with the fields of a type. What cannot be written is an error of ours.
pub(super) fn answer(body: impl Serialize) -> ApiResult {
    serde_json::to_value(body).map_err(|error| {
        log::error!("an answer cannot be written as JSON: {error}");
        ApiError::new(Code::Internal, "Error writing response.")
    })
}

/// The answer that says nothing but yes.
pub(super) fn empty() -> ApiResult {
    Ok(json!({}))
}

/// A REST call.
pub(super) struct Call<'a> {
    headers: &'a HeaderMap,
    /// The parts of the path that the route leaves open.
    arguments: Vec<String>,
    query: Vec<(String, String)>,
    body: &'a Bytes,
}

impl<'a> Call<'a> {
    pub(super) fn new(request: &'a Request<Bytes>, arguments: Vec<String>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        Self {
            headers: request.headers(),
            arguments,
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            body: request.body(),
        }
    }

    /// What stands in the path in place of the first `{}`.
    pub(super) fn argument(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }

    /// What stands in the path in place of the second `{}`, if the route has one.
    pub(super) fn second_argument(&self) -> Option<&str> {
        self.arguments.get(1).map(String::as_str)
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query_all(name).next()
    }

    pub(super) fn query_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.query
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All parameters of the query.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body as it is.
    pub(super) fn body_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.body)
    }

    /// A parameter; `None` if it is absent or empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.query(name).filter(|text| !text.is_empty())
    }

    /// Where a list continues, if the call says so. `invalid` is the answer to a text that is not a cursor of this list.
    pub(super) fn cursor<C: DeserializeOwned>(
        &self,
        name: &str,
        invalid: ApiError,
    ) -> Result<Option<C>, ApiError> {
        let text = self.filled(name);
        text.map(|text| cursor::decode(text).ok_or(invalid))
            .transpose()
    }

    pub(super) fn query_bool(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.query_parsed(name, "ParseBool", parse_bool)
    }

    pub(super) fn query_int(&self, name: &str) -> Result<Option<i32>, ApiError> {
        self.query_parsed(name, "ParseInt", |text| text.parse().ok())
    }

    fn query_parsed<T>(
        &self,
        name: &str,
        function: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let problem = |text: &str| match text.parse::<f64>() {
            Ok(_) if function == "ParseInt" && !text.contains('.') => "value out of range",
            _ => "invalid syntax",
        };
        let values: Vec<&str> = self.query_all(name).collect();
        match *values {
            [] => Ok(None),
            [text] => parse(text).map(Some).ok_or_else(|| {
                ApiError::invalid(format!(
                    "parsing field \"{name}\": strconv.{function}: parsing {text:?}: {}",
                    problem(text)
                ))
            }),
            _ => Err(ApiError::invalid(format!(
                "too many values for field \"{name}\": {}",
                values.join(", ")
            ))),
        }
    }

    /// The parameter `limit` of lists: 1 to 100.
    pub(super) fn limit(&self, default: usize) -> Result<usize, ApiError> {
        match self.query_int("limit")? {
            None => Ok(default),
            Some(limit @ 1..=100) => Ok(usize::try_from(limit).unwrap_or(default)),
            Some(_) => Err(ApiError::invalid(
                "Invalid limit - limit must be between 1 and 100.",
            )),
        }
    }

    /// The body, an object. An absent one, and absent fields, are defaults; so is `null`. What follows it is not looked at.
    pub(super) fn body<T: Default + DeserializeOwned>(&self) -> Result<T, ApiError> {
        let text = String::from_utf8_lossy(self.body);
        if text.trim().is_empty() {
            return Ok(T::default());
        }
        let text = json::first_value(&text).map_err(|problem| match &*problem {
            json::TRUNCATED => ApiError::invalid("unexpected EOF"),
            _ => ApiError::invalid(problem),
        })?;
        let invalid = |problem: &dyn Display| ApiError::invalid(format!("proto: {problem}"));
        let mut fields: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| invalid(&error))?;
        fields.retain(|_, value| !value.is_null());
        serde_json::from_value(fields.into()).map_err(|error| invalid(&error))
    }

    /// The name in a `Basic` authorization, or what is wrong with it.
    pub(super) fn basic_name(&self) -> Result<String, ApiError> {
        let authorization = self
            .authorization()
            .ok_or_else(|| ApiError::unauthenticated("Server key required"))?;
        authorization
            .strip_prefix("Basic ")
            .and_then(|credentials| BASE64_STANDARD.decode(credentials).ok())
            .and_then(|credentials| String::from_utf8(credentials).ok())
            .and_then(|credentials| Some(credentials.split_once(':')?.0.to_owned()))
            .ok_or_else(|| ApiError::unauthenticated("Server key invalid"))
    }

    /// The token in a `Bearer` authorization, or what is wrong with it.
    pub(super) fn bearer_token(&self) -> Result<&str, ApiError> {
        let authorization = self
            .authorization()
            .ok_or_else(|| ApiError::unauthenticated("Auth token required"))?;
        authorization
            .strip_prefix("Bearer ")
            .ok_or_else(|| ApiError::unauthenticated("Auth token invalid"))
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        self.headers.get(AUTHORIZATION)?.to_str().ok()
    }
}

/// The response to a call.
pub(super) fn response(result: ApiResult) -> Response<Bytes> {
    let (status, body, challenge) = match result {
        Ok(body) => (StatusCode::OK, body, None),
        Err(ApiError { code, message }) => {
            let challenge = (code == Code::Unauthenticated).then(|| message.to_string());
            let body = json!({ "code": code as u8, "message": message });
            (status_of(code as u8), body, challenge)
        }
    };
    let mut response = json_response(status, body.to_string().into());
    let headers = response.headers_mut();
    if status == StatusCode::OK {
        headers.insert(
            "grpc-metadata-content-type",
            HeaderValue::from_static("application/grpc"),
        );
    }
    if let Some(challenge) = challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The response to a call whose body is larger than the server takes.
pub(in crate::local_server) fn body_too_large() -> Response<Bytes> {
    response(Err(ApiError::invalid("http: request body too large")))
}

/// A response without headers.
pub(in crate::local_server) fn plain_response(
    status: StatusCode,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}

/// JSON with the headers that every answer has.
pub(super) fn json_response(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = plain_response(status, body);
    let headers = response.headers_mut();
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-cache, must-revalidate"),
    );
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

/// The HTTP status that stands for a code of gRPC.
pub(super) fn status_of(code: u8) -> StatusCode {
    match code {
        0 => StatusCode::OK,
        1 => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        3 | 9 | 11 => StatusCode::BAD_REQUEST,
        4 => StatusCode::GATEWAY_TIMEOUT,
        5 => StatusCode::NOT_FOUND,
        6 | 10 => StatusCode::CONFLICT,
        7 => StatusCode::FORBIDDEN,
        8 => StatusCode::TOO_MANY_REQUESTS,
        12 => StatusCode::NOT_IMPLEMENTED,
        14 => StatusCode::SERVICE_UNAVAILABLE,
        16 => StatusCode::UNAUTHORIZED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A boolean as Go's `strconv.ParseBool` takes it.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
