//! A connection that waits for a login or for new tokens goes on when they are there, and so do calls.

use bevy_ecs::prelude::*;

use super::{
    error::RequestError,
    renewal::renew_for_connection,
    table::{Requests, hurry, send},
};
use crate::{
    connection::{self, NextStep, give_up, next_step, open},
    session::{self, CurrentSession},
};

/// In `PostUpdate`, before what the game asked for is handed over: the connection that waits goes on, if there is one.
pub(super) fn go_on(world: &mut World) {
    if session::forget_withdrawn(world) {
        let withdrawn = RequestError::<crate::error::ServerError>::Withdrawn;
        connection::on_login_failed(world, withdrawn.to_string());
    }
    wake(world);
    connection::fulfil_wish(world);
    if connection::takes_hurry(world) {
        hurry(world);
    }
    match next_step(world) {
        NextStep::Wait => {}
        NextStep::Open => open(world),
        NextStep::GiveUp(reason) => give_up(world, reason),
        NextStep::Postpone(reason) => connection::postpone(world, reason),
        NextStep::LogIn(reason) => connection::need_login(world, reason),
        NextStep::Renew => renew_for_connection(world),
    }
}

/// The calls that waited for a login are made, or end. Those whose login is still under way wait on.
fn wake(world: &mut World) {
    let is_renewing = world.resource::<CurrentSession>().is_renewing();
    if is_renewing || !world.resource::<Requests>().has_waiting() {
        return;
    }
    for request in world.resource_mut::<Requests>().take_waiting() {
        send(world, request);
    }
}
