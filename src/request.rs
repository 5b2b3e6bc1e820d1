//! Requests and their answers.
//!
//! A request is a method of [`commands.nakama()`](crate::commands::NakamaCommandsExt::nakama) and returns an entity. It
//! gets exactly one [`Replied`]: the server's answer, its refusal, or what went wrong. The reply comes at the earliest in
//! the next [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive), also when it is known at once, so an
//! observer that is chained to the call always sees it.

use std::{error::Error, fmt, time::Duration};

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;
use bevy_time::{Real, Time};
use hashbrown::HashMap;

use crate::{
    connection::NetworkLink,
    early::{Area, EarlyArrivals, Move},
    error::{RestError, ServerError},
    payload::PayloadError,
    presence::{Moment, PresenceIndex},
    proto::{Kind, Message},
    transport::{
        Answer, Failure, LinkCommand, Received, RestCall, RestResponse, Ticket, TransportError,
    },
};

/// One round trip.
pub trait Request: fmt::Debug + Send + Sync + Sized + 'static {
    /// What the server's consent brings.
    type Reply: fmt::Debug + Send + Sync + 'static;
    /// How the server says no.
    type Refusal: Error + Clone + Send + Sync + 'static;
    /// What it is called, in lists and logs.
    const NAME: &'static str;
}

/// The one answer to a request, as an event of the request's entity.
///
/// Observe it on the entity that the call returned, or globally for all requests of a type. When it is triggered, the
/// world already shows what it says.
#[derive(Debug, EntityEvent)]
pub struct Replied<R: Request> {
    /// The entity that the call returned. If the request failed, or is one that leaves nothing behind, the entity is
    /// despawned in `Last` of this frame.
    #[event_target]
    pub request: Entity,
    /// How it went.
    pub result: Result<R::Reply, RequestError<R::Refusal>>,
}

/// A request failed, whatever its type: for logs and tools, which cannot observe every [`Replied`] there is. Global event,
/// triggered right before the [`Replied`] that tells the same. Costs nothing while nobody observes it.
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct RequestFailed {
    /// The entity that the call returned. May be gone, if the request was withdrawn.
    pub request: Entity,
    /// What the request is called: [`Request::NAME`].
    pub name: &'static str,
    /// The error, and what caused it, in one line.
    pub reason: String,
}

/// Why a request did not bring what it should.
///
/// `E` is how the server says no, an enum for each area.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError<E: Error + 'static = ServerError> {
    /// The server said no.
    #[error(transparent)]
    Refused(E),
    /// Nothing came in time. The server may have done it all the same; if it says so later, the plugin takes it back.
    #[error("no answer within {after:?}")]
    Timeout {
        /// How long was waited.
        after: Duration,
    },
    /// There is no connection.
    #[error("not connected")]
    NotConnected,
    /// The connection went while the request was under way.
    #[error("the connection was lost{}", if *maybe_executed { " before the answer" } else { " before it was sent" })]
    ConnectionLost {
        /// Whether the server may have done it.
        maybe_executed: bool,
    },
    /// The server would close the socket over it, so it was not sent.
    #[error("{size} bytes are above the server's limit of {limit}")]
    TooLarge {
        /// Size of the whole envelope, in bytes.
        size: usize,
        /// What the server accepts, see [`NakamaSettings::max_envelope`](crate::plugin::NakamaSettings).
        limit: usize,
    },
    /// So many messages wait to be sent already: the game sends faster than its pace.
    #[error("{limit} messages are waiting to be sent")]
    QueueFull {
        /// The size of the queue, see [`NakamaSettings::send_queue`](crate::plugin::NakamaSettings).
        limit: usize,
    },
    /// What was to be sent has no such form.
    #[error("it cannot be encoded")]
    Unencodable(#[source] PayloadError),
    /// The server could not be reached (REST).
    #[error("the server cannot be reached")]
    Unreachable(#[source] TransportError),
    /// The server answered with something else.
    #[error("the server answered with {got}")]
    UnexpectedReply {
        /// What it sent.
        got: String,
    },
    /// The request's entity was despawned before the answer; what it had brought about was taken back.
    #[error("it was withdrawn")]
    Withdrawn,
    /// The server is too old for it, so it was not sent.
    #[error("it needs {since}")]
    Unsupported {
        /// What it needs.
        since: &'static str,
    },
    /// The entity that it was about is not, or no longer, what it should be.
    #[error("the entity is no {expected}")]
    WrongEntity {
        /// What was expected.
        expected: &'static str,
    },
}

impl<E: Error> From<Failure> for RequestError<E> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Timeout { after } => Self::Timeout { after },
            Failure::NotConnected => Self::NotConnected,
            Failure::ConnectionLost { maybe_executed } => Self::ConnectionLost { maybe_executed },
            Failure::TooLarge { size, limit } => Self::TooLarge { size, limit },
            Failure::QueueFull { limit } => Self::QueueFull { limit },
            Failure::Unreachable(error) => Self::Unreachable(error),
        }
    }
}

/// What a request comes to.
pub(crate) type Outcome<R> = Result<<R as Request>::Reply, RequestError<<R as Request>::Refusal>>;

/// Marks a request that has no answer yet.
#[derive(Clone, Component, Debug, Reflect)]
#[component(immutable)]
#[reflect(Component)]
pub struct PendingRequest {
    /// What it is called.
    pub name: &'static str,
    /// When it was made, in time since the app's start (`Time<Real>`).
    pub since: Duration,
}

/// Marks an entity that goes in `Last` of this frame.
#[derive(Component)]
pub(crate) struct Transient;

/// A request over the socket.
pub(crate) trait SocketRequest: Request<Refusal: From<ServerError>> {
    /// Whether its entity goes with the answer; otherwise the request's own entity becomes what it asked for.
    const IS_TRANSIENT: bool;
    /// What it joins, if it does.
    const JOINS: Option<Area> = None;

    /// What is sent.
    fn to_message(&self) -> Message;

    /// Whom it makes join or leave something that one is in. The event about it is applied after the answer.
    fn moves(&self) -> Option<Move> {
        None
    }

    /// The server consented: brings the world up to date. `entity` is the request's own, and alive.
    fn succeed(
        self,
        world: &mut World,
        entity: Entity,
        since: Moment,
        reply: Option<Received>,
    ) -> Outcome<Self>;

    /// The server refused. Some refusals change the world, too.
    fn refused(self, _world: &mut World, error: ServerError) -> Self::Refusal {
        error.into()
    }

    /// The server consented to what nobody waits for any more: the request ran out of time, or its entity is gone.
    fn take_back(self, _world: &mut World, _reply: Option<Received>) {}
}

/// A request over REST. Its entity always goes with the answer.
pub(crate) trait RestRequest: Request<Refusal: From<RestError>> {
    /// What is called.
    fn to_call(&self) -> RestCall;

    /// The server consented: brings the world up to date.
    fn succeed(self, world: &mut World, response: &RestResponse) -> Outcome<Self>;
}

/// The table of requests without an answer.
#[derive(Default, Resource)]
pub(crate) struct Requests {
    last_ticket: u64,
    open: HashMap<Ticket, OpenRequest>,
    /// Requests that ran out of time, in case that the server consents later.
    late: HashMap<Ticket, TakeBack>,
}

struct OpenRequest {
    settle: Settle,
    joins: Option<Area>,
}

type Settle = Box<dyn FnOnce(&mut World, Ticket, Answer) + Send + Sync>;
type TakeBack = Box<dyn FnOnce(&mut World, Option<Received>) + Send + Sync>;

impl Requests {
    fn open(
        &mut self,
        joins: Option<Area>,
        settle: impl FnOnce(&mut World, Ticket, Answer) + Send + Sync + 'static,
    ) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
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
        self.open.len()
    }

    /// How many ran out of time and may be answered yet.
    pub(crate) fn late(&self) -> usize {
        self.late.len()
    }
}

/// Makes a request over the socket, on an entity that waits for its answer.
pub(crate) fn submit<R: SocketRequest>(world: &mut World, entity: Entity, request: R) {
    mark_pending::<R>(world, entity);
    let message = request.to_message();
    let since = world.resource_mut::<PresenceIndex>().next_moment();
    if let Some(area) = R::JOINS {
        world.resource_mut::<EarlyArrivals>().expect_answer(area);
    }
    if let Some(asked) = request.moves() {
        world.resource_mut::<EarlyArrivals>().expect_move(asked);
    }
    send(world, message, R::JOINS, move |world, ticket, answer| {
        settle_socket(world, entity, since, request, ticket, answer);
    });
}

/// Sends a message without an entity; hears of it only if the server consented.
pub(crate) fn send_then(
    world: &mut World,
    message: Message,
    consented: impl FnOnce(&mut World) + Send + Sync + 'static,
) {
    send(world, message, None, |world, _, answer| {
        if let Answer::Message(None) = answer {
            consented(world);
        }
    });
}

/// Sends a message without an entity; hears of it only if it failed.
pub(crate) fn send_or_tell(
    world: &mut World,
    message: Message,
    failed: impl FnOnce(&mut World, RequestError) + Send + Sync + 'static,
) {
    send(world, message, None, move |world, _, answer| match answer {
        Answer::Message(Some(received)) => match received.message {
            Message::Error(error) => failed(world, RequestError::Refused(error.into())),
            other => failed(world, unexpected(Some(other.into()))),
        },
        Answer::Message(None) => {}
        Answer::Rest(_) => failed(world, not_of_the_socket()),
        Answer::Failed(failure) => failed(world, failure.into()),
    });
}

fn send(
    world: &mut World,
    message: Message,
    joins: Option<Area>,
    settle: impl FnOnce(&mut World, Ticket, Answer) + Send + Sync + 'static,
) {
    let ticket = world.resource_mut::<Requests>().open(joins, settle);
    let mut link = world.resource_mut::<NetworkLink>();
    let timeout = link.request_timeout();
    link.stage(LinkCommand::Request {
        ticket,
        message: Box::new(message),
        timeout,
    });
}

/// Makes a request over REST, on an entity that waits for its answer.
pub(crate) fn submit_rest<R: RestRequest>(world: &mut World, entity: Entity, request: R) {
    mark_pending::<R>(world, entity);
    let call = Box::new(request.to_call());
    let ticket = world
        .resource_mut::<Requests>()
        .open(None, move |world, _, answer| {
            let result = match answer {
                Answer::Rest(response) if (200..300).contains(&response.status) => {
                    request.succeed(world, &response)
                }
                Answer::Rest(response) => {
                    Err(RequestError::Refused(RestError::from(&response).into()))
                }
                Answer::Failed(failure) => Err(failure.into()),
                Answer::Message(_) => Err(RequestError::UnexpectedReply {
                    got: "a frame".into(),
                }),
            };
            reply::<R>(world, entity, result, true);
        });
    let mut link = world.resource_mut::<NetworkLink>();
    let timeout = link.request_timeout();
    link.stage(LinkCommand::Rest {
        ticket,
        call,
        timeout,
    });
}

/// Refuses a request for a reason that is known at once; the reply comes with the next frame, as any other.
pub(crate) fn refuse<R: Request>(
    world: &mut World,
    entity: Entity,
    error: RequestError<R::Refusal>,
) {
    settle_at_once::<R>(world, entity, Err(error));
}

/// Answers a request whose outcome is known at once; the reply comes with the next frame, as any other.
pub(crate) fn settle_at_once<R: Request>(world: &mut World, entity: Entity, outcome: Outcome<R>) {
    mark_pending::<R>(world, entity);
    let settle = move |world: &mut World, _, _| reply::<R>(world, entity, outcome, true);
    let ticket = world.resource_mut::<Requests>().open(None, settle);
    world.resource_mut::<NetworkLink>().refuse(ticket);
}

fn mark_pending<R: Request>(world: &mut World, entity: Entity) {
    let since = world.resource::<Time<Real>>().elapsed();
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.insert((
            PendingRequest {
                name: R::NAME,
                since,
            },
            Name::new(R::NAME),
        ));
    }
}

/// An answer arrived, and is applied. What it may have joined, so that early arrivals can be looked through.
pub(crate) fn on_answer(
    world: &mut World,
    ticket: Ticket,
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
pub(crate) fn on_given_up(world: &mut World, ticket: Ticket) {
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

fn settle_socket<R: SocketRequest>(
    world: &mut World,
    entity: Entity,
    since: Moment,
    request: R,
    ticket: Ticket,
    answer: Answer,
) {
    let moves = request.moves();
    let result = match answer {
        Answer::Message(reply) => match reply.map(|received| *received) {
            Some(Received {
                message: Message::Error(error),
                ..
            }) => Err(RequestError::Refused(request.refused(world, error.into()))),
            reply if world.get_entity(entity).is_err() => {
                request.take_back(world, reply);
                Err(RequestError::Withdrawn)
            }
            reply => request.succeed(world, entity, since, reply),
        },
        Answer::Rest(_) => Err(not_of_the_socket()),
        Answer::Failed(failure) => {
            if matches!(failure, Failure::Timeout { .. }) {
                let take_back = move |world: &mut World, reply| request.take_back(world, reply);
                world
                    .resource_mut::<Requests>()
                    .late
                    .insert(ticket, Box::new(take_back));
            }
            Err(failure.into())
        }
    };
    reply::<R>(world, entity, result, R::IS_TRANSIENT);
    if let Some(asked) = moves {
        world.resource_mut::<EarlyArrivals>().move_answered(&asked);
    }
}

fn not_of_the_socket<E: Error>() -> RequestError<E> {
    RequestError::UnexpectedReply {
        got: "a REST response".into(),
    }
}

fn reply<R: Request>(world: &mut World, entity: Entity, result: Outcome<R>, is_transient: bool) {
    let goes = is_transient || result.is_err();
    if let Err(error) = &result {
        log::debug!("{} failed: {error}", R::NAME);
        tell_failed::<R>(world, entity, error);
    }
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.remove::<PendingRequest>();
        if goes {
            entity.insert(Transient);
        }
    }
    world.trigger(Replied::<R> {
        request: entity,
        result,
    });
    world.flush();
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
            reason: with_causes(error),
        });
    }
}

/// An error and what caused it, in one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

/// An answer of the wrong kind.
pub(crate) fn unexpected<E: Error>(reply: Option<Received>) -> RequestError<E> {
    let got = reply.map_or("a plain acknowledgement", |received| {
        Kind::of(&received.message).name()
    });
    RequestError::UnexpectedReply {
        got: got.to_owned(),
    }
}

/// Expects the plain acknowledgement.
pub(crate) fn no_message<E: Error>(reply: Option<Received>) -> Result<(), RequestError<E>> {
    if reply.is_some() {
        Err(unexpected(reply))
    } else {
        Ok(())
    }
}

/// In `Last`: what has had its answer and leaves nothing behind.
pub(crate) fn despawn_transient(mut commands: Commands, transient: Query<Entity, With<Transient>>) {
    for entity in &transient {
        commands.entity(entity).try_despawn();
    }
}
