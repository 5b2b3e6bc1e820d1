//! Early arrivals: what comes before the answer or the join that it belongs to.
//!
//! A server sends answers, presence events and data from different tasks, so their order is a race. This module puts them into
//! the order that a game expects: the answer first, then joins, then data of those who joined. The same goes for
//! what a request changes: members that the local user accepts into a party or removes from it, the local user's status, and streams
//! that an RPC puts the local user into. First comes the answer, then the event.

use std::{collections::VecDeque, time::Duration};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::ids::SessionId;
use crate::{
    request::{Area, Move, Mover, Requests},
    transport::{Epoch, Pushed, canonical},
};

/// How long data waits for the join of its sender, and the local user's presence in a stream for the answer to an RPC.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// What may be held, in all.
const MAX_FRAMES: usize = 1024;
const MAX_BYTES: usize = 1024 * 1024;

/// What is held, oldest first.
#[derive(Debug, Default, Resource)]
pub(crate) struct EarlyArrivals {
    /// What the local user joined late, while another join of its kind had no answer: that join may want it.
    unwanted: Vec<(Area, Box<str>)>,
    /// What the game has asked the server for, and what the server will give in its own time.
    awaited: Vec<(Area, Box<str>)>,
    held: VecDeque<Entry>,
    bytes: usize,
    /// What is to be applied now, in order.
    ready: VecDeque<(Pushed, Timing)>,
    dropped: u64,
}

#[derive(Debug)]
struct Entry {
    what: Pushed,
    /// How it arrived.
    timing: Timing,
    waits_for: WaitsFor,
    since: Duration,
}

/// When something arrived, and whether it may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// In time since the app's start (`Time<Real>`).
    pub(crate) at: Duration,
    /// Whether it may be held back. Not if it has waited long enough.
    pub(crate) may_wait: bool,
    /// The connection that it arrived on.
    pub(super) epoch: Epoch,
}

/// What something that arrived has to wait for.
#[derive(Debug, PartialEq)]
pub(crate) enum WaitsFor {
    /// The answer that names this id.
    Context(Area, Box<str>),
    /// The join of this session in a known context.
    Join(Entity, SessionId),
    /// The answer to a request that changes who is in the context with this id.
    Answer(Area, Box<str>),
}

impl WaitsFor {
    /// The answer that names this id.
    pub(crate) fn context(area: Area, id: &str) -> Self {
        Self::Context(area, canonical(id).into())
    }

    fn is_context(&self, area: Area, id: &str) -> bool {
        matches!(self, Self::Context(of, known) if *of == area && **known == *id)
    }

    fn is_answer(&self, area: Area, id: &str) -> bool {
        matches!(self, Self::Answer(of, known) if *of == area && **known == *id)
    }

    fn is_answer_to(&self, asked: &Move) -> bool {
        match asked {
            Move::Of { area, id, .. } => self.is_answer(*area, id),
            Move::Own(area) => matches!(self, Self::Answer(of, _) if of == area),
        }
    }

    /// Whether the wait has a limit of its own. Other waits end by themselves: with an answer, or its timeout.
    fn is_short(&self) -> bool {
        matches!(self, Self::Join(..) | Self::Answer(Area::Stream, _))
    }
}

/// Keeps something until what it waits for has happened. What only an answer can name is dropped if no request is open.
pub(super) fn hold(world: &mut World, what: Pushed, timing: Timing, waits_for: WaitsFor) {
    let since = world.resource::<Time<Real>>().elapsed();
    let is_joining = match &waits_for {
        WaitsFor::Context(area, _) => world.resource::<Requests>().is_joining(*area),
        WaitsFor::Join(..) | WaitsFor::Answer(..) => true,
    };
    let mut early = world.resource_mut::<EarlyArrivals>();
    if let WaitsFor::Context(area, id) = &waits_for
        && !is_joining
        && !early.is_awaited(*area, id)
    {
        log::debug!("dropped what arrived for {id}, which we do not have");
        early.dropped += 1;
        return;
    }
    early.hold(Entry {
        what,
        timing,
        waits_for,
        since,
    });
}

/// An event about these people waits for an answer that is still to come, if a request moves one of them, or if an earlier event
/// waits already.
pub(crate) fn wait_for_answer<'a>(
    world: &World,
    timing: Timing,
    area: Area,
    id: &str,
    who: impl IntoIterator<Item = Mover<'a>>,
) -> Result<(), WaitsFor> {
    let id = &*canonical(id);
    let early = world.resource::<EarlyArrivals>();
    let is_ahead = || {
        early.waits_for_answer(area, id) || world.resource::<Requests>().is_moving(area, id, who)
    };
    if timing.may_wait && is_ahead() {
        return Err(WaitsFor::Answer(area, id.into()));
    }
    Ok(())
}

/// An answer has said all that it can about the contexts of an area.
pub(crate) fn contexts_are_known(world: &mut World, area: Area) {
    world
        .resource_mut::<EarlyArrivals>()
        .contexts_are_known(area);
}

/// Puts off leaving something that nobody seems to want, if a join of its kind is open. Whether it did.
pub(crate) fn put_off_leaving(world: &mut World, area: Area, id: &str) -> bool {
    let may_be_wanted = world.resource::<Requests>().is_joining(area);
    if may_be_wanted {
        world
            .resource_mut::<EarlyArrivals>()
            .put_off_leaving(area, id);
    }
    may_be_wanted
}

impl EarlyArrivals {
    /// No join or create in this area is open any more. Frames that nothing can name now are dropped.
    pub(crate) fn nothing_joins(&mut self, area: Area) {
        let awaited = self.awaited.clone();
        let is_awaited = |id: &str| is_in(&awaited, area, id);
        let gone = self.take_out(|waits_for| matches!(waits_for, WaitsFor::Context(of, id) if *of == area && !is_awaited(id)));
        self.dropped += gone.len() as u64;
    }

    /// Puts off leaving something that nobody seems to want, until no join of its kind is open.
    fn put_off_leaving(&mut self, area: Area, id: &str) {
        self.unwanted.push((area, id.into()));
    }

    /// What is to be left, unless it is wanted after all.
    pub(crate) fn take_unwanted(&mut self, area: Area) -> Vec<Box<str>> {
        let is_of_it = |(of, _): &mut (Area, Box<str>)| *of == area;
        let now = self.unwanted.extract_if(.., is_of_it);
        now.map(|(_, id)| id).collect()
    }

    /// A request that changes who is where has its answer; the event about it is ready.
    pub(crate) fn move_answered(&mut self, asked: &Move) {
        self.release(|waits_for| waits_for.is_answer_to(asked));
    }

    /// Whether an event about this waits for an answer already.
    fn waits_for_answer(&self, area: Area, id: &str) -> bool {
        let mut held = self.held.iter();
        held.any(|entry| entry.waits_for.is_answer(area, id))
    }

    /// What arrives for this context is held, however long that takes, until it [is known](Self::context_is_known).
    pub(crate) fn await_context(&mut self, area: Area, id: &str) {
        if !self.is_awaited(area, id) {
            self.awaited.push((area, id.into()));
        }
        self.make_ready(|waits_for| waits_for.is_context(area, id));
    }

    /// Nobody waits for a context any more. Drops what waited for it.
    pub(crate) fn forget_context(&mut self, area: Area, id: &str) {
        if self.is_awaited(area, id) {
            self.no_longer_await(area, id);
            let gone = self.take_out(|waits_for| waits_for.is_context(area, id));
            self.dropped += gone.len() as u64;
        }
    }

    /// Nobody has to wait for a context any more.
    pub(crate) fn no_longer_await(&mut self, area: Area, id: &str) {
        self.awaited
            .retain(|(of, awaited)| !(*of == area && **awaited == *id));
    }

    fn is_awaited(&self, area: Area, id: &str) -> bool {
        is_in(&self.awaited, area, id)
    }

    fn hold(&mut self, entry: Entry) {
        self.bytes += entry.what.size();
        self.held.push_back(entry);
        while self.held.len() > MAX_FRAMES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.held.pop_front() else {
                break;
            };
            self.bytes -= oldest.what.size();
            self.give_up(oldest);
        }
    }

    /// An answer has said all that it can about the contexts of an area. What waits for one of them gets another try.
    fn contexts_are_known(&mut self, area: Area) {
        self.make_ready(|waits_for| matches!(waits_for, WaitsFor::Context(of, _) if *of == area));
    }

    /// An answer named this context; what waited for it is ready.
    pub(crate) fn context_is_known(&mut self, area: Area, id: &str) {
        self.no_longer_await(area, id);
        self.make_ready(|waits_for| waits_for.is_context(area, id));
    }

    /// A session has joined or left, so it is known. Its data are ready.
    pub(crate) fn session_is_known(&mut self, context: Entity, session: &SessionId) {
        if !self.held.is_empty() {
            self.make_ready(|waits_for| matches!(waits_for, WaitsFor::Join(of, who) if *of == context && who == session));
        }
    }

    /// The connection is lost, and nobody joins any more: what has arrived from those who did not is ready.
    pub(crate) fn give_up_joins(&mut self) {
        self.release(|waits_for| matches!(waits_for, WaitsFor::Join(..)));
    }

    /// A context has ended. Drops what waited in it, or for it.
    pub(crate) fn context_is_gone(&mut self, context: Entity, area: Area, id: &str) {
        self.forget_context(area, id);
        let gone =
            self.take_out(|waits_for| matches!(waits_for, WaitsFor::Join(of, _) if *of == context));
        self.dropped += gone.len() as u64;
    }

    /// Gives up on what has waited long enough.
    pub(crate) fn tick(&mut self, now: Duration) {
        if self.held.is_empty() {
            return;
        }
        let is_over = |entry: &Entry| {
            entry.waits_for.is_short() && now.saturating_sub(entry.since) >= LONGEST_WAIT
        };
        let mut index = 0;
        while index < self.held.len() {
            if is_over(&self.held[index])
                && let Some(entry) = self.held.remove(index)
            {
                self.bytes -= entry.what.size();
                self.give_up(entry);
            } else {
                index += 1;
            }
        }
    }

    /// The next thing to apply.
    pub(crate) fn next_ready(&mut self) -> Option<(Pushed, Timing)> {
        self.ready.pop_front()
    }

    /// Forgets what was held: the connection is gone.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            dropped: self.dropped + self.held.len() as u64,
            ..Self::default()
        };
    }

    /// When something is given up, if nothing arrives.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let short = self.held.iter().filter(|it| it.waits_for.is_short());
        short.map(|entry| entry.since + LONGEST_WAIT).min()
    }

    /// How many frames are held.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// How many frames were dropped, because they belonged to nothing.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn give_up(&mut self, entry: Entry) {
        match &entry.waits_for {
            WaitsFor::Context(..) => self.dropped += 1,
            WaitsFor::Join(..) => self.ready.push_back(entry.into_ready(false)),
            WaitsFor::Answer(area, id) => {
                let (area, id) = (*area, id.clone());
                self.ready.push_back(entry.into_ready(false));
                // Those that wait behind it stay behind it.
                self.release(|waits_for| waits_for.is_answer(area, &id));
            }
        }
    }

    /// Makes ready what may have to wait for something else yet.
    fn make_ready(&mut self, is_it: impl Fn(&WaitsFor) -> bool) {
        let out = self.take_out(is_it).into_iter();
        self.ready.extend(out.map(|entry| entry.into_ready(true)));
    }

    /// Makes ready what has waited long enough.
    fn release(&mut self, is_it: impl Fn(&WaitsFor) -> bool) {
        let out = self.take_out(is_it).into_iter();
        self.ready.extend(out.map(|entry| entry.into_ready(false)));
    }

    fn take_out(&mut self, is_it: impl Fn(&WaitsFor) -> bool) -> VecDeque<Entry> {
        let (out, kept): (VecDeque<_>, VecDeque<_>) = self
            .held
            .drain(..)
            .partition(|entry| is_it(&entry.waits_for));
        self.held = kept;
        self.bytes = self.held.iter().map(|entry| entry.what.size()).sum();
        out
    }
}

impl Entry {
    fn into_ready(self, may_wait: bool) -> (Pushed, Timing) {
        let timing = self.timing;
        (self.what, Timing { may_wait, ..timing })
    }
}

fn is_in(list: &[(Area, Box<str>)], area: Area, id: &str) -> bool {
    list.iter().any(|(of, known)| *of == area && **known == *id)
}
