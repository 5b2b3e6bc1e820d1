//! Data that could not be sent, and who is told.

use bevy_ecs::prelude::*;

use crate::connection::NakamaConnection;
pub use crate::transport::SendError;

/// Data was not sent. An event of the match's or party's entity, triggered in
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive) of one of the next frames.
#[derive(Clone, Debug, EntityEvent)]
pub struct SendFailed {
    /// The match or party that it was for.
    #[event_target]
    pub context: Entity,
    /// Its op code.
    pub op_code: i64,
    /// Why.
    pub reason: SendError,
}

/// Failures that are known at once; they are told with the next frame's arrivals.
#[derive(Default, Resource)]
pub(crate) struct FailedSends(Vec<SendFailed>);

impl FailedSends {
    pub(crate) fn add(&mut self, context: Entity, op_code: i64, reason: SendError) {
        self.0.push(SendFailed {
            context,
            op_code,
            reason,
        });
    }
}

/// Why nothing can be sent to an entity that is not what one is in.
pub(crate) fn not_in_it(world: &World) -> SendError {
    if world.resource::<NakamaConnection>().is_connected() {
        SendError::NotAMember
    } else {
        SendError::NotConnected
    }
}

/// Tells what failed at once.
pub(crate) fn tell_failed(world: &mut World) {
    for failed in std::mem::take(&mut world.resource_mut::<FailedSends>().0) {
        tell(world, failed);
    }
}

/// The network thread could not send something, named by the bits of its entity.
pub(crate) fn on_send_failed(world: &mut World, origin: u64, op_code: i64, reason: SendError) {
    if let Some(context) = Entity::try_from_bits(origin) {
        tell(
            world,
            SendFailed {
                context,
                op_code,
                reason,
            },
        );
    }
}

/// Tells that something was not sent.
pub(crate) fn tell(world: &mut World, failed: SendFailed) {
    log::debug!("op code {} was not sent: {}", failed.op_code, failed.reason);
    world.trigger(failed);
    world.flush();
}
