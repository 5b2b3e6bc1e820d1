//! A new session token, when the server has refused the old one.

use bevy_ecs::prelude::*;

use super::{
    pending::{Deadline, Ending, Made, Pending, Progress, Sent, Unsent},
    response::instead_of,
    table::{Requests, send, send_renewal, settle},
};
use crate::{
    connection::{self, NakamaConnection},
    session::{NakamaSession, read_session, refresh_call},
    transport::{NakamaServer, RestResponse, Secret},
};

/// The server refused a token: sees to it that there is a new one. Whether there may be one for what was made like this.
pub(super) fn renew(world: &mut World, made: &Made, token: &Secret) -> bool {
    let rest = world.resource::<NakamaConnection>().rest();
    let Some((server, session)) = rest.filter(|_| made.is_current(world)) else {
        return true; // to send it again is to hear that its connection has ended
    };
    let is_new = session.token() != token;
    if is_new || world.resource::<Requests>().is_renewing(token) {
        return true;
    }
    if session.refresh_token().is_none() {
        return false;
    }
    let renewal = Renewal {
        server: server.clone(),
        old: session.clone(),
        deadline: Deadline::new(world),
    };
    send_renewal(world, token.clone(), Box::new(renewal));
    true
}

/// Whether the connection's session has other tokens by now.
fn is_renewed(world: &World, old: &NakamaSession) -> bool {
    let rest = world.resource::<NakamaConnection>().rest();
    rest.is_some_and(|(_, session)| session.token() != old.token())
}

fn send_all(world: &mut World, waiting: Vec<Box<dyn Pending>>) -> Progress {
    for request in waiting {
        send(world, request);
    }
    Progress::Settled
}

/// The one renewal that is under way.
struct Renewal {
    server: NakamaServer,
    old: NakamaSession,
    deadline: Deadline,
}

impl Pending for Renewal {
    fn next_message(&mut self, _: &World) -> Result<Sent, Unsent> {
        Ok(Sent::Call(refresh_call(&self.server, &self.old)))
    }

    fn settle(self: Box<Self>, world: &mut World, ending: Ending) -> Progress {
        let waiting = world
            .resource_mut::<Requests>()
            .end_renewal(self.old.token());
        let ending = match ending {
            Ending::Response(response) if response.is_success() => match read_session(&response) {
                Some((new, _)) => {
                    connection::take_over(world, &self.old, &new);
                    return send_all(world, waiting);
                }
                None => Ending::Unexpected(instead_of("no session", &response)),
            },
            // The game has renewed the session itself.
            _ if is_renewed(world, &self.old) => return send_all(world, waiting),
            Ending::Response(response @ RestResponse { status: 401, .. }) => {
                Ending::SessionEnded((&response).into())
            }
            other => other,
        };
        for request in waiting {
            settle(world, request, ending.clone());
        }
        Progress::Settled
    }

    fn deadline(&self) -> Deadline {
        self.deadline
    }
}
