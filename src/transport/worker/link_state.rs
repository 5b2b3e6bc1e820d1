//! One link on the network thread: its core, its sockets and its calls.

use std::time::Instant;

use hashbrown::HashMap;
use mio::{Registry, Token};

use super::dialer::{Dialer, Lease};
use crate::transport::{
    address::{Endpoint, NakamaServer},
    command::{LinkCommand, RequestId, RestCall},
    core::{Action, Core, Input, SocketId},
    error::{DisconnectReason, TransportError},
    event::RestResponse,
    link::LinkId,
    socket::{
        exchange::{Exchange, Outcome},
        resolver::Addresses,
        rest,
        websocket::{Socket, SocketEvent},
    },
};

/// In how many turns in a row a link may have more to read before its timers are judged all the same.
const UNREAD_TURNS: u32 = 8;

/// What the network thread has of a link. Whoever calls a method gives the link a turn afterwards.
pub(super) struct LinkState {
    id: LinkId,
    core: Box<Core>,
    socket: Option<(SocketId, Lease, Socket)>,
    /// Sockets that are being closed.
    closing: Vec<(Lease, Socket)>,
    calls: HashMap<RequestId, Call>,
    /// Calls that wait for their turn.
    waiting: HashMap<RequestId, (Box<RestCall>, Endpoint)>,
    /// Turns in a row that left something unread.
    unread_turns: u32,
    is_removed: bool,
}

/// A REST call that is under way.
struct Call {
    lease: Lease,
    server: NakamaServer,
    exchange: Exchange,
}

impl LinkState {
    pub(super) fn new(id: LinkId, core: Box<Core>) -> Self {
        Self {
            id,
            core,
            socket: None,
            closing: Vec::new(),
            calls: HashMap::new(),
            waiting: HashMap::new(),
            unread_turns: 0,
            is_removed: false,
        }
    }

    pub(super) fn input(&mut self, now: Instant, input: Input) {
        self.core.handle(now, input);
    }

    /// Nobody listens any more.
    pub(super) fn remove(&mut self, now: Instant) {
        self.is_removed = true;
        self.calls.clear();
        self.waiting.clear();
        self.input(now, Input::Command(LinkCommand::Disconnect));
    }

    /// Whether it has said its last words. To be asked after each turn.
    pub(super) fn is_finished(&self) -> bool {
        self.is_removed && self.socket.is_none() && self.closing.is_empty()
    }

    /// When its next turn is, although nothing happens. To be asked after each turn.
    pub(super) fn next_timeout(&self, now: Instant) -> Option<Instant> {
        let open = self.socket.as_ref().map(|(_, _, socket)| socket);
        let closing = self.closing.iter().map(|(_, socket)| socket);
        let sockets = open.into_iter().chain(closing);
        let calls = self.calls.values();
        // What a socket does not take waits for the poller.
        let is_writable = open.is_some_and(Socket::is_writable);
        let frame = self.core.next_frame_due(now).filter(|_| is_writable);
        [self.core.next_timeout(), frame]
            .into_iter()
            .chain(sockets.map(Socket::next_timeout))
            .chain(calls.map(|call| call.exchange.next_timeout()))
            .flatten()
            .min()
    }

    /// Starts to connect at once: whoever was looked up first is first at the server.
    pub(super) fn on_resolved(
        &mut self,
        now: Instant,
        token: Token,
        addresses: Addresses,
        registry: &Registry,
    ) {
        if let Some((id, lease, socket)) = &mut self.socket
            && lease.token() == token
        {
            let id = *id;
            if let Err(error) = socket.on_resolved(now, addresses, registry) {
                let reason = DisconnectReason::Unreachable(error.at(socket.server()));
                self.input(now, Input::Ended(id, reason));
            }
            return;
        }
        let call = self
            .calls
            .iter_mut()
            .find(|(_, call)| call.lease.token() == token);
        let Some((request, call)) = call else {
            return;
        };
        let request = *request;
        if let Err(error) = call.exchange.on_resolved(now, addresses, registry) {
            let error = error.at(&call.server);
            self.calls.remove(&request);
            self.input(now, Input::RestDone(request, Err(error)));
        }
    }

    /// Reads what is there, judges the timers, writes what may leave, and gives the result to the game. Whether it has to do more
    /// at once, in the next turn.
    pub(super) fn turn(&mut self, now: Instant, registry: &Registry, dialer: &mut Dialer) -> bool {
        let has_more = self.read(now, registry);
        let mut closing = self.closing.iter();
        let mut is_due = has_more || closing.any(|(_, socket)| socket.has_more());
        self.judge(now, has_more);
        loop {
            is_due |= self.write(now);
            self.core.flush();
            let Some(action) = self.core.next_action() else {
                return is_due;
            };
            self.perform(now, action, dialer);
        }
    }

    /// Reads what is there. Whether there is more, for the next turn.
    fn read(&mut self, now: Instant, registry: &Registry) -> bool {
        let mut has_more = false;
        if let Some((id, _, socket)) = &mut self.socket {
            let core = &mut self.core;
            has_more = socket.progress(now, registry, |arrival| {
                core.handle(now, input(*id, arrival));
            });
        }
        has_more |= self.poll_calls(now, registry);
        self.closing
            .retain_mut(|(_, socket)| !socket.is_closed(now));
        has_more
    }

    /// Lets the core judge its timers. Whoever was stopped for a while (a debugger, the lid of a laptop) is late, but not
    /// because of the server: what has arrived meanwhile is read first. A server that never stops talking cannot put the timers
    /// off for ever.
    fn judge(&mut self, now: Instant, has_more: bool) {
        self.unread_turns = if has_more { self.unread_turns + 1 } else { 0 };
        if self.unread_turns == 0 || self.unread_turns >= UNREAD_TURNS {
            self.unread_turns = 0;
            self.core.handle(now, Input::Tick);
        }
    }

    /// Writes what may leave, as far as the socket takes it. Whether the socket is broken: the next turn reads what the server said
    /// before it broke, and then tells.
    fn write(&mut self, now: Instant) -> bool {
        let Some((_, _, socket)) = &mut self.socket else {
            return false;
        };
        socket.flush();
        while socket.is_writable()
            && let Some(frame) = self.core.next_frame(now)
        {
            socket.write(&frame);
        }
        socket.flush();
        socket.is_broken()
    }

    fn perform(&mut self, now: Instant, action: Action, dialer: &mut Dialer) {
        match action {
            Action::Open(id, plan, endpoint) => {
                let dialing = dialer.dial(self.id, &plan.server, endpoint);
                let opening =
                    dialing.and_then(|(lease, dial)| Ok((id, lease, Socket::start(&plan, dial)?)));
                match opening {
                    Ok(opening) => self.socket = Some(opening),
                    Err(error) => {
                        let reason = DisconnectReason::Unreachable(error.at(&plan.server));
                        self.core.handle(now, Input::Ended(id, reason));
                    }
                }
            }
            Action::Close(id) => {
                if let Some((_, lease, socket)) =
                    self.socket.take_if(|(current, ..)| *current == id)
                    && let Some(closing) = socket.close(now)
                {
                    self.closing.push((lease, closing));
                }
            }
            Action::Rest(request, call, endpoint) => {
                dialer.pool.wait(self.id, request, &endpoint, &call.auth);
                self.waiting.insert(request, (call, endpoint));
            }
            Action::AbandonRest(request) => {
                self.calls.remove(&request);
                self.waiting.remove(&request);
            }
        }
    }

    /// Starts a call, if somebody still waits for it.
    pub(super) fn start_call(
        &mut self,
        now: Instant,
        request: RequestId,
        dialer: &mut Dialer,
    ) -> Option<Token> {
        let (call, endpoint) = self.waiting.remove(&request)?;
        let started = dialer
            .dial(self.id, &call.server, endpoint)
            .and_then(|(lease, dial)| Ok((lease, rest::start(&call, dial)?)));
        match started {
            Ok((lease, exchange)) => {
                let token = lease.token();
                let call = Call {
                    lease,
                    server: call.server,
                    exchange,
                };
                self.calls.insert(request, call);
                Some(token)
            }
            Err(error) => {
                let error = error.at(&call.server);
                self.input(now, Input::RestDone(request, Err(error)));
                None
            }
        }
    }

    /// Goes on with the calls. Whether one of them has more to read.
    fn poll_calls(&mut self, now: Instant, registry: &Registry) -> bool {
        let core = &mut self.core;
        let mut has_more = false;
        self.calls.retain(|request, call| {
            let result = match call.exchange.poll(now, registry) {
                Ok(None) => {
                    has_more |= call.exchange.has_more();
                    return true;
                }
                Ok(Some(Outcome::Response(response))) => Ok(RestResponse {
                    status: response.head.status,
                    body: response.body,
                }),
                Ok(Some(Outcome::Upgraded { .. })) => {
                    Err(TransportError::Http("it switches protocols unasked"))
                }
                Err(error) => Err(error),
            };
            let result = result.map_err(|error| error.at(&call.server));
            core.handle(now, Input::RestDone(*request, result));
            false
        });
        has_more
    }
}

fn input(id: SocketId, event: SocketEvent) -> Input {
    match event {
        SocketEvent::Opened => Input::Opened(id),
        SocketEvent::Frame(frame) => Input::Frame(id, frame),
        SocketEvent::Alive => Input::Alive(id),
        SocketEvent::Ended(reason) => Input::Ended(id, reason),
    }
}
