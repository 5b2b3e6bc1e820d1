//! Opening a socket: `GET /ws`.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderName, SEC_WEBSOCKET_ACCEPT,
        SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, X_CONTENT_TYPE_OPTIONS,
    },
};
use tungstenite::handshake::derive_accept_key;

use super::{
    Core,
    codec::Format,
    http::{parse_bool, plain_response},
    ids::{SessionId, UserId},
    notifications::{self, Notice},
    presence::{Peer, Presence},
    sessions::Ending,
    status,
    tokens::Token,
};

/// The outcome of a handshake.
pub(in crate::local_server) struct Handshake {
    pub(in crate::local_server) response: Response<Bytes>,
    /// The socket that is open if the response is of status 101.
    pub(in crate::local_server) socket: Option<(SessionId, Format)>,
}

/// Why a handshake is refused.
enum Refusal {
    Format,
    Token,
    /// It is not a WebSocket handshake.
    Upgrade,
}

impl Core {
    /// Opens a socket, or says why not.
    pub(in crate::local_server) fn open<B>(
        &mut self,
        now: Duration,
        request: &Request<B>,
    ) -> Handshake {
        self.advance(now);
        match self.check_handshake(request) {
            Ok((peer, format, accept)) => {
                let session = peer.session;
                let lang = parameter(request, "lang").unwrap_or_default();
                let status = parameter(request, "status");
                let appears_online = status.as_deref().and_then(parse_bool) == Some(true);
                self.start(peer, format, lang, appears_online);
                Handshake {
                    response: switching_protocols(&accept),
                    socket: Some((session, format)),
                }
            }
            Err(refusal) => Handshake {
                response: refusal.response(),
                socket: None,
            },
        }
    }

    /// Who opens a socket, how it will speak, and the answer to its key. The checks come in the order of the real server.
    fn check_handshake<B>(
        &mut self,
        request: &Request<B>,
    ) -> Result<(Peer, Format, String), Refusal> {
        let format = match parameter(request, "format").as_deref() {
            None | Some("" | "json") => Format::Json,
            Some("protobuf") => Format::Protobuf,
            Some(_) => return Err(Refusal::Format),
        };
        let token = match request.headers().get(AUTHORIZATION) {
            Some(header) => bearer_token(header),
            None => parameter(request, "token"),
        };
        // A token that was logged out still opens a socket, unless everything of the user was.
        let claims = token
            .and_then(|token| self.tokens.parse(Token::Session, &token, &self.clock))
            .filter(|claims| !self.tokens.is_ended(Token::Session, claims))
            .ok_or(Refusal::Token)?;
        let accept = accept_key(request.headers()).ok_or(Refusal::Upgrade)?;
        let peer = Peer {
            user: claims.user,
            session: self.ids.session(self.clock.unix()),
            username: claims.username.into(),
        };
        Ok((peer, format, accept))
    }

    fn start(&mut self, peer: Peer, format: Format, lang: String, appears_online: bool) {
        let (user, session) = (peer.user, peer.session);
        self.sessions.open(peer.clone(), format, lang);
        self.sign_of_life(session);
        self.follows.follow(session, user);
        let notified = Presence {
            hidden: true,
            ..Presence::new(peer.clone())
        };
        self.tracker.track(&notifications::stream(user), notified);
        if appears_online {
            let presence = status::presence(peer, String::new());
            self.tracker.track(&status::stream(user), presence);
        }
        self.deliver_events();
        if self.config.single_socket {
            self.end_other_sockets(user, session);
            self.deliver_events();
        }
    }

    /// `single_socket`: the newest socket of a user is the only one.
    fn end_other_sockets(&mut self, user: UserId, newest: SessionId) {
        for session in self.tracker.sessions(&notifications::stream(user)) {
            if session != newest {
                let notification = self.notification(Notice::new(-7, "single_socket"));
                self.push(&[session], notifications::message(vec![notification]));
                self.end(session, Ending::ServerSide);
            }
        }
    }
}

fn parameter<B>(request: &Request<B>, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn bearer_token(header: &HeaderValue) -> Option<String> {
    let token = header.to_str().ok()?.strip_prefix("Bearer ")?;
    Some(token.to_owned())
}

/// The answer to the key of a WebSocket handshake; `None` if this is not one.
fn accept_key(headers: &HeaderMap) -> Option<String> {
    let lists = |name: HeaderName, wanted: &str| {
        headers.get_all(name).iter().any(|value| {
            let mut tokens = value.to_str().unwrap_or_default().split(',');
            tokens.any(|token| token.trim().eq_ignore_ascii_case(wanted))
        })
    };
    let is_upgrade = lists(CONNECTION, "upgrade")
        && lists(UPGRADE, "websocket")
        && lists(SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY)?.as_bytes();
    let is_key = BASE64_STANDARD.decode(key).is_ok_and(|key| key.len() == 16);
    (is_upgrade && is_key).then(|| derive_accept_key(key))
}

fn switching_protocols(accept: &str) -> Response<Bytes> {
    let mut response = plain_response(StatusCode::SWITCHING_PROTOCOLS, Bytes::new());
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

impl Refusal {
    fn response(self) -> Response<Bytes> {
        let (status, text) = match self {
            Self::Format => (StatusCode::BAD_REQUEST, "Invalid format parameter"),
            Self::Token => (StatusCode::UNAUTHORIZED, "Missing or invalid token"),
            Self::Upgrade => (StatusCode::BAD_REQUEST, "Bad Request"),
        };
        let mut response = plain_response(status, format!("{text}\n"));
        let headers = response.headers_mut();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if matches!(self, Self::Upgrade) {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response
    }
}
