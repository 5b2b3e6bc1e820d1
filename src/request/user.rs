//! Requests over REST as the user of the connection.
//!
//! They carry the session token, which a server lets live for a minute by default, while the socket outlives it. So the
//! server's word counts, not the clock of this machine: where it refuses the token, the session is refreshed and the call is
//! made once more. There is one refresh at a time, and all calls that need it wait for it, each within its own deadline.
//! (Refreshing before the token ends would save a round trip per minute, but needs clocks that agree.)

use std::{collections::VecDeque, time::Duration};

use bevy_ecs::prelude::*;

use super::{
    error::RequestError,
    next_frame::refuse,
    reply::{mark_pending, reply},
    rest::{Ending, RestRequest, instead_of, outcome_of},
    table::{Requests, now, timeout},
};
use crate::{
    connection::{self, NakamaConnection, NetworkLink},
    session::{self, NakamaSession},
    transport::{
        Answer, Auth, Epoch, Failure, LinkCommand, NakamaServer, RequestId, RestCall, RestResponse,
        Secret,
    },
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

/// The refresh that is under way, and the calls that wait for it.
#[derive(Default)]
pub(super) struct TokenRefresh {
    ticket: Option<RequestId>,
    waiting: Vec<Pending>,
}

impl TokenRefresh {
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// A call that has no answer.
struct Pending {
    call: UserCall,
    /// Which of the game's connections it belongs to.
    connection: Epoch,
    /// In time since the app's start (`Time<Real>`).
    deadline: Duration,
    timeout: Duration,
    /// Whether the server has refused its token before.
    was_refused: bool,
    /// Whether the server has done a part of what was asked for.
    has_begun: bool,
    settle: Box<dyn FnOnce(&mut World, Ending) + Send + Sync>,
}

/// Makes a request over REST as the user of the connection, on an entity that waits for its answer.
pub(crate) fn submit_as_user<R: RestRequest<Call = UserCall>>(
    world: &mut World,
    entity: Entity,
    request: R,
) {
    let connection = world.resource::<NakamaConnection>();
    if connection.rest().is_none() {
        return refuse::<R>(world, entity, RequestError::NotConnected);
    }
    let connection = connection.epoch();
    mark_pending::<R>(world, entity);
    let timeout = timeout(world);
    let job = Job {
        entity,
        connection,
        deadline: now(world) + timeout,
        timeout,
        has_begun: false,
        left: request.split().into(),
    };
    job.go_on(world);
}

/// A request that is under way. It may take several calls, each a request of its own; it has one outcome: that of the last
/// call, or of the first one that fails.
struct Job<R> {
    entity: Entity,
    connection: Epoch,
    deadline: Duration,
    timeout: Duration,
    has_begun: bool,
    left: VecDeque<R>,
}

impl<R: RestRequest<Call = UserCall>> Job<R> {
    fn go_on(mut self, world: &mut World) {
        let Some(request) = self.left.pop_front() else {
            let nothing = Err(RequestError::NotConnected); // there is always one
            return reply::<R>(world, self.entity, nothing, true);
        };
        let pending = Pending {
            call: request.to_call(),
            connection: self.connection,
            deadline: self.deadline,
            timeout: self.timeout,
            was_refused: false,
            has_begun: self.has_begun,
            settle: Box::new(move |world, ending| self.on_answer(world, request, ending)),
        };
        let mut requests = world.resource_mut::<Requests>();
        if requests.refresh.ticket.is_some() {
            requests.refresh.waiting.push(pending);
        } else {
            send(world, pending);
        }
    }

    fn on_answer(mut self, world: &mut World, request: R, ending: Ending) {
        let mut outcome = outcome_of(world, request, ending);
        if outcome.is_ok() && !self.left.is_empty() {
            if world.get_entity(self.entity).is_ok() {
                self.has_begun = true;
                return self.go_on(world);
            }
            outcome = Err(RequestError::Withdrawn);
        }
        reply::<R>(world, self.entity, outcome, true);
    }
}

fn send(world: &mut World, pending: Pending) {
    let Some((server, session)) = rest_of(world, &pending) else {
        return fail_unsent(world, pending);
    };
    let token = session.token().clone();
    let UserCall {
        method,
        target,
        body,
    } = pending.call.clone();
    let call = Box::new(RestCall {
        server: server.clone(),
        method,
        target,
        auth: Auth::Bearer(token.clone()),
        body,
    });
    let timeout = pending.deadline.saturating_sub(now(world));
    let ticket = world
        .resource_mut::<Requests>()
        .open(None, None, move |world, _, answer| {
            on_answer(world, pending, &token, answer);
        });
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Rest {
            ticket,
            call,
            timeout,
        });
}

/// Where a call goes and who makes it, unless its connection has ended.
fn rest_of<'w>(
    world: &'w World,
    pending: &Pending,
) -> Option<(&'w NakamaServer, &'w NakamaSession)> {
    let connection = world.resource::<NakamaConnection>();
    (connection.epoch() == pending.connection)
        .then(|| connection.rest())
        .flatten()
}

/// The connection ended before the server took the call.
fn fail_unsent(world: &mut World, pending: Pending) {
    let lost = Failure::ConnectionLost {
        maybe_executed: pending.has_begun,
    };
    (pending.settle)(world, Ending::Failed(lost));
}

fn on_answer(world: &mut World, mut pending: Pending, token: &Secret, answer: Answer) {
    match answer {
        Answer::Rest(response) if !pending.was_refused && is_token_refused(&response) => {
            pending.was_refused = true;
            refresh_and_send(world, pending, token, response);
        }
        Answer::Failed(Failure::Timeout { .. }) => {
            let after = pending.timeout; // the last part of it was waited for here
            (pending.settle)(world, Ending::Failed(Failure::Timeout { after }));
        }
        answer => (pending.settle)(world, answer.into()),
    }
}

/// Whether the server did not look at a call because of its token. Functions of the game may throw the same status.
fn is_token_refused(response: &RestResponse) -> bool {
    response.status == 401
        && !response.is_error_of_function()
        && crate::transport::error_text(response.status, &response.body).starts_with("Auth token ")
}

/// The server refused a token: the call waits for a new one.
fn refresh_and_send(world: &mut World, pending: Pending, token: &Secret, refusal: RestResponse) {
    let Some((server, session)) = rest_of(world, &pending) else {
        return fail_unsent(world, pending);
    };
    if session.token() != token {
        return send(world, pending); // it has been refreshed meanwhile
    }
    if session.refresh_token().is_none() {
        return (pending.settle)(world, Ending::Response(refusal));
    }
    let (call, session) = (session::refresh_call(server, session), session.clone());
    let mut requests = world.resource_mut::<Requests>();
    requests.refresh.waiting.push(pending);
    if requests.refresh.ticket.is_some() {
        return;
    }
    let ticket = requests.open(None, None, move |world, ticket, answer| {
        on_refreshed(world, ticket, &session, answer);
    });
    requests.refresh.ticket = Some(ticket);
    let timeout = timeout(world);
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Rest {
            ticket,
            call: Box::new(call),
            timeout,
        });
}

fn on_refreshed(world: &mut World, ticket: RequestId, old: &NakamaSession, answer: Answer) {
    let refresh = &mut world.resource_mut::<Requests>().refresh;
    if refresh.ticket != Some(ticket) {
        return; // its connection has ended
    }
    refresh.ticket = None;
    let waiting = std::mem::take(&mut refresh.waiting);
    let ending = match Ending::from(answer) {
        Ending::Response(response) if response.is_success() => {
            if let Some((new, _)) = session::read_session(&response) {
                connection::take_over(world, old, &new);
                for pending in waiting {
                    send(world, pending);
                }
                return;
            }
            Ending::Unexpected(instead_of("no session", &response))
        }
        other => other,
    };
    for pending in waiting {
        (pending.settle)(world, ending.clone());
    }
}

/// Answers the calls that have waited too long for a new token. To be called once per frame.
pub(crate) fn tick(world: &mut World) {
    let now = now(world);
    let mut requests = world.resource_mut::<Requests>();
    let waiting = &mut requests.bypass_change_detection().refresh.waiting;
    let expired = waiting.extract_if(.., |pending| pending.deadline <= now);
    let expired: Vec<_> = expired.collect();
    for pending in expired {
        let after = pending.timeout;
        (pending.settle)(world, Ending::Failed(Failure::Timeout { after }));
    }
}

/// The connection has ended: nothing waits for its tokens any more.
pub(crate) fn forget_refresh(world: &mut World) {
    let refresh = std::mem::take(&mut world.resource_mut::<Requests>().refresh);
    for pending in refresh.waiting {
        fail_unsent(world, pending);
    }
}
