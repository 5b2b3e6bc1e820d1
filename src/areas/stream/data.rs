//! Stream data.

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::prelude::*;
use bytes::Bytes;

use super::{Stream, entity_of};
use crate::{
    data::payload::{Arrived, Codec, Incoming, PayloadError, Typed, bind},
    mirror::presence::{PresenceInfo, Sender},
    request::Area,
    transport::StreamData,
};

/// A type of stream data: what all streams of a mode carry.
///
/// The server sends text, so `Json` or a [`Codec`] of your own for text is right; bytes that are no text do not pass.
///
/// ```
/// # use bevy_nakama::prelude::*;
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
    /// The mode of the streams that carry it, 10 to 255. Each for one type only.
    const MODE: i32;
    /// How it becomes text, and comes back.
    type Codec: Codec<Self>;
}

/// Typed stream data that arrived. Written in `PreUpdate`, [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// Mirrors `StreamData`.
///
/// While virtual time is paused, Bevy keeps it also after it was read, see [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message)]
pub struct FromStream<T: StreamPayload> {
    /// The stream.
    pub context: Entity,
    /// Who sent it; `None` is code on the server, which is the rule.
    pub sender: Option<Sender>,
    /// What was sent.
    pub payload: T,
    /// As the sender set it.
    pub reliable: bool,
}

/// Stream data of a mode that no type is bound to. Written in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// Mirrors `StreamData`.
///
/// While virtual time is paused, Bevy keeps it also after it was read, see [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message)]
pub struct StreamDataReceived {
    /// The stream.
    pub context: Entity,
    /// Who sent it; `None` is code on the server, which is the rule.
    pub sender: Option<Sender>,
    /// The payload: text in UTF-8. One of 1 KiB and more keeps the read buffer alive, which is larger: copy it to keep it for
    /// long.
    pub data: Bytes,
    /// As the sender set it.
    pub reliable: bool,
}

/// Stream data of a mode that a type is bound to, but the text is no such value. Written in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// While virtual time is paused, Bevy keeps it also after it was read, see [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message)]
pub struct StreamDataRejected {
    /// The stream.
    pub context: Entity,
    /// Who sent it.
    pub sender: Option<Sender>,
    /// The text.
    pub data: Bytes,
    /// What is wrong with it.
    pub error: PayloadError,
}

/// Binds types of stream data.
pub trait StreamDataAppExt {
    /// Binds a type to its mode: from now on it arrives as [`FromStream<T>`]. Binding it twice changes nothing.
    ///
    /// # Panics
    ///
    /// Another type is bound to the same mode. The message names both.
    fn add_stream_data<T: StreamPayload>(&mut self) -> &mut Self;
}

impl StreamDataAppExt for App {
    fn add_stream_data<T: StreamPayload>(&mut self) -> &mut Self {
        bind::<FromStream<T>>(self);
        self
    }
}

impl<T: StreamPayload> Typed for FromStream<T> {
    type Data = StreamData;
    type Payload = T;
    type Codec = T::Codec;
    const KEY: i64 = T::MODE as i64;

    fn new(context: Entity, sender: Option<Sender>, payload: T, reliable: bool) -> Self {
        Self {
            context,
            sender,
            payload,
            reliable,
        }
    }
}

impl Incoming for StreamData {
    const KEY: &'static str = "stream mode";
    type Received = StreamDataReceived;
    type Rejected = StreamDataRejected;

    fn context(&self, world: &mut World) -> Result<Entity, (Area, Box<str>)> {
        Ok(entity_of(world, &self.stream, || {
            Stream::from(&self.stream)
        }))
    }

    fn sender(&self) -> Option<&Arc<PresenceInfo>> {
        self.sender.as_ref()
    }

    fn arrive(self, context: Entity, sender: Option<Sender>) -> Arrived {
        Arrived {
            context,
            sender,
            key: self.stream.mode.into(),
            data: self.data,
            reliable: self.reliable,
        }
    }
}

impl From<Arrived> for StreamDataReceived {
    fn from(arrived: Arrived) -> Self {
        Self {
            context: arrived.context,
            sender: arrived.sender,
            data: arrived.data,
            reliable: arrived.reliable,
        }
    }
}

impl From<(Arrived, PayloadError)> for StreamDataRejected {
    fn from((arrived, error): (Arrived, PayloadError)) -> Self {
        Self {
            context: arrived.context,
            sender: arrived.sender,
            data: arrived.data,
            error,
        }
    }
}
