//! From the network thread to the game.

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::prelude::*;
use bytes::Bytes;

use super::{
    bind,
    message::{DataContext, DataReceived},
};
use crate::{
    mirror::{
        self, AreaAppExt as _, LifeCycle, NOTHING, Timing, WaitsFor,
        presence::{PresenceIndex, PresenceInfo, Sender},
    },
    proto::Kind,
    transport::Pushed,
};

/// Data of an area, as the network thread reads it.
pub(crate) trait WireData: Sized {
    /// What it arrives in.
    type Context: DataContext;
    const KIND: Kind;

    /// Whether it is what arrived.
    fn of(pushed: &mut Pushed) -> Option<&mut Self>;

    /// The entity that it is for.
    fn context(&self, world: &mut World) -> Result<Entity, WaitsFor>;

    /// Who sent it. `None` is code on the server.
    fn sender(&self) -> Option<&Arc<PresenceInfo>>;

    /// Takes out the key of its type, the payload, and whether it is reliable.
    fn take_parts(&mut self) -> (i64, Bytes, bool);
}

/// Makes an area able to receive data.
pub(crate) fn add_data<D: WireData>(app: &mut App) {
    bind::init::<D::Context>(app);
    app.add_life_cycle(LifeCycle {
        on_opened: bind::clear_area::<D::Context>,
        on_lost: NOTHING,
        reenter: NOTHING,
        on_closed: NOTHING,
    })
    .handle(D::KIND, |world, pushed, timing| match D::of(pushed) {
        Some(data) => deliver(world, data, timing),
        None => Ok(()),
    });
}

/// Data arrived: finds where and from whom, and writes it. It may have to wait for its context or its sender.
fn deliver<D: WireData>(world: &mut World, data: &mut D, timing: Timing) -> Result<(), WaitsFor> {
    let context = data.context(world)?;
    let sender = match data.sender() {
        None => None,
        Some(presence) => {
            let session = &presence.session_id;
            mirror::speaks(world, context, session);
            let index = world.resource::<PresenceIndex>();
            let entity = index.get(context, session);
            if entity.is_none() && timing.may_wait && !index.has_gone(context, session) {
                return Err(WaitsFor::Join(context, session.clone()));
            }
            Some(Sender {
                entity,
                presence: presence.clone(),
            })
        }
    };
    let (op_code, data, reliable) = data.take_parts();
    let arrived = DataReceived::<D::Context>::new(context, sender, op_code, data, reliable);
    bind::write(world, arrived);
    Ok(())
}
