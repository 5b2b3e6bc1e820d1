//! Which REST call is answered by what, and who may make it.

use bytes::Bytes;
use http::{Method, Request, Response};
use percent_encoding::percent_decode_str;

use super::{
    Core, cors,
    http::{ApiError, ApiResult, Call, Code, empty, response},
    rpc_api,
    tokens::{Claims, Token},
};
use crate::proto::PartyLayout;

/// Who may make a call.
enum Access {
    Anybody(fn(&mut Core, &Call<'_>) -> ApiResult),
    /// Who knows the server key.
    ServerKey(fn(&mut Core, &Call<'_>) -> ApiResult),
    /// Who is logged in.
    User(fn(&mut Core, &Call<'_>, Claims) -> ApiResult),
}

/// What servers before 3.28 do not know.
const PARTIES: &str = "/v2/party";

/// Method, path and who may make a call, and the method of [`Core`] that answers it.
macro_rules! routes {
    ($($method:ident $path:expr => $access:ident($answer:ident),)*) => {
        &[$((Method::$method, $path, Access::$access(Core::$answer)),)*]
    };
}

const ROUTES: &[(Method, &str, Access)] = routes! {
    GET "/healthcheck" => Anybody(healthcheck),
    POST "/v2/account/authenticate/device" => ServerKey(authenticate_device),
    POST "/v2/account/authenticate/email" => ServerKey(authenticate_email),
    POST "/v2/account/authenticate/custom" => ServerKey(authenticate_custom),
    POST "/v2/account/session/refresh" => ServerKey(refresh_session),
    POST "/v2/session/logout" => User(log_out),
    GET "/v2/account" => User(get_account),
    PUT "/v2/account" => User(update_account),
    DELETE "/v2/account" => User(delete_account),
    GET "/v2/user" => User(get_users),
    GET "/v2/user/{}/group" => User(list_user_groups),
    POST "/v2/group" => User(create_group),
    GET "/v2/group" => User(list_groups),
    DELETE "/v2/group/{}" => User(delete_group),
    POST "/v2/group/{}/join" => User(join_group),
    POST "/v2/group/{}/leave" => User(leave_group),
    POST "/v2/group/{}/add" => User(add_to_group),
    POST "/v2/group/{}/kick" => User(kick_from_group),
    POST "/v2/group/{}/promote" => User(promote_in_group),
    GET "/v2/match" => User(list_matches),
    GET PARTIES => User(list_parties),
    GET "/v2/channel/{}" => User(list_messages),
    GET "/v2/notification" => User(list_notifications),
    DELETE "/v2/notification" => User(delete_notifications),
    PUT "/v2/storage" => User(write_storage),
    POST "/v2/storage" => User(read_storage),
    PUT "/v2/storage/delete" => User(delete_storage),
    GET "/v2/storage/{}" => User(list_storage),
    GET "/v2/storage/{}/{}" => User(list_storage),
};

impl Core {
    /// Answers a REST call.
    pub(in crate::local_server) fn request(
        &mut self,
        now: std::time::Duration,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        self.advance(now);
        if request.method() == Method::GET && request.uri().path() == "/" {
            return Response::new(Bytes::new());
        }
        if let Some(response) = cors::preflight(request) {
            return response;
        }
        let mut response = match rpc_api::function_of(request) {
            Some(id) => self.rest_rpc(request, id),
            None => response(self.route(request)),
        };
        self.deliver_events();
        cors::expose(request, &mut response);
        response
    }

    fn route(&mut self, request: &Request<Bytes>) -> ApiResult {
        let mut refusal = ApiError::not_found("Not Found");
        // A Nakama decodes the path before it looks for the slashes in it.
        let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
        for (method, pattern, access) in ROUTES {
            let Some(arguments) = matches(pattern, &path) else {
                continue;
            };
            if *pattern == PARTIES && self.config.party_layout == PartyLayout::Before3_28 {
                break;
            }
            if method != request.method() {
                refusal = ApiError::new(Code::Unimplemented, "Method Not Allowed");
                continue;
            }
            let call = Call::new(request, arguments);
            return match access {
                Access::Anybody(answer) => answer(self, &call),
                Access::ServerKey(answer) => {
                    self.check_server_key(&call)?;
                    answer(self, &call)
                }
                Access::User(answer) => {
                    let claims = self
                        .tokens
                        .read(Token::Session, call.bearer_token()?, &self.clock)
                        .ok_or_else(|| ApiError::unauthenticated("Auth token invalid"))?;
                    answer(self, &call, claims)
                }
            };
        }
        Err(refusal)
    }

    fn healthcheck(&mut self, _: &Call<'_>) -> ApiResult {
        empty()
    }

    fn check_server_key(&self, call: &Call<'_>) -> Result<(), ApiError> {
        if call.basic_name()? == self.config.server_key {
            Ok(())
        } else {
            Err(ApiError::unauthenticated("Server key invalid"))
        }
    }
}

/// The parts of a path that stand where the pattern has `{}`; `None` if the path is another one.
fn matches(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut arguments = Vec::new();
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        match parts.next()? {
            part if wanted == part => {}
            part if wanted == "{}" => arguments.push(part.to_owned()),
            _ => return None,
        }
    }
    parts.next().is_none().then_some(arguments)
}
