//! Requests that wait for their answer.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use hashbrown::{HashMap, HashSet};

use crate::transport::{command::RequestId, core::deadline::deadline};

/// The table of open requests, over the socket and over REST.
#[derive(Debug, Default)]
pub(super) struct RequestTable {
    open: HashMap<RequestId, Open>,
    deadlines: BTreeSet<(Instant, RequestId)>,
    /// Requests that ran out of time, but the server may answer yet; with their place in the order of sending.
    late: HashMap<RequestId, u64>,
    /// Requests that ran out of time, and that no answer can come to any more.
    given_up: Vec<RequestId>,
    /// How many of `open` have been sent over the socket and will be answered.
    sent: usize,
    next_place: u64,
}

#[derive(Debug)]
struct Open {
    deadline: Instant,
    timeout: Duration,
    way: Way,
    /// Whether the server answers it when all is well. It does not answer match data, even if the game has asked for that.
    has_answer: bool,
}

/// How a request travels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Rest,
    /// Over the socket; `place` in the order of sending once it has been sent.
    Socket {
        place: Option<u64>,
    },
}

/// What an incoming `cid` belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answered {
    /// With its place in the order of sending.
    Open(u64),
    /// It was given up before.
    Late(u64),
    /// Nothing known, or answered before.
    Stray,
}

/// A request that ran out of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expired {
    pub(super) id: RequestId,
    pub(super) after: Duration,
    pub(super) way: Way,
}

impl RequestTable {
    pub(super) fn open_socket(
        &mut self,
        id: RequestId,
        now: Instant,
        timeout: Duration,
        has_answer: bool,
    ) {
        let way = Way::Socket { place: None };
        self.insert(id, now, timeout, way, has_answer);
    }

    pub(super) fn open_rest(&mut self, id: RequestId, now: Instant, timeout: Duration) {
        self.insert(id, now, timeout, Way::Rest, true);
    }

    fn insert(
        &mut self,
        id: RequestId,
        now: Instant,
        timeout: Duration,
        way: Way,
        has_answer: bool,
    ) {
        let deadline = deadline(now, timeout);
        self.deadlines.insert((deadline, id));
        self.open.insert(
            id,
            Open {
                deadline,
                timeout,
                way,
                has_answer,
            },
        );
    }

    /// The next place in the order of sending; pings have one, too.
    pub(super) fn next_place(&mut self) -> u64 {
        self.next_place += 1;
        self.next_place
    }

    /// A request goes out. Whether it is still wanted: one that ran out of time in the queue is not sent at all.
    pub(super) fn on_sent(&mut self, id: RequestId, place: u64) -> bool {
        let Some(open) = self.open.get_mut(&id) else {
            return false;
        };
        open.way = Way::Socket { place: Some(place) };
        self.sent += usize::from(open.has_answer);
        true
    }

    /// How many requests the server may be at work on, or has yet to see.
    pub(super) fn in_flight(&self) -> usize {
        self.sent + self.late.len()
    }

    /// A request is not to be sent any more. Whether somebody waits for it.
    pub(super) fn withdraw(&mut self, id: RequestId) -> bool {
        self.close(id).is_some()
    }

    /// Whether the server owes an answer to something sent before.
    pub(super) fn is_server_busy(&self) -> bool {
        self.in_flight() > 0
    }

    /// Whether somebody still waits for the answer to what was sent before this place.
    pub(super) fn is_open_before(&self, before: u64) -> bool {
        let mut open = self.open.values().filter(|open| open.has_answer);
        open.any(|open| matches!(open.way, Way::Socket { place: Some(place) } if place < before))
    }

    /// An answer arrived over the socket.
    pub(super) fn on_answer(&mut self, id: RequestId) -> Answered {
        // An answer to what was never sent is not the server's to give.
        let sent = |open: &Open| matches!(open.way, Way::Socket { place: Some(_) });
        if self.open.get(&id).is_some_and(sent)
            && let Some(Way::Socket { place: Some(place) }) = self.close(id)
        {
            self.on_handled(place);
            return Answered::Open(place);
        }
        match self.late.remove(&id) {
            Some(place) => {
                self.on_handled(place);
                Answered::Late(place)
            }
            None => Answered::Stray,
        }
    }

    /// Everything up to this place has been handled by the server: it works strictly in order.
    pub(super) fn on_handled(&mut self, place: u64) {
        let gone = self.late.extract_if(|_, sent_at| *sent_at <= place);
        self.given_up.extend(gone.map(|(id, _)| id));
    }

    /// Takes out the requests that have run out of time for good, since the last call.
    pub(super) fn take_given_up(&mut self) -> impl Iterator<Item = RequestId> + '_ {
        self.given_up.drain(..)
    }

    /// A REST answer arrived. Whether somebody still waits for it.
    pub(super) fn on_rest_answer(&mut self, id: RequestId) -> bool {
        self.close(id).is_some()
    }

    fn close(&mut self, id: RequestId) -> Option<Way> {
        let open = self.open.remove(&id)?;
        self.deadlines.remove(&(open.deadline, id));
        if matches!(open.way, Way::Socket { place: Some(_) }) {
            self.sent -= usize::from(open.has_answer);
        }
        Some(open.way)
    }

    /// No request runs out of time before this.
    pub(super) fn not_before(&mut self, earliest: Instant) {
        while let Some((deadline, id)) = self.deadlines.first().copied()
            && deadline < earliest
        {
            self.deadlines.pop_first();
            if let Some(open) = self.open.get_mut(&id) {
                open.deadline = earliest;
                self.deadlines.insert((earliest, id));
            }
        }
    }

    /// When the next request runs out of time.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out a request that has run out of time.
    pub(super) fn next_expired(&mut self, now: Instant) -> Option<Expired> {
        let (_, id) = *self
            .deadlines
            .first()
            .filter(|(deadline, _)| *deadline <= now)?;
        let after = self.open.get(&id).map(|open| open.timeout)?;
        let way = self.close(id)?;
        match way {
            Way::Socket { place: Some(place) } => {
                self.late.insert(id, place);
            }
            Way::Socket { place: None } => self.given_up.push(id),
            Way::Rest => {}
        }
        Some(Expired { id, after, way })
    }

    /// The socket is gone: takes out all of its requests but those that are kept, each with whether it had been sent. In order of their
    /// making.
    pub(super) fn on_lost(&mut self, kept: &HashSet<RequestId>) -> Vec<(RequestId, bool)> {
        let of_socket = self.open.iter().filter_map(|(id, open)| match open.way {
            Way::Rest => None,
            Way::Socket { place } => Some((*id, place.is_some())),
        });
        let mut lost: Vec<_> = of_socket.filter(|(id, _)| !kept.contains(id)).collect();
        lost.sort_unstable();
        for (id, _) in &lost {
            self.close(*id);
        }
        lost
    }

    /// The socket is gone, and with it the late answers: takes out the requests that waited for them.
    pub(super) fn take_late(&mut self) -> Vec<RequestId> {
        let late = self.late.drain().map(|(id, _)| id);
        let mut given_up: Vec<_> = self.given_up.drain(..).chain(late).collect();
        given_up.sort_unstable();
        given_up
    }
}
