//! The line of a game in the hands of a test that has the whole network: sockets with their frames as they are, and REST calls.
//! A [`TestGame`] by itself answers pings and has one socket; a line has as many as the game opens, and nobody answers anything.

use std::collections::VecDeque;

use bevy_ecs::prelude::*;
use bytes::Bytes;
use http::{Request, header::AUTHORIZATION};

use super::TestGame;
use crate::{
    connection::{DisconnectReason, TransportError},
    transport::{
        Action, ConnectPlan, Input, NakamaServer, RequestId, RestCall, RestResponse, SocketId,
    },
};

/// Where the random waits of a game come from, if a plugin of the game inserts it. Otherwise, all games wait alike.
#[derive(Clone, Copy, Debug, Resource)]
pub struct WireSeed(pub u64);

/// Names a socket of a game.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LineSocket(SocketId);

/// Names a REST call of a game.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LineCall(RequestId);

/// What a game does to its line.
#[derive(Debug)]
pub enum LineEvent {
    /// It opens a socket, with this handshake.
    Opens(LineSocket, Request<()>),
    /// It closes a socket, or does not want it any more.
    Closes(LineSocket),
    /// It sends a frame.
    Sends(LineSocket, Bytes),
    /// It makes a REST call.
    Calls(LineCall, Request<Bytes>),
    /// It does not wait for a REST call any more.
    Abandons(LineCall),
}

impl TestGame {
    /// From now on the line is the test's: it has to take its [events](Self::line_events) after each frame, and to answer pings.
    pub fn take_the_line(&mut self) {
        self.wire.line = Some(VecDeque::new());
    }

    /// What the game has done to its line since the last call.
    pub fn line_events(&mut self) -> Vec<LineEvent> {
        self.wire
            .line
            .iter_mut()
            .flat_map(|events| events.drain(..))
            .collect()
    }

    /// A socket of the game is open.
    pub fn line_is_open(&mut self, socket: LineSocket) {
        self.wire.input(Input::Opened(socket.0));
    }

    /// A frame arrives at a socket of the game.
    pub fn line_brings(&mut self, socket: LineSocket, frame: Bytes) {
        self.wire.input(Input::Frame(socket.0, frame));
    }

    /// A control frame arrives at a socket of the game.
    pub fn line_is_alive(&mut self, socket: LineSocket) {
        self.wire.input(Input::Alive(socket.0));
    }

    /// A socket of the game has ended.
    pub fn line_ends(&mut self, socket: LineSocket, reason: DisconnectReason) {
        self.wire.input(Input::Ended(socket.0, reason));
    }

    /// A REST call has a response.
    pub fn line_responds(&mut self, call: LineCall, status: u16, body: Bytes) {
        let response = RestResponse { status, body };
        self.wire.input(Input::RestDone(call.0, Ok(response)));
    }

    /// A REST call fails on its way.
    pub fn line_fails(&mut self, call: LineCall, server: &NakamaServer) {
        let error = TransportError::Eof.at(server);
        self.wire.input(Input::RestDone(call.0, Err(error)));
    }
}

/// What the network thread would do.
pub(super) fn event(action: Action) -> LineEvent {
    match action {
        Action::Open(socket, plan, _) => LineEvent::Opens(LineSocket(socket), handshake(&plan)),
        Action::Close(socket) => LineEvent::Closes(LineSocket(socket)),
        Action::Rest(id, call, _) => LineEvent::Calls(LineCall(id), request(*call)),
        Action::AbandonRest(id) => LineEvent::Abandons(LineCall(id)),
    }
}

/// What leaves over a socket.
pub(super) fn sends(socket: SocketId, frame: Bytes) -> LineEvent {
    LineEvent::Sends(LineSocket(socket), frame)
}

fn handshake(plan: &ConnectPlan) -> Request<()> {
    Request::get(plan.target())
        .header(AUTHORIZATION, plan.authorization())
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .expect("a handshake")
}

fn request(call: RestCall) -> Request<Bytes> {
    let authorization = call.authorization();
    Request::builder()
        .method(call.method)
        .uri(call.target)
        .header(AUTHORIZATION, authorization)
        .body(call.body.unwrap_or_default().into())
        .expect("a request")
}
