//! A WebSocket over a connection of ours. The framing is tungstenite's.
//!
//! The opening request is written and checked here, because tungstenite logs it, token and all.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::Registry;
use tungstenite::{
    Error, Message, WebSocket,
    error::ProtocolError as WebSocketError,
    handshake::{client::generate_key, derive_accept_key},
    protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
};

use super::{
    dial::Dial,
    error::{DisconnectReason, ProtocolError, TransportError},
    exchange::{Exchange, Outcome},
    http::{self, error_text},
    link::ConnectPlan,
    resolver::Addresses,
    stream::Stream,
};

/// The largest message a server may send, in bytes. Nakama limits what it receives, not what it sends.
const MAX_INBOUND: usize = 16 * 1024 * 1024;
/// What is written without a flush in between, in bytes; and what tungstenite may hold at the most, which is well above.
const FLUSH_FROM: usize = 64 * 1024;
const MAX_UNSENT: usize = 1024 * 1024;
/// Frames read in one turn, before other links have theirs.
const READS_PER_TURN: usize = 256;
/// How long the server may take to close, once we have said that we do.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// One socket, from dialing to its end.
pub(super) struct Socket {
    stage: Stage,
}

enum Stage {
    Opening {
        exchange: Exchange,
        accept_key: String,
    },
    Open {
        socket: WebSocket<Stream>,
        unflushed: usize,
        is_blocked: bool,
    },
    Closing {
        socket: WebSocket<Stream>,
        until: Instant,
    },
}

/// What a socket has to say.
#[derive(Debug)]
pub(super) enum Arrival {
    Opened,
    Frame(Bytes),
    /// A control frame.
    Alive,
    Ended(DisconnectReason),
}

impl Socket {
    /// Starts to open a socket.
    pub(super) fn start(plan: &ConnectPlan, dial: Dial) -> Result<Self, TransportError> {
        let key = generate_key();
        let authorization = format!("Bearer {}", plan.token.expose());
        if !http::is_header_value(&authorization) {
            return Err(TransportError::InvalidHeader("the token"));
        }
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("lang", &plan.lang)
            .append_pair("status", if plan.appear_online { "true" } else { "false" })
            .append_pair("format", "protobuf")
            .finish();
        let endpoint = dial.endpoint();
        let headers = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", &key),
            ("Authorization", &authorization),
        ];
        let target = format!("{}/ws?{query}", endpoint.prefix);
        let request = http::write_request("GET", &target, &endpoint.authority, &headers, &[]);
        let accept_key = derive_accept_key(key.as_bytes());
        Ok(Self {
            stage: Stage::Opening {
                exchange: Exchange::new(dial, request),
                accept_key,
            },
        })
    }

    pub(super) fn on_resolved(
        &mut self,
        now: Instant,
        found: Addresses,
        registry: &Registry,
    ) -> Result<(), TransportError> {
        match &mut self.stage {
            Stage::Opening { exchange, .. } => exchange.on_resolved(now, found, registry),
            Stage::Open { .. } | Stage::Closing { .. } => Ok(()),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Opening { exchange, .. } => exchange.next_timeout(),
            Stage::Open { .. } => None,
            Stage::Closing { until, .. } => Some(*until),
        }
    }

    /// Goes on as far as possible. Whether there is more to read right now.
    ///
    /// After [`Arrival::Ended`], and once [`is_closed`](Self::is_closed), the socket is to be dropped.
    pub(super) fn progress(
        &mut self,
        now: Instant,
        registry: &Registry,
        mut arrive: impl FnMut(Arrival),
    ) -> bool {
        if let Stage::Opening {
            exchange,
            accept_key,
        } = &mut self.stage
        {
            let outcome = match exchange.poll(now, registry) {
                Ok(Some(outcome)) => outcome,
                Ok(None) => return false,
                Err(error) => {
                    arrive(Arrival::Ended(DisconnectReason::Unreachable(error)));
                    return false;
                }
            };
            match open(outcome, accept_key) {
                Ok(socket) => {
                    self.stage = Stage::Open {
                        socket,
                        unflushed: 0,
                        is_blocked: false,
                    }
                }
                Err(reason) => {
                    arrive(Arrival::Ended(reason));
                    return false;
                }
            }
            arrive(Arrival::Opened);
        }
        self.flush(&mut arrive);
        let Stage::Open { socket, .. } = &mut self.stage else {
            return false;
        };
        for _ in 0..READS_PER_TURN {
            match socket.read() {
                Ok(Message::Binary(frame)) => arrive(Arrival::Frame(frame)),
                Ok(Message::Ping(_) | Message::Pong(_)) => {
                    arrive(Arrival::Alive);
                    self.flush(&mut arrive); // a pong waits to be sent
                    return true;
                }
                Ok(Message::Text(_)) => {
                    arrive(Arrival::Ended(DisconnectReason::Protocol(
                        ProtocolError::TextFrame,
                    )));
                    return false;
                }
                Ok(Message::Close(frame)) => {
                    let (code, reason) = match frame {
                        Some(CloseFrame { code, reason }) => {
                            (Some(code.into()), reason.to_string())
                        }
                        None => (None, String::new()),
                    };
                    let _ = socket.flush(); // the echo; the server does not wait for it
                    arrive(Arrival::Ended(DisconnectReason::ClosedByServer {
                        code,
                        reason,
                    }));
                    return false;
                }
                Ok(Message::Frame(_)) => {}
                Err(error) if is_would_block(&error) => return false,
                Err(error) => {
                    arrive(Arrival::Ended(reason_of(error)));
                    return false;
                }
            }
        }
        true
    }

    /// Whether another envelope may be written: the kernel has taken what it was given.
    pub(super) fn is_writable(&self) -> bool {
        matches!(
            self.stage,
            Stage::Open {
                is_blocked: false,
                ..
            }
        )
    }

    /// Writes an envelope; it leaves with the next [`flush`](Self::flush).
    pub(super) fn write(&mut self, frame: Bytes, mut arrive: impl FnMut(Arrival)) {
        let Stage::Open {
            socket, unflushed, ..
        } = &mut self.stage
        else {
            return;
        };
        *unflushed += frame.len();
        let is_much = *unflushed >= FLUSH_FROM;
        match socket.write(Message::Binary(frame)) {
            Ok(()) => {}
            Err(error) if is_would_block(&error) => {}
            Err(error) => return arrive(Arrival::Ended(reason_of(error))),
        }
        if is_much {
            self.flush(arrive);
        }
    }

    /// Lets everything written leave.
    pub(super) fn flush(&mut self, mut arrive: impl FnMut(Arrival)) {
        let Stage::Open {
            socket,
            unflushed,
            is_blocked,
        } = &mut self.stage
        else {
            return;
        };
        *unflushed = 0;
        match socket.flush() {
            Ok(()) => *is_blocked = false,
            Err(error) if is_would_block(&error) => *is_blocked = true,
            Err(error) => arrive(Arrival::Ended(reason_of(error))),
        }
    }

    /// Says that we close. Whether it is worth waiting for the server's answer.
    pub(super) fn close(self, now: Instant) -> Option<Self> {
        let Stage::Open { mut socket, .. } = self.stage else {
            return None;
        };
        let frame = CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        match socket.close(Some(frame)) {
            Ok(()) => {}
            Err(error) if is_would_block(&error) => {}
            Err(_) => return None,
        }
        let _ = socket.flush();
        Some(Self {
            stage: Stage::Closing {
                socket,
                until: now + CLOSE_TIMEOUT,
            },
        })
    }

    /// Whether a socket that we close is closed by now.
    pub(super) fn is_closed(&mut self, now: Instant) -> bool {
        let Stage::Closing { socket, until } = &mut self.stage else {
            return false;
        };
        if now >= *until {
            return true;
        }
        if let Err(error) = socket.flush()
            && !is_would_block(&error)
        {
            return true;
        }
        loop {
            match socket.read() {
                Ok(_) => {} // still under way when we closed
                Err(error) => return !is_would_block(&error),
            }
        }
    }
}

/// Checks what the server made of the opening request.
fn open(outcome: Outcome, accept_key: &str) -> Result<WebSocket<Stream>, DisconnectReason> {
    match outcome {
        Outcome::Response(response) => Err(DisconnectReason::Refused {
            status: response.head.status,
            message: error_text(&response.body),
        }),
        Outcome::Upgraded { stream, head, rest } => {
            if head.header("sec-websocket-accept") != Some(accept_key) {
                let error = TransportError::Http("it does not accept the WebSocket key");
                return Err(DisconnectReason::Unreachable(error));
            }
            let config = WebSocketConfig::default()
                .max_message_size(Some(MAX_INBOUND))
                .max_frame_size(Some(MAX_INBOUND))
                .max_write_buffer_size(MAX_UNSENT);
            Ok(WebSocket::from_partially_read(
                stream,
                rest,
                Role::Client,
                Some(config),
            ))
        }
    }
}

fn is_would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

fn reason_of(error: Error) -> DisconnectReason {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => {
            DisconnectReason::Lost(TransportError::Eof)
        }
        Error::Protocol(WebSocketError::ResetWithoutClosingHandshake) => {
            DisconnectReason::Lost(TransportError::Eof)
        }
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            DisconnectReason::Lost(TransportError::Eof)
        }
        Error::Io(error) => DisconnectReason::Lost(TransportError::Io(Arc::new(error))),
        error => DisconnectReason::Protocol(ProtocolError::WebSocket(error.to_string())),
    }
}
