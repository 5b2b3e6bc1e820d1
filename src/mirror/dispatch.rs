//! What the server sends by itself finds its handler by its kind.

use bevy_app::App;
use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{
    early::{EarlyArrivals, Timing, WaitsFor, hold},
    life::{LifeCycle, LifeCycles},
};
use crate::{
    connection::NakamaConnection,
    proto::Kind,
    transport::{Failure, Pushed, RawEnvelope},
};

/// Takes in one kind of message, or says what the message has to wait for; then it is asked again.
pub(crate) type Handler = fn(&mut World, &mut Pushed, Timing) -> Result<(), WaitsFor>;

/// Who takes in what.
#[derive(Resource)]
pub(crate) struct Handlers {
    by_kind: [Option<Handler>; Kind::ALL.len()],
    /// Hear that a join or a create has its answer.
    pub(super) joins: Vec<fn(&mut World)>,
    /// Hears of every envelope as it is on the wire.
    pub(super) raw: fn(&mut World, RawEnvelope),
    /// Hears of data that the network thread did not send: of what entity (its bits), and with which op code.
    pub(super) send_failed: fn(&mut World, u64, i64, Failure),
}

impl Default for Handlers {
    fn default() -> Self {
        Self {
            by_kind: [None; Kind::ALL.len()],
            joins: Vec::new(),
            raw: |_, _| {},
            send_failed: |_, _, _, _| {},
        }
    }
}

impl Handlers {
    #[cfg(test)]
    pub(crate) fn handles(&self, kind: Kind) -> bool {
        self.by_kind[kind as usize].is_some()
    }
}

/// What an area's plugin says: what it takes in, and how it lives with the connection.
pub(crate) trait AreaAppExt {
    /// From now on the area lives with the connection.
    fn add_life_cycle(&mut self, cycle: LifeCycle) -> &mut Self;

    /// Takes in a kind of message that the server sends by itself. [`on_pushed!`] is the handier form.
    fn handle(&mut self, kind: Kind, handler: Handler) -> &mut Self;

    /// Hears that a join or a create, of whatever area, has its answer.
    fn handle_joins(&mut self, handler: fn(&mut World)) -> &mut Self;

    /// Hears of every envelope as it is on the wire.
    fn handle_raw(&mut self, handler: fn(&mut World, RawEnvelope)) -> &mut Self;

    /// Hears of data that the network thread did not send.
    fn handle_failed_sends(&mut self, handler: fn(&mut World, u64, i64, Failure)) -> &mut Self;
}

impl AreaAppExt for App {
    fn add_life_cycle(&mut self, cycle: LifeCycle) -> &mut Self {
        let mut cycles = self.world_mut().get_resource_or_init::<LifeCycles>();
        cycles.add(cycle);
        self
    }

    fn handle(&mut self, kind: Kind, handler: Handler) -> &mut Self {
        let mut handlers = self.world_mut().get_resource_or_init::<Handlers>();
        handlers.by_kind[kind as usize] = Some(handler);
        self
    }

    fn handle_joins(&mut self, handler: fn(&mut World)) -> &mut Self {
        let mut handlers = self.world_mut().get_resource_or_init::<Handlers>();
        handlers.joins.push(handler);
        self
    }

    fn handle_raw(&mut self, handler: fn(&mut World, RawEnvelope)) -> &mut Self {
        self.world_mut().get_resource_or_init::<Handlers>().raw = handler;
        self
    }

    fn handle_failed_sends(&mut self, handler: fn(&mut World, u64, i64, Failure)) -> &mut Self {
        let mut handlers = self.world_mut().get_resource_or_init::<Handlers>();
        handlers.send_failed = handler;
        self
    }
}

/// Names the functions that take in kinds of messages: `fn(&mut World, &mut M, &mut People, Timing) -> Result<(), WaitsFor>`.
macro_rules! on_pushed {
    ($app:ident: $($Kind:ident => $handler:path,)+) => {$(
        $crate::mirror::AreaAppExt::handle(
            $app,
            $crate::proto::Kind::$Kind,
            |world, pushed, timing| {
                let $crate::transport::Pushed::Message(received) = pushed else {
                    return Ok(());
                };
                let $crate::transport::Received { message, people } = &mut **received;
                match message {
                    $crate::proto::Message::$Kind(message) => {
                        $handler(world, message, people, timing)
                    }
                    _ => Ok(()),
                }
            },
        );
    )+};
}
pub(crate) use on_pushed;

/// Something arrived.
pub(crate) fn push(world: &mut World, pushed: Pushed) {
    let at = world.resource::<Time<Real>>().elapsed();
    let timing = Timing {
        at,
        may_wait: true,
        epoch: world.resource::<NakamaConnection>().epoch(),
    };
    dispatch(world, pushed, timing);
    apply_ready(world);
}

/// Applies what has become ready of the early arrivals.
pub(crate) fn apply_ready(world: &mut World) {
    while let Some((pushed, timing)) = world.resource_mut::<EarlyArrivals>().next_ready() {
        dispatch(world, pushed, timing);
    }
}

/// Gives a message to its handler, and keeps it if it has to wait. Nothing is done with what waited while the game connected anew.
pub(crate) fn dispatch(world: &mut World, mut pushed: Pushed, timing: Timing) {
    if timing.epoch != world.resource::<NakamaConnection>().epoch() {
        return;
    }
    let Some(handler) = world.resource::<Handlers>().by_kind[pushed.kind() as usize] else {
        return;
    };
    match handler(world, &mut pushed, timing) {
        Ok(()) if pushed.is_data() => {} // it becomes a message, and needs no flush
        Ok(()) => world.flush(),
        Err(waits_for) => hold(world, pushed, timing, waits_for),
    }
}
