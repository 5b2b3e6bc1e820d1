//! Requests over REST.
//!
//! A call of the user who is logged in bears the session token. By default, a server lets a token live for a minute. The server's word counts, not the clock of this machine: if the server refuses the token, the plugin refreshes the
//! session and makes the call once more. There is one refresh for all calls that need it. They wait for it, each within its own
//! deadline. (To refresh before the token ends would save a round trip per minute, but needs clocks that agree.)

use std::{collections::VecDeque, time::Duration};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{
    error::RequestError,
    next_frame::refuse,
    parts::Parts,
    pending::{Deadline, Ending, Made, Pending, Progress, Sent, Unsent},
    renewal::renew,
    reply::{Outcome, Request, mark_pending, reply},
    table::send,
};
use crate::{
    error::RestError,
    session,
    transport::{Backoff, Failure, RestCall, RestResponse, Secret, error_text},
};

/// A request over REST. Its entity always goes with the answer.
pub(crate) trait RestRequest: Request<Refusal: From<RestError>> {
    /// [`RestCall`], or [`UserCall`](super::user::UserCall) if the user who is logged in makes it.
    type Call: Call;

    /// What is called.
    fn to_call(&self) -> Self::Call;

    /// The same as several requests, for what may be too much for one call. They are made one after the other. The game sees one
    /// request, and the reply of the last.
    fn split(self) -> Parts<Self> {
        Parts::one(self)
    }

    /// The server has answered. Whether that leads to another call before there is an outcome; [`to_call`](Self::to_call) says which.
    fn goes_on(&mut self, _response: &RestResponse) -> bool {
        false
    }

    /// Whether it is to be tried again and again if the server cannot be reached.
    fn retries(&self, _world: &World) -> bool {
        false
    }

    /// The server consented: what it answers.
    fn read(&mut self, response: &RestResponse) -> Outcome<Self>;

    /// Brings the world up to date. If its user is not the one who is connected now, the world stays as it is.
    fn apply(&self, _world: &mut World, _reply: &Self::Reply) {}

    /// The game is about to hear of the outcome. Gives what it hears.
    fn conclude(&self, _world: &mut World, outcome: Outcome<Self>) -> Outcome<Self> {
        outcome
    }

    /// The server refused.
    fn refused(response: &RestResponse) -> Self::Refusal {
        RestError::from(response).into()
    }
}

/// What a request over REST calls.
pub(crate) trait Call {
    /// Whether it can be made now.
    fn is_possible(_world: &World) -> bool {
        true
    }

    /// Whether what it brings is of the user who is connected now. What is nobody's always is.
    fn is_current(_world: &World, _made: &Made) -> bool {
        true
    }

    /// The call as it is sent, and the session token that it bears, if it does.
    fn complete(self, world: &World, made: &Made) -> Result<(RestCall, Option<Secret>), Unsent>;
}

impl Call for RestCall {
    fn complete(self, _: &World, _: &Made) -> Result<(RestCall, Option<Secret>), Unsent> {
        Ok((self, None))
    }
}

/// Makes a request over REST, on an entity that waits for its answer.
pub(crate) fn submit_rest<R: RestRequest>(world: &mut World, entity: Entity, request: R) {
    if !R::Call::is_possible(world) {
        return refuse::<R>(world, entity, RequestError::NotLoggedIn);
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
        later: None,
    };
    send(world, Box::new(open));
}

/// A request over REST that is under way. Its outcome is that of its last part, or of the first that fails.
struct Open<R> {
    made: Made,
    /// What is under way.
    part: R,
    rest: VecDeque<R>,
    /// The token that it was sent with, if it bears one. `None` while it waits for a new one.
    token: Option<Secret>,
    /// Whether the server has refused the part's token before.
    was_refused: bool,
    /// Whether the server has done an earlier part.
    has_begun: bool,
    /// The tries that have failed, and when the next one is, in time since the app's start.
    later: Option<(Backoff, Duration)>,
}

impl<R: RestRequest> Open<R> {
    /// The server could not be reached, and it is to be tried again: says when.
    fn try_later(&mut self, world: &World, ending: Ending) {
        if self.later.is_none() {
            let error: RequestError<R::Refusal> = match ending {
                Ending::Response(response) => RequestError::Refused(R::refused(&response)),
                other => other.into_error(),
            };
            log::warn!("the plugin tries it again and again, because it failed: {error}");
        }
        let time = world.resource::<Time<Real>>();
        let now = time.startup() + time.elapsed();
        let (mut backoff, _) = self.later.take().unwrap_or_else(|| {
            let mut backoff = Backoff::new(None);
            backoff.begin(now);
            (backoff, Duration::ZERO)
        });
        let at = time.elapsed() + backoff.next(now).wait;
        self.made.deadline = self.made.deadline.from(at);
        self.later = Some((backoff, at));
    }
}

/// Whether the server could not be reached, or has no time just now.
fn is_out_of_reach(ending: &Ending) -> bool {
    match ending {
        Ending::Failed(Failure::Unreachable(error)) => error.heals(),
        Ending::Failed(Failure::Timeout { .. }) => true,
        Ending::Response(response) => matches!(response.status, 408 | 429 | 502..=504),
        _ => false,
    }
}

impl<R: RestRequest> Pending for Open<R> {
    fn next_message(&mut self, world: &World) -> Result<Sent, Unsent> {
        if self.later.is_some() && !(self.made.is_wanted(world) && self.part.retries(world)) {
            return Err(Unsent::Withdrawn);
        }
        if let Some((_, at)) = &self.later
            && world.resource::<Time<Real>>().elapsed() < *at
        {
            return Err(Unsent::Waits);
        }
        let (call, token) = self.part.to_call().complete(world, &self.made)?;
        self.token = token;
        Ok(Sent::Call(call))
    }

    fn settle(mut self: Box<Self>, world: &mut World, ending: Ending) -> Progress {
        if is_out_of_reach(&ending) && self.made.is_wanted(world) && self.part.retries(world) {
            self.try_later(world, ending);
            return Progress::More(self);
        }
        let ending = match (ending, self.token.take()) {
            (Ending::Response(response), Some(token)) if response.is_success() => {
                session::on_accepted(world, &token);
                Ending::Response(response)
            }
            (Ending::Response(response), Some(token)) if is_token_refused(&response) => {
                if !self.was_refused && renew(world, &self.made, &token) {
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
        let mut outcome = match ending {
            Ending::Response(response) if self.part.goes_on(&response) => {
                return Progress::More(self);
            }
            Ending::Response(response) if response.is_success() => {
                let outcome = self.part.read(&response);
                if let Ok(reply) = &outcome
                    && R::Call::is_current(world, &self.made)
                {
                    self.part.apply(world, reply);
                }
                outcome
            }
            Ending::Response(response) => Err(RequestError::Refused(R::refused(&response))),
            other => Err(other.into_error()),
        };
        if outcome.is_ok()
            && let Some(next) = self.rest.pop_front()
        {
            if self.made.is_wanted(world) {
                self.part = next;
                self.was_refused = false;
                self.has_begun = true;
                return Progress::More(self);
            }
            outcome = Err(RequestError::Withdrawn);
        }
        let outcome = self.part.conclude(world, outcome);
        reply::<R>(world, self.made.entity, outcome, true);
        Progress::Settled
    }

    fn deadline(&self) -> Deadline {
        self.made.deadline
    }

    fn next_try(&self) -> Option<Duration> {
        self.later.as_ref().map(|(_, at)| *at)
    }
}

/// Whether the server did not look at a call because of its token. Code of the game on the server may give the same status.
fn is_token_refused(response: &RestResponse) -> bool {
    response.status == 401
        && !response.is_error_of_function()
        && error_text(response.status, &response.body).starts_with("Auth token ")
}
