//! Match data: what players send each other all the time.
//!
//! A type of data is bound to an op code once, with [`add_match_data`](MatchDataAppExt::add_match_data); from then on it
//! arrives as [`FromMatch<T>`] messages and is sent with [`send`](NakamaCommands::send). Op codes that no type is bound to
//! arrive as [`MatchDataReceived`].
//!
//! Data leave at the end of the frame ([`NakamaSystems::Send`](crate::plugin::NakamaSystems::Send)), in order, and paced: 32 at
//! once, then 4 per millisecond. A burst of more would overflow what the server keeps for the others, and it would disconnect
//! *them*. What is not sent is told: [`SendFailed`](crate::send::SendFailed), an event of the match.
//!
//! # What cannot be known
//!
//! Whether data arrived. The server answers nothing to them, also where it throws them away: to a filter that matches nobody, from
//! somebody who is not in the match any more, or to a match that has ended.
//!
//! # Limits
//!
//! The whole envelope is at most 4096 bytes by default, which leaves about 4,000 for the payload. `reliable` is passed on to the
//! receivers and changes nothing: it is TCP either way.

use std::sync::Arc;

use bevy_app::App;
use bevy_ecs::prelude::*;
use bytes::Bytes;

use crate::{
    areas::matches::Match,
    commands::NakamaCommands,
    connection::NetworkLink,
    data::{
        payload::{Arrived, Codec, Incoming, PayloadError, Typed, bind},
        send::{FailedSends, SendError, not_in_it},
    },
    mirror::{
        find_again, id_of,
        presence::{Presence, PresenceInfo, Sender},
    },
    request::Area,
    transport::{LinkCommand, MatchData, OutgoingMatchData},
};

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
///
/// While virtual time is paused, Bevy keeps it also after it was read, see [payloads](crate::payload#while-the-game-is-paused).
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
///
/// While virtual time is paused, Bevy keeps it also after it was read, see [payloads](crate::payload#while-the-game-is-paused).
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
///
/// While virtual time is paused, Bevy keeps it also after it was read, see [payloads](crate::payload#while-the-game-is-paused).
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
        bind::<FromMatch<T>>(self);
        self
    }
}

impl<T: MatchPayload> Typed for FromMatch<T> {
    type Data = MatchData;
    type Payload = T;
    type Codec = T::Codec;
    const KEY: i64 = T::OP_CODE;

    fn new(context: Entity, sender: Option<Sender>, payload: T, reliable: bool) -> Self {
        Self {
            context,
            sender,
            payload,
            reliable,
        }
    }
}

impl Incoming for MatchData {
    const KEY: &'static str = "op code";
    type Received = MatchDataReceived;
    type Rejected = MatchDataRejected;

    fn context(&self, world: &mut World) -> Result<Entity, (Area, Box<str>)> {
        find_again::<Match>(world, &self.match_id)
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
            reliable: self.reliable,
        }
    }
}

impl From<Arrived> for MatchDataReceived {
    fn from(arrived: Arrived) -> Self {
        Self {
            context: arrived.context,
            sender: arrived.sender,
            op_code: arrived.key,
            data: arrived.data,
            reliable: arrived.reliable,
        }
    }
}

impl From<(Arrived, PayloadError)> for MatchDataRejected {
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

    /// Only to these presences; to the local user, too, if you name it. In authoritative matches all data goes to the handler.
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
    /// ([`NakamaSystems::Send`](crate::plugin::NakamaSystems::Send)); if it cannot, you get a [`SendFailed`](crate::send::SendFailed).
    ///
    /// A burst is spread: 32 messages at once, then four per millisecond, because the server disconnects *receivers* that
    /// more than 64 messages are queued for.
    pub fn send<T: MatchPayload>(self, match_entity: Entity, payload: &T) {
        self.send_data(match_entity, OutgoingData::typed(payload));
    }

    /// Sends any data to a match, see [`OutgoingData`].
    pub fn send_data(mut self, match_entity: Entity, data: OutgoingData) {
        self.queue(move |world| send_now(world, match_entity, data));
    }
}

fn send_now(world: &mut World, context: Entity, outgoing: OutgoingData) {
    let OutgoingData {
        op_code,
        data,
        receivers,
        reliable,
    } = outgoing;
    let failed = |world: &mut World, reason| {
        world
            .resource_mut::<FailedSends>()
            .add(context, op_code, reason)
    };
    let Some(match_id) = id_of::<Match>(world, context) else {
        let reason = not_in_it(world);
        return failed(world, reason);
    };
    let data = match data {
        Ok(data) => data,
        Err(error) => return failed(world, SendError::Unencodable(error)),
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
