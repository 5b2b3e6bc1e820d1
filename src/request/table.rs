//! The table of requests without an answer, and what becomes of them.

use std::{collections::BTreeMap, time::Duration};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};
use hashbrown::HashMap;

use super::{
    area::{Area, Move, Mover},
    user::TokenRefresh,
};
use crate::{
    proto::Message,
    settings::NakamaSettings,
    transport::{Answer, Failure, LONGEST, Received, RequestId},
};

/// The table of requests without an answer.
#[derive(Default, Resource)]
pub(crate) struct Requests {
    last: u64,
    open: HashMap<RequestId, Settle>,
    /// What open requests join.
    joins: BTreeMap<RequestId, Area>,
    /// What open requests ask to change about who is where.
    moves: BTreeMap<RequestId, Move>,
    /// Requests that ran out of time, in case that the server consents later.
    pub(super) late: HashMap<RequestId, TakeBack>,
    pub(super) refresh: TokenRefresh,
}

type Settle = Box<dyn FnOnce(&mut World, RequestId, Answer) + Send + Sync>;

pub(super) type TakeBack = Box<dyn FnOnce(&mut World, Option<Received>) + Send + Sync>;

/// What a request that has its outcome was about.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) joins: Option<Area>,
    pub(crate) moves: Option<Move>,
}

impl Requests {
    pub(super) fn open(
        &mut self,
        joins: Option<Area>,
        moves: Option<Move>,
        settle: impl FnOnce(&mut World, RequestId, Answer) + Send + Sync + 'static,
    ) -> RequestId {
        self.last += 1;
        let id = RequestId(self.last);
        self.open.insert(id, Box::new(settle));
        self.joins.extend(joins.map(|area| (id, area)));
        self.moves.extend(moves.map(|asked| (id, asked)));
        id
    }

    /// How many requests have no answer.
    pub(crate) fn len(&self) -> usize {
        self.open.len() + self.refresh.waiting()
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
}

/// An answer arrived, and is applied. The request stays open until it is [closed](close).
pub(crate) fn on_answer(world: &mut World, id: RequestId, answer: Answer, late: bool) {
    let mut requests = world.resource_mut::<Requests>();
    if late {
        if let (Some(take_back), Answer::Message(reply)) = (requests.late.remove(&id), answer) {
            let reply = reply.map(|received| *received);
            if !matches!(
                reply,
                Some(Received {
                    message: Message::Error(_),
                    ..
                })
            ) {
                take_back(world, reply);
                world.flush();
            }
        }
    } else if let Some(settle) = requests.open.remove(&id) {
        settle(world, id, answer);
        world.flush();
    }
}

/// A request has its answer, and what the answer made known has been applied: the request is not open any more.
pub(crate) fn close(world: &mut World, id: RequestId) -> Settled {
    let mut requests = world.resource_mut::<Requests>();
    Settled {
        joins: requests.joins.remove(&id),
        moves: requests.moves.remove(&id),
    }
}

/// Nothing will come late to a request that ran out of time.
pub(crate) fn on_given_up(world: &mut World, id: RequestId) {
    world.resource_mut::<Requests>().late.remove(&id);
}

/// The thread that would answer is gone: every request ends here.
pub(crate) fn fail_all(world: &mut World) {
    let mut open: Vec<_> = world.resource::<Requests>().open.keys().copied().collect();
    open.sort();
    for id in open {
        let lost = Failure::ConnectionLost {
            maybe_executed: true,
        };
        on_answer(world, id, Answer::Failed(lost), false);
        close(world, id);
    }
}

/// The connection is gone, and with it what might have come late.
pub(crate) fn forget_late(world: &mut World) {
    world.resource_mut::<Requests>().late.clear();
}

/// How long a request may take. One without end takes a year.
pub(super) fn timeout(world: &World) -> Duration {
    world
        .resource::<NakamaSettings>()
        .request_timeout
        .min(LONGEST)
}

/// Now, in time since the app's start.
pub(super) fn now(world: &World) -> Duration {
    world.resource::<Time<Real>>().elapsed()
}
