//! Requests over REST that need no connection, and what comes of a call.

use std::error::Error;

use bevy_ecs::prelude::*;
use serde::de::DeserializeOwned;

use super::{
    error::RequestError,
    parts::Parts,
    pending::{Deadline, Ending, Made, Pending, Progress, Sent, Unsent},
    reply::{Outcome, Request, mark_pending, reply},
    table::send,
};
use crate::{
    error::RestError,
    transport::{RestCall, RestResponse, page_text},
};

/// A request over REST. Its entity always goes with the answer.
pub(crate) trait RestRequest: Request<Refusal: From<RestError>> {
    /// [`RestCall`], or [`UserCall`](super::user::UserCall) if the connection's user makes it.
    type Call;

    /// What is called.
    fn to_call(&self) -> Self::Call;

    /// The same as several requests, for what may be too much for one call of the connection's user. They are made one after
    /// the other; the game sees one request, and the reply of the last.
    fn split(self) -> Parts<Self> {
        Parts::one(self)
    }

    /// The server consented: brings the world up to date.
    fn succeed(self, world: &mut World, response: &RestResponse) -> Outcome<Self>;

    /// The server refused.
    fn refused(response: &RestResponse) -> Self::Refusal {
        RestError::from(response).into()
    }
}

/// Makes a request over REST, on an entity that waits for its answer.
pub(crate) fn submit_rest<R: RestRequest<Call = RestCall>>(
    world: &mut World,
    entity: Entity,
    request: R,
) {
    mark_pending::<R>(world, entity);
    let made = Made::now(world, entity);
    send(world, Box::new(Open { made, request }));
}

/// A request over REST that needs no connection, and is under way.
struct Open<R> {
    made: Made,
    request: R,
}

impl<R: RestRequest<Call = RestCall>> Pending for Open<R> {
    fn next_message(&mut self, _: &World) -> Result<Sent, Unsent> {
        Ok(Sent::Call(self.request.to_call()))
    }

    fn settle(self: Box<Self>, world: &mut World, ending: Ending) -> Progress {
        let outcome = outcome_of(world, self.request, ending);
        reply::<R>(world, self.made.entity, outcome, true);
        Progress::Settled
    }

    fn deadline(&self) -> Deadline {
        self.made.deadline
    }
}

/// What a call comes to.
pub(super) fn outcome_of<R: RestRequest>(
    world: &mut World,
    request: R,
    ending: Ending,
) -> Outcome<R> {
    match ending {
        Ending::Response(response) if response.is_success() => request.succeed(world, &response),
        Ending::Response(response) => Err(RequestError::Refused(R::refused(&response))),
        other => Err(other.into_error()),
    }
}

/// Reads the JSON object that a response is; otherwise the server answered with `instead`.
pub(crate) fn read_object<T: DeserializeOwned, E: Error>(
    response: &RestResponse,
    instead: &str,
) -> Result<T, RequestError<E>> {
    // Serde would take a list for an object.
    let body = response.body.trim_ascii_start();
    let object = body
        .starts_with(b"{")
        .then(|| serde_json::from_slice(body).ok())
        .flatten();
    object.ok_or_else(|| RequestError::UnexpectedReply {
        got: instead_of(instead, response),
    })
}

/// What a response is called that should have been something else. A page, as of a hotel's network, is named; anything else may
/// hold secrets.
pub(crate) fn instead_of(what: &str, response: &RestResponse) -> String {
    match page_text(&response.body) {
        Some(title) => format!(
            "{what}, but with the page \"{title}\" ({})",
            response.status
        ),
        None => what.to_owned(),
    }
}
