//! New session tokens, when the old ones have ended.

use std::time::Duration;

use bevy_ecs::prelude::*;

use super::{
    pending::{Deadline, Ending, Made, Pending, Progress, Sent, Unsent},
    response::instead_of,
    table::{Requests, send, settle},
};
use crate::{
    connection::{self, NakamaConnection},
    error::RestError,
    session::{self, CurrentSession, NakamaSession, read_session, refresh_call},
    transport::{DisconnectReason, Failure, NakamaServer, RestCall, Secret, TransportError},
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
    let current = current.bypass_change_detection();
    current.renewal_begins(session.token().clone());
    let refresh = session.refresh_token().is_some();
    let renewal = Renewal {
        refresh: refresh.then(|| refresh_call(&server, &session)),
        login: current.fallback().cloned(),
        server,
        old: session,
        deadline: Deadline::of_renewal(world),
        is_anew: false,
    };
    send(world, Box::new(renewal));
}

/// The connection needs new tokens. If it comes back, these are for its own session, whoever is logged in by now.
pub(super) fn renew_for_connection(world: &mut World) {
    if world
        .resource::<NakamaConnection>()
        .reconnecting()
        .is_none()
    {
        connection::renews(world);
        return renew_current(world);
    }
    let Some((server, session)) = connection::begin_renewal(world) else {
        return;
    };
    let current = world.resource::<CurrentSession>().session();
    if current.is_some_and(|current| current.token() == session.token()) {
        return renew_current(world);
    }
    let renewal = Renewal {
        refresh: Some(refresh_call(&server, &session)),
        login: None,
        server,
        old: session,
        deadline: Deadline::of_renewal(world),
        is_anew: false,
    };
    send(world, Box::new(renewal));
}

/// Whether the session in place has other tokens by now, or is another one.
fn is_replaced(world: &World, old: &NakamaSession) -> bool {
    let session = world.resource::<CurrentSession>().session();
    session.is_none_or(|session| session.token() != old.token())
}

/// The one renewal that is under way.
struct Renewal {
    server: NakamaServer,
    old: NakamaSession,
    /// `None` if there is no refresh token, or if the server has refused it.
    refresh: Option<RestCall>,
    /// What comes then, if the session is a restored one that was never accepted.
    login: Option<RestCall>,
    deadline: Deadline,
    /// Whether it was asked for a second time because the game was in a hurry.
    is_anew: bool,
}

/// A call this young is not made anew.
const YOUNG: Duration = Duration::from_secs(1);

/// Nor is one that was made anew. However often the game asks, it has its time.
const YOUNG_ANEW: Duration = Duration::from_secs(3);

impl Pending for Renewal {
    fn next_message(&mut self, _: &World) -> Result<Sent, Unsent> {
        let call = self.refresh.as_ref().or(self.login.as_ref()).cloned();
        call.map(Sent::Call).ok_or(Unsent::LoggedOut)
    }

    fn settle(mut self: Box<Self>, world: &mut World, ending: Ending) -> Progress {
        let is_over = match &ending {
            Ending::Response(response) => RestError::from(response).ends_session(),
            _ => false,
        };
        let is_replaced = is_replaced(world, &self.old);
        if is_over && self.login.is_some() && !is_replaced && self.refresh.take().is_some() {
            return Progress::More(self);
        }
        let mut current = world.resource_mut::<CurrentSession>();
        let current = current.bypass_change_detection();
        let waiting = if current.renewal_ends(self.old.token()) {
            world.resource_mut::<Requests>().take_waiting_for_token()
        } else {
            Vec::new() // they wait for a later one
        };
        let new = match &ending {
            Ending::Response(response) if response.is_success() => read_session(response),
            _ => None,
        };
        if let Some((new, created)) = new {
            connection::on_renewed(world, &self.old, Ok(&new));
            session::take_over(world, &self.old, &new, created);
        } else {
            let reason = self.reason(&ending);
            connection::on_renewed(world, &self.old, Err(reason.clone()));
            if is_replaced {
                for request in waiting {
                    send(world, request);
                }
                return Progress::Settled;
            }
            connection::on_missed(world, reason);
            let ending = self.outcome(ending);
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

    fn hurry(&mut self, world: &World) -> bool {
        let young = if self.is_anew { YOUNG_ANEW } else { YOUNG };
        let hangs = self.deadline.age(world) >= young;
        if hangs {
            self.is_anew = true;
            self.deadline = Deadline::of_renewal(world);
        }
        hangs
    }
}

impl Renewal {
    /// Whether it has come to the login.
    fn is_login(&self) -> bool {
        self.refresh.is_none()
    }

    /// Why there is no connection, if a connection needs the new tokens.
    fn reason(&self, ending: &Ending) -> DisconnectReason {
        match ending {
            Ending::Response(response) => {
                let error = RestError::from(response);
                let message = error.to_string();
                if self.is_login() {
                    DisconnectReason::LoginFailed { message }
                } else if error.ends_session() {
                    DisconnectReason::SessionEnded { message }
                } else {
                    DisconnectReason::RefreshFailed { message }
                }
            }
            Ending::Failed(Failure::BadAddress(bad)) => DisconnectReason::BadAddress(bad.clone()),
            Ending::Failed(Failure::Unreachable(error)) => {
                DisconnectReason::Unreachable(error.clone())
            }
            Ending::Failed(Failure::Timeout { after, .. }) => {
                let error = TransportError::TimedOut { after: *after };
                DisconnectReason::Unreachable(error.at(&self.server))
            }
            _ => DisconnectReason::NetworkThread,
        }
    }

    /// What a renewal that brought no tokens is to those who waited for it. None of it is an answer to what they asked.
    fn outcome(&self, ending: Ending) -> Ending {
        let Ending::Response(response) = ending else {
            return ending;
        };
        let error = RestError::from(&response);
        if response.is_success() {
            Ending::Unexpected(instead_of("no session", &response))
        } else if self.is_login() || error.ends_session() {
            Ending::SessionEnded(error)
        } else {
            Ending::Unexpected(format!("no new session, but with: {error}"))
        }
    }
}
