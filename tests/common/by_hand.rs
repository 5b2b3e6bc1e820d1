//! The embedded server without sockets, on a clock that the test moves.

use std::{iter, time::Duration};

use bevy_nakama::{
    __testing::{Incoming, ServerByHand, SessionId, Transmit},
    local_server::LocalServerConfig,
};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

/// Shows the server key, which is `defaultkey`.
pub(crate) const BASIC: &str = "Basic ZGVmYXVsdGtleTo=";

/// A server and its clock.
pub(crate) struct ByHand {
    pub(crate) server: ServerByHand,
    pub(crate) now: Duration,
}

impl ByHand {
    /// A server that starts `epoch` after 1970.
    pub(crate) fn new(config: LocalServerConfig, seed: u64, epoch: Duration) -> Self {
        Self {
            server: ServerByHand::new(config, seed, epoch),
            now: Duration::ZERO,
        }
    }

    /// Moves time on to `now`, since the start.
    pub(crate) fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        self.server.advance(self.now);
    }

    /// Makes a REST call.
    pub(crate) fn request(
        &mut self,
        (method, target): (&str, &str),
        authorization: &str,
        body: impl Into<Bytes>,
    ) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(target);
        if !authorization.is_empty() {
            request = request.header("Authorization", authorization);
        }
        let request = request.body(body.into()).expect("a request");
        self.server.request(self.now, &request)
    }

    /// Logs in, and makes an account of that name at first: session and refresh token.
    pub(crate) fn log_in(&mut self, username: &str) -> (String, String) {
        let target = format!("/v2/account/authenticate/device?username={username}");
        let body = json!({ "id": format!("device-of-{username}") });
        let response = self.request(("POST", &target), BASIC, body.to_string());
        assert_eq!(response.status(), 200, "{response:?}");
        let body = serde_json::from_slice(response.body()).expect("JSON");
        tokens_in(&body).expect("tokens")
    }

    /// Opens a socket with this token. The target says in which format.
    pub(crate) fn open(&mut self, target: &str, token: &str) -> SessionId {
        let request = Request::get(target)
            .header("Authorization", format!("Bearer {token}"))
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .expect("a request");
        self.server.open(self.now, &request).expect("a socket")
    }

    /// Logs in and opens a JSON socket.
    pub(crate) fn open_as(&mut self, username: &str) -> SessionId {
        let (token, _) = self.log_in(username);
        self.open("/ws", &token)
    }

    pub(crate) fn receive(&mut self, socket: SessionId, incoming: Incoming) {
        self.server.receive(self.now, socket, incoming);
    }

    /// A client sends an envelope over a JSON socket.
    pub(crate) fn send(&mut self, socket: SessionId, envelope: &Value) {
        self.receive(socket, Incoming::Text(envelope.to_string().into()));
    }

    /// Takes all that is to be written to a socket.
    pub(crate) fn take(&mut self, socket: SessionId) -> Vec<Transmit> {
        iter::from_fn(|| self.server.transmit(socket))
            .take(1_000)
            .collect()
    }

    /// The envelopes in what is to be written to a JSON socket.
    pub(crate) fn envelopes(&mut self, socket: SessionId) -> Vec<Value> {
        let transmits = self.take(socket).into_iter();
        transmits
            .filter_map(|transmit| match transmit {
                Transmit::Message(frame) => serde_json::from_slice(&frame).ok(),
                Transmit::Ping | Transmit::Close(_) | Transmit::Drop => None,
            })
            .collect()
    }
}

/// The session and the refresh token in the answer to a login.
pub(crate) fn tokens_in(body: &Value) -> Option<(String, String)> {
    let token = |name: &str| body.get(name)?.as_str().map(str::to_owned);
    Some((token("token")?, token("refresh_token")?))
}
