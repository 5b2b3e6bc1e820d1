//! The table of requests without an answer, and what becomes of them.

use std::{collections::BTreeMap, mem, time::Duration};

use bevy_ecs::prelude::*;
use hashbrown::HashMap;

use super::{
    area::{Area, Move, Mover},
    next_frame::NextFrame,
    pending::{Ending, Pending, Progress, Sent, Unsent, WhenLost},
};
use crate::{
    connection::{NakamaConnection, NetworkLink},
    transport::{Answer, DisconnectReason, Failure, LinkCommand, RequestId},
};

/// The table of requests without an answer.
#[derive(Default, Resource)]
pub(crate) struct Requests {
    last: u64,
    /// By the id of what they sent last.
    sent: HashMap<RequestId, Box<dyn Pending>>,
    /// What open requests join.
    joins: BTreeMap<RequestId, Area>,
    /// What open requests ask to change about who is where.
    moves: BTreeMap<RequestId, Move>,
    /// Those that ran out of time, in case that the server consents later.
    late: HashMap<RequestId, Box<dyn Pending>>,
    /// Those that wait for a new token, or for a login.
    waiting: Vec<Box<dyn Pending>>,
    /// Those that wait until a lost connection is back, each with how it fails if that does not come back.
    carried: Vec<(Box<dyn Pending>, Failure)>,
}

/// What a request that has its outcome was about.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) joins: Option<Area>,
    pub(crate) moves: Option<Move>,
}

impl Requests {
    /// How many requests have no answer.
    pub(crate) fn len(&self) -> usize {
        self.sent.len() + self.waiting.len() + self.carried.len()
    }

    /// How many ran out of time and may be answered yet.
    pub(crate) fn late(&self) -> usize {
        self.late.len()
    }

    /// Whether a join or create in this area is open.
    pub(crate) fn is_joining(&self, area: Area) -> bool {
        self.joins.values().any(|open| *open == area)
    }

    /// Whether an open request moves one of them.
    pub(crate) fn is_moving<'a>(
        &self,
        area: Area,
        id: &str,
        who: impl IntoIterator<Item = Mover<'a>>,
    ) -> bool {
        let is_moved = |who| self.moves.values().any(|open| open.is_about(area, id, who));
        !self.moves.is_empty() && who.into_iter().any(is_moved)
    }

    /// Whether one waits for the connection that will change the local user's presence somewhere in this area.
    pub(crate) fn carries_own_move(&self, world: &World, area: Area) -> bool {
        let mut carried = self.carried.iter();
        carried.any(|(request, _)| {
            request.moves() == Some(Move::Own(area)) && request.is_wanted(world)
        })
    }

    /// Whether a request has what it wanted with the loss of the connection. What undoes something has not, if that waits for the connection.
    fn is_done(&self, request: &dyn Pending) -> bool {
        let undoes = request.undoes();
        let is_carried = || {
            let mut carried = self.carried.iter();
            carried.any(|(carried, _)| carried.joins() == undoes)
        };
        request.when_lost() == WhenLost::IsDone && (undoes.is_none() || !is_carried())
    }

    /// Whether there are some that wait for a session token.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Those that waited for a session token, and not for their next try.
    pub(super) fn take_waiting_for_token(&mut self) -> Vec<Box<dyn Pending>> {
        let waiting = &mut self.waiting;
        let waits_for_token = |it: &mut Box<dyn Pending>| it.next_try().is_none();
        waiting.extract_if(.., waits_for_token).collect()
    }

    /// All that waited.
    pub(super) fn take_waiting(&mut self) -> Vec<Box<dyn Pending>> {
        mem::take(&mut self.waiting)
    }
}

/// Sends what a request sends first, or once more.
pub(super) fn send(world: &mut World, request: Box<dyn Pending>) {
    go_on(world, None, Progress::More(request));
}

/// What a request waited for has come to something.
pub(super) fn settle(world: &mut World, request: Box<dyn Pending>, ending: Ending) {
    let progress = request.settle(world, ending);
    go_on(world, None, progress);
}

/// A request has come so far. `id` is that of what it has sent last.
fn go_on(world: &mut World, id: Option<RequestId>, mut progress: Progress) {
    loop {
        match progress {
            Progress::Settled => return,
            Progress::Late(request) => {
                let mut requests = world.resource_mut::<Requests>();
                requests.late.extend(id.map(|id| (id, request)));
                return;
            }
            Progress::Lost(request, _)
                if world.resource::<Requests>().is_done(&*request)
                    && world.resource::<NakamaConnection>().is_lost() =>
            {
                progress = request.settle(world, Ending::Consent(None));
            }
            Progress::Lost(request, failure) => {
                let mut requests = world.resource_mut::<Requests>();
                requests.carried.push((request, failure));
                return;
            }
            Progress::More(request) if is_put_off(world, &*request) => {
                return put_off(world, request);
            }
            Progress::More(mut request) => match request.next_message(world) {
                Ok(sent) => return stage(world, id, request, sent),
                Err(Unsent::Waits) => {
                    return world.resource_mut::<Requests>().waiting.push(request);
                }
                Err(Unsent::Lost(failure)) => {
                    progress = request.settle(world, Ending::Failed(failure));
                }
                Err(Unsent::LoggedOut) => {
                    progress = request.settle(world, Ending::LoggedOut);
                }
                Err(Unsent::Withdrawn) => {
                    progress = request.settle(world, Ending::Withdrawn);
                }
            },
        }
    }
}

/// Whether a request has to wait until a lost connection is back, or is done without it.
fn is_put_off(world: &World, request: &dyn Pending) -> bool {
    let connection = world.resource::<NakamaConnection>();
    request.when_lost() != WhenLost::Ends && connection.is_lost() && !connection.is_reentering()
}

fn put_off(world: &mut World, request: Box<dyn Pending>) {
    let mut requests = world.resource_mut::<Requests>();
    if requests.is_done(&*request) {
        let done = |world: &mut World| settle(world, request, Ending::Consent(None));
        world.resource_mut::<NextFrame>().tell(done);
    } else {
        requests.carried.push((request, Failure::NotConnected));
    }
}

/// The connection is lost and comes back: nothing comes late any more. What needs no connection to be done is done.
pub(crate) fn on_lost(world: &mut World) {
    let mut requests = world.resource_mut::<Requests>();
    requests.late.clear();
    let carried = mem::take(&mut requests.carried);
    for (mut request, failure) in carried {
        if world.resource::<Requests>().is_done(&*request) {
            settle(world, request, Ending::Consent(None));
        } else {
            request.start_anew();
            let mut requests = world.resource_mut::<Requests>();
            requests.carried.push((request, failure));
        }
    }
    world.flush();
}

/// The connection is back: what was carried over is sent.
pub(crate) fn send_carried(world: &mut World) {
    for (mut request, _) in mem::take(&mut world.resource_mut::<Requests>().carried) {
        if request.is_wanted(world) {
            request.start_anew();
            send(world, request);
        } else {
            request.give_up(world, Failure::Dropped);
        }
    }
}

fn stage(world: &mut World, before: Option<RequestId>, request: Box<dyn Pending>, sent: Sent) {
    let timeout = request.deadline().left(world);
    let mut requests = world.resource_mut::<Requests>();
    if let Some(before) = before {
        requests.joins.remove(&before);
        requests.moves.remove(&before);
    }
    requests.last += 1;
    let id = RequestId(requests.last);
    requests
        .joins
        .extend(request.joins().map(|area| (id, area)));
    requests
        .moves
        .extend(request.moves().map(|asked| (id, asked)));
    let is_lost = world.resource::<NakamaConnection>().is_lost();
    let mut requests = world.resource_mut::<Requests>();
    let for_reentry =
        is_lost && (request.is_for_reentry() || request.when_lost() != WhenLost::Ends);
    requests.sent.insert(id, request);
    let command = match sent {
        Sent::Message(message, terms) => LinkCommand::Request {
            id,
            message,
            timeout,
            terms,
            for_reentry,
        },
        Sent::Call(call) => LinkCommand::Rest {
            id,
            call: Box::new(call),
            timeout,
        },
    };
    world.resource_mut::<NetworkLink>().stage(command);
}

/// The network may be another one: what hangs is sent anew.
pub(super) fn hurry(world: &mut World) {
    let mut hanging = Vec::new();
    world.resource_scope(|world, mut requests: Mut<Requests>| {
        let sent = &mut requests.sent;
        hanging.extend(sent.extract_if(|_, request| request.hurry(world)));
    });
    for (id, request) in hanging {
        let abandon = LinkCommand::Abandon { id };
        world.resource_mut::<NetworkLink>().stage(abandon);
        send(world, request);
    }
}

/// An answer arrived, and is applied. The request stays open until it is [closed](close).
pub(crate) fn on_answer(world: &mut World, id: RequestId, answer: Answer, late: bool) {
    let mut requests = world.resource_mut::<Requests>();
    if late {
        if let (Some(request), Ending::Consent(reply)) = (requests.late.remove(&id), answer.into())
        {
            request.take_back(world, reply.map(|received| *received));
        }
    } else if let Some(request) = requests.sent.remove(&id) {
        let ending = match answer.into() {
            // Earlier messages have had a part of the time.
            Ending::Failed(Failure::Timeout { was_sent, .. }) => {
                Ending::Failed(request.deadline().missed(was_sent))
            }
            other => other,
        };
        let progress = request.settle(world, ending);
        go_on(world, Some(id), progress);
    }
    world.flush();
}

/// A request has its answer, and what the answer made known has been applied: the request is not open any more.
pub(crate) fn close(world: &mut World, id: RequestId) -> Settled {
    let mut requests = world.resource_mut::<Requests>();
    Settled {
        joins: requests.joins.remove(&id),
        moves: requests.moves.remove(&id),
    }
}

/// The connection does not come back: what was carried over fails.
fn fail_carried(world: &mut World) {
    for (request, failure) in mem::take(&mut world.resource_mut::<Requests>().carried) {
        request.give_up(world, failure);
    }
    world.flush();
}

/// Nothing will come late to a request that ran out of time.
pub(crate) fn on_given_up(world: &mut World, id: RequestId) {
    world.resource_mut::<Requests>().late.remove(&id);
}

/// Answers the requests that have waited too long for a new session token. To be called once per frame.
pub(crate) fn tick(world: &mut World) {
    let mut requests = world.resource_mut::<Requests>();
    if requests.waiting.is_empty() && requests.carried.is_empty() {
        return;
    }
    let waiting = mem::take(&mut requests.waiting);
    let carried = mem::take(&mut requests.carried);
    let (over, waiting) = waiting
        .into_iter()
        .partition::<Vec<_>, _>(|request| request.deadline().left(world).is_zero());
    let (lost, carried) = carried
        .into_iter()
        .partition::<Vec<_>, _>(|(request, _)| request.deadline().left(world).is_zero());
    let mut requests = world.resource_mut::<Requests>();
    requests.waiting = waiting;
    requests.carried = carried;
    for request in over {
        let missed = request.deadline().missed(false);
        settle(world, request, Ending::Failed(missed));
    }
    for (request, failure) in lost {
        let was_sent = matches!(
            failure,
            Failure::ConnectionLost {
                maybe_executed: true
            }
        );
        let missed = request.deadline().missed(was_sent);
        settle(world, request, Ending::Failed(missed));
    }
}

/// When there is something to do for the requests that wait, although nothing arrives.
pub(crate) fn next_due(world: &World) -> Option<Duration> {
    let requests = world.resource::<Requests>();
    let carried = requests.carried.iter().map(|(request, _)| request);
    let waiting = requests.waiting.iter().chain(carried);
    let due = waiting.map(|it| it.next_try().unwrap_or_else(|| it.deadline().at()));
    due.min()
}

/// The connection has ended: nothing comes late any more. If the thread that would answer is gone, every request ends here.
pub(crate) fn on_closed(world: &mut World, reason: &DisconnectReason) {
    fail_carried(world);
    if matches!(reason, DisconnectReason::NetworkThread) {
        // What the game asked for since then is for the next thread.
        let link = world.resource::<NetworkLink>();
        let sent = world.resource::<Requests>().sent.keys().copied();
        let mut sent: Vec<_> = sent.filter(|id| !link.is_staged(*id)).collect();
        sent.sort();
        for id in sent {
            let lost = Failure::ConnectionLost {
                maybe_executed: true,
            };
            on_answer(world, id, Answer::Failed(lost), false);
            close(world, id);
            fail_carried(world); // this thread brings nothing back
        }
    }
    world.resource_mut::<Requests>().late.clear();
}
