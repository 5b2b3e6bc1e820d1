//! The table of requests without an answer, and what becomes of them.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};
use hashbrown::HashMap;

use super::{
    Outcome, PendingRequest, Replied, Request, RequestError, RequestFailed, user::TokenRefresh,
};
use crate::{
    connection::{NakamaConnection, NetworkLink},
    ecs::{departure::Transient, naming::give_name, observed},
    mirror::early::{Area, EarlyArrivals},
    proto::Message,
    settings::NakamaSettings,
    transport::{Answer, Failure, LONGEST, Received, RequestId},
};

/// The table of requests without an answer.
#[derive(Default, Resource)]
pub(crate) struct Requests {
    last_ticket: u64,
    open: HashMap<RequestId, OpenRequest>,
    /// Requests that ran out of time, in case that the server consents later.
    pub(super) late: HashMap<RequestId, TakeBack>,
    pub(super) refresh: TokenRefresh,
}

struct OpenRequest {
    settle: Settle,
    joins: Option<Area>,
}

type Settle = Box<dyn FnOnce(&mut World, RequestId, Answer) + Send + Sync>;

pub(super) type TakeBack = Box<dyn FnOnce(&mut World, Option<Received>) + Send + Sync>;

impl Requests {
    pub(super) fn open(
        &mut self,
        joins: Option<Area>,
        settle: impl FnOnce(&mut World, RequestId, Answer) + Send + Sync + 'static,
    ) -> RequestId {
        self.last_ticket += 1;
        let ticket = RequestId(self.last_ticket);
        self.open.insert(
            ticket,
            OpenRequest {
                settle: Box::new(settle),
                joins,
            },
        );
        ticket
    }

    /// How many requests have no answer.
    pub(crate) fn len(&self) -> usize {
        self.open.len() + self.refresh.waiting()
    }

    /// How many ran out of time and may be answered yet.
    pub(crate) fn late(&self) -> usize {
        self.late.len()
    }
}

/// Refuses a request for a reason that is known at once; the reply comes with the next frame, as any other.
pub(crate) fn refuse<R: Request>(
    world: &mut World,
    entity: Entity,
    error: RequestError<R::Refusal>,
) {
    settle_at_once::<R>(world, entity, Err(error));
}

/// Refuses a request because the entity that it is about is not what it should be. Without a connection, nothing is.
pub(crate) fn refuse_wrong_entity<R: Request>(
    world: &mut World,
    entity: Entity,
    expected: &'static str,
) {
    let error = if world.resource::<NakamaConnection>().is_connected() {
        RequestError::WrongEntity { expected }
    } else {
        RequestError::NotConnected
    };
    refuse::<R>(world, entity, error);
}

/// Answers a request whose outcome is known at once; the reply comes with the next frame, as any other.
pub(crate) fn settle_at_once<R: Request>(world: &mut World, entity: Entity, outcome: Outcome<R>) {
    mark_pending::<R>(world, entity);
    let settle = move |world: &mut World, _, _| reply::<R>(world, entity, outcome, true);
    let ticket = world.resource_mut::<Requests>().open(None, settle);
    world.resource_mut::<NetworkLink>().refuse(ticket);
}

pub(super) fn mark_pending<R: Request>(world: &mut World, entity: Entity) {
    give_name(world, entity, R::NAME);
    let since = now(world);
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.insert(PendingRequest {
            name: R::NAME.into(),
            since,
        });
    }
}

/// An answer arrived, and is applied. What it may have joined, so that early arrivals can be looked through.
pub(crate) fn on_answer(
    world: &mut World,
    ticket: RequestId,
    answer: Answer,
    late: bool,
) -> Option<Area> {
    let mut requests = world.resource_mut::<Requests>();
    if late {
        if let (Some(take_back), Answer::Message(reply)) = (requests.late.remove(&ticket), answer) {
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
        return None;
    }
    let OpenRequest { settle, joins } = requests.open.remove(&ticket)?;
    settle(world, ticket, answer);
    world.flush();
    joins
}

/// Nothing will come late to a request that ran out of time.
pub(crate) fn on_given_up(world: &mut World, ticket: RequestId) {
    world.resource_mut::<Requests>().late.remove(&ticket);
}

/// The thread that would answer is gone: every request ends here.
pub(crate) fn fail_all(world: &mut World) {
    let mut open: Vec<_> = world.resource_mut::<Requests>().open.drain().collect();
    open.sort_by_key(|(ticket, _)| *ticket);
    for (ticket, request) in open {
        let lost = Failure::ConnectionLost {
            maybe_executed: true,
        };
        (request.settle)(world, ticket, Answer::Failed(lost));
        world.flush();
        if let Some(area) = request.joins {
            world.resource_mut::<EarlyArrivals>().answered(area);
        }
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

pub(super) fn reply<R: Request>(
    world: &mut World,
    entity: Entity,
    result: Outcome<R>,
    is_transient: bool,
) {
    let goes = is_transient || result.is_err();
    if let Err(error) = &result {
        log::debug!("{} failed: {error}", R::NAME);
        warn_if_unheard::<R>(world, entity, error);
        tell_failed::<R>(world, entity, error);
    }
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        if goes {
            entity.insert(Transient);
        }
        // Last: an observer of this may despawn it.
        entity.remove::<PendingRequest>();
    }
    world.trigger(Replied::<R> {
        request: entity,
        result,
    });
    world.flush();
}

/// A failure that the game does not hear of is told in the log. A request whose entity is gone was withdrawn: nobody waits for it.
fn warn_if_unheard<R: Request>(world: &World, request: Entity, error: &RequestError<R::Refusal>) {
    if world.get_entity(request).is_ok()
        && !observed::by_the_game::<Replied<R>>(world, Some(request))
        && !observed::by_the_game::<RequestFailed>(world, None)
    {
        log::warn!(
            "{name} failed, and the game observes neither `Replied<{name}>` nor `RequestFailed`: {error}",
            name = R::NAME,
        );
    }
}

/// Tells those who want to hear of every failure, if there are any.
fn tell_failed<R: Request>(world: &mut World, request: Entity, error: &RequestError<R::Refusal>) {
    let is_observed = world
        .event_key::<RequestFailed>()
        .and_then(|key| world.observers().try_get_observers(key))
        .is_some_and(|observers| !observers.global_observers().is_empty());
    if is_observed {
        world.trigger(RequestFailed {
            request,
            name: R::NAME,
            reason: error.to_string(),
        });
    }
}
