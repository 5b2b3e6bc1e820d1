//! New session tokens, when the old ones have ended.

use std::collections::VecDeque;

use bevy_ecs::prelude::*;

use super::{
    pending::{Deadline, Ending, Made, Pending, Progress, Sent, Unsent},
    response::instead_of,
    table::{Requests, send, settle},
};
use crate::{
    connection,
    error::RestError,
    session::{self, CurrentSession, NakamaSession, read_session, refresh_call},
    transport::{
        DisconnectReason, Failure, NakamaServer, RestCall, RestResponse, Secret, TransportError,
    },
};

/// The server refused a token: sees to it that there is a new one. Whether there may be one for what was made like this.
pub(super) fn renew(world: &mut World, made: &Made, token: &Secret) -> bool {
    let current = world.resource::<CurrentSession>();
    let Some((_, session)) = made.place(current) else {
        return true; // to send it again is to hear that its user is gone
    };
    if session.token() != token {
        return true; // there is a new one
    }
    let is_renewable = current.is_renewable();
    if is_renewable {
        renew_current(world);
    }
    is_renewable
}

/// Sees to it that the session in place gets new tokens. There is one renewal for all who need it.
pub(super) fn renew_current(world: &mut World) {
    let mut current = world.resource_mut::<CurrentSession>();
    let Some((server, session)) = current.place().cloned() else {
        return;
    };
    if current.is_renewing() {
        return;
    }
    current.renewal_begins(session.token().clone());
    let refresh = session.refresh_token().is_some();
    let refresh = refresh.then(|| refresh_call(&server, &session));
    let login = current.fallback().cloned();
    let renewal = Renewal {
        server,
        old: session,
        calls: refresh.into_iter().chain(login).collect(),
        deadline: Deadline::new(world),
    };
    send(world, Box::new(renewal));
}

/// Whether the session in place has other tokens by now.
fn is_renewed(world: &World, old: &NakamaSession) -> bool {
    let current = world.resource::<CurrentSession>();
    let session = current.session();
    session.is_some_and(|session| session.token() != old.token())
}

/// The one renewal that is under way.
struct Renewal {
    server: NakamaServer,
    old: NakamaSession,
    /// To refresh the session. If that is refused, to log in, if the session is a restored one that was never accepted.
    calls: VecDeque<RestCall>,
    deadline: Deadline,
}

impl Pending for Renewal {
    fn next_message(&mut self, _: &World) -> Result<Sent, Unsent> {
        let call = self.calls.front().cloned();
        call.map(Sent::Call).ok_or(Unsent::LoggedOut)
    }

    fn settle(mut self: Box<Self>, world: &mut World, ending: Ending) -> Progress {
        let is_refused = matches!(
            &ending,
            Ending::Response(RestResponse {
                status: 400 | 401,
                ..
            })
        );
        if is_refused && self.calls.len() > 1 && !is_renewed(world, &self.old) {
            self.calls.pop_front();
            return Progress::More(self);
        }
        let mut current = world.resource_mut::<CurrentSession>();
        let waiting = if current.renewal_ends(self.old.token()) {
            world.resource_mut::<Requests>().take_waiting()
        } else {
            Vec::new() // they wait for a later one
        };
        let new = match &ending {
            Ending::Response(response) if response.is_success() => read_session(response),
            _ => None,
        };
        if let Some((new, _)) = new {
            session::take_over(world, &self.old, &new);
        } else if !is_renewed(world, &self.old) {
            connection::on_missed(world, self.reason(&ending));
            let ending = outcome(ending);
            for request in waiting {
                settle(world, request, ending.clone());
            }
            return Progress::Settled;
        }
        for request in waiting {
            send(world, request);
        }
        Progress::Settled
    }

    fn deadline(&self) -> Deadline {
        self.deadline
    }
}

impl Renewal {
    /// Why there is no connection, if a connection needs the new tokens.
    fn reason(&self, ending: &Ending) -> DisconnectReason {
        match ending {
            Ending::Response(response) => {
                let RestError {
                    status, message, ..
                } = response.into();
                DisconnectReason::Refused { status, message }
            }
            Ending::Failed(Failure::BadAddress(bad)) => DisconnectReason::BadAddress(bad.clone()),
            Ending::Failed(Failure::Unreachable(error)) => {
                DisconnectReason::Unreachable(error.clone())
            }
            Ending::Failed(Failure::Timeout { after }) => {
                let error = TransportError::TimedOut { after: *after };
                DisconnectReason::Unreachable(error.at(&self.server))
            }
            _ => DisconnectReason::NetworkThread,
        }
    }
}

/// What a renewal that brought no tokens is to those who waited for it.
fn outcome(ending: Ending) -> Ending {
    match ending {
        Ending::Response(response) if response.is_success() => {
            Ending::Unexpected(instead_of("no session", &response))
        }
        Ending::Response(
            response @ RestResponse {
                status: 400 | 401, ..
            },
        ) => Ending::SessionEnded((&response).into()),
        other => other,
    }
}
