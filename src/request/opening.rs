//! A connection that waits for a login or for new tokens goes on when they are there.

use bevy_ecs::prelude::*;

use super::renewal::renew_current;
use crate::connection::{NextStep, give_up, next_step, open, renews};

/// In `PostUpdate`, before what the game asked for is handed over: the connection that waits goes on, if there is one.
pub(super) fn go_on(world: &mut World) {
    match next_step(world) {
        NextStep::Wait => {}
        NextStep::Open => open(world),
        NextStep::GiveUp(reason) => give_up(world, reason),
        NextStep::Renew => {
            renews(world);
            renew_current(world);
        }
    }
}
