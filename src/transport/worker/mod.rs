//! The network thread: it blocks in one place, the poller, and carries out what the cores of its links want.
//!
//! What a message costs does not depend on the number of links: only the links that something happened to have a turn.

mod agenda;
mod dialer;
mod link_state;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crossbeam_channel::{Receiver, Sender};
use hashbrown::HashMap;
use mio::{Events, Poll, Token, Waker};

use self::{agenda::Agenda, dialer::Dialer, link_state::LinkState};
use super::{
    command::LinkCommand,
    core::{Core, Input},
    link::LinkId,
    socket::resolver::Addresses,
};

/// The poller's name for the waker.
pub(super) const WAKER: Token = Token(0);

/// How long the last words of sockets may take when the thread is to end.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// If the calendar is this far ahead of the clock, the machine slept.
const SLEPT: Duration = Duration::from_secs(2);

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
    agenda: Agenda<LinkId>,
    dialer: Dialer,
    ends_at: Option<Instant>,
}

impl Worker {
    pub(super) fn new(
        poll: Poll,
        waker: Arc<Waker>,
        to_worker: Sender<ToWorker>,
        commands: Receiver<ToWorker>,
    ) -> Self {
        let deliver = move |token, addresses| {
            if to_worker.send(ToWorker::Resolved(token, addresses)).is_ok() {
                let _ = waker.wake();
            }
        };
        Self {
            poll,
            commands,
            links: HashMap::new(),
            agenda: Agenda::new(),
            dialer: Dialer::new(WAKER, Arc::new(deliver)),
            ends_at: None,
        }
    }

    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(256);
        while !self.is_over(Instant::now()) {
            let before = (Instant::now(), SystemTime::now());
            let timeout = self.timeout(before.0);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return log::error!("the poller failed: {error}"),
                Ok(()) => {}
            }
            let now = Instant::now();
            if has_slept(before, now) {
                self.on_slept(now);
            }
            for event in &events {
                if let Some(id) = self.dialer.owner(event.token()) {
                    self.agenda.mark(id);
                }
            }
            while let Ok(message) = self.commands.try_recv() {
                self.on_message(now, message);
            }
            for id in self.agenda.begin_round(now) {
                self.give_turn(now, id);
            }
            self.dialer.forget_ended();
            self.start_calls(now);
        }
    }

    /// The machine slept. Most clocks do not count that.
    fn on_slept(&mut self, now: Instant) {
        for (id, link) in &mut self.links {
            link.input(now, Input::Stopped);
            self.agenda.mark(*id);
        }
    }

    /// A link for something that concerns it. It is due then.
    fn link(&mut self, id: LinkId) -> Option<&mut LinkState> {
        let link = self.links.get_mut(&id)?;
        self.agenda.mark(id);
        Some(link)
    }

    fn give_turn(&mut self, now: Instant, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let has_more = link.turn(now, self.poll.registry(), &mut self.dialer);
        if link.is_finished() {
            self.links.remove(&id);
            self.agenda.remove(id);
            return;
        }
        self.agenda.set_timeout(id, link.next_timeout(now));
        if has_more {
            self.agenda.mark(id);
        }
    }

    /// Starts the REST calls whose turn it is.
    fn start_calls(&mut self, now: Instant) {
        while let Some((host, id, request)) = self.dialer.pool.next() {
            let Some(link) = self.links.get_mut(&id) else {
                continue;
            };
            if let Some(token) = link.start_call(now, request, &mut self.dialer) {
                self.dialer.pool.open(host, token);
            }
            self.agenda.mark(id);
        }
    }

    fn on_message(&mut self, now: Instant, message: ToWorker) {
        match message {
            ToWorker::AddLink(id, core) => {
                self.links.insert(id, LinkState::new(id, core));
            }
            ToWorker::Commands(id, commands) => {
                if let Some(link) = self.link(id) {
                    for command in commands {
                        link.input(now, Input::Command(command));
                    }
                }
            }
            ToWorker::RemoveLink(id) => {
                if let Some(link) = self.link(id) {
                    link.remove(now);
                }
            }
            ToWorker::Resolved(token, addresses) => {
                let owner = self.dialer.owner(token);
                if let Some(id) = owner
                    && let Some(link) = self.links.get_mut(&id)
                {
                    link.on_resolved(now, token, addresses, self.poll.registry());
                    self.agenda.mark(id);
                }
            }
            ToWorker::ShutDown => {
                self.ends_at = Some(now + LAST_WORDS);
                for (id, link) in &mut self.links {
                    link.remove(now);
                    self.agenda.mark(*id);
                }
            }
        }
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        let end = self.ends_at.map(|at| at.saturating_duration_since(now));
        self.agenda.wait(now).into_iter().chain(end).min()
    }

    fn is_over(&self, now: Instant) -> bool {
        self.ends_at
            .is_some_and(|at| now >= at || self.links.is_empty())
    }
}

/// Whether the machine slept since then. Somebody who sets the calendar looks like that, too, and costs a ping.
fn has_slept((clock, calendar): (Instant, SystemTime), now: Instant) -> bool {
    let by_clock = now.saturating_duration_since(clock);
    let by_calendar = calendar.elapsed().unwrap_or_default();
    by_calendar > by_clock + SLEPT
}
