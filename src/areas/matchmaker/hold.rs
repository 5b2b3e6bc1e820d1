//! Tickets that the server does not have at the moment.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;
use bevy_time::{Real, Time};

use super::MatchmakerTicket;
use crate::mirror::{self, presence::PresenceIndex};

/// The server does not have this ticket at the moment, and the plugin is about to add it again. A component of the ticket, which is
/// [`Stale`](crate::healing::Stale) as well. See [healing](crate::healing#matchmaker-tickets).
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::matchmaker"]
#[component(clone_behavior = Ignore)]
#[reflect(Component)]
#[non_exhaustive]
pub struct TicketOnHold {
    /// What it waits for.
    pub why: HoldReason,
    /// Until when it waits at the longest, in time since the app's start (`Time<Real>`). `None`: as long as it takes.
    pub until: Option<Duration>,
}

/// What a ticket waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::matchmaker"]
#[non_exhaustive]
pub enum HoldReason {
    /// The server may still have the local user's old session with its tickets. Before it is gone, the matchmaker could match the local
    /// user with themselves. Then the ticket is added again.
    OwnGhost,
    /// The local user is not back in the party.
    Party,
    /// Somebody has left the party, or is in it twice because the server still has their old session. When exactly the same users are in
    /// the party, it is added again. At the end of the time, the ticket is lost.
    Members,
    /// The same users are in the party. Its leader has to add it again: the local user, if they become the leader and have asked for this
    /// ticket before. At the end of the time, the ticket is lost.
    Leader,
}

/// The server does not have a ticket any more. It waits from now on.
pub(super) fn hold(world: &mut World, ticket: Entity, why: HoldReason, until: Option<Duration>) {
    drops(world, ticket);
    if let Ok(mut ticket) = world.get_entity_mut(ticket) {
        let on_hold = TicketOnHold { why, until };
        if ticket.get::<TicketOnHold>() != Some(&on_hold) {
            ticket.insert(on_hold);
        }
    }
}

/// The server does not have a ticket any more.
pub(super) fn drops(world: &mut World, ticket: Entity) {
    if !is_away(world, ticket) {
        mirror::becomes_stale(world, ticket);
    }
}

/// A ticket does not wait any more.
pub(super) fn release(world: &mut World, ticket: Entity) {
    if let Ok(mut ticket) = world.get_entity_mut(ticket) {
        ticket.remove::<TicketOnHold>();
    }
}

/// What a ticket waits for.
pub(super) fn on_hold(world: &World, ticket: Entity) -> Option<TicketOnHold> {
    world.get::<TicketOnHold>(ticket).copied()
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

pub(super) fn now(world: &World) -> Duration {
    world.resource::<Time<Real>>().elapsed()
}
