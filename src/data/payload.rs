//! Payloads: how types become bytes and come back, and how data finds its type.
//!
//! # While the game is paused
//!
//! Bevy keeps a message until `FixedUpdate` has had its chance to read it. `FixedUpdate` does not run while virtual time is paused
//! (`Time<Virtual>::pause`), so all that arrives meanwhile is kept, also what `Update` has read: 100 messages a second are 6,000
//! after a minute, of whatever type. They go once the game runs on. If that is too much, and no system in `FixedUpdate` reads
//! the type, have Bevy forget what is two frames old, also in a pause:
//!
//! ```
//! # use bevy_app::{App, Last};
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! # use bevy_time::{Time, Virtual};
//! fn forget_old_data(mut data: ResMut<Messages<MatchDataReceived>>) {
//!     data.update();
//! }
//!
//! fn is_paused(time: Res<Time<Virtual>>) -> bool {
//!     time.is_paused()
//! }
//!
//! # let mut app = App::new();
//! app.add_systems(Last, forget_old_data.run_if(is_paused));
//! ```

use std::{any::type_name, marker::PhantomData, sync::Arc};

use bevy_app::App;
use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};
use bytes::Bytes;
use hashbrown::HashMap;

pub use crate::error::PayloadError;
use crate::mirror::{
    early::{Area, Delivery, EarlyArrivals, Held, Patience},
    hold,
    presence::{PresenceIndex, PresenceInfo, Sender},
};

/// How a type becomes bytes and comes back.
///
/// [`Postcard`] and [`Json`] do it for every type with serde. For a format of your own, implement it for the type itself
/// and write `type Codec = Self`:
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use bytes::Bytes;
/// struct Beep(u8);
///
/// impl Codec<Beep> for Beep {
///     fn encode(beep: &Beep) -> Result<Bytes, PayloadError> {
///         Ok(Bytes::copy_from_slice(&[beep.0]))
///     }
///     fn decode(bytes: &Bytes) -> Result<Beep, PayloadError> {
///         bytes.first().copied().map(Beep).ok_or_else(|| PayloadError::new("it is empty"))
///     }
/// }
///
/// impl MatchPayload for Beep {
///     const OP_CODE: i64 = 7;
///     type Codec = Self;
/// }
/// ```
pub trait Codec<T> {
    /// The bytes of a value.
    ///
    /// # Errors
    ///
    /// The value has no such form.
    fn encode(value: &T) -> Result<Bytes, PayloadError>;

    /// The value of bytes. They come from other players: anything is possible.
    ///
    /// # Errors
    ///
    /// These bytes are no such value.
    fn decode(bytes: &Bytes) -> Result<T, PayloadError>;
}

/// The [postcard](https://docs.rs/postcard) format: small and quick, for types that both sides know.
#[cfg(feature = "serde")]
#[derive(Clone, Copy, Debug)]
pub enum Postcard {}

#[cfg(feature = "serde")]
impl<T: serde::Serialize + serde::de::DeserializeOwned> Codec<T> for Postcard {
    fn encode(value: &T) -> Result<Bytes, PayloadError> {
        postcard::to_stdvec(value)
            .map(Bytes::from)
            .map_err(PayloadError::new)
    }

    fn decode(bytes: &Bytes) -> Result<T, PayloadError> {
        match postcard::take_from_bytes(bytes) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(PayloadError::new(format!("{} bytes too many", rest.len()))),
            Err(error) => Err(PayloadError::new(error)),
        }
    }
}

/// JSON, for server code and clients in other languages.
#[cfg(feature = "serde")]
#[derive(Clone, Copy, Debug)]
pub enum Json {}

#[cfg(feature = "serde")]
impl<T: serde::Serialize + serde::de::DeserializeOwned> Codec<T> for Json {
    fn encode(value: &T) -> Result<Bytes, PayloadError> {
        serde_json::to_vec(value)
            .map(Bytes::from)
            .map_err(PayloadError::new)
    }

    fn decode(bytes: &Bytes) -> Result<T, PayloadError> {
        serde_json::from_slice(bytes).map_err(PayloadError::new)
    }
}

/// Data of an area, as the network thread reads it.
pub(crate) trait Incoming: Into<Held> + Send + Sync + 'static {
    /// What tells its types apart, in errors.
    const KEY: &'static str;
    /// Written for data that no type is bound to.
    type Received: Message + From<Arrived>;
    /// Written for bytes that are no value of the type that they are bound to.
    type Rejected: Message + From<(Arrived, PayloadError)>;

    /// The entity that it is for, or the area and the id that there is none for.
    fn context(&self, world: &mut World) -> Result<Entity, (Area, Box<str>)>;

    /// Who sent it; `None` is code on the server.
    fn sender(&self) -> Option<&Arc<PresenceInfo>>;

    /// It is delivered.
    fn arrive(self, context: Entity, sender: Option<Sender>) -> Arrived;
}

/// Data that arrived in a match, party or stream of the local user.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) context: Entity,
    pub(crate) sender: Option<Sender>,
    pub(crate) key: i64,
    pub(crate) data: Bytes,
    pub(crate) reliable: bool,
}

/// Data of a bound type, as a message.
pub(crate) trait Typed: Message {
    /// The area.
    type Data: Incoming;
    type Payload: 'static;
    type Codec: Codec<Self::Payload>;
    /// What the type is bound to.
    const KEY: i64;

    fn new(context: Entity, sender: Option<Sender>, payload: Self::Payload, reliable: bool)
    -> Self;
}

/// Which types the keys of an area are bound to.
#[derive(Resource)]
pub(crate) struct Payloads<D: Incoming> {
    by_key: HashMap<i64, Bound>,
    area: PhantomData<fn() -> D>,
}

#[derive(Clone, Copy)]
struct Bound {
    name: &'static str,
    write: fn(&mut World, Arrived),
    clear: fn(&mut World),
}

impl<D: Incoming> Default for Payloads<D> {
    fn default() -> Self {
        Self {
            by_key: HashMap::new(),
            area: PhantomData,
        }
    }
}

/// An area can receive data.
pub(crate) fn add_area<D: Incoming>(app: &mut App) {
    app.init_resource::<Payloads<D>>()
        .add_message::<D::Received>()
        .add_message::<D::Rejected>();
}

/// Binds a type to its key: from now on such data arrives as messages of type `M`.
///
/// # Panics
///
/// Another type is bound to the key.
pub(crate) fn bind<M: Typed>(app: &mut App) {
    app.add_message::<M>();
    let world = app.world_mut();
    world.init_resource::<Payloads<M::Data>>();
    let new = Bound {
        name: type_name::<M::Payload>(),
        write: write::<M>,
        clear: clear::<M>,
    };
    let old = world
        .resource_mut::<Payloads<M::Data>>()
        .by_key
        .insert(M::KEY, new);
    if let Some(old) = old.filter(|old| old.name != new.name) {
        panic!(
            "{} {} is claimed twice: by `{}` and by `{}`",
            M::Data::KEY,
            M::KEY,
            old.name,
            new.name
        );
    }
}

fn write<M: Typed>(world: &mut World, arrived: Arrived) {
    match M::Codec::decode(&arrived.data) {
        Ok(payload) => {
            let Arrived {
                context,
                sender,
                reliable,
                ..
            } = arrived;
            world.write_message(M::new(context, sender, payload, reliable));
        }
        Err(error) => {
            log::debug!("{} {}: {error}", M::Data::KEY, arrived.key);
            world.write_message(<M::Data as Incoming>::Rejected::from((arrived, error)));
        }
    }
}

/// Empties a buffer of messages.
pub(crate) fn clear<M: Message>(world: &mut World) {
    if let Some(mut messages) = world.get_resource_mut::<Messages<M>>() {
        messages.clear();
    }
}

/// Empties all messages of an area: they are of an earlier connection.
pub(crate) fn clear_area<D: Incoming>(world: &mut World) {
    clear::<D::Received>(world);
    clear::<D::Rejected>(world);
    let bound: Vec<_> = world
        .resource::<Payloads<D>>()
        .by_key
        .values()
        .copied()
        .collect();
    for bound in bound {
        (bound.clear)(world);
    }
}

/// Data arrived: finds where and from whom, and hands it to the type that its key is bound to. It is held if its context or
/// its sender is not known yet.
pub(crate) fn deliver<D: Incoming>(world: &mut World, data: D, patience: Patience) -> Delivery {
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
                world.resource_mut::<EarlyArrivals>().hold_for_join(
                    now,
                    context,
                    &session,
                    data.into(),
                );
                return Delivery::Held;
            }
            Some(Sender {
                entity,
                presence: presence.clone(),
            })
        }
    };
    let arrived = data.arrive(context, sender);
    match world.resource::<Payloads<D>>().by_key.get(&arrived.key) {
        Some(Bound { write, .. }) => write(world, arrived),
        None => {
            world.write_message(D::Received::from(arrived));
        }
    }
    Delivery::Done
}
