//! A WebSocket over a connection that this crate opens itself.
//!
//! This file writes and checks the opening request, because tungstenite would log it, with the token in it.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::Registry;
use tungstenite::handshake::{client::generate_key, derive_accept_key};

use super::{
    dial::Dial,
    exchange::{Exchange, Outcome},
    frames::{FrameError, Frames, SocketMessage},
    http,
    resolver::Addresses,
    stream::Stream,
};
use crate::transport::{
    address::NakamaServer,
    command::ConnectPlan,
    error::{DisconnectReason, ProtocolError, TransportError},
    wire::error_text::error_text,
};

/// The largest message that a server may send, in bytes. Nakama limits only what it receives.
const MAX_INBOUND: usize = 16 * 1024 * 1024;
/// How much is written between two flushes, in bytes.
const FLUSH_FROM: usize = 64 * 1024;
/// The close code of a normal end.
const NORMAL: u16 = 1000;
/// How long the server may take to close after the client has said that it closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// One socket, from dialing to its end.
pub(crate) struct Socket {
    server: NakamaServer,
    stage: SocketStage,
}

enum SocketStage {
    Opening {
        exchange: Exchange,
        accept_key: String,
    },
    Open {
        socket: Frames<Stream>,
        unflushed: usize,
        is_blocked: bool,
    },
    Closing {
        socket: Frames<Stream>,
        until: Instant,
    },
}

/// What happens on a socket.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    Opened,
    Frame(Bytes),
    /// A control frame came: the server is there.
    Alive,
    Ended(DisconnectReason),
}

impl Socket {
    /// The server that the socket leads to.
    pub(crate) fn server(&self) -> &NakamaServer {
        &self.server
    }

    /// Starts to open a socket.
    pub(crate) fn start(plan: &ConnectPlan, dial: Dial) -> Result<Self, TransportError> {
        let key = generate_key();
        let authorization = plan.authorization();
        if !http::is_header_value(&authorization) {
            return Err(TransportError::InvalidHeader("the token"));
        }
        let endpoint = dial.endpoint();
        let headers = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", &key),
            ("Authorization", &authorization),
        ];
        let target = format!("{}{}", endpoint.prefix, plan.target());
        let request = http::write_request("GET", &target, &endpoint.authority, &headers, &[]);
        let accept_key = derive_accept_key(key.as_bytes());
        Ok(Self {
            server: plan.server.clone(),
            stage: SocketStage::Opening {
                exchange: Exchange::new(dial, request),
                accept_key,
            },
        })
    }

    pub(crate) fn on_resolved(
        &mut self,
        now: Instant,
        found: Addresses,
        registry: &Registry,
    ) -> Result<(), TransportError> {
        match &mut self.stage {
            SocketStage::Opening { exchange, .. } => exchange.on_resolved(now, found, registry),
            SocketStage::Open { .. } | SocketStage::Closing { .. } => Ok(()),
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        match &self.stage {
            SocketStage::Opening { exchange, .. } => exchange.next_timeout(),
            SocketStage::Open { .. } => None,
            SocketStage::Closing { until, .. } => Some(*until),
        }
    }

    /// Reads what is there. Returns whether the next turn has more to read.
    ///
    /// Drop the socket after [`SocketEvent::Ended`], and once [`is_closed`](Self::is_closed).
    pub(crate) fn progress(
        &mut self,
        now: Instant,
        registry: &Registry,
        mut arrive: impl FnMut(SocketEvent),
    ) -> bool {
        if let SocketStage::Opening {
            exchange,
            accept_key,
        } = &mut self.stage
        {
            let outcome = match exchange.poll(now, registry) {
                Ok(Some(outcome)) => outcome,
                Ok(None) => return exchange.has_more(),
                Err(error) => {
                    let error = error.at(&self.server);
                    arrive(SocketEvent::Ended(DisconnectReason::Unreachable(error)));
                    return false;
                }
            };
            match open(outcome, accept_key, &self.server) {
                Ok(socket) => {
                    self.stage = SocketStage::Open {
                        socket,
                        unflushed: 0,
                        is_blocked: false,
                    }
                }
                Err(reason) => {
                    arrive(SocketEvent::Ended(reason));
                    return false;
                }
            }
            arrive(SocketEvent::Opened);
        }
        let SocketStage::Open { socket, .. } = &mut self.stage else {
            return false;
        };
        socket.begin_turn();
        let end = loop {
            match socket.read() {
                Ok(Some(SocketMessage::Binary(frame))) => arrive(SocketEvent::Frame(frame)),
                Ok(Some(SocketMessage::Ping | SocketMessage::Pong)) => arrive(SocketEvent::Alive),
                Ok(Some(SocketMessage::Text)) => {
                    break DisconnectReason::Protocol(ProtocolError::TextFrame);
                }
                Ok(Some(SocketMessage::Close(words))) => break DisconnectReason::of_close(words),
                Ok(None) => return socket.has_more(),
                Err(error) => break reason_of(error),
            }
        };
        arrive(SocketEvent::Ended(end));
        false
    }

    /// Whether another envelope may be written, because the operating system has taken everything before it.
    pub(crate) fn is_writable(&self) -> bool {
        matches!(
            self.stage,
            SocketStage::Open {
                is_blocked: false,
                ..
            }
        )
    }

    /// Whether writing has failed for good. The next [`progress`](Self::progress) tells why.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(&self.stage, SocketStage::Open { socket, .. } if socket.is_broken())
    }

    /// Writes an envelope; it leaves with the next [`flush`](Self::flush).
    pub(crate) fn write(&mut self, frame: &[u8]) {
        let SocketStage::Open {
            socket, unflushed, ..
        } = &mut self.stage
        else {
            return;
        };
        socket.write(frame);
        *unflushed += frame.len();
        if *unflushed >= FLUSH_FROM {
            self.flush();
        }
    }

    /// Sends everything that was written, and the answers to pings.
    pub(crate) fn flush(&mut self) {
        if let SocketStage::Open {
            socket,
            unflushed,
            is_blocked,
        } = &mut self.stage
        {
            *unflushed = 0;
            *is_blocked = !socket.flush();
        }
    }

    /// Tells the server that the client closes. Returns whether it is worth waiting for the server's answer.
    pub(crate) fn close(self, now: Instant) -> Option<Self> {
        let SocketStage::Open { mut socket, .. } = self.stage else {
            return None;
        };
        socket.close(Some(NORMAL));
        socket.flush();
        (!socket.is_broken()).then(|| Self {
            server: self.server,
            stage: SocketStage::Closing {
                socket,
                until: now + CLOSE_TIMEOUT,
            },
        })
    }

    /// Whether a socket that the client closes is closed by now. What was still under way is dropped.
    pub(crate) fn is_closed(&mut self, now: Instant) -> bool {
        let SocketStage::Closing { socket, until } = &mut self.stage else {
            return false;
        };
        socket.flush();
        socket.begin_turn();
        loop {
            match socket.read() {
                Ok(Some(_)) => {}
                Ok(None) => return now >= *until,
                Err(_) => return true,
            }
        }
    }

    /// Whether a socket that the client closes has more to read.
    pub(crate) fn has_more(&self) -> bool {
        matches!(&self.stage, SocketStage::Closing { socket, .. } if socket.has_more())
    }
}

/// Checks the server's answer to the opening request.
fn open(
    outcome: Outcome,
    accept_key: &str,
    server: &NakamaServer,
) -> Result<Frames<Stream>, DisconnectReason> {
    match outcome {
        Outcome::Response(response) => Err(DisconnectReason::Refused {
            status: response.head.status,
            message: error_text(response.head.status, &response.body),
        }),
        Outcome::Upgraded { stream, head, rest } => {
            if head.header("sec-websocket-accept") != Some(accept_key) {
                let error = TransportError::Http("it does not accept the WebSocket key").at(server);
                return Err(DisconnectReason::Unreachable(error));
            }
            Ok(Frames::new(stream, &rest, MAX_INBOUND, rand::random))
        }
    }
}

fn reason_of(error: FrameError) -> DisconnectReason {
    match error {
        FrameError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            DisconnectReason::Lost(TransportError::Eof)
        }
        FrameError::Io(error) => DisconnectReason::Lost(TransportError::Io(Arc::new(error))),
        FrameError::Protocol(problem) => {
            DisconnectReason::Protocol(ProtocolError::WebSocket(problem.into()))
        }
    }
}
