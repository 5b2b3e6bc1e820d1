//! From the network thread to the game.

use std::{marker::PhantomData, sync::Arc};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};
use bytes::Bytes;

use super::{
    bind,
    message::{DataContext, DataReceived},
};
use crate::{
    mirror::{
        early::{Delivery, EarlyArrivals, Held, Patience},
        hold,
        presence::{PresenceIndex, PresenceInfo, Sender},
    },
    request::Area,
};

/// Data of an area, as the network thread reads it.
pub(crate) trait WireData: Into<Held> + Send + Sync + 'static {
    /// What it arrives in.
    type Context: DataContext;

    /// The entity that it is for, or the area and the id that no entity has.
    fn context(&self, world: &mut World) -> Result<Entity, (Area, Box<str>)>;

    /// Who sent it. `None` is code on the server.
    fn sender(&self) -> Option<&Arc<PresenceInfo>>;

    /// The key of its type, the payload, and whether it is reliable.
    fn into_parts(self) -> (i64, Bytes, bool);
}

/// Data arrived: finds where and from whom, and writes it. Data is held if its context or its sender is not known yet.
pub(crate) fn deliver<D: WireData>(world: &mut World, data: D, patience: Patience) -> Delivery {
    let context = match data.context(world) {
        Ok(context) => context,
        Err((area, id)) => {
            hold(world, area, &id, data.into());
            return Delivery::Held;
        }
    };
    let sender = match data.sender() {
        None => None,
        Some(presence) => {
            let index = world.resource::<PresenceIndex>();
            let entity = index.get(context, &presence.session_id);
            if entity.is_none()
                && patience == Patience::Wait
                && !index.has_gone(context, &presence.session_id)
            {
                let now = world.resource::<Time<Real>>().elapsed();
                let session = presence.session_id.clone();
                let mut early = world.resource_mut::<EarlyArrivals>();
                early.hold_for_join(now, context, &session, data.into());
                return Delivery::Held;
            }
            Some(Sender {
                entity,
                presence: presence.clone(),
            })
        }
    };
    let (op_code, data, reliable) = data.into_parts();
    let arrived = DataReceived::<D::Context> {
        context,
        sender,
        op_code,
        data,
        reliable,
        area: PhantomData,
    };
    bind::write(world, arrived);
    Delivery::Done
}
