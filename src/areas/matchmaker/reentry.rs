//! How the local user goes on looking for others after a loss of the connection.

use bevy_ecs::{entity_disabling::Disabled, prelude::*, query::Allow};

use super::{
    HoldReason, MatchmakerTicket, TicketBook,
    hold::{hold, is_away, now, on_hold, release},
    party_tickets, remove_message,
    requests::ticket_in,
};
use crate::{
    mirror::{
        self, LossReason, OwnGhostEnded, ReentryOutcome, ReentryPolicy, early::EarlyArrivals,
        presence::TicketId,
    },
    request::{Area, RequestError, SocketRequest as _, Unconfirmed, send_then},
    transport::Received,
};

/// The connection is back. The server has dropped all tickets, or will.
pub(super) fn reenter(world: &mut World) {
    for (ticket, id) in mirror::stale_contexts::<MatchmakerTicket>(world) {
        let is_of_party = world.resource::<TicketBook>().party_of(&id).is_some();
        if mirror::policy(world, ticket) == ReentryPolicy::Drop {
            mirror::is_lost::<MatchmakerTicket>(world, ticket, LossReason::Policy);
        } else if is_of_party {
            party_tickets::await_party(world, ticket);
        } else {
            add_again(world, ticket);
        }
    }
}

/// Adds a ticket of the local user again, as soon as the server has certainly dropped the old ones.
pub(super) fn add_again(world: &mut World, ticket: Entity) {
    let wait = mirror::time_for_own_ghosts(world);
    if wait.is_zero() {
        ask(world, ticket);
    } else {
        let until = now(world) + wait;
        hold(world, ticket, HoldReason::OwnGhost, Some(until));
        mirror::ask_later(world, ticket, wait, None, ask);
    }
}

/// Observer: an old session of the local user is gone earlier than it had to be. Tickets that wait for that need not wait so long.
pub(super) fn on_ghost_ended(
    _: On<OwnGhostEnded>,
    waiting: Query<Entity, (With<MatchmakerTicket>, Allow<Disabled>)>,
    mut commands: Commands,
) {
    for ticket in &waiting {
        commands.queue(move |world: &mut World| {
            let waits = on_hold(world, ticket);
            if waits.is_some_and(|it| it.why == HoldReason::OwnGhost) {
                let wait = mirror::time_for_own_ghosts(world);
                let until = now(world) + wait;
                hold(world, ticket, HoldReason::OwnGhost, Some(until));
                mirror::ask_sooner(world, ticket, wait);
            }
        });
    }
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
    release(world, ticket);
    let message = request.to_message();
    mirror::ask_joining(
        world,
        Area::Ticket,
        message,
        move |world, answer| match id_in(answer) {
            Ok(id) if is_away(world, ticket) => is_added(world, ticket, Area::Ticket, &id),
            Ok(id) => send_then(world, remove_message(&id, None), |_| {}),
            Err(reason) => mirror::is_lost::<MatchmakerTicket>(world, ticket, reason),
        },
    );
}

/// The ticket that an answer brings.
pub(super) fn id_in(answer: Result<Option<Received>, Unconfirmed>) -> Result<TicketId, LossReason> {
    match answer {
        Ok(reply) => ticket_in(reply).map_err(|error| LossReason::NoAnswer(error.to_string())),
        Err(Unconfirmed::Refused(error)) => Err(LossReason::Refused(error)),
        Err(Unconfirmed::Failed(failure)) => {
            let error: RequestError = failure.into();
            Err(LossReason::NoAnswer(error.to_string()))
        }
        Err(Unconfirmed::Unexpected) => Err(LossReason::NoAnswer("something else".into())),
    }
}

/// The server has a ticket again.
pub(super) fn is_added(world: &mut World, ticket: Entity, area: Area, id: &TicketId) {
    let Some(old) = mirror::id_of::<MatchmakerTicket>(world, ticket) else {
        return;
    };
    release(world, ticket);
    mirror::rename::<MatchmakerTicket>(world, ticket, &old, id);
    mirror::is_restored::<MatchmakerTicket>(world, ticket, ReentryOutcome::Changed);
    world
        .resource_mut::<EarlyArrivals>()
        .context_is_known(area, id.as_str());
}
