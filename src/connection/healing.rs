//! A connection that is lost and comes back: what is known of it, and what the game hears.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{
    attempt::Attempt,
    link::NetworkLink,
    next_step::{self, NextStep},
    reconnecting::{ReconnectStep, Reconnecting, TransitionKind},
    state::{ConnectionState, NakamaConnection, set_state},
};
use crate::{
    ecs::observed,
    session::{self, CurrentSession, NakamaSession},
    transport::{DisconnectReason, LinkCommand, NakamaServer, UserId},
};

/// The connection was lost, and the plugin brings it back. Global event. [`Connected`](super::Connected) with `resumed` follows, or
/// [`Disconnected`](super::Disconnected) if it gives up.
///
/// All requests over the socket that cannot be carried over have their answers by now. Everything that the local user is in stays in the
/// world, marked with [`Stale`](crate::healing::Stale). See [healing](crate::healing).
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct ConnectionLost {
    /// What happened.
    pub cause: DisconnectReason,
}

/// The connection is to come back, and the server takes neither the session token nor the refresh token any more. Global event.
///
/// If your game observes it, the plugin waits: [log in](crate::commands::NakamaCommands::log_in) again as the same user, and the connection
/// comes back by itself. You need not call [`connect`](crate::commands::NakamaCommands::connect). If you do, it waits for the login, and for
/// another user it begins a new connection.
///
/// It comes once, and is not repeated if your login fails: log in with [`Login::retry`](crate::prelude::Login::retry). (If the server refuses
/// the tokens of the new login, too, it comes again after a wait.)
///
/// If that is another user, the connection ends with [`OtherUser`](DisconnectReason::OtherUser). If no observer is there, the
/// connection ends with [`reason`](Self::reason).
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct LoginNeeded {
    /// Who has to log in.
    pub user: UserId,
    /// What the server said.
    pub reason: DisconnectReason,
}

/// Notes what happened to the connection.
pub(super) fn note(world: &mut World, what: TransitionKind) {
    let at = now(world);
    world
        .resource_mut::<NakamaConnection>()
        .history
        .add(at, what);
}

pub(super) fn now(world: &World) -> Duration {
    world.resource::<Time<Real>>().elapsed()
}

/// The connection is lost. The game has not heard of it yet.
pub(crate) fn on_lost(world: &mut World, cause: DisconnectReason) {
    log::debug!("the connection was lost: {cause}");
    note(world, TransitionKind::Lost(cause.clone()));
    let since = now(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.attempt = None;
    connection.round_trip = None;
    // A loss during re-entry: it is still the same absence.
    let absence = connection.reconnecting.take();
    let (since, cause) = match absence {
        Some(before) => (before.since, before.cause),
        None => (since, cause),
    };
    connection.reconnecting = Some(Reconnecting::new(since, cause));
    set_state(world, ConnectionState::Reconnecting);
}

/// The game hears that the connection is lost.
pub(crate) fn tell_lost(world: &mut World, cause: DisconnectReason) {
    world.trigger(ConnectionLost { cause });
    world.flush();
}

/// The link waits before it tries again.
pub(crate) fn on_waiting(
    world: &mut World,
    attempt: u32,
    wait: Duration,
    reason: Option<DisconnectReason>,
) {
    if let Some(reason) = &reason {
        let attempt = attempt.saturating_sub(1);
        let reason = reason.clone();
        note(world, TransitionKind::TryFailed { attempt, reason });
    }
    let now = now(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.attempt = None;
    let first_failure = || reason.clone().unwrap_or(DisconnectReason::Requested);
    let reconnecting = connection
        .reconnecting
        .get_or_insert_with(|| Reconnecting::new(now, first_failure()));
    reconnecting.step = ReconnectStep::Waiting;
    reconnecting.has_renewed = false;
    reconnecting.has_asked = false;
    reconnecting.attempt = attempt;
    reconnecting.next_try = Some(now + wait);
    if reason.is_some() {
        reconnecting.last_failure = reason;
    }
}

/// The link wants a token, for a try now. `refused`: the server has refused the last one.
pub(crate) fn on_due(world: &mut World, attempt: u32, refused: bool) {
    let placed = world.resource::<CurrentSession>().placed();
    let now = now(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    let token = connection
        .attempt
        .take()
        .and_then(|attempt| attempt.token)
        .filter(|_| refused);
    let options = connection.options.clone();
    let refused = token.or_else(|| {
        let session = connection.session.as_ref().filter(|_| refused);
        session.map(|(_, session)| session.token().clone())
    });
    connection.attempt = Some(Attempt {
        refused,
        ..Attempt::new(options, placed)
    });
    let reconnecting = connection
        .reconnecting
        .get_or_insert_with(|| Reconnecting::new(now, first_refusal()));
    reconnecting.step = ReconnectStep::Opening;
    reconnecting.attempt = attempt;
    reconnecting.next_try = None;
}

/// The session that the connection comes back with: the one in place if that is of the same user, or else its own.
pub(super) fn own_session(world: &World) -> Option<(NakamaServer, NakamaSession)> {
    let connection = world.resource::<NakamaConnection>();
    let current = world.resource::<CurrentSession>().place();
    let current = current.filter(|(server, session)| connection.is_of(server, session));
    current.or(connection.session.as_ref()).cloned()
}

/// Whether the user of the connection has logged in since it was opened: those tokens are newer than its own.
fn is_logged_in_anew(world: &World) -> bool {
    let own = &world.resource::<NakamaConnection>().session;
    let token = own.as_ref().map(|(_, session)| session.token().clone());
    own_session(world).map(|(_, session)| session.token().clone()) != token
}

/// What a connection that comes back and wants a token does next.
pub(super) fn next_step(world: &World, attempt: &Attempt, healing: &Reconnecting) -> NextStep {
    if healing.step == ReconnectStep::LoginNeeded {
        return after_login(world, attempt);
    }
    match with_tokens(world, attempt, healing) {
        // The tokens of a fresh login did not help.
        NextStep::LogIn(reason) if healing.has_asked => NextStep::Postpone(reason),
        step => step,
    }
}

fn with_tokens(world: &World, attempt: &Attempt, healing: &Reconnecting) -> NextStep {
    let current = world.resource::<CurrentSession>();
    if attempt.is_renewing {
        return NextStep::Wait;
    }
    let is_fresh = is_logged_in_anew(world);
    if let Some(reason) = attempt.failure.clone().filter(|_| !is_fresh) {
        return match reason {
            DisconnectReason::OtherUser { .. } => NextStep::GiveUp(reason),
            _ if reason.heals_once_open() => NextStep::Postpone(reason),
            _ => NextStep::LogIn(reason),
        };
    }
    let Some((_, session)) = own_session(world) else {
        return NextStep::GiveUp(DisconnectReason::NotLoggedIn);
    };
    let is_in_place = current
        .session()
        .is_some_and(|it| it.token() == session.token());
    if is_in_place && current.is_renewing() {
        return NextStep::Wait;
    }
    let is_refused = attempt.refused.as_ref() == Some(session.token());
    if !is_refused && !session.ends_soon() {
        return NextStep::Open;
    }
    if healing.has_renewed {
        return if is_refused {
            NextStep::LogIn(refused("the server refuses its new token, too"))
        } else {
            NextStep::Open // what ends that soon is as new as it gets
        };
    }
    match session.refresh_token() {
        Some(_) => NextStep::Renew,
        None if is_in_place && current.is_renewable() => NextStep::Renew,
        None if is_refused => NextStep::LogIn(refused(
            "the server refuses its token, and it has no refresh token",
        )),
        None => NextStep::Open,
    }
}

/// The server has refused a connection that was never open, because of its token.
fn first_refusal() -> DisconnectReason {
    refused("the server refuses its token")
}

fn refused(message: &str) -> DisconnectReason {
    DisconnectReason::SessionEnded {
        message: message.into(),
    }
}

/// The connection waits for a login.
fn after_login(world: &World, attempt: &Attempt) -> NextStep {
    let current = world.resource::<CurrentSession>();
    if current.placed() == attempt.placed {
        return NextStep::Wait;
    }
    let connection = world.resource::<NakamaConnection>();
    match current.place() {
        None => NextStep::Wait,
        Some((server, session)) if connection.is_of(server, session) => NextStep::Open,
        Some((_, session)) => NextStep::GiveUp(DisconnectReason::OtherUser {
            username: session.username().to_string(),
        }),
    }
}

/// The tokens of the connection are worth nothing any more. Goes on once the same user has logged in, if the game sees to that.
pub(crate) fn need_login(world: &mut World, reason: DisconnectReason) {
    let user = world.resource::<NakamaConnection>().user.clone();
    let user = user.filter(|_| observed::by_the_game::<LoginNeeded>(world, None));
    let Some((user, _)) = user else {
        return next_step::give_up(world, reason);
    };
    note(world, TransitionKind::LoginNeeded(reason.clone()));
    let placed = world.resource::<CurrentSession>().placed();
    let mut connection = world.resource_mut::<NakamaConnection>();
    if let Some(attempt) = &mut connection.attempt {
        attempt.placed = placed;
        attempt.failure = None;
    }
    if let Some(reconnecting) = &mut connection.reconnecting {
        reconnecting.step = ReconnectStep::LoginNeeded;
        reconnecting.has_asked = true;
        reconnecting.last_failure = Some(reason.clone());
    }
    world.trigger(LoginNeeded { user, reason });
    world.flush();
}

/// The connection gets new tokens for the session that it comes back with, which is its own from now on.
pub(crate) fn begin_renewal(world: &mut World) -> Option<(NakamaServer, NakamaSession)> {
    let own = own_session(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.session.clone_from(&own);
    if let Some(attempt) = &mut connection.attempt {
        attempt.is_renewing = true;
    }
    if let Some(reconnecting) = &mut connection.reconnecting {
        reconnecting.step = ReconnectStep::Refreshing;
    }
    own
}

/// A session has new tokens, or gets none for this reason. If it is that of the connection, the connection goes on.
pub(crate) fn on_renewed(
    world: &mut World,
    old: &NakamaSession,
    result: Result<&NakamaSession, DisconnectReason>,
) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    let connection = connection.bypass_change_detection();
    // Who was never connected may be anybody.
    let is_first = connection.state != ConnectionState::Reconnecting;
    let Some((_, session)) = &mut connection.session else {
        return;
    };
    if session.token() != old.token() {
        return;
    }
    let failure = match result {
        Ok(new) if is_first || new.user_id() == session.user_id() => {
            *session = new.clone();
            if let Some(reconnecting) = &mut connection.reconnecting {
                reconnecting.has_renewed = true;
            }
            // The new token may have the same text, if it was made in the same second.
            if let Some(attempt) = &mut connection.attempt {
                attempt.refused = None;
            }
            None
        }
        Ok(new) => Some(DisconnectReason::OtherUser {
            username: new.username().to_string(),
        }),
        Err(reason) => Some(reason),
    };
    let is_back = connection.reconnecting.is_some();
    if let Some(attempt) = connection.attempt.as_mut().filter(|_| is_back) {
        attempt.is_renewing = false;
        attempt.failure = failure;
    }
}

/// The socket is open again.
pub(crate) fn on_reopened(world: &mut World) {
    let now = now(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    let token = connection.attempt.take().and_then(|it| it.token);
    let mut attempt = 0;
    if let Some(reconnecting) = &mut connection.reconnecting {
        reconnecting.step = ReconnectStep::Reentering;
        reconnecting.reopened = now;
        attempt = reconnecting.attempt;
    }
    note(world, TransitionKind::Reopened { attempt });
    if let Some(token) = token {
        session::on_accepted(world, &token);
    }
}

/// "Try again now", or "ask for a sign of life".
pub(super) fn hurry(world: &mut World) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    if connection.state == ConnectionState::Disconnected {
        return;
    }
    connection.bypass_change_detection().is_in_a_hurry = connection.reconnecting.is_some();
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Hurry);
}

/// Whether the game wants the connection to hurry while it comes back, and has said so since the last call.
pub(crate) fn takes_hurry(world: &mut World) -> bool {
    let mut connection = world.resource_mut::<NakamaConnection>();
    std::mem::take(&mut connection.bypass_change_detection().is_in_a_hurry)
}
