//! What a connection that waits does next, and what the link hears if there is no token.

use bevy_ecs::prelude::*;

use super::{link::NetworkLink, state::NakamaConnection};
use crate::transport::{DisconnectReason, LinkCommand};

/// What a connection that waits does next.
pub(crate) enum NextStep {
    Wait,
    /// Its token has ended: it needs new ones.
    Renew,
    Open,
    /// There is no token just now. It tries again later.
    Postpone(DisconnectReason),
    /// Only a login can bring a token.
    LogIn(DisconnectReason),
    GiveUp(DisconnectReason),
}

/// Nothing comes of the connection that waits.
pub(crate) fn give_up(world: &mut World, reason: DisconnectReason) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.attempt = None;
    let epoch = connection.epoch;
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::GiveUp(epoch, reason));
}

/// There is no token just now.
pub(crate) fn postpone(world: &mut World, reason: DisconnectReason) {
    world.resource_mut::<NakamaConnection>().attempt = None;
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Postpone(reason));
}
