//! How the local user goes on looking for others after a loss of the connection.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{MatchmakerTicket, TicketBook, remove_message, requests::ticket_in};
use crate::{
    connection::{DisconnectReason, NakamaConnection, TransitionKind},
    mirror::{
        self, LossReason, ReentryOutcome, ReentryPolicy,
        early::EarlyArrivals,
        presence::{PresenceIndex, TicketId},
    },
    request::{Area, RequestError, SocketRequest as _, Unconfirmed, send_then},
};

/// How long the server may keep the local user's old session with its tickets: until a ping of its own was not answered. Before that, the
/// matchmaker might match the local user with themselves.
const GHOST: Duration = Duration::from_secs(25);

/// The connection is back. The server has dropped all tickets, or will.
pub(super) fn reenter(world: &mut World) {
    let wait = time_for_ghost(world);
    for (ticket, id) in mirror::stale_contexts::<MatchmakerTicket>(world) {
        if world.resource::<TicketBook>().party_of(&id).is_some() {
            mirror::is_lost::<MatchmakerTicket>(world, ticket, LossReason::MembersChanged);
        } else if mirror::policy(world, ticket) == ReentryPolicy::Drop {
            mirror::is_lost::<MatchmakerTicket>(world, ticket, LossReason::Policy);
        } else if wait.is_zero() {
            ask(world, ticket);
        } else {
            mirror::ask_later(world, ticket, wait, None, ask);
        }
    }
}

/// How long to wait until the server has certainly dropped the old tickets.
fn time_for_ghost(world: &World) -> Duration {
    let history = world.resource::<NakamaConnection>().history();
    // The connection may have been lost more than once. If the server closes it, it drops the tickets before it says so.
    let losses = history.filter(|it| match &it.what {
        TransitionKind::Lost(DisconnectReason::ClosedByServer { .. }) => false,
        what => matches!(what, TransitionKind::Lost(_)),
    });
    let now = world.resource::<Time<Real>>().elapsed();
    losses
        .map(|lost| GHOST.saturating_sub(now.saturating_sub(lost.at)))
        .max()
        .unwrap_or_default()
}

/// Adds a ticket again. It gets another id.
fn ask(world: &mut World, ticket: Entity) {
    let request = world.get::<MatchmakerTicket>(ticket);
    let Some(request) = request.and_then(|ticket| ticket.request.clone()) else {
        return;
    };
    if !is_away(world, ticket) {
        return;
    }
    let message = request.to_message();
    mirror::ask_joining(world, Some(Area::Ticket), message, move |world, answer| {
        let reason = match answer {
            Ok(reply) => match ticket_in(reply) {
                Ok(id) if is_away(world, ticket) => return is_added(world, ticket, &id),
                Ok(id) => return send_then(world, remove_message(&id, None), |_| {}),
                Err(error) => LossReason::NoAnswer(error.to_string()),
            },
            Err(Unconfirmed::Refused(error)) => LossReason::Refused(error),
            Err(Unconfirmed::Failed(failure)) => {
                let error: RequestError = failure.into();
                LossReason::NoAnswer(error.to_string())
            }
            Err(Unconfirmed::Unexpected) => LossReason::NoAnswer("something else".into()),
        };
        mirror::is_lost::<MatchmakerTicket>(world, ticket, reason);
    });
}

fn is_added(world: &mut World, ticket: Entity, id: &TicketId) {
    let Some(old) = mirror::id_of::<MatchmakerTicket>(world, ticket) else {
        return;
    };
    mirror::rename::<MatchmakerTicket>(world, ticket, &old, id);
    mirror::is_restored::<MatchmakerTicket>(world, ticket, ReentryOutcome::Changed);
    world
        .resource_mut::<EarlyArrivals>()
        .context_is_known(Area::Ticket, id.as_str());
}

/// Whether the server has dropped a ticket, and has not got it again.
pub(super) fn is_away(world: &World, ticket: Entity) -> bool {
    mirror::is_in::<MatchmakerTicket>(world, ticket)
        && world.resource::<PresenceIndex>().awaits_snapshot(ticket)
}

/// The local user does not look for others any more.
pub(super) fn give_up(world: &mut World, ticket: Entity) {
    if let Some(id) = mirror::id_of::<MatchmakerTicket>(world, ticket) {
        mirror::remove::<MatchmakerTicket>(world, &id);
    }
}
