//! Requests over the socket.

use std::{collections::VecDeque, error::Error, time::Duration};

use bevy_ecs::prelude::*;

use super::{
    area::{Area, Move},
    error::RequestError,
    moment::{Moment, Moments},
    parts::room,
    reply::{Outcome, Request, mark_pending, reply},
    table::{Requests, now, timeout},
};
use crate::{
    connection::{NakamaConnection, NetworkLink},
    error::ServerError,
    proto::{Kind, Message},
    transport::{Answer, Epoch, Failure, LinkCommand, Received, RequestId},
};

/// A request over the socket.
pub(crate) trait SocketRequest: Request<Refusal: From<ServerError>> {
    /// Whether its entity goes with the answer; otherwise the request's own entity becomes what it asked for.
    const IS_TRANSIENT: bool;
    /// What it joins, if it does.
    const JOINS: Option<Area> = None;

    /// What is sent.
    fn to_message(&self) -> Message;

    /// The same as several requests, for what may be too much for one message. The message of each has at most `room` bytes
    /// where that can be. They are made one after the other; the game sees one request.
    fn split(self, _room: usize) -> Vec<Self> {
        vec![self]
    }

    /// Adds what the next of several requests brought.
    fn add_reply(_all: &mut Self::Reply, _next: Self::Reply) {}

    /// What it changes about who is where. The event about it is applied after the answer.
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

    /// The server consented to what nobody waits for any more: the request ran out of time, or its entity is gone, or the next
    /// of several requests failed.
    fn take_back(self, _world: &mut World, _reply: Option<Received>) {}
}

/// A request that the server answers with nothing but consent.
pub(crate) trait Acknowledged: Request<Reply = (), Refusal: From<ServerError>> {
    /// What is sent.
    fn to_message(&self) -> Message;

    /// As in [`SocketRequest`].
    fn split(self, _room: usize) -> Vec<Self> {
        vec![self]
    }

    /// What it changes about who is where. The event about it is applied after the answer.
    fn moves(&self) -> Option<Move> {
        None
    }

    /// The server did it, in time or not: brings the world up to date. There is no way back.
    fn done(self, _world: &mut World) {}

    /// The server refused. Some refusals change the world, too.
    fn refused(self, _world: &mut World, error: ServerError) -> Self::Refusal {
        error.into()
    }
}

impl<R: Acknowledged> SocketRequest for R {
    const IS_TRANSIENT: bool = true;

    fn to_message(&self) -> Message {
        Acknowledged::to_message(self)
    }

    fn split(self, room: usize) -> Vec<Self> {
        Acknowledged::split(self, room)
    }

    fn moves(&self) -> Option<Move> {
        Acknowledged::moves(self)
    }

    fn succeed(
        self,
        world: &mut World,
        _: Entity,
        _: Moment,
        reply: Option<Received>,
    ) -> Outcome<Self> {
        no_message(reply)?;
        self.done(world);
        Ok(())
    }

    fn refused(self, world: &mut World, error: ServerError) -> Self::Refusal {
        Acknowledged::refused(self, world, error)
    }

    fn take_back(self, world: &mut World, _: Option<Received>) {
        self.done(world);
    }
}

/// Makes a request over the socket, on an entity that waits for its answer.
pub(crate) fn submit<R: SocketRequest>(world: &mut World, entity: Entity, request: R) {
    mark_pending::<R>(world, entity);
    let since = world.resource_mut::<Moments>().next();
    let moves = request.moves();
    let timeout = timeout(world);
    let job = Job {
        entity,
        since,
        connection: world.resource::<NakamaConnection>().epoch(),
        timeout,
        deadline: now(world) + timeout,
        moves,
        left: request.split(room(world)).into(),
        consented: Vec::new(),
    };
    job.go_on(world);
}

/// A request that is under way. It may take several messages, each a request of its own; it has one outcome: either all of
/// them have the server's consent, or the first that has not ends it, and those before it are taken back.
struct Job<R: SocketRequest> {
    entity: Entity,
    since: Moment,
    /// Which of the game's connections it belongs to.
    connection: Epoch,
    timeout: Duration,
    /// For all of it. In time since the app's start (`Time<Real>`).
    deadline: Duration,
    moves: Option<Move>,
    left: VecDeque<R>,
    consented: Vec<(R, Option<Received>)>,
}

impl<R: SocketRequest> Job<R> {
    /// Makes the next request, or succeeds if there is none.
    fn go_on(mut self, world: &mut World) {
        let Some(request) = self.left.pop_front() else {
            return self.succeed(world);
        };
        if self.connection != world.resource::<NakamaConnection>().epoch() {
            return self.fail(world, Failure::NotConnected.into());
        }
        let message = request.to_message();
        let timeout = self.deadline.saturating_sub(now(world));
        let moves = self.moves.clone();
        let settle = move |world: &mut World, id, answer| {
            self.on_answer(world, request, id, answer);
        };
        send(world, message, (R::JOINS, moves), timeout, settle);
    }

    fn on_answer(mut self, world: &mut World, request: R, id: RequestId, answer: Answer) {
        let error = match answer {
            Answer::Message(reply) => match reply.map(|received| *received) {
                Some(Received {
                    message: Message::Error(error),
                    ..
                }) => RequestError::Refused(request.refused(world, error.into())),
                reply => {
                    self.consented.push((request, reply));
                    if world.get_entity(self.entity).is_ok() {
                        return self.go_on(world);
                    }
                    RequestError::Withdrawn
                }
            },
            Answer::Rest(_) => not_of_the_socket(),
            Answer::Failed(Failure::Timeout { .. }) => {
                let take_back = move |world: &mut World, reply| request.take_back(world, reply);
                world
                    .resource_mut::<Requests>()
                    .late
                    .insert(id, Box::new(take_back));
                let after = self.timeout; // earlier messages may have had a part of it
                RequestError::Timeout { after }
            }
            Answer::Failed(failure) => failure.into(),
        };
        self.fail(world, error);
    }

    fn succeed(mut self, world: &mut World) {
        let consented = std::mem::take(&mut self.consented);
        let mut all: Option<Outcome<R>> = None;
        for (request, reply) in consented {
            let next = request.succeed(world, self.entity, self.since, reply);
            match (&mut all, next) {
                (Some(Ok(all)), Ok(next)) => R::add_reply(all, next),
                (Some(Err(_)), _) => {}
                (_, next) => all = Some(next),
            }
        }
        let nothing = Err(RequestError::NotConnected); // there is always one
        self.end(world, all.unwrap_or(nothing));
    }

    fn fail(mut self, world: &mut World, mut error: RequestError<R::Refusal>) {
        let consented = std::mem::take(&mut self.consented);
        if matches!(error, RequestError::NotConnected) && !consented.is_empty() {
            error = RequestError::ConnectionLost {
                maybe_executed: true,
            };
        }
        // What a connection brought is gone with it.
        if !matches!(error, RequestError::ConnectionLost { .. }) {
            for (request, reply) in consented {
                request.take_back(world, reply);
            }
        }
        self.end(world, Err(error));
    }

    fn end(self, world: &mut World, outcome: Outcome<R>) {
        reply::<R>(world, self.entity, outcome, R::IS_TRANSIENT);
    }
}

/// Sends a message without an entity; hears of it only if the server consented.
pub(crate) fn send_then(
    world: &mut World,
    message: Message,
    consented: impl FnOnce(&mut World) + Send + Sync + 'static,
) {
    let kind = Kind::of(&message);
    let timeout = timeout(world);
    let settle = move |world: &mut World, _, answer| match acknowledgement(answer) {
        Ok(()) => consented(world),
        Err(error) => log::debug!("{kind} failed: {error}"),
    };
    send(world, message, (None, None), timeout, settle);
}

/// Sends a message without an entity; hears of it only if it failed.
pub(crate) fn send_or_tell(
    world: &mut World,
    message: Message,
    failed: impl FnOnce(&mut World, RequestError) + Send + Sync + 'static,
) {
    let timeout = timeout(world);
    let settle = move |world: &mut World, _, answer| {
        if let Err(error) = acknowledgement(answer) {
            failed(world, error);
        }
    };
    send(world, message, (None, None), timeout, settle);
}

fn acknowledgement(answer: Answer) -> Result<(), RequestError> {
    match answer {
        Answer::Message(None) => Ok(()),
        Answer::Message(Some(received)) => Err(match received.message {
            Message::Error(error) => RequestError::Refused(error.into()),
            other => unexpected(Some(other.into())),
        }),
        Answer::Rest(_) => Err(not_of_the_socket()),
        Answer::Failed(failure) => Err(failure.into()),
    }
}

fn send(
    world: &mut World,
    message: Message,
    (joins, moves): (Option<Area>, Option<Move>),
    timeout: Duration,
    settle: impl FnOnce(&mut World, RequestId, Answer) + Send + Sync + 'static,
) {
    let ticket = world.resource_mut::<Requests>().open(joins, moves, settle);
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Request {
            ticket,
            message: Box::new(message),
            timeout,
        });
}

fn not_of_the_socket<E: Error>() -> RequestError<E> {
    RequestError::UnexpectedReply {
        got: "a REST response".into(),
    }
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
