//! Which REST call is answered by what, and who may make it.

use bytes::Bytes;
use http::{Method, Request, Response};

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

use Access::{Anybody, ServerKey, User};

/// What servers before 3.28 do not know.
const PARTIES: &str = "/v2/party";

const ROUTES: &[(Method, &str, Access)] = &[
    (Method::GET, "/healthcheck", Anybody(|_, _| empty())),
    (
        Method::POST,
        "/v2/account/authenticate/device",
        ServerKey(Core::authenticate_device),
    ),
    (
        Method::POST,
        "/v2/account/authenticate/email",
        ServerKey(Core::authenticate_email),
    ),
    (
        Method::POST,
        "/v2/account/authenticate/custom",
        ServerKey(Core::authenticate_custom),
    ),
    (
        Method::POST,
        "/v2/account/session/refresh",
        ServerKey(Core::refresh_session),
    ),
    (Method::POST, "/v2/session/logout", User(Core::log_out)),
    (Method::GET, "/v2/account", User(Core::get_account)),
    (Method::PUT, "/v2/account", User(Core::update_account)),
    (Method::DELETE, "/v2/account", User(Core::delete_account)),
    (Method::GET, "/v2/user", User(Core::get_users)),
    (
        Method::GET,
        "/v2/user/{}/group",
        User(Core::list_user_groups),
    ),
    (Method::POST, "/v2/group", User(Core::post_group)),
    (Method::GET, "/v2/group", User(Core::list_groups)),
    (
        Method::DELETE,
        "/v2/group/{}",
        User(Core::delete_group_call),
    ),
    (
        Method::POST,
        "/v2/group/{}/join",
        User(Core::post_group_join),
    ),
    (
        Method::POST,
        "/v2/group/{}/leave",
        User(Core::post_group_leave),
    ),
    (Method::POST, "/v2/group/{}/add", User(Core::post_group_add)),
    (
        Method::POST,
        "/v2/group/{}/kick",
        User(Core::post_group_kick),
    ),
    (
        Method::POST,
        "/v2/group/{}/promote",
        User(Core::post_group_promote),
    ),
    (Method::GET, "/v2/match", User(Core::list_matches)),
    (Method::GET, PARTIES, User(Core::list_parties)),
    (Method::GET, "/v2/channel/{}", User(Core::list_messages)),
    (
        Method::GET,
        "/v2/notification",
        User(Core::list_notifications),
    ),
    (
        Method::DELETE,
        "/v2/notification",
        User(Core::delete_notifications),
    ),
];

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
        for (method, pattern, access) in ROUTES {
            let Some(argument) = matches(pattern, request.uri().path()) else {
                continue;
            };
            if *pattern == PARTIES && self.config.party_layout == PartyLayout::Before3_28 {
                break;
            }
            if method != request.method() {
                refusal = ApiError::new(Code::Unimplemented, "Method Not Allowed");
                continue;
            }
            let call = Call::new(request, argument);
            return match access {
                Anybody(answer) => answer(self, &call),
                ServerKey(answer) => {
                    self.check_server_key(&call)?;
                    answer(self, &call)
                }
                User(answer) => {
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

    fn check_server_key(&self, call: &Call<'_>) -> Result<(), ApiError> {
        if call.basic_name()? == self.config.server_key {
            Ok(())
        } else {
            Err(ApiError::unauthenticated("Server key invalid"))
        }
    }
}

fn has_escaped_slash(part: &str) -> bool {
    part.contains("%2F") || part.contains("%2f")
}

/// The part of a path that stands where the pattern has `{}`, if any; `None` if the path is another one.
fn matches<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let mut argument = "";
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        match parts.next()? {
            part if wanted == part => {}
            // A Nakama decodes the path first, and then finds one part too many.
            part if wanted == "{}" && !part.is_empty() && !has_escaped_slash(part) => {
                argument = part;
            }
            _ => return None,
        }
    }
    parts.next().is_none().then_some(argument)
}
