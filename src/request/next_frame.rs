//! What is known at once, and told in the next frame.
//!
//! A game chains an observer to the call, and observers of a command run after it. So an outcome that is known at once waits until
//! the next frame begins, as if it had come from the server.

use std::mem;

use bevy_ecs::prelude::*;

use super::{
    error::RequestError,
    reply::{Outcome, Request, mark_pending, reply},
};
use crate::{
    connection::{NakamaConnection, NetworkLink},
    transport::Alarm,
};

/// What to tell, in the order in which it happened.
#[derive(Resource)]
pub(crate) struct NextFrame {
    known: Vec<Tell>,
    alarm: Alarm,
}

impl FromWorld for NextFrame {
    fn from_world(world: &mut World) -> Self {
        Self {
            known: Vec::new(),
            alarm: world.resource::<NetworkLink>().alarm().clone(),
        }
    }
}

type Tell = Box<dyn FnOnce(&mut World) + Send + Sync>;

impl NextFrame {
    /// Tells something in the next frame.
    pub(crate) fn tell(&mut self, tell: impl FnOnce(&mut World) + Send + Sync + 'static) {
        self.known.push(Box::new(tell));
        self.alarm.ring_if_late();
    }
}

/// In `PostUpdate`: what is to be told in the next frame needs one, even if the game sleeps.
pub(super) fn ask_for_a_frame(next: Res<NextFrame>, link: Res<NetworkLink>) {
    if !next.known.is_empty() {
        link.ask_for_a_frame();
    }
}

/// A frame begins: tells what was known in the last one.
pub(crate) fn tell_known(world: &mut World) {
    for tell in mem::take(&mut world.resource_mut::<NextFrame>().known) {
        tell(world);
        world.flush();
    }
}

/// Answers a request whose outcome is known at once. The reply comes with the next frame.
pub(crate) fn settle_at_once<R: Request>(world: &mut World, entity: Entity, outcome: Outcome<R>) {
    mark_pending::<R>(world, entity);
    world
        .resource_mut::<NextFrame>()
        .tell(move |world| reply::<R>(world, entity, outcome, true));
}

/// Refuses a request for a reason that is known at once. The reply comes with the next frame.
pub(crate) fn refuse<R: Request>(
    world: &mut World,
    entity: Entity,
    error: RequestError<R::Refusal>,
) {
    settle_at_once::<R>(world, entity, Err(error));
}

/// Refuses a request because the entity that it is about is not what it should be. Without a connection, nothing is.
pub(crate) fn refuse_wrong_entity<R: Request>(
    world: &mut World,
    entity: Entity,
    expected: &'static str,
) {
    let connection = world.resource::<NakamaConnection>();
    let error = if connection.is_connected() || connection.is_lost() {
        RequestError::WrongEntity { expected }
    } else {
        RequestError::NotConnected
    };
    refuse::<R>(world, entity, error);
}
