//! Stream data.

use std::{mem, sync::Arc};

use bevy_app::App;
use bevy_ecs::prelude::*;
use bytes::Bytes;

use super::{Stream, entity_of};
use crate::{
    data::{
        self, WireData,
        payload::{Codec, DataReceived, DataRejected, TypedData},
        sealed,
    },
    ecs::sealed::Sealed,
    mirror::{WaitsFor, presence::PresenceInfo},
    proto::Kind,
    transport::{Pushed, StreamData},
};

/// A type of stream data. All streams of a mode carry the same type.
///
/// Each type is a queue of its own. If the data of two modes must stay in order, use one mode, and put both types into one enum, as for
/// [match data](crate::match_data#order).
///
/// The server sends text, so use `Json` or a [`Codec`] of your own that makes text. Other bytes do not get through.
///
/// ```
/// # use bevy_nakama::{payload::Json, prelude::*};
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize)]
/// struct News { headline: String }
///
/// impl StreamPayload for News {
///     const MODE: i32 = 130;
///     type Codec = Json;
/// }
/// ```
pub trait StreamPayload: Sized + Send + Sync + 'static {
    /// The mode of the streams that carry it, 10 to 255. No two types may have the same.
    const MODE: i32;
    /// How it becomes text and comes back.
    type Codec: Codec<Self>;
}

/// Typed stream data that arrived, see [`TypedData`]. Mirrors `StreamData`.
pub type FromStream<T> = TypedData<Stream, T>;

/// Stream data of a mode that no type is bound to, see [`DataReceived`]. Mirrors `StreamData`.
pub type StreamDataReceived = DataReceived<Stream>;

/// Stream data that is not a value of the type that the stream's mode is bound to, see [`DataRejected`].
pub type StreamDataRejected = DataRejected<Stream>;

/// Binds types of stream data.
pub trait StreamDataAppExt: Sealed {
    /// Binds a type to its mode. From now on, it arrives as [`FromStream<T>`]. Binding it twice changes nothing.
    ///
    /// # Panics
    ///
    /// Another type is bound to the same mode. The message names both.
    fn add_stream_data<T: StreamPayload>(&mut self) -> &mut Self;
}

impl StreamDataAppExt for App {
    fn add_stream_data<T: StreamPayload>(&mut self) -> &mut Self {
        data::bind::<Stream, T>(self);
        self
    }
}

impl<T: StreamPayload> sealed::Bound<Stream> for T {
    const KEY: i64 = T::MODE as i64;
    type Codec = T::Codec;
}

impl sealed::Keyed for Stream {
    const KEY: &'static str = "stream mode";
}

impl WireData for StreamData {
    type Context = Stream;
    const KIND: Kind = Kind::StreamData;

    fn of(pushed: &mut Pushed) -> Option<&mut Self> {
        match pushed {
            Pushed::StreamData(data) => Some(data),
            _ => None,
        }
    }

    fn context(&self, world: &mut World) -> Result<Entity, WaitsFor> {
        Ok(entity_of(world, &self.stream, || {
            Stream::from(&self.stream)
        }))
    }

    fn sender(&self) -> Option<&Arc<PresenceInfo>> {
        self.sender.as_ref()
    }

    fn take_parts(&mut self) -> (i64, Bytes, bool) {
        (
            self.stream.mode.into(),
            mem::take(&mut self.data),
            self.reliable,
        )
    }
}
