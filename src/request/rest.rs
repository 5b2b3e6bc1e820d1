//! Requests over REST.

use bevy_ecs::prelude::*;

use super::{
    Outcome, Request, RequestError,
    table::{Requests, mark_pending, reply},
};
use crate::{
    connection::NetworkLink,
    error::RestError,
    transport::{Answer, LinkCommand, RestCall, RestResponse},
};

/// A request over REST. Its entity always goes with the answer.
pub(crate) trait RestRequest: Request<Refusal: From<RestError>> {
    /// What is called.
    fn to_call(&self) -> RestCall;

    /// The server consented: brings the world up to date.
    fn succeed(self, world: &mut World, response: &RestResponse) -> Outcome<Self>;
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
