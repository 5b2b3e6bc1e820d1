//! Party data: like match data, but the server acknowledges each message, and you cannot choose the receivers. What waits to be sent, and
//! how long, is the same: see [`send`](crate::send).

use std::{mem, sync::Arc};

use bevy_app::App;
use bevy_ecs::prelude::*;
use bytes::Bytes;

use super::Party;
use crate::{
    commands::NakamaCommands,
    data::{
        self, OutgoingData, ReadyData, SendsData, WireData,
        payload::{Codec, DataReceived, DataRejected, TypedData},
        sealed,
        send::tell,
    },
    ecs::sealed::Sealed,
    mirror::{
        WaitsFor, find_again,
        presence::{PartyId, PresenceInfo},
    },
    proto::{Kind, Message, realtime::PartyDataSend},
    request::send_or_tell,
    transport::{PartyData, Pushed, SendPolicy},
};

/// A type of party data.
///
/// Each type is a queue of its own. If values of two types must stay in order, put both into one enum, as for
/// [match data](crate::match_data#order).
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
    /// Tells the types apart on the wire. Any number will do, but no two types may have the same. The op codes of match data are
    /// separate.
    const OP_CODE: i64;
    /// What becomes of values that cannot leave at once, see [`send`](crate::send). `None`: [`SendPolicy::default`].
    const POLICY: Option<SendPolicy> = None;
    /// How it becomes bytes.
    type Codec: Codec<Self>;
}

/// Typed party data that arrived, see [`TypedData`]. Mirrors `PartyData`.
pub type FromParty<T> = TypedData<Party, T>;

/// Party data with an op code that no type is bound to, see [`DataReceived`]. Mirrors `PartyData`.
pub type PartyDataReceived = DataReceived<Party>;

/// Party data that is not a value of the type that its op code is bound to, see [`DataRejected`].
pub type PartyDataRejected = DataRejected<Party>;

/// Binds types of party data.
pub trait PartyDataAppExt: Sealed {
    /// Binds a type to its op code. From now on, it arrives as [`FromParty<T>`]. Binding it twice changes nothing.
    ///
    /// # Panics
    ///
    /// Another type is bound to the same op code. The message names both.
    fn add_party_data<T: PartyPayload>(&mut self) -> &mut Self;
}

impl PartyDataAppExt for App {
    fn add_party_data<T: PartyPayload>(&mut self) -> &mut Self {
        data::bind::<Party, T>(self);
        self
    }
}

impl<T: PartyPayload> sealed::Bound<Party> for T {
    const KEY: i64 = T::OP_CODE;
    const POLICY: Option<SendPolicy> = T::POLICY;
    type Codec = T::Codec;
}

impl sealed::Keyed for Party {
    const KEY: &'static str = "op code";
}

impl WireData for PartyData {
    type Context = Party;
    const KIND: Kind = Kind::PartyData;

    fn of(pushed: &mut Pushed) -> Option<&mut Self> {
        match pushed {
            Pushed::PartyData(data) => Some(data),
            _ => None,
        }
    }

    fn context(&self, world: &mut World) -> Result<Entity, WaitsFor> {
        find_again::<Party>(world, &self.party_id)
    }

    fn sender(&self) -> Option<&Arc<PresenceInfo>> {
        self.sender.as_ref()
    }

    fn take_parts(&mut self) -> (i64, Bytes, bool) {
        (self.op_code, mem::take(&mut self.data), true)
    }
}

impl SendsData for Party {
    const HAS_RECEIVERS: bool = false;

    fn hand_over(world: &mut World, context: Entity, id: PartyId, data: ReadyData) {
        let (op_code, terms) = (data.op_code, data.terms);
        let message = Message::PartyDataSend(PartyDataSend {
            party_id: id.to_string(),
            op_code,
            data: data.data,
        });
        send_or_tell(world, message, terms, move |world, error| {
            tell(world, context, op_code, error.into());
        });
    }
}

impl OutgoingData {
    /// A value of a type that is bound for parties, to be sent with
    /// [`send_data_to_party`](NakamaCommands::send_data_to_party).
    #[must_use]
    pub fn for_party<T: PartyPayload>(payload: &T) -> Self {
        Self::of::<Party, T>(payload)
    }
}

impl NakamaCommands<'_, '_, '_> {
    /// Sends a value to the other members of a party. It leaves at the end of the frame
    /// ([`NakamaSystems::Send`](crate::plugin::NakamaSystems::Send)). On a line that has stalled, and in a burst, it may have to wait: see
    /// [`send`](crate::send). If it cannot be sent, or the server refuses it, you get [`SendFailed`](crate::send::SendFailed).
    pub fn send_to_party<T: PartyPayload>(self, party: Entity, payload: &T) {
        self.send_data_to_party(party, OutgoingData::for_party(payload));
    }

    /// Sends any bytes to the other members of a party.
    pub fn send_party_data(self, party: Entity, op_code: i64, data: impl Into<Bytes>) {
        self.send_data_to_party(party, OutgoingData::raw(op_code, data));
    }

    /// Sends any data to the other members of a party, see [`OutgoingData`].
    pub fn send_data_to_party(mut self, party: Entity, data: OutgoingData) {
        self.queue(move |world| data::send_data::<Party>(world, party, data));
    }
}
