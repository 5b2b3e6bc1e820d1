//! What the server does to the game under test, and sees of it.

use bytes::Bytes;

use super::{TestGame, session_of, wire::Wire};
use crate::{
    connection::{DisconnectReason, TransportError},
    proto::{self, Envelope, Kind, Message, PartyLayout, realtime},
    session::NakamaSession,
    transport::{Auth, Input, LinkSettings, RequestId, RestCall, RestResponse},
};

impl TestGame {
    /// Lets the server accept the socket.
    ///
    /// # Panics
    ///
    /// The game does not connect.
    #[track_caller]
    pub fn server_accepts(&mut self) {
        let Some(socket) = self.wire.socket else {
            panic!("the game opens no socket");
        };
        self.wire.input(Input::Opened(socket));
    }

    /// Whether the game wants a socket, or has one.
    #[must_use]
    pub fn opens_a_socket(&self) -> bool {
        self.wire.socket.is_some()
    }

    /// The server ends the socket, or does not accept it. Does nothing if the game opens no socket.
    pub fn server_ends(&mut self, reason: DisconnectReason) {
        if let Some(socket) = self.wire.socket {
            self.wire.input(Input::Ended(socket, reason));
        }
    }

    /// The socket breaks without a word. The connection is lost, and comes back unless it was made
    /// [without healing](crate::connection::ConnectOptions::heal).
    pub fn connection_breaks(&mut self) {
        self.server_ends(DisconnectReason::Lost(TransportError::Eof));
    }

    /// The connection ends, and does not come back: another game of the same user has taken its place.
    pub fn connection_ends(&mut self) {
        self.server_ends(DisconnectReason::Replaced);
    }

    /// The server sends a message; it is seen with the next [`update`](Self::update).
    pub fn server_says(&mut self, message: impl Into<Message>) {
        self.send_envelope("", Some(message.into()));
    }

    /// From now on the server writes parties as this version of it does.
    pub fn server_writes(&mut self, layout: PartyLayout) {
        self.wire.layout = layout;
    }

    /// The server sends a frame, whatever it may be.
    pub fn server_sends(&mut self, frame: impl Into<Bytes>) {
        if let Some(socket) = self.wire.socket {
            self.wire.input(Input::Frame(socket, frame.into()));
        }
    }

    /// The server answers an envelope.
    pub fn answer(&mut self, asked: &Envelope, message: impl Into<Message>) {
        self.send_envelope(&asked.cid, Some(message.into()));
    }

    fn send_envelope(&mut self, cid: &str, message: Option<Message>) {
        let cid = cid.to_owned();
        let envelope = Envelope { cid, message };
        self.server_sends(proto::encode(&envelope, self.wire.layout));
    }

    /// The server acknowledges an envelope, without a message.
    pub fn acknowledge(&mut self, asked: &Envelope) {
        self.send_envelope(&asked.cid, None);
    }

    /// The server answers an envelope with an error.
    pub fn refuse(&mut self, asked: &Envelope, code: i32, text: &str) {
        let error = realtime::Error {
            code,
            message: text.into(),
            ..Default::default()
        };
        self.answer(asked, Message::Error(error));
    }

    /// Everything that the game has sent since the last call, but for heartbeats. Those are answered.
    pub fn sent(&mut self) -> Vec<Envelope> {
        self.wire.sent.drain(..).collect()
    }

    /// The oldest envelope of that kind that the game has sent; those before it are forgotten.
    ///
    /// # Panics
    ///
    /// If the game has not sent such an envelope.
    #[track_caller]
    pub fn expect_sent(&mut self, kind: Kind) -> Envelope {
        let sent = self.sent();
        let mut kinds = sent
            .iter()
            .map(|envelope| envelope.message.as_ref().map(Kind::of));
        let Some(index) = kinds.position(|sent| sent == Some(kind)) else {
            panic!("the game sent no {kind}, but {sent:?}");
        };
        self.wire.sent.extend(sent[index + 1..].iter().cloned());
        sent[index].clone()
    }

    /// The REST calls that are not answered yet: method and path with query.
    pub fn rest_calls(&mut self) -> Vec<(&'static str, String)> {
        self.wire
            .calls
            .iter()
            .map(|(_, call)| (call.method, call.target.clone()))
            .collect()
    }

    /// What the REST calls that are not answered yet carry, in the same order; null where there is nothing.
    #[track_caller]
    pub fn rest_bodies(&mut self) -> Vec<serde_json::Value> {
        let bodies = self.wire.calls.iter().map(|(_, call)| call.body.as_deref());
        bodies
            .map(|body| serde_json::from_str(body.unwrap_or("null")).expect("our own JSON"))
            .collect()
    }

    /// The session tokens that the REST calls carry that are not answered yet, in the same order; `None` for those that show a
    /// key instead.
    pub fn rest_tokens(&mut self) -> Vec<Option<String>> {
        let calls = self.wire.calls.iter();
        calls
            .map(|(_, call)| match &call.auth {
                Auth::Bearer(token) => Some(token.expose().to_owned()),
                Auth::ServerKey | Auth::HttpKey(_) => None,
            })
            .collect()
    }

    /// Answers the oldest REST call.
    ///
    /// # Panics
    ///
    /// If no call waits for an answer.
    #[track_caller]
    pub fn answer_rest(&mut self, status: u16, body: &serde_json::Value) {
        self.answer_rest_with(status, body.to_string());
    }

    /// Answers the oldest REST call with a body that need not be JSON.
    ///
    /// # Panics
    ///
    /// If no call waits for an answer.
    #[track_caller]
    pub fn answer_rest_with(&mut self, status: u16, body: impl Into<Bytes>) {
        let call = self.wire.calls.pop_front();
        let (id, _) = call.expect("the game made no REST call");
        self.respond(id, status, body);
    }

    fn respond(&mut self, call: RequestId, status: u16, body: impl Into<Bytes>) {
        let body = body.into();
        let response = RestResponse { status, body };
        self.wire.input(Input::RestDone(call, Ok(response)));
    }

    /// Answers the oldest login: the player is the user with this name, see [`session_of`]. Returns what the game gets.
    ///
    /// # Panics
    ///
    /// The game does not log in.
    #[track_caller]
    pub fn accept_login(&mut self, name: &str) -> NakamaSession {
        let is_login = |(_, call): &(RequestId, RestCall)| {
            call.target.starts_with("/v2/account/authenticate/")
        };
        let Some(index) = self.wire.calls.iter().position(is_login) else {
            panic!(
                "the game does not log in, but calls {:?}",
                self.rest_calls()
            );
        };
        let session = session_of(name);
        let token = session.token().expose();
        let tokens = serde_json::json!({ "token": token, "refresh_token": token });
        if let Some((id, _)) = self.wire.calls.remove(index) {
            self.respond(id, 200, tokens.to_string());
        }
        session
    }

    /// The oldest REST call fails on its way: the server cannot be reached.
    ///
    /// # Panics
    ///
    /// If no call waits for an answer.
    #[track_caller]
    pub fn rest_breaks(&mut self) {
        let call = self.wire.calls.pop_front();
        let (id, call) = call.expect("the game made no REST call");
        let error = TransportError::Eof.at(&call.server);
        self.wire.input(Input::RestDone(id, Err(error)));
    }

    /// Lets pings go unanswered: heartbeats, and those by which the plugin learns what the server has handled. So what the game sends has to
    /// wait after a while, as on a line that stands still: see [`send`](crate::send). Let the game run again some 8 s later, and it gives the
    /// connection up.
    pub fn server_goes_silent(&mut self) {
        self.wire.is_silent = true;
    }

    /// Answers all pings again, also those that went unanswered.
    pub fn server_speaks_again(&mut self) {
        self.wire.speak_again();
    }

    /// The network thread ends, as it would after a fault of its own. From now on nobody is at the other end.
    pub fn network_thread_dies(&mut self) {
        self.wire = Wire::new(LinkSettings::default()).0;
    }
}
