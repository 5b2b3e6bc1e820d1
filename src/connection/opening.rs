//! From the game's wish for a connection to its socket: what comes first, and what if that does not come.

use bevy_ecs::prelude::*;

use super::{
    attempt::Attempt,
    healing,
    link::NetworkLink,
    next_step::{NextStep, give_up},
    options::ConnectOptions,
    reconnecting::{ReconnectStep, TransitionKind},
    state::{ConnectionState, NakamaConnection, set_state},
};
use crate::{
    session::{self, CurrentSession},
    transport::{ConnectPlan, DisconnectReason, Epoch, LinkCommand},
};

/// The game asks for a connection.
pub(super) fn begin(world: &mut World, options: ConnectOptions) {
    session::forget_withdrawn(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    if connection.is_lost() && !connection.is_leaving {
        connection.bypass_change_detection().wish = Some(options);
        fulfil_wish(world);
    } else {
        begin_anew(world, options);
    }
}

/// A connection that takes the place of the one before.
fn begin_anew(world: &mut World, options: ConnectOptions) {
    if world.resource::<NakamaConnection>().waiting().is_some() {
        give_up(world, DisconnectReason::Requested);
    }
    let placed = world.resource::<CurrentSession>().placed();
    let mut connection = world.resource_mut::<NakamaConnection>();
    let had_one = connection.state != ConnectionState::Disconnected;
    connection.begin();
    connection.appears_online = options.appear_online;
    connection.options = options.clone();
    connection.session = None;
    connection.wish = None;
    connection.attempt = Some(Attempt::new(options, placed));
    if let NextStep::Open = next_step(world) {
        open(world);
    } else if had_one {
        world
            .resource_mut::<NetworkLink>()
            .stage(LinkCommand::Disconnect);
    }
    healing::note(world, TransitionKind::Connecting);
    set_state(world, ConnectionState::Connecting);
}

/// The game has asked for a connection while the one before was on its way back, or was back by the time. If that is the connection of the
/// user who is logged in, the game has what it asks for. A login under way decides who that is.
pub(crate) fn fulfil_wish(world: &mut World) {
    let current = world.resource::<CurrentSession>();
    let connection = world.resource::<NakamaConnection>();
    let has_one = connection.is_connected() || connection.is_lost();
    if connection.wish.is_none() || has_one && current.is_logging_in() {
        return;
    }
    let is_of_user = current
        .place()
        .is_none_or(|(server, session)| connection.is_of(server, session));
    let mut connection = world.resource_mut::<NakamaConnection>();
    let wish = connection.bypass_change_detection().wish.take();
    if has_one && is_of_user {
        healing::hurry(world);
    } else if let Some(options) = wish {
        begin_anew(world, options);
    }
}

/// What the connection that waits does next, if there is one.
pub(crate) fn next_step(world: &World) -> NextStep {
    let current = world.resource::<CurrentSession>();
    let connection = world.resource::<NakamaConnection>();
    let Some(attempt) = connection.waiting() else {
        return NextStep::Wait;
    };
    if let Some(healing) = &connection.reconnecting {
        return healing::next_step(world, attempt, healing);
    }
    if current.is_logging_in() {
        return NextStep::Wait;
    }
    if attempt.placed == current.placed()
        && let Some(failure) = &attempt.failure
    {
        let is_retried = attempt.options.retry_first && failure.heals();
        return if is_retried && current.place().is_some() {
            NextStep::Open // each further try asks for new tokens again
        } else {
            NextStep::GiveUp(failure.clone())
        };
    }
    let Some((_, session)) = current.place() else {
        return NextStep::GiveUp(DisconnectReason::NotLoggedIn);
    };
    let is_refused = attempt.refused.as_ref() == Some(session.token());
    let has_way = !session.is_refresh_expired() || current.fallback().is_some();
    let is_over = is_refused || session.is_expired() && has_way;
    if current.is_renewing() {
        NextStep::Wait
    } else if is_over && current.is_renewable() && !attempt.has_renewed {
        NextStep::Renew
    } else {
        NextStep::Open
    }
}

/// Opens a socket with the session in place.
pub(crate) fn open(world: &mut World) {
    let is_back = world.resource::<NakamaConnection>().reconnecting.is_some();
    let place = if is_back {
        healing::own_session(world)
    } else {
        world.resource::<CurrentSession>().place().cloned()
    };
    let Some((server, session)) = place else {
        return;
    };
    let mut connection = world.resource_mut::<NakamaConnection>();
    let epoch = connection.epoch;
    let appear_online = connection.appears_online;
    connection.session = Some((server.clone(), session.clone()));
    connection.server = Some(server.clone());
    connection.user = Some((session.user_id().clone(), session.username().clone()));
    let Some(attempt) = &mut connection.attempt else {
        return;
    };
    let token = session.token().clone();
    attempt.token = Some(token.clone());
    let options = attempt.options.clone();
    if let Some(reconnecting) = &mut connection.reconnecting {
        reconnecting.step = ReconnectStep::Opening;
        let reopen = LinkCommand::Reopen {
            token,
            appear_online,
        };
        return world.resource_mut::<NetworkLink>().stage(reopen);
    }
    let plan = ConnectPlan {
        epoch,
        server,
        token,
        appear_online: options.appear_online,
        lang: options.lang,
        heals: options.heal,
        retries: options.retry_first,
    };
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Connect(Box::new(plan)));
}

/// What the connection may have waited for did not come. If nothing else comes, this is why the connection is not opened.
pub(crate) fn on_missed(world: &mut World, reason: DisconnectReason) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    if connection.reconnecting.is_some() {
        return; // it has tokens of its own
    }
    let attempt = &mut connection.bypass_change_detection().attempt;
    if let Some(attempt) = attempt.as_mut().filter(|it| it.is_waiting()) {
        attempt.failure = Some(reason);
    }
}

/// A login failed. A connection that waits for new tokens of the session in place does not need it.
pub(crate) fn on_login_failed(world: &mut World, message: String) {
    let attempt = world.resource::<NakamaConnection>().attempt.as_ref();
    if attempt.is_some_and(|attempt| !attempt.has_renewed) {
        on_missed(world, DisconnectReason::LoginFailed { message });
    }
}

/// The connection asks for new tokens.
pub(crate) fn renews(world: &mut World) {
    let placed = world.resource::<CurrentSession>().placed();
    let mut connection = world.resource_mut::<NakamaConnection>();
    if let Some(attempt) = &mut connection.attempt {
        attempt.has_renewed = true;
        attempt.placed = placed;
        attempt.failure = None;
    }
}

/// The server has refused to open a socket. Whether it is to be tried again, with new tokens.
pub(crate) fn tries_again(world: &mut World, epoch: Epoch, reason: &DisconnectReason) -> bool {
    let is_of_token = matches!(reason, DisconnectReason::Refused { status: 401, .. });
    let current = world.resource::<CurrentSession>();
    let connection = world.resource::<NakamaConnection>();
    let place = current.place().filter(|_| current.is_renewable());
    let is_renewable = place.is_some_and(|(server, session)| connection.is_of(server, session));
    let is_first = connection.reconnecting.is_none();
    let is_worth_it = is_of_token && is_renewable && is_first && connection.epoch == epoch;
    let mut connection = world.resource_mut::<NakamaConnection>();
    let connection = connection.bypass_change_detection();
    let Some(attempt) = &mut connection.attempt else {
        return false;
    };
    if !is_worth_it || attempt.has_renewed {
        return false;
    }
    attempt.refused = attempt.token.take();
    connection.ended = epoch;
    connection.epoch.0 += 1;
    true
}
