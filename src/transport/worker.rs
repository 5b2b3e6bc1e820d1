//! The network thread: it blocks in one place, the poller, and carries out what the cores of its links want.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender};
use hashbrown::HashMap;
use mio::{Events, Poll, Registry, Token, Waker};

#[cfg(feature = "rustls")]
use super::socket::tls::TlsConfigs;
use super::{
    address::{Endpoint, NakamaServer},
    command::{Epoch, LinkCommand, RequestId, RestCall},
    core::{Action, Core, Input},
    error::{DisconnectReason, TransportError},
    event::RestResponse,
    link::LinkId,
    socket::{
        dial::Dial,
        exchange::{Exchange, Outcome},
        pool::Pool,
        resolver::{Addresses, Resolver},
        rest,
        websocket::{Socket, SocketEvent},
    },
};

/// The poller's name for the waker.
pub(super) const WAKER: Token = Token(0);

/// In how many turns in a row a link may have more to read before its timers are judged all the same.
const UNREAD_TURNS: u32 = 8;
/// How long the last words of sockets may take when the thread is to end.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What the thread is told.
pub(super) enum ToWorker {
    AddLink(LinkId, Box<Core>),
    Commands(LinkId, Vec<LinkCommand>),
    /// Nobody listens any more; its socket is closed politely.
    RemoveLink(LinkId),
    Resolved(Token, Addresses),
    ShutDown,
}

pub(super) struct Worker {
    poll: Poll,
    commands: Receiver<ToWorker>,
    links: HashMap<LinkId, LinkState>,
    owners: HashMap<Token, LinkId>,
    dialer: Dialer,
    ends_at: Option<Instant>,
}

/// What it takes to start a connection.
struct Dialer {
    resolver: Resolver,
    to_worker: Sender<ToWorker>,
    waker: Arc<Waker>,
    last_token: usize,
    pool: Pool,
    #[cfg(feature = "rustls")]
    tls: TlsConfigs,
}

struct LinkState {
    id: LinkId,
    core: Box<Core>,
    socket: Option<(Epoch, Token, Socket)>,
    /// Sockets that are being closed.
    closing: Vec<(Token, Socket)>,
    calls: HashMap<RequestId, Call>,
    /// Calls that wait for their turn.
    waiting: HashMap<RequestId, (Box<RestCall>, Endpoint)>,
    /// Something happened that concerns this link.
    is_due: bool,
    /// Turns in a row that left something unread.
    unread_turns: u32,
    is_removed: bool,
}

/// A REST call that is under way.
struct Call {
    token: Token,
    server: NakamaServer,
    exchange: Exchange,
}

impl Worker {
    pub(super) fn new(
        poll: Poll,
        waker: Arc<Waker>,
        to_worker: Sender<ToWorker>,
        commands: Receiver<ToWorker>,
    ) -> Self {
        let dialer = Dialer {
            resolver: Resolver::default(),
            to_worker,
            waker,
            last_token: WAKER.0,
            pool: Pool::default(),
            #[cfg(feature = "rustls")]
            tls: TlsConfigs::default(),
        };
        Self {
            poll,
            commands,
            links: HashMap::new(),
            owners: HashMap::new(),
            dialer,
            ends_at: None,
        }
    }

    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(256);
        while !self.is_over(Instant::now()) {
            let timeout = self.timeout(Instant::now());
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return log::error!("the poller failed: {error}"),
                Ok(()) => {}
            }
            let now = Instant::now();
            for event in &events {
                if let Some(link) = self.owner(event.token()) {
                    link.is_due = true;
                }
            }
            while let Ok(message) = self.commands.try_recv() {
                self.on_message(now, message);
            }
            for (id, link) in &mut self.links {
                if link.is_due || link.next_timeout(now).is_some_and(|at| at <= now) {
                    link.turn(
                        now,
                        self.poll.registry(),
                        |token| {
                            self.owners.insert(token, *id);
                        },
                        &mut self.dialer,
                    );
                }
            }
            let links = &mut self.links;
            links.retain(|_, link| !link.is_finished());
            self.owners
                .retain(|token, id| links.get(id).is_some_and(|link| link.owns(*token)));
            self.start_calls(now);
        }
    }

    /// Starts the REST calls whose turn it is.
    fn start_calls(&mut self, now: Instant) {
        let owners = &mut self.owners;
        self.dialer.pool.retain(|token| owners.contains_key(&token));
        while let Some((host, id, request)) = self.dialer.pool.next() {
            let started = self
                .links
                .get_mut(&id)
                .and_then(|link| link.start_call(now, request, &mut self.dialer));
            if let Some(token) = started {
                owners.insert(token, id);
                self.dialer.pool.open(host, token);
            }
        }
    }

    fn on_message(&mut self, now: Instant, message: ToWorker) {
        match message {
            ToWorker::AddLink(id, core) => {
                self.links.insert(id, LinkState::new(id, core));
            }
            ToWorker::Commands(id, commands) => {
                if let Some(link) = self.links.get_mut(&id) {
                    for command in commands {
                        link.input(now, Input::Command(command));
                    }
                }
            }
            ToWorker::RemoveLink(id) => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.remove(now);
                }
            }
            ToWorker::Resolved(token, addresses) => {
                let link = self
                    .owners
                    .get(&token)
                    .and_then(|id| self.links.get_mut(id));
                if let Some(link) = link {
                    link.on_resolved(now, token, addresses, self.poll.registry());
                }
            }
            ToWorker::ShutDown => {
                self.ends_at = Some(now + LAST_WORDS);
                for link in self.links.values_mut() {
                    link.remove(now);
                }
            }
        }
    }

    /// The link that a connection is of.
    fn owner(&mut self, token: Token) -> Option<&mut LinkState> {
        self.links.get_mut(self.owners.get(&token)?)
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        if self.links.values().any(|link| link.is_due) {
            return Some(Duration::ZERO);
        }
        let timeouts = self
            .links
            .values()
            .filter_map(|link| link.next_timeout(now))
            .chain(self.ends_at);
        timeouts.min().map(|at| at.saturating_duration_since(now))
    }

    fn is_over(&self, now: Instant) -> bool {
        self.ends_at
            .is_some_and(|at| now >= at || self.links.is_empty())
    }
}

impl Dialer {
    /// Starts a connection: its socket will be registered under the token, and its addresses come as a message.
    #[cfg_attr(not(feature = "rustls"), expect(unused_variables))]
    fn dial(
        &mut self,
        server: &NakamaServer,
        endpoint: Endpoint,
    ) -> Result<(Token, Dial), TransportError> {
        self.last_token += 1;
        let token = Token(self.last_token);
        #[cfg_attr(not(feature = "rustls"), expect(unused_mut))]
        let mut dial = Dial::new(endpoint, token)?;
        #[cfg(feature = "rustls")]
        dial.prepare_tls(server, &mut self.tls)?;
        let (to_worker, waker) = (self.to_worker.clone(), self.waker.clone());
        let deliver = move |addresses| {
            if to_worker.send(ToWorker::Resolved(token, addresses)).is_ok() {
                let _ = waker.wake();
            }
        };
        let endpoint = dial.endpoint();
        self.resolver
            .resolve(&endpoint.host, endpoint.port, Box::new(deliver));
        Ok((token, dial))
    }
}

impl LinkState {
    fn new(id: LinkId, core: Box<Core>) -> Self {
        Self {
            id,
            core,
            socket: None,
            closing: Vec::new(),
            calls: HashMap::new(),
            waiting: HashMap::new(),
            is_due: false,
            unread_turns: 0,
            is_removed: false,
        }
    }

    fn input(&mut self, now: Instant, input: Input) {
        self.core.handle(now, input);
        self.is_due = true;
    }

    fn remove(&mut self, now: Instant) {
        self.is_removed = true;
        self.calls.clear();
        self.waiting.clear();
        self.input(now, Input::Command(LinkCommand::Disconnect));
    }

    fn is_finished(&self) -> bool {
        self.is_removed && self.socket.is_none() && self.closing.is_empty()
    }

    fn owns(&self, token: Token) -> bool {
        self.socket
            .as_ref()
            .is_some_and(|(_, own, _)| *own == token)
            || self.closing.iter().any(|(own, _)| *own == token)
            || self.calls.values().any(|call| call.token == token)
    }

    fn next_timeout(&self, now: Instant) -> Option<Instant> {
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
    fn on_resolved(
        &mut self,
        now: Instant,
        token: Token,
        addresses: Addresses,
        registry: &Registry,
    ) {
        if let Some((epoch, own, socket)) = &mut self.socket
            && *own == token
        {
            let epoch = *epoch;
            if let Err(error) = socket.on_resolved(now, addresses, registry) {
                let reason = DisconnectReason::Unreachable(error.at(socket.server()));
                self.input(now, Input::Ended(epoch, reason));
            }
            return;
        }
        let call = self.calls.iter_mut().find(|(_, call)| call.token == token);
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

    /// Reads what is there, judges the timers, writes what may leave, and gives the result to the game.
    fn turn(
        &mut self,
        now: Instant,
        registry: &Registry,
        mut own: impl FnMut(Token),
        dialer: &mut Dialer,
    ) {
        self.is_due = false;
        let has_more = self.read(now, registry);
        self.judge(now, has_more);
        loop {
            self.write(now);
            self.core.flush();
            let Some(action) = self.core.next_action() else {
                break;
            };
            self.perform(now, action, &mut own, dialer);
        }
    }

    /// Reads what is there. Whether there is more, for the next turn.
    fn read(&mut self, now: Instant, registry: &Registry) -> bool {
        let mut has_more = false;
        if let Some((epoch, _, socket)) = &mut self.socket {
            let core = &mut self.core;
            has_more = socket.progress(now, registry, |arrival| {
                core.handle(now, input(*epoch, arrival));
            });
        }
        has_more |= self.poll_calls(now, registry);
        self.closing
            .retain_mut(|(_, socket)| !socket.is_closed(now));
        let mut closing = self.closing.iter();
        self.is_due |= has_more || closing.any(|(_, socket)| socket.has_more());
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

    /// Writes what may leave, as far as the socket takes it.
    fn write(&mut self, now: Instant) {
        let Some((_, _, socket)) = &mut self.socket else {
            return;
        };
        socket.flush();
        while socket.is_writable()
            && let Some(frame) = self.core.next_frame(now)
        {
            socket.write(&frame);
        }
        socket.flush();
        // The next turn reads what the server said before it broke, and then tells.
        self.is_due |= socket.is_broken();
    }

    fn perform(
        &mut self,
        now: Instant,
        action: Action,
        own: &mut impl FnMut(Token),
        dialer: &mut Dialer,
    ) {
        match action {
            Action::Open(epoch, plan, endpoint) => {
                let dialing = dialer.dial(&plan.server, endpoint);
                let opening = dialing.and_then(|(token, dial)| {
                    own(token);
                    Ok((epoch, token, Socket::start(&plan, dial)?))
                });
                match opening {
                    Ok(opening) => self.socket = Some(opening),
                    Err(error) => {
                        let reason = DisconnectReason::Unreachable(error.at(&plan.server));
                        self.core.handle(now, Input::Ended(epoch, reason));
                    }
                }
            }
            Action::Close(epoch) => {
                if let Some((_, token, socket)) =
                    self.socket.take_if(|(current, ..)| *current == epoch)
                    && let Some(closing) = socket.close(now)
                {
                    self.closing.push((token, closing));
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
    fn start_call(
        &mut self,
        now: Instant,
        request: RequestId,
        dialer: &mut Dialer,
    ) -> Option<Token> {
        let (call, endpoint) = self.waiting.remove(&request)?;
        let started = dialer
            .dial(&call.server, endpoint)
            .and_then(|(token, dial)| Ok((token, rest::start(&call, dial)?)));
        match started {
            Ok((token, exchange)) => {
                let call = Call {
                    token,
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

fn input(epoch: Epoch, event: SocketEvent) -> Input {
    match event {
        SocketEvent::Opened => Input::Opened(epoch),
        SocketEvent::Frame(frame) => Input::Frame(epoch, frame),
        SocketEvent::Alive => Input::Alive(epoch),
        SocketEvent::Ended(reason) => Input::Ended(epoch, reason),
    }
}
