//! The boundary between a game and the network thread: the game's end.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crossbeam_channel::{Receiver, TryRecvError};

use super::{
    alarm::Alarm,
    command::{Epoch, LinkCommand, RequestId},
    error::{DisconnectReason, TransportError},
    event::{Failure, LinkEvent, Told},
    stats::{LinkStats, TrafficTotals},
};

/// The rules of one link.
#[derive(Clone, Debug)]
pub(crate) struct LinkSettings {
    /// How long a socket may take to open, looking up the name included.
    pub(crate) connect_timeout: Duration,
    /// The largest envelope that the server accepts, in bytes (`socket.max_message_size_bytes`).
    pub(crate) max_envelope: usize,
    /// How many bytes may wait for the game before data messages are left out. Above twice that the link ends.
    pub(crate) hand_over_limit: usize,
    /// How many messages may wait to be sent.
    pub(crate) send_queue: usize,
    /// How many requests over the socket may be unanswered before the next one waits.
    pub(crate) requests_in_flight: usize,
    /// How long a disconnect may go on sending what is queued.
    pub(crate) drain_timeout: Duration,
    /// Makes the waits between tries repeatable.
    pub(crate) seed: Option<u64>,
    /// What wakes the game when there is something for it.
    pub(crate) alarm: Alarm,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            max_envelope: 4096,
            hand_over_limit: 64 * 1024 * 1024,
            send_queue: 4096,
            requests_in_flight: 24,
            drain_timeout: Duration::from_millis(250),
            seed: None,
            alarm: Alarm::default(),
        }
    }
}

/// Names a link among those of its thread.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct LinkId(pub(super) u64);

/// One hand-over's worth of events, and what they weigh.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Told>,
    pub(crate) weight: usize,
}

/// Takes a link's commands to whoever drives it: the network thread, or a test.
pub(crate) trait Driver: Send + Sync {
    /// Must not block.
    fn hand_over(&self, commands: Vec<LinkCommand>);
}

/// The game's end.
pub(crate) struct Link {
    /// `None` if the thread never started.
    driver: Option<Box<dyn Driver>>,
    events: Receiver<Batch>,
    stats: Arc<LinkStats>,
    staged: Vec<LinkCommand>,
    /// The last connection that the thread was asked for.
    epoch: Epoch,
    /// The last connection that is put aside.
    staged_epoch: Option<Epoch>,
    /// The rest of the batch that is being read.
    current: VecDeque<Told>,
    /// How many more batches may be taken in this frame.
    batches_left: usize,
    is_dead: bool,
}

impl Link {
    pub(crate) fn new(
        driver: Box<dyn Driver>,
        events: Receiver<Batch>,
        stats: Arc<LinkStats>,
    ) -> Self {
        Self::with_driver(Some(driver), events, stats)
    }

    /// A link without a thread, if none can be started: it refuses everything.
    pub(crate) fn dead() -> Self {
        let (_, events) = crossbeam_channel::bounded(0);
        Self {
            is_dead: true,
            ..Self::with_driver(None, events, Arc::default())
        }
    }

    fn with_driver(
        driver: Option<Box<dyn Driver>>,
        events: Receiver<Batch>,
        stats: Arc<LinkStats>,
    ) -> Self {
        Self {
            driver,
            events,
            stats,
            staged: Vec::new(),
            epoch: Epoch::default(),
            staged_epoch: None,
            current: VecDeque::new(),
            batches_left: 0,
            is_dead: false,
        }
    }

    /// Whether the thread is gone, and everything that there was to say about it has been read.
    pub(crate) fn is_over(&self) -> bool {
        self.is_dead && self.staged.is_empty() && self.current.is_empty()
    }

    /// Whether a connection was asked for since the thread ended, which is for a new thread once everything that there was to say
    /// about this one has been read. A link that never had a thread refuses it instead.
    fn has_work_for_the_next(&self) -> bool {
        self.is_dead && self.driver.is_some() && self.staged_epoch.is_some()
    }

    /// What is put aside for a new thread, if this one is gone and everything that there was to say about it has been read.
    pub(crate) fn take_work_for_the_next(&mut self) -> Option<Vec<LinkCommand>> {
        let is_time = self.has_work_for_the_next() && self.current.is_empty();
        is_time.then(|| std::mem::take(&mut self.staged))
    }

    /// What the link has counted.
    pub(crate) fn totals(&self) -> TrafficTotals {
        self.stats.totals()
    }

    /// Puts a command aside until [`hand_over`](Self::hand_over).
    pub(crate) fn stage(&mut self, command: LinkCommand) {
        self.staged_epoch = begins(&command, self.epoch).or(self.staged_epoch);
        self.staged.push(command);
    }

    /// A connection has ended: takes back the requests over its socket that are put aside.
    pub(crate) fn take_unsent(&mut self, ended: Epoch) -> Vec<RequestId> {
        let mut is_old = self.epoch == ended;
        let mut unsent = Vec::new();
        self.staged.retain(|command| {
            is_old &= begins(command, ended).is_none();
            match command {
                LinkCommand::Request { id, .. } if is_old => unsent.push(*id),
                _ => return true,
            }
            false
        });
        unsent
    }

    /// Whether a request is put aside.
    pub(crate) fn is_staged(&self, request: RequestId) -> bool {
        self.staged.iter().any(|command| match command {
            LinkCommand::Request { id, .. } | LinkCommand::Rest { id, .. } => *id == request,
            _ => false,
        })
    }

    /// What is put aside; the link ends.
    pub(crate) fn into_staged(self) -> Vec<LinkCommand> {
        self.staged
    }

    /// Gives everything staged to the network thread and wakes it. Never blocks.
    pub(crate) fn hand_over(&mut self) {
        match &self.driver {
            _ if self.staged.is_empty() || self.has_work_for_the_next() => {}
            Some(driver) if !self.is_dead => {
                self.epoch = self.staged_epoch.take().unwrap_or(self.epoch);
                let room = self.staged.len();
                driver.hand_over(std::mem::replace(
                    &mut self.staged,
                    Vec::with_capacity(room),
                ));
            }
            _ => {
                self.staged_epoch = None;
                let refused = self
                    .staged
                    .drain(..)
                    .filter_map(|it| refuse(it, self.epoch));
                self.current.extend(refused);
            }
        }
    }

    /// Whether something is known that the game has not heard of.
    pub(crate) fn has_news(&self) -> bool {
        !self.current.is_empty()
    }

    /// Marks what has arrived until now as this frame's.
    pub(crate) fn begin_frame(&mut self) {
        // One look more, so that a thread that is gone is noticed: nothing else may wake the game for it.
        self.batches_left = self.events.len() + 1;
    }

    /// The next of this frame's events. Never blocks.
    pub(crate) fn next_event(&mut self) -> Option<Told> {
        loop {
            if let Some(event) = self.current.pop_front() {
                return Some(event);
            }
            self.batches_left = self.batches_left.checked_sub(1)?;
            match self.events.try_recv() {
                Ok(batch) => {
                    self.stats
                        .waiting
                        .fetch_sub(batch.weight, Ordering::Relaxed);
                    self.current = batch.events.into();
                }
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) if self.is_dead => return None,
                Err(TryRecvError::Disconnected) => {
                    self.is_dead = true;
                    // One end for all connections that the thread was asked for, after the answers to what had not left. A
                    // later connection, and what is for it, waits for another thread.
                    let epoch = self.epoch;
                    let later = |it| begins(it, epoch).is_some();
                    let later = self.staged.iter().position(later);
                    let unsent = self.staged.drain(..later.unwrap_or(self.staged.len()));
                    self.current
                        .extend(unsent.filter_map(|it| refuse(it, epoch)));
                    let event = LinkEvent::Closed(DisconnectReason::NetworkThread);
                    self.current.push_back(Told { epoch, event });
                }
            }
        }
    }
}

/// The connection that begins with a command, after this one.
fn begins(command: &LinkCommand, epoch: Epoch) -> Option<Epoch> {
    command.begins().filter(|begun| *begun != epoch)
}

/// What a thread that is gone says to a command, after this connection.
fn refuse(command: LinkCommand, mut epoch: Epoch) -> Option<Told> {
    let event = match command {
        LinkCommand::Connect(plan) => {
            epoch = plan.epoch;
            LinkEvent::Closed(DisconnectReason::NetworkThread)
        }
        // It has one end.
        LinkCommand::GiveUp(given_up, _) if given_up == epoch => return None,
        LinkCommand::GiveUp(given_up, reason) => {
            epoch = given_up;
            LinkEvent::Closed(reason)
        }
        LinkCommand::Request { id, .. } => LinkEvent::failed(id, Failure::NotConnected),
        LinkCommand::Rest { id, call, .. } => {
            let error = TransportError::NetworkThread.at(&call.server);
            LinkEvent::failed(id, Failure::Unreachable(error))
        }
        LinkCommand::Send { origin, data, .. } => LinkEvent::SendFailed {
            origin,
            op_code: data.op_code,
            reason: Failure::NotConnected,
        },
        LinkCommand::Reopen { .. }
        | LinkCommand::Postpone(_)
        | LinkCommand::Hurry
        | LinkCommand::Resume
        | LinkCommand::Forget { .. }
        | LinkCommand::Abandon { .. }
        | LinkCommand::Disconnect
        | LinkCommand::Tap(_)
        | LinkCommand::WakeAt(_) => return None,
    };
    Some(Told { epoch, event })
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
