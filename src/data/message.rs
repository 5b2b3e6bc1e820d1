//! Data that has arrived, as messages for the game.

use std::marker::PhantomData;

use bevy_ecs::prelude::*;
use bytes::Bytes;

use crate::{error::PayloadError, mirror::presence::Sender};

/// Where data arrives: [`Match`](crate::matches::Match), [`Party`](crate::party::Party) or [`Stream`](crate::stream::Stream).
/// There are no others.
pub trait DataContext: sealed::Keyed {}

impl<C: sealed::Keyed> DataContext for C {}

/// A type of data that can arrive in a `C`. You implement it through [`MatchPayload`](crate::match_data::MatchPayload),
/// [`PartyPayload`](crate::party::PartyPayload) or [`StreamPayload`](crate::stream::StreamPayload).
pub trait Payload<C: DataContext>: sealed::Bound<C> {}

impl<C: DataContext, T: sealed::Bound<C>> Payload<C> for T {}

/// What the plugin needs to know, and what no game implements.
pub(crate) mod sealed {
    use std::fmt::Debug;

    use bevy_ecs::prelude::*;

    use crate::{data::codec::Codec, transport::SendPolicy};

    pub trait Keyed: Component + Clone + Debug {
        /// What tells the types of its data apart, in errors.
        const KEY: &'static str;
    }

    pub trait Bound<C>: Sized + Send + Sync + 'static {
        /// What the type is bound to: an op code, or the mode of a stream.
        const KEY: i64;
        /// What becomes of its values if they cannot leave at once. `None`: the game has not said.
        const POLICY: Option<SendPolicy> = None;
        type Codec: Codec<Self>;
    }
}

/// Typed data that arrived. Written in `PreUpdate`, [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// While virtual time is paused, Bevy keeps it even after you have read it, see
/// [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message)]
pub struct TypedData<C: DataContext, T: Payload<C>> {
    /// The match, party or stream.
    pub context: Entity,
    /// Who sent it. `None` is code on the server.
    pub sender: Option<Sender>,
    /// What was sent.
    pub payload: T,
    /// As the sender set it. Always true in a party.
    pub reliable: bool,
    area: PhantomData<C>,
}

/// Data whose op code no type is bound to. Written in `PreUpdate`, [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// While virtual time is paused, Bevy keeps it even after you have read it, see
/// [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message)]
pub struct DataReceived<C: DataContext> {
    /// The match, party or stream.
    pub context: Entity,
    /// Who sent it. `None` is code on the server.
    pub sender: Option<Sender>,
    /// The op code, whose meaning is up to your game. In a stream, it is the stream's mode.
    pub op_code: i64,
    /// The payload. In a stream, it is text in UTF-8. If you keep a payload of 1 KiB or more for long, copy it: it keeps the larger buffer
    /// alive from which it was read.
    pub data: Bytes,
    /// As the sender set it. Always true in a party.
    pub reliable: bool,
    area: PhantomData<C>,
}

/// Data whose bytes are not a value of the type that its op code is bound to. Written in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// While virtual time is paused, Bevy keeps it even after you have read it, see
/// [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message)]
pub struct DataRejected<C: DataContext> {
    /// The match, party or stream.
    pub context: Entity,
    /// Who sent it. `None` is code on the server.
    pub sender: Option<Sender>,
    /// The op code. In a stream, it is the stream's mode.
    pub op_code: i64,
    /// The bytes.
    pub data: Bytes,
    /// What is wrong with them.
    pub error: PayloadError,
    area: PhantomData<C>,
}

impl<C: DataContext, T: Payload<C>> TypedData<C, T> {
    /// Data as if it had arrived, for the tests of your systems.
    ///
    /// ```
    /// # use bevy_app::{App, Update};
    /// # use bevy_ecs::prelude::*;
    /// # use bevy_nakama::prelude::*;
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Serialize, Deserialize)]
    /// struct Hit(u32);
    ///
    /// impl MatchPayload for Hit {
    ///     const OP_CODE: i64 = 1;
    ///     type Codec = Postcard;
    /// }
    ///
    /// #[derive(Resource)]
    /// struct Health(u32);
    ///
    /// fn take_hits(mut hits: MessageReader<FromMatch<Hit>>, mut health: ResMut<Health>) {
    ///     for hit in hits.read() {
    ///         health.0 -= hit.payload.0;
    ///     }
    /// }
    ///
    /// let mut app = App::new();
    /// app.add_message::<FromMatch<Hit>>()
    ///     .insert_resource(Health(10))
    ///     .add_systems(Update, take_hits);
    ///
    /// let a_match = app.world_mut().spawn_empty().id();
    /// app.world_mut().write_message(FromMatch::new(a_match, None, Hit(3), true));
    /// app.update();
    /// assert_eq!(app.world().resource::<Health>().0, 7);
    /// ```
    #[must_use]
    pub fn new(context: Entity, sender: Option<Sender>, payload: T, reliable: bool) -> Self {
        Self {
            context,
            sender,
            payload,
            reliable,
            area: PhantomData,
        }
    }
}

impl<C: DataContext> DataReceived<C> {
    /// Data as if it had arrived, for the tests of your systems. See [`TypedData::new`].
    #[must_use]
    pub fn new(
        context: Entity,
        sender: Option<Sender>,
        op_code: i64,
        data: impl Into<Bytes>,
        reliable: bool,
    ) -> Self {
        Self {
            context,
            sender,
            op_code,
            data: data.into(),
            reliable,
            area: PhantomData,
        }
    }
}

impl<C: DataContext> DataRejected<C> {
    /// Data as if it had arrived, for the tests of your systems. See [`TypedData::new`].
    #[must_use]
    pub fn new(
        context: Entity,
        sender: Option<Sender>,
        op_code: i64,
        data: impl Into<Bytes>,
        error: PayloadError,
    ) -> Self {
        Self {
            context,
            sender,
            op_code,
            data: data.into(),
            error,
            area: PhantomData,
        }
    }
}
