//! Requests over the socket.

use std::error::Error;

use bevy_ecs::prelude::*;

use super::{
    Outcome, Request, RequestError,
    table::{Requests, mark_pending, reply, timeout},
};
use crate::{
    connection::NetworkLink,
    early::{Area, EarlyArrivals, Move},
    error::ServerError,
    presence::{Moment, Moments},
    proto::{Kind, Message},
    transport::{Answer, Failure, LinkCommand, Received, Ticket},
};

/// A request over the socket.
pub(crate) trait SocketRequest: Request<Refusal: From<ServerError>> {
    /// Whether its entity goes with the answer; otherwise the request's own entity becomes what it asked for.
    const IS_TRANSIENT: bool;
    /// What it joins, if it does.
    const JOINS: Option<Area> = None;

    /// What is sent.
    fn to_message(&self) -> Message;

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

    /// The server consented to what nobody waits for any more: the request ran out of time, or its entity is gone.
    fn take_back(self, _world: &mut World, _reply: Option<Received>) {}
}

/// A request that the server answers with nothing but consent.
pub(crate) trait Acknowledged: Request<Reply = (), Refusal: From<ServerError>> {
    /// What is sent.
    fn to_message(&self) -> Message;

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
    let message = request.to_message();
    let since = world.resource_mut::<Moments>().next();
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
    let timeout = timeout(world);
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Request {
            ticket,
            message: Box::new(message),
            timeout,
        });
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
