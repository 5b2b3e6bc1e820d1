//! Payloads: how types become bytes and come back, and how data finds its type.

use std::{any::type_name, error::Error, fmt, marker::PhantomData, sync::Arc};

use bevy_app::App;
use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};
use bytes::Bytes;
use hashbrown::HashMap;

use crate::{
    early::{Delivery, EarlyArrivals, Held, Patience},
    mirror::{Context, ContextIndex, hold},
    presence::{PresenceIndex, PresenceInfo, Sender},
};

/// A payload that could not be encoded or decoded.
#[derive(Clone, Debug)]
pub struct PayloadError(Arc<dyn Error + Send + Sync>);

impl PayloadError {
    /// From whatever the codec says.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into().into())
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the payload does not fit its type: {}", self.0)
    }
}

impl Error for PayloadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

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

/// Data that arrived where one is.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) context: Entity,
    pub(crate) sender: Option<Sender>,
    pub(crate) op_code: i64,
    pub(crate) data: Bytes,
    pub(crate) reliable: bool,
}

/// Which types the op codes of an area are bound to.
#[derive(Resource)]
pub(crate) struct Payloads<C: Context> {
    by_op_code: HashMap<i64, Bound>,
    area: PhantomData<fn() -> C>,
}

#[derive(Clone, Copy)]
struct Bound {
    name: &'static str,
    write: fn(&mut World, Arrived),
    clear: fn(&mut World),
}

impl<C: Context> Default for Payloads<C> {
    fn default() -> Self {
        Self {
            by_op_code: HashMap::new(),
            area: PhantomData,
        }
    }
}

/// Binds a type to an op code: from now on it is `write` that such data goes to, as messages of type `M`.
///
/// # Panics
///
/// Another type is bound to the op code.
pub(crate) fn bind<C: Context, T: 'static, M: Message>(
    app: &mut App,
    op_code: i64,
    write: fn(&mut World, Arrived),
) {
    app.add_message::<M>();
    let world = app.world_mut();
    world.init_resource::<Payloads<C>>();
    let new = Bound {
        name: type_name::<T>(),
        write,
        clear: clear::<M>,
    };
    let old = world
        .resource_mut::<Payloads<C>>()
        .by_op_code
        .insert(op_code, new);
    if let Some(old) = old.filter(|old| old.name != new.name) {
        panic!(
            "op code {op_code} is claimed twice: by `{}` and by `{}`",
            old.name, new.name
        );
    }
}

/// Empties a buffer of messages.
pub(crate) fn clear<M: Message>(world: &mut World) {
    if let Some(mut messages) = world.get_resource_mut::<Messages<M>>() {
        messages.clear();
    }
}

/// Empties the messages of all bound types: they are of an earlier connection.
pub(crate) fn clear_bound<C: Context>(world: &mut World) {
    let bound: Vec<_> = world
        .resource::<Payloads<C>>()
        .by_op_code
        .values()
        .copied()
        .collect();
    for bound in bound {
        (bound.clear)(world);
    }
}

/// Data arrived: finds where and from whom, and hands it to the type that its op code is bound to, or to `unbound`.
///
/// It is held, as what `hold_as` makes of it, if its context or its sender is not known yet.
pub(crate) fn deliver<C: Context>(
    world: &mut World,
    id: &C::Id,
    sender: Option<&Arc<PresenceInfo>>,
    patience: Patience,
    data: (i64, Bytes, bool),
    hold_as: impl FnOnce((i64, Bytes, bool)) -> Held,
    unbound: fn(&mut World, Arrived),
) -> Delivery {
    let Some(context) = world.resource_mut::<ContextIndex<C>>().get_again(id) else {
        hold(world, C::AREA, id.as_ref(), hold_as(data));
        return Delivery::Held;
    };
    let sender = match sender {
        None => None,
        Some(presence) => {
            let index = world.resource::<PresenceIndex>();
            let entity = index.get(context, &presence.session_id);
            if entity.is_none()
                && patience == Patience::Wait
                && !index.has_left(context, &presence.session_id)
            {
                let now = world.resource::<Time<Real>>().elapsed();
                let held = hold_as(data);
                world.resource_mut::<EarlyArrivals>().hold_for_join(
                    now,
                    context,
                    &presence.session_id,
                    held,
                );
                return Delivery::Held;
            }
            Some(Sender {
                entity,
                presence: presence.clone(),
            })
        }
    };
    let (op_code, data, reliable) = data;
    let bound = world
        .resource::<Payloads<C>>()
        .by_op_code
        .get(&op_code)
        .map(|bound| bound.write);
    bound.unwrap_or(unbound)(
        world,
        Arrived {
            context,
            sender,
            op_code,
            data,
            reliable,
        },
    );
    Delivery::Done
}
