//! Requests over the socket.

use std::{collections::VecDeque, error::Error, mem};

use bevy_ecs::prelude::*;

use super::{
    area::{Area, Move},
    error::RequestError,
    moment::{Moment, Moments},
    parts::{Parts, room},
    pending::{Deadline, Ending, Made, Pending, Progress, Sent, Unsent, WhenLost},
    reply::{Outcome, Request, mark_pending, reply},
    table::send,
};
use crate::{
    connection::NakamaConnection,
    error::ServerError,
    proto::{Kind, Message},
    transport::{Failure, Received, Terms},
};

/// A request over the socket.
pub(crate) trait SocketRequest: Request<Refusal: From<ServerError>> {
    /// Whether its entity goes with the answer. Otherwise the entity becomes what was asked for.
    const IS_TRANSIENT: bool;
    /// What it joins, if it does.
    const JOINS: Option<Area> = None;

    /// What joins it undoes, if those have no entities that the game could withdraw them by.
    const UNDOES: Option<Area> = None;

    /// What becomes of it if the connection is lost and comes back.
    const WHEN_LOST: WhenLost = if Self::JOINS.is_some() {
        WhenLost::IsMadeAgain
    } else {
        WhenLost::Ends
    };

    /// What is sent.
    fn to_message(&self) -> Message;

    /// On which terms it leaves, if others receive what comes of it.
    fn terms(&self, _world: &World) -> Option<Terms> {
        None
    }

    /// The same as several requests, for what may be too much for one message. The message of each has at most `room` bytes,
    /// if that can be. They are made one after the other. The game sees one request.
    fn split(self, _room: usize) -> Parts<Self> {
        Parts::one(self)
    }

    /// Adds what the next of several requests brought.
    fn add_reply(_all: &mut Self::Reply, _next: Self::Reply) {}

    /// What it changes about who is where. The event about that is applied after the answer.
    fn moves(&self) -> Option<Move> {
        None
    }

    /// The server consented: brings the world up to date.
    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self>;

    /// The server refused. Some refusals change the world, too.
    fn refused(self, _world: &mut World, error: ServerError) -> Self::Refusal {
        error.into()
    }

    /// It has run out of time. If the server consents later, that is taken back.
    fn is_over_time(&self, _world: &mut World) {}

    /// The server refused. Whether that means that this stands already: then it [succeeds](Self::succeed) as with a plain acknowledgement.
    fn stands_already(&mut self, _error: &ServerError) -> bool {
        false
    }

    /// The server consented, and nobody waits for that any more: the request ran out of time, or its entity is gone, or the next
    /// of several requests failed.
    fn take_back(self, _world: &mut World, _reply: Option<Received>) {}
}

/// The server's consent to a request.
pub(crate) struct Consent {
    /// The request's own entity. It is alive.
    pub(crate) entity: Entity,
    /// When the request was made.
    pub(crate) since: Moment,
    /// What the server answers. `None` is the plain acknowledgement.
    pub(crate) reply: Option<Received>,
}

/// Takes the message of a kind, and who is in it, out of an answer. Any other answer is an error, which is returned.
macro_rules! expect_message {
    ($reply:expr, $Kind:ident) => {
        match $reply {
            Some($crate::transport::Received {
                message: $crate::proto::Message::$Kind(message),
                people,
            }) => (message, people),
            other => return Err($crate::request::unexpected(other)),
        }
    };
}
pub(crate) use expect_message;

/// A request that the server answers with nothing but consent.
pub(crate) trait Acknowledged: Request<Reply = (), Refusal: From<ServerError>> {
    /// What becomes of it if the connection is lost and comes back.
    const WHEN_LOST: WhenLost = WhenLost::Ends;

    /// As in [`SocketRequest`].
    const UNDOES: Option<Area> = None;

    /// What is sent.
    fn to_message(&self) -> Message;

    /// As in [`SocketRequest`].
    fn terms(&self, _world: &World) -> Option<Terms> {
        None
    }

    /// As in [`SocketRequest`].
    fn split(self, _room: usize) -> Parts<Self> {
        Parts::one(self)
    }

    /// What it changes about who is where. The event about that is applied after the answer.
    fn moves(&self) -> Option<Move> {
        None
    }

    /// The server did it, in time or not: brings the world up to date. There is no way back.
    fn done(self, _world: &mut World) {}

    /// As in [`SocketRequest`].
    fn is_over_time(&self, _world: &mut World) {}

    /// The server refused. Some refusals change the world, too.
    fn refused(self, _world: &mut World, error: ServerError) -> Self::Refusal {
        error.into()
    }
}

impl<R: Acknowledged> SocketRequest for R {
    const IS_TRANSIENT: bool = true;
    const WHEN_LOST: WhenLost = <R as Acknowledged>::WHEN_LOST;
    const UNDOES: Option<Area> = <R as Acknowledged>::UNDOES;

    fn to_message(&self) -> Message {
        Acknowledged::to_message(self)
    }

    fn terms(&self, world: &World) -> Option<Terms> {
        Acknowledged::terms(self, world)
    }

    fn split(self, room: usize) -> Parts<Self> {
        Acknowledged::split(self, room)
    }

    fn moves(&self) -> Option<Move> {
        Acknowledged::moves(self)
    }

    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self> {
        no_message(consent.reply)?;
        self.done(world);
        Ok(())
    }

    fn refused(self, world: &mut World, error: ServerError) -> Self::Refusal {
        Acknowledged::refused(self, world, error)
    }

    fn is_over_time(&self, world: &mut World) {
        Acknowledged::is_over_time(self, world);
    }

    fn take_back(self, world: &mut World, _: Option<Received>) {
        self.done(world);
    }
}

/// Makes a request over the socket, on an entity that waits for its answer.
pub(crate) fn submit<R: SocketRequest>(world: &mut World, entity: Entity, request: R) {
    mark_pending::<R>(world, entity);
    let since = world.resource_mut::<Moments>().next();
    let Parts { first, rest } = request.split(room(world));
    let mut made = Made::now(world, entity);
    if R::JOINS == Some(Area::Match) {
        made.deadline = made.deadline.of_match_join();
    }
    let open = Open {
        made,
        since,
        done: Vec::new(),
        part: first,
        rest,
    };
    send(world, Box::new(open));
}

/// A request over the socket that is under way. Either the server consents to all of its parts, or the first that it does not
/// consent to ends the request, and the parts before are taken back.
struct Open<R> {
    made: Made,
    since: Moment,
    /// The parts that the server has consented to.
    done: Vec<(R, Option<Received>)>,
    /// The one that is under way.
    part: R,
    rest: VecDeque<R>,
}

impl<R: SocketRequest> Pending for Open<R> {
    fn next_message(&mut self, world: &World) -> Result<Sent, Unsent> {
        if self.made.is_current(world) {
            Ok(Sent::Message(
                Box::new(self.part.to_message()),
                self.part.terms(world),
            ))
        } else {
            Err(Unsent::Lost(Failure::NotConnected))
        }
    }

    fn give_up(self: Box<Self>, world: &mut World, failure: Failure) {
        fail(world, self.made.entity, self.done, failure.into());
    }

    fn settle(mut self: Box<Self>, world: &mut World, ending: Ending) -> Progress {
        let ending = match ending {
            // Earlier parts have been sent.
            Ending::Failed(Failure::NotConnected) if !self.done.is_empty() => {
                Ending::Failed(Failure::ConnectionLost {
                    maybe_executed: true,
                })
            }
            Ending::Refusal(error) if self.part.stands_already(&error) => Ending::Consent(None),
            other => other,
        };
        let error = match ending {
            Ending::Failed(failure)
                if R::WHEN_LOST != WhenLost::Ends
                    && is_loss(&failure)
                    && self.made.is_current(world)
                    && waits_for_news(world) =>
            {
                return Progress::Lost(self, failure);
            }
            Ending::Consent(reply) if self.made.is_wanted(world) => {
                let reply = reply.map(|received| *received);
                let Some(next) = self.rest.pop_front() else {
                    self.succeed(world, reply);
                    return Progress::Settled;
                };
                let done = mem::replace(&mut self.part, next);
                self.done.push((done, reply));
                return Progress::More(self);
            }
            Ending::Consent(reply) => {
                let reply = reply.map(|received| *received);
                self.done.push((self.part, reply));
                RequestError::Withdrawn
            }
            Ending::Refusal(error) => RequestError::Refused(self.part.refused(world, error)),
            Ending::Failed(Failure::Timeout { after, was_sent }) => {
                self.part.is_over_time(world);
                let was_sent = was_sent || !self.done.is_empty();
                let failure = Failure::Timeout { after, was_sent };
                fail(
                    world,
                    self.made.entity,
                    mem::take(&mut self.done),
                    failure.into(),
                );
                return Progress::Late(self);
            }
            other => other.into_error(),
        };
        fail(world, self.made.entity, self.done, error);
        Progress::Settled
    }

    fn take_back(self: Box<Self>, world: &mut World, reply: Option<Received>) {
        self.part.take_back(world, reply);
    }

    fn deadline(&self) -> Deadline {
        self.made.deadline
    }

    fn joins(&self) -> Option<Area> {
        R::JOINS
    }

    fn moves(&self) -> Option<Move> {
        self.part.moves()
    }

    fn when_lost(&self) -> WhenLost {
        R::WHEN_LOST
    }

    fn undoes(&self) -> Option<Area> {
        R::UNDOES
    }

    fn is_wanted(&self, world: &World) -> bool {
        self.made.is_wanted(world)
    }

    fn start_anew(&mut self) {
        let mut parts = mem::take(&mut self.done).into_iter().map(|(part, _)| part);
        if let Some(first) = parts.next() {
            let last = mem::replace(&mut self.part, first);
            let rest = mem::take(&mut self.rest);
            self.rest = parts.chain([last]).chain(rest).collect();
        }
    }
}

/// Whether a request failed because of the connection.
fn is_loss(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::ConnectionLost { .. } | Failure::NotConnected
    )
}

/// Whether the connection may be on its way back.
fn waits_for_news(world: &World) -> bool {
    let connection = world.resource::<NakamaConnection>();
    connection.heals() && (connection.is_connected() || connection.is_lost())
}

impl<R: SocketRequest> Open<R> {
    /// The server consented to all of it.
    fn succeed(self, world: &mut World, last: Option<Received>) {
        let (entity, since) = (self.made.entity, self.since);
        let mut outcome: Option<Outcome<R>> = None;
        for (part, reply) in self.done {
            let consent = Consent {
                entity,
                since,
                reply,
            };
            let next = part.succeed(world, consent);
            outcome = Some(together::<R>(outcome, next));
        }
        let reply_to_last = Consent {
            entity,
            since,
            reply: last,
        };
        let next = self.part.succeed(world, reply_to_last);
        reply::<R>(world, entity, together::<R>(outcome, next), R::IS_TRANSIENT);
    }
}

/// What several parts come to: the first error, if there is one.
fn together<R: SocketRequest>(before: Option<Outcome<R>>, next: Outcome<R>) -> Outcome<R> {
    match (before, next) {
        (None, next) => next,
        (Some(Ok(mut all)), Ok(next)) => {
            R::add_reply(&mut all, next);
            Ok(all)
        }
        (Some(Err(error)), _) | (Some(Ok(_)), Err(error)) => Err(error),
    }
}

/// It failed: takes back the parts that the server has consented to.
fn fail<R: SocketRequest>(
    world: &mut World,
    entity: Entity,
    done: Vec<(R, Option<Received>)>,
    error: RequestError<R::Refusal>,
) {
    // What a connection brought is gone with it.
    if !matches!(error, RequestError::ConnectionLost { .. }) {
        for (part, its_reply) in done {
            part.take_back(world, its_reply);
        }
    }
    reply::<R>(world, entity, Err(error), R::IS_TRANSIENT);
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
