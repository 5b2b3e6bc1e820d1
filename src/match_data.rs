//! Match data: what players send each other all the time.
//!
//! A type of data is bound to an op code once, with [`add_match_data`](MatchDataAppExt::add_match_data); from then on it
//! arrives as [`FromMatch<T>`] messages and is sent with [`send`](NakamaCommands::send). Op codes that no type is bound to
//! arrive as [`MatchDataReceived`].

use std::{any::type_name, error::Error, fmt, sync::Arc};

use bevy_app::App;
use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};
use bytes::Bytes;
use hashbrown::HashMap;

use crate::{
    commands::NakamaCommands,
    connection::NetworkLink,
    early::{Area, Delivery, EarlyArrivals, Held, Patience},
    matches::{Match, MatchIndex},
    presence::{MatchId, Presence, PresenceIndex, PresenceInfo, Sender},
    transport::{LinkCommand, MatchData, OutgoingMatchData},
};

pub use crate::transport::SendError;

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

/// A type of match data.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize)]
/// struct Moved { x: f32, y: f32 }
///
/// impl MatchPayload for Moved {
///     const OP_CODE: i64 = 1;
///     type Codec = Postcard;
/// }
/// ```
pub trait MatchPayload: Sized + Send + Sync + 'static {
    /// Tells the types apart on the wire. Any number, but each for one type only.
    const OP_CODE: i64;
    /// How it becomes bytes.
    type Codec: Codec<Self>;
}

/// Typed match data that arrived. Written in `PreUpdate`, [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// Mirrors `MatchData`.
#[derive(Clone, Debug, Message)]
pub struct FromMatch<T: MatchPayload> {
    /// The match.
    pub context: Entity,
    /// Who sent it; `None` is the server's match handler.
    pub sender: Option<Sender>,
    /// What was sent.
    pub payload: T,
    /// As the sender set it.
    pub reliable: bool,
}

/// Match data with an op code that no type is bound to. Written in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// Mirrors `MatchData`.
#[derive(Clone, Debug, Message)]
pub struct MatchDataReceived {
    /// The match.
    pub context: Entity,
    /// Who sent it; `None` is the server's match handler.
    pub sender: Option<Sender>,
    /// What it means is up to the game.
    pub op_code: i64,
    /// The payload. One of 1 KiB and more keeps the read buffer alive, which is larger: copy it to keep it for long.
    pub data: Bytes,
    /// As the sender set it.
    pub reliable: bool,
}

/// Match data with an op code that a type is bound to, but the bytes are no such value. Written in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
#[derive(Clone, Debug, Message)]
pub struct MatchDataRejected {
    /// The match.
    pub context: Entity,
    /// Who sent it.
    pub sender: Option<Sender>,
    /// Its op code.
    pub op_code: i64,
    /// The bytes.
    pub data: Bytes,
    /// What is wrong with them.
    pub error: PayloadError,
}

/// Data was not sent. An event of the match's entity, triggered in
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive) of one of the next frames.
#[derive(Clone, Debug, EntityEvent)]
pub struct SendFailed {
    /// The match that it was for.
    #[event_target]
    pub context: Entity,
    /// Its op code.
    pub op_code: i64,
    /// Why.
    pub reason: SendError,
}

/// Binds types of match data.
pub trait MatchDataAppExt {
    /// Binds a type to its op code: from now on it arrives as [`FromMatch<T>`]. Binding it twice changes nothing.
    ///
    /// # Panics
    ///
    /// Another type is bound to the same op code. The message names both.
    fn add_match_data<T: MatchPayload>(&mut self) -> &mut Self;
}

impl MatchDataAppExt for App {
    fn add_match_data<T: MatchPayload>(&mut self) -> &mut Self {
        self.add_message::<FromMatch<T>>();
        let world = self.world_mut();
        world.init_resource::<MatchPayloads>();
        let mut payloads = world.resource_mut::<MatchPayloads>();
        let new = Bound {
            name: type_name::<T>(),
            write: write::<T>,
            clear: clear::<FromMatch<T>>,
        };
        match payloads.by_op_code.insert(T::OP_CODE, new) {
            Some(old) if old.name != type_name::<T>() => panic!(
                "op code {} is claimed twice: by `{}` and by `{}`",
                T::OP_CODE,
                old.name,
                type_name::<T>()
            ),
            _ => self,
        }
    }
}

/// Which type an op code is bound to.
#[derive(Default, Resource)]
pub(crate) struct MatchPayloads {
    by_op_code: HashMap<i64, Bound>,
}

#[derive(Clone, Copy)]
struct Bound {
    name: &'static str,
    write: fn(&mut World, Entity, Option<Sender>, MatchData),
    clear: fn(&mut World),
}

fn write<T: MatchPayload>(
    world: &mut World,
    context: Entity,
    sender: Option<Sender>,
    data: MatchData,
) {
    match T::Codec::decode(&data.data) {
        Ok(payload) => {
            world.write_message(FromMatch {
                context,
                sender,
                payload,
                reliable: data.reliable,
            });
        }
        Err(error) => {
            log::debug!("op code {}: {error}", data.op_code);
            let MatchData { op_code, data, .. } = data;
            world.write_message(MatchDataRejected {
                context,
                sender,
                op_code,
                data,
                error,
            });
        }
    }
}

fn clear<M: Message>(world: &mut World) {
    if let Some(mut messages) = world.get_resource_mut::<Messages<M>>() {
        messages.clear();
    }
}

/// Empties all messages: they are of an earlier connection.
pub(crate) fn clear_messages(world: &mut World) {
    clear::<MatchDataReceived>(world);
    clear::<MatchDataRejected>(world);
    let bound: Vec<_> = world
        .resource::<MatchPayloads>()
        .by_op_code
        .values()
        .copied()
        .collect();
    for bound in bound {
        (bound.clear)(world);
    }
}

/// Match data arrived. Whether it is delivered, or waits for something.
pub(crate) fn receive(world: &mut World, data: MatchData, patience: Patience) -> Delivery {
    let Some(context) = world.resource_mut::<MatchIndex>().get_again(&data.match_id) else {
        if patience == Patience::Wait {
            let now = world.resource::<Time<Real>>().elapsed();
            let id = data.match_id.clone();
            let held = Held::MatchData(data);
            world.resource_mut::<EarlyArrivals>().hold_for_context(
                now,
                Area::Match,
                id.as_str(),
                held,
            );
        }
        return Delivery::Held;
    };
    let sender = match &data.sender {
        None => None,
        Some(presence) => {
            let index = world.resource::<PresenceIndex>();
            let entity = index.get(context, &presence.session_id);
            if entity.is_none()
                && patience == Patience::Wait
                && !index.has_left(context, &presence.session_id)
            {
                let now = world.resource::<Time<Real>>().elapsed();
                let session = presence.session_id.clone();
                let held = Held::MatchData(data);
                world
                    .resource_mut::<EarlyArrivals>()
                    .hold_for_join(now, context, &session, held);
                return Delivery::Held;
            }
            Some(Sender {
                entity,
                presence: presence.clone(),
            })
        }
    };
    let bound = world
        .resource::<MatchPayloads>()
        .by_op_code
        .get(&data.op_code);
    match bound.map(|bound| bound.write) {
        Some(write) => write(world, context, sender, data),
        None => {
            let MatchData {
                op_code,
                data,
                reliable,
                ..
            } = data;
            world.write_message(MatchDataReceived {
                context,
                sender,
                op_code,
                data,
                reliable,
            });
        }
    }
    Delivery::Done
}

/// Data for a match that is not one of a bound type, or goes to some of its members only.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use bevy::prelude::Entity;
/// # let (ada, bob) = (Entity::PLACEHOLDER, Entity::PLACEHOLDER);
/// let whisper = OutgoingData::raw(42, &b"psst"[..]).to([ada, bob]);
/// ```
#[derive(Clone, Debug)]
pub struct OutgoingData {
    op_code: i64,
    data: Result<Bytes, PayloadError>,
    receivers: Option<Vec<Entity>>,
    reliable: bool,
}

impl OutgoingData {
    /// Bytes with an op code.
    #[must_use]
    pub fn raw(op_code: i64, data: impl Into<Bytes>) -> Self {
        Self {
            op_code,
            data: Ok(data.into()),
            receivers: None,
            reliable: true,
        }
    }

    /// A value of a bound type.
    #[must_use]
    pub fn typed<T: MatchPayload>(payload: &T) -> Self {
        Self {
            op_code: T::OP_CODE,
            data: T::Codec::encode(payload),
            receivers: None,
            reliable: true,
        }
    }

    /// Only to these presences, oneself included if named. In authoritative matches all data goes to the handler.
    #[must_use]
    pub fn to(mut self, receivers: impl IntoIterator<Item = Entity>) -> Self {
        self.receivers = Some(receivers.into_iter().collect());
        self
    }

    /// Sets the flag `reliable`, which is on by default. Over a WebSocket it is passed on, and changes nothing.
    #[must_use]
    pub fn reliable(mut self, reliable: bool) -> Self {
        self.reliable = reliable;
        self
    }
}

impl NakamaCommands<'_, '_, '_> {
    /// Sends a value to everybody else in a match. It leaves at the end of the frame
    /// ([`NakamaSystems::Send`](crate::plugin::NakamaSystems::Send)); should it not, there is a [`SendFailed`].
    ///
    /// A burst is spread: 32 messages at once, then four per millisecond, because the server disconnects *receivers* that
    /// more than 64 messages are queued for.
    pub fn send<T: MatchPayload>(self, match_entity: Entity, payload: &T) {
        self.send_data(match_entity, OutgoingData::typed(payload));
    }

    /// Sends any data to a match, see [`OutgoingData`].
    pub fn send_data(self, match_entity: Entity, data: OutgoingData) {
        self.commands
            .queue(move |world: &mut World| send_now(world, match_entity, data));
    }
}

fn send_now(
    world: &mut World,
    context: Entity,
    OutgoingData {
        op_code,
        data,
        receivers,
        reliable,
    }: OutgoingData,
) {
    let failed = |world: &mut World, reason| {
        world.resource_mut::<FailedSends>().0.push(SendFailed {
            context,
            op_code,
            reason,
        });
    };
    let is_match = world
        .get_entity(context)
        .ok()
        .filter(|entity| entity.contains::<Match>());
    let Some(match_id) = is_match.and_then(|entity| entity.get::<MatchId>().cloned()) else {
        return failed(world, SendError::NotAMember);
    };
    let data = match data {
        Ok(data) => data,
        Err(error) => {
            log::debug!("op code {op_code}: {error}");
            return failed(world, SendError::Unencodable);
        }
    };
    let receivers = match receivers {
        None => Vec::new(),
        Some(chosen) => {
            let known = chosen
                .iter()
                .filter_map(|entity| world.get::<Presence>(*entity));
            let here = known.filter(|presence| presence.context() == context);
            let receivers: Vec<Arc<PresenceInfo>> =
                here.map(|presence| presence.info().clone()).collect();
            if receivers.is_empty() {
                return failed(world, SendError::NoReceivers); // an empty list would mean everybody
            }
            receivers
        }
    };
    let data = OutgoingMatchData {
        match_id,
        op_code,
        data,
        receivers,
        reliable,
    };
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Send {
            origin: context.to_bits(),
            data,
        });
}

/// Failures that are known at once; they are told with the next frame's arrivals.
#[derive(Default, Resource)]
pub(crate) struct FailedSends(Vec<SendFailed>);

pub(crate) fn tell_failed_sends(world: &mut World) {
    for failed in std::mem::take(&mut world.resource_mut::<FailedSends>().0) {
        tell(world, failed);
    }
}

/// The network thread could not send something.
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

fn tell(world: &mut World, failed: SendFailed) {
    log::debug!("op code {} was not sent: {}", failed.op_code, failed.reason);
    world.trigger(failed);
    world.flush();
}
