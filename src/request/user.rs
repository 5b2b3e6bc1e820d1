//! Requests over REST as the user of the connection.
//!
//! They carry the session token, which a server lets live for a minute by default, while the socket outlives it. So the
//! server's word counts, not the clock of this machine: where it refuses the token, the session is refreshed and the call is
//! made once more. There is one refresh at a time, and all calls that need it wait for it, each within its own deadline.
//! (Refreshing before the token ends would save a round trip per minute, but needs clocks that agree.)

use std::collections::VecDeque;

use bevy_ecs::prelude::*;

use super::{
    error::RequestError,
    next_frame::refuse,
    parts::Parts,
    pending::{Deadline, Ending, Made, Pending, Progress, Sent, Unsent},
    renewal::renew,
    reply::{mark_pending, reply},
    rest::{RestRequest, outcome_of},
    table::{Requests, send},
};
use crate::{
    connection::NakamaConnection,
    transport::{Auth, Failure, RestCall, RestResponse, Secret, error_text},
};

/// A call over REST, as the user of the connection.
#[derive(Clone)]
pub(crate) struct UserCall {
    /// As in [`RestCall`].
    pub(crate) method: &'static str,
    /// As in [`RestCall`].
    pub(crate) target: String,
    /// As in [`RestCall`].
    pub(crate) body: Option<String>,
}

/// Makes a request over REST as the user of the connection, on an entity that waits for its answer.
pub(crate) fn submit_as_user<R: RestRequest<Call = UserCall>>(
    world: &mut World,
    entity: Entity,
    request: R,
) {
    if world.resource::<NakamaConnection>().rest().is_none() {
        return refuse::<R>(world, entity, RequestError::NotConnected);
    }
    mark_pending::<R>(world, entity);
    let Parts { first, rest } = request.split();
    let open = Open {
        made: Made::now(world, entity),
        part: first,
        rest,
        token: None,
        was_refused: false,
        has_begun: false,
    };
    send(world, Box::new(open));
}

/// A request of the connection's user that is under way. Its outcome is that of its last part, or of the first that fails.
struct Open<R> {
    made: Made,
    /// What is under way.
    part: R,
    rest: VecDeque<R>,
    /// What it was sent with. `None` while it waits for a new token.
    token: Option<Secret>,
    /// Whether the server has refused the part's token before.
    was_refused: bool,
    /// Whether the server has done an earlier part.
    has_begun: bool,
}

impl<R: RestRequest<Call = UserCall>> Pending for Open<R> {
    fn next_message(&mut self, world: &World) -> Result<Sent, Unsent> {
        let rest = world.resource::<NakamaConnection>().rest();
        let (server, session) =
            rest.filter(|_| self.made.is_current(world))
                .ok_or(Unsent::Lost(Failure::ConnectionLost {
                    maybe_executed: false,
                }))?;
        if world.resource::<Requests>().is_renewing(session.token()) {
            return Err(Unsent::Waits);
        }
        self.token = Some(session.token().clone());
        let UserCall {
            method,
            target,
            body,
        } = self.part.to_call();
        Ok(Sent::Call(RestCall {
            server: server.clone(),
            method,
            target,
            auth: Auth::Bearer(session.token().clone()),
            body,
        }))
    }

    fn settle(mut self: Box<Self>, world: &mut World, ending: Ending) -> Progress {
        let ending = match (ending, self.token.take()) {
            (Ending::Response(response), Some(token)) if is_token_refused(&response) => {
                let can_be_renewed = !self.was_refused && renew(world, self.made, &token);
                if can_be_renewed {
                    self.was_refused = true;
                    return Progress::More(self);
                }
                Ending::SessionEnded((&response).into())
            }
            (Ending::Failed(Failure::ConnectionLost { maybe_executed }), _) => {
                Ending::Failed(Failure::ConnectionLost {
                    maybe_executed: maybe_executed || self.has_begun,
                })
            }
            (other, _) => other,
        };
        let mut outcome = outcome_of(world, self.part, ending);
        if outcome.is_ok()
            && let Some(part) = self.rest.pop_front()
        {
            if self.made.is_wanted(world) {
                return Progress::More(Box::new(Self {
                    made: self.made,
                    part,
                    rest: self.rest,
                    token: None,
                    was_refused: false,
                    has_begun: true,
                }));
            }
            outcome = Err(RequestError::Withdrawn);
        }
        reply::<R>(world, self.made.entity, outcome, true);
        Progress::Settled
    }

    fn deadline(&self) -> Deadline {
        self.made.deadline
    }
}

/// Whether the server did not look at a call because of its token. Functions of the game may throw the same status.
fn is_token_refused(response: &RestResponse) -> bool {
    response.status == 401
        && !response.is_error_of_function()
        && error_text(response.status, &response.body).starts_with("Auth token ")
}
