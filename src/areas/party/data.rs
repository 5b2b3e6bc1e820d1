//! Party data: like match data, but every message is acknowledged, and there are no receivers to choose.

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::prelude::*;
use bytes::Bytes;

use super::Party;
use crate::{
    commands::NakamaCommands,
    data::{
        payload::{Arrived, Codec, Incoming, PayloadError, Typed, bind},
        send::{FailedSends, SendError, SendFailed, not_in_it, tell},
    },
    mirror::{
        find_again, id_of,
        presence::{PresenceInfo, Sender},
    },
    proto::{Message as ProtoMessage, realtime},
    request::{Area, send_or_tell},
    transport::PartyData,
};

/// A type of party data.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize)]
/// struct Ready(bool);
///
/// impl PartyPayload for Ready {
///     const OP_CODE: i64 = 1;
///     type Codec = Postcard;
/// }
/// ```
pub trait PartyPayload: Sized + Send + Sync + 'static {
    /// Tells the types apart on the wire. Any number, but each for one type only; match data has op codes of its own.
    const OP_CODE: i64;
    /// How it becomes bytes.
    type Codec: Codec<Self>;
}

/// Typed party data that arrived. Written in `PreUpdate`, [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// Mirrors `PartyData`.
///
/// While virtual time is paused, Bevy keeps it also after it was read, see [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message)]
pub struct FromParty<T: PartyPayload> {
    /// The party.
    pub context: Entity,
    /// Who sent it.
    pub sender: Option<Sender>,
    /// What was sent.
    pub payload: T,
}

/// Party data with an op code that no type is bound to. Written in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// Mirrors `PartyData`.
///
/// While virtual time is paused, Bevy keeps it also after it was read, see [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message)]
pub struct PartyDataReceived {
    /// The party.
    pub context: Entity,
    /// Who sent it.
    pub sender: Option<Sender>,
    /// What it means is up to the game.
    pub op_code: i64,
    /// The payload. One of 1 KiB and more keeps the read buffer alive, which is larger: copy it to keep it for long.
    pub data: Bytes,
}

/// Party data with an op code that a type is bound to, but the bytes are no such value. Written in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
///
/// While virtual time is paused, Bevy keeps it also after it was read, see [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message)]
pub struct PartyDataRejected {
    /// The party.
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

/// Binds types of party data.
pub trait PartyDataAppExt {
    /// Binds a type to its op code: from now on it arrives as [`FromParty<T>`]. Binding it twice changes nothing.
    ///
    /// # Panics
    ///
    /// Another type is bound to the same op code. The message names both.
    fn add_party_data<T: PartyPayload>(&mut self) -> &mut Self;
}

impl PartyDataAppExt for App {
    fn add_party_data<T: PartyPayload>(&mut self) -> &mut Self {
        bind::<FromParty<T>>(self);
        self
    }
}

impl<T: PartyPayload> Typed for FromParty<T> {
    type Data = PartyData;
    type Payload = T;
    type Codec = T::Codec;
    const KEY: i64 = T::OP_CODE;

    fn new(context: Entity, sender: Option<Sender>, payload: T, _: bool) -> Self {
        Self {
            context,
            sender,
            payload,
        }
    }
}

impl Incoming for PartyData {
    const KEY: &'static str = "op code";
    type Received = PartyDataReceived;
    type Rejected = PartyDataRejected;

    fn context(&self, world: &mut World) -> Result<Entity, (Area, Box<str>)> {
        find_again::<Party>(world, &self.party_id)
    }

    fn sender(&self) -> Option<&Arc<PresenceInfo>> {
        self.sender.as_ref()
    }

    fn arrive(self, context: Entity, sender: Option<Sender>) -> Arrived {
        Arrived {
            context,
            sender,
            key: self.op_code,
            data: self.data,
            reliable: true,
        }
    }
}

impl From<Arrived> for PartyDataReceived {
    fn from(arrived: Arrived) -> Self {
        Self {
            context: arrived.context,
            sender: arrived.sender,
            op_code: arrived.key,
            data: arrived.data,
        }
    }
}

impl From<(Arrived, PayloadError)> for PartyDataRejected {
    fn from((arrived, error): (Arrived, PayloadError)) -> Self {
        Self {
            context: arrived.context,
            sender: arrived.sender,
            op_code: arrived.key,
            data: arrived.data,
            error,
        }
    }
}

impl NakamaCommands<'_, '_, '_> {
    /// Sends a value to the other members of a party. It leaves at the end of the frame
    /// ([`NakamaSystems::Send`](crate::plugin::NakamaSystems::Send)); if it cannot, or the server refuses it, you get a
    /// [`SendFailed`].
    pub fn send_to_party<T: PartyPayload>(self, party: Entity, payload: &T) {
        self.send_party_bytes(party, T::OP_CODE, T::Codec::encode(payload));
    }

    /// Sends any bytes to the other members of a party.
    pub fn send_party_data(self, party: Entity, op_code: i64, data: impl Into<Bytes>) {
        self.send_party_bytes(party, op_code, Ok(data.into()));
    }

    fn send_party_bytes(mut self, party: Entity, op_code: i64, data: Result<Bytes, PayloadError>) {
        self.queue(move |world| {
            let failed = |world: &mut World, reason| {
                world
                    .resource_mut::<FailedSends>()
                    .add(party, op_code, reason)
            };
            let Some(id) = id_of::<Party>(world, party) else {
                let reason = not_in_it(world);
                return failed(world, reason);
            };
            let data = match data {
                Ok(data) => data,
                Err(error) => return failed(world, SendError::Unencodable(error)),
            };
            let message = realtime::PartyDataSend {
                party_id: id.to_string(),
                op_code,
                data,
            };
            send_or_tell(
                world,
                ProtoMessage::PartyDataSend(message),
                move |world, error| {
                    tell(
                        world,
                        SendFailed {
                            context: party,
                            op_code,
                            reason: error.into(),
                        },
                    );
                },
            );
        });
    }
}
