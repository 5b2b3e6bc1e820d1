//! Functions called over REST: `/v2/rpc/{id}`.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    Core,
    http::{ApiError, Call, json_response, status_of},
    json,
    runtime::{RpcCaller, RpcError},
    tokens::Token,
};

/// The id in the path of a call to a function; `None` for other requests.
pub(super) fn function_of(request: &Request<Bytes>) -> Option<&str> {
    let is_call = matches!(*request.method(), Method::GET | Method::POST);
    let id = request.uri().path().strip_prefix("/v2/rpc/")?;
    (is_call && !id.is_empty() && !id.contains('/')).then_some(id)
}

impl Core {
    pub(super) fn rest_rpc(&mut self, request: &Request<Bytes>, id: &str) -> Response<Bytes> {
        let id = percent_decode_str(id).decode_utf8_lossy().into_owned();
        let call = Call::new(request, vec![id]);
        let unwrap = call.query("unwrap").is_some();
        match self.call_over_rest(&call, unwrap) {
            Ok(Ok(payload)) if unwrap => json_response(StatusCode::OK, payload.into()),
            Ok(Ok(payload)) => json_response(StatusCode::OK, text(&json!({ "payload": payload }))),
            Ok(Err(RpcError { message, code, .. })) => {
                let body = json!({ "code": code, "error": {}, "message": message });
                json_response(status_of(code), text(&body))
            }
            // Unlike other errors of REST, these give their text twice.
            Err(ApiError { code, message }) => {
                let body = json!({ "code": code as u8, "error": message, "message": message });
                json_response(status_of(code as u8), text(&body))
            }
        }
    }

    fn call_over_rest(
        &mut self,
        call: &Call<'_>,
        unwrap: bool,
    ) -> Result<Result<String, RpcError>, ApiError> {
        let mut caller = self.rpc_caller(call)?;
        for (name, value) in call.parameters() {
            if name != "http_key" {
                let values = caller.query.entry(name.to_owned()).or_default();
                values.push(value.to_owned());
            }
        }
        let id = call.argument();
        let function = self
            .config
            .runtime
            .rpc(id)
            .ok_or_else(|| ApiError::not_found("RPC function not found"))?;
        let payload = match call.body_text() {
            body if unwrap || body.is_empty() => body.into_owned(),
            body => unquoted(&body).map_err(ApiError::invalid)?,
        };
        Ok(self.call_function(id, &function, &caller, &payload))
    }

    /// Who calls: a user, or nobody in particular who knows the HTTP key.
    fn rpc_caller(&self, call: &Call<'_>) -> Result<RpcCaller, ApiError> {
        let with_key = |key: &str| {
            if key == self.config.http_key {
                Ok(RpcCaller::default())
            } else {
                Err(ApiError::unauthenticated("HTTP key invalid"))
            }
        };
        if let Some(key) = call.query("http_key") {
            return with_key(key);
        }
        let Some(authorization) = call.authorization() else {
            let problem = "Auth token or HTTP key required";
            return Err(ApiError::unauthenticated(problem));
        };
        if authorization.starts_with("Basic ") {
            return with_key(&call.basic_name().unwrap_or_default());
        }
        let claims = call
            .bearer_token()
            .ok()
            .and_then(|token| self.tokens.read(Token::Session, token, &self.clock))
            .ok_or_else(|| ApiError::unauthenticated("Auth token invalid"))?;
        Ok(RpcCaller {
            user: Some((claims.user, claims.username)),
            ..RpcCaller::default()
        })
    }
}

/// The text in a JSON string. `null` is an empty one.
fn unquoted(body: &str) -> Result<String, String> {
    json::check(body)?;
    match serde_json::from_str(body) {
        Ok(Value::String(text)) => Ok(text),
        Ok(Value::Null) => Ok(String::new()),
        Err(_) if json::kind(body) == "string" => Err("invalid string".to_owned()),
        _ => Err(format!(
            "json: cannot unmarshal {} into Go value of type string",
            json::kind(body)
        )),
    }
}

fn text(body: &Value) -> Bytes {
    body.to_string().into()
}
