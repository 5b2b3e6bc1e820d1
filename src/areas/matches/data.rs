//! Match data: what players send each other all the time.
//!
//! You bind a type to an op code, once, with [`add_match_data`](MatchDataAppExt::add_match_data). Then you send its values with
//! [`send`](NakamaCommands::send), and they arrive as [`FromMatch<T>`] messages. Data with an op code that you have bound no type to
//! arrives as [`MatchDataReceived`].
//!
//! Data leaves at the end of the frame ([`NakamaSystems::Send`](crate::plugin::NakamaSystems::Send)), in order. On a line that has
//! stalled, and in a burst, it has to wait, because the server disconnects *the other members* if too much arrives at once.
//! [`send`](crate::send) says what waits, how long, and what you can choose; positions should be
//! [`SendPolicy::Latest`]. If something cannot be sent, you get [`SendFailed`](crate::send::SendFailed), an event of the match.
//!
//! # Order
//!
//! Messages of one type arrive in the order in which they were sent. **Two types are two queues**: nothing tells you whether a value of
//! one type came before a value of the other. If "spawn, then move" must stay in that order, put both into one enum:
//!
//! ```
//! use std::collections::HashMap;
//!
//! use bevy::prelude::*;
//! use bevy_nakama::{payload::PayloadError, prelude::*, testing::*};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! enum Step {
//!     Spawn { id: u32 },
//!     Move { id: u32, to: f32 },
//! }
//!
//! impl MatchPayload for Step {
//!     const OP_CODE: i64 = 1;
//!     type Codec = Postcard;
//! }
//!
//! /// Where each unit is.
//! #[derive(Default, Resource)]
//! struct Units(HashMap<u32, f32>);
//!
//! fn apply(mut steps: MessageReader<FromMatch<Step>>, mut units: ResMut<Units>) {
//!     for step in steps.read() {
//!         match step.payload {
//!             Step::Spawn { id } => {
//!                 units.0.insert(id, 0.0);
//!             }
//!             Step::Move { id, to } => {
//!                 units.0.entry(id).and_modify(|at| *at = to);
//!             }
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), PayloadError> {
//! let mut game = TestGame::joined("m", &["ada", "bob"]);
//! game.app.add_match_data::<Step>().init_resource::<Units>().add_systems(Update, apply);
//! for step in [Step::Spawn { id: 7 }, Step::Move { id: 7, to: 2.0 }] {
//!     game.server_says(match_data_sent("m", Some("bob"), 1, Postcard::encode(&step)?));
//! }
//! game.update();
//! assert_eq!(game.app.world().resource::<Units>().0[&7], 2.0);
//! # Ok(())
//! # }
//! ```
//!
//! # What you cannot know
//!
//! Whether data arrived. The server never answers, even when it throws data away: because none of the receivers is in the match,
//! because the sender has left it, or because it has ended.
//!
//! # Limits
//!
//! The whole envelope may have 4096 bytes by default, which leaves about 4,000 for the payload. How many members can send how often is in
//! [a table](crate::send#how-many-how-often).
//!
//! Nakama passes a flag `reliable` on with the data, and does nothing with it: the connection is TCP. The plugin always sets it.

use std::{mem, sync::Arc};

use bevy_app::App;
use bevy_ecs::prelude::*;
use bytes::Bytes;

pub use crate::data::OutgoingData;
use crate::{
    areas::matches::Match,
    commands::NakamaCommands,
    connection::NetworkLink,
    data::{
        self, ReadyData, SendsData, WireData,
        payload::{Codec, DataReceived, DataRejected, TypedData},
        sealed,
    },
    ecs::sealed::Sealed,
    mirror::{
        WaitsFor, find_again,
        presence::{MatchId, PresenceInfo},
    },
    proto::Kind,
    transport::{LinkCommand, MatchData, OutgoingMatchData, Pushed, SendPolicy},
};

/// A type of match data. Each type is a queue of its own, see [Order](self#order).
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
    /// Tells the types apart on the wire. Any number will do, but no two types may have the same.
    const OP_CODE: i64;
    /// What becomes of values that cannot leave at once, see [`send`](crate::send). `None`: [`SendPolicy::default`].
    const POLICY: Option<SendPolicy> = None;
    /// How it becomes bytes.
    type Codec: Codec<Self>;
}

/// Typed match data that arrived, see [`TypedData`]. Mirrors `MatchData`.
pub type FromMatch<T> = TypedData<Match, T>;

/// Match data with an op code that no type is bound to, see [`DataReceived`]. Mirrors `MatchData`.
pub type MatchDataReceived = DataReceived<Match>;

/// Match data that is not a value of the type that its op code is bound to, see [`DataRejected`].
pub type MatchDataRejected = DataRejected<Match>;

/// Binds types of match data.
pub trait MatchDataAppExt: Sealed {
    /// Binds a type to its op code. From now on, it arrives as [`FromMatch<T>`]. Binding it twice changes nothing.
    ///
    /// # Panics
    ///
    /// Another type is bound to the same op code. The message names both.
    fn add_match_data<T: MatchPayload>(&mut self) -> &mut Self;
}

impl MatchDataAppExt for App {
    fn add_match_data<T: MatchPayload>(&mut self) -> &mut Self {
        data::bind::<Match, T>(self);
        self
    }
}

impl<T: MatchPayload> sealed::Bound<Match> for T {
    const KEY: i64 = T::OP_CODE;
    const POLICY: Option<SendPolicy> = T::POLICY;
    type Codec = T::Codec;
}

impl sealed::Keyed for Match {
    const KEY: &'static str = "op code";
}

impl WireData for MatchData {
    type Context = Match;
    const KIND: Kind = Kind::MatchData;

    fn of(pushed: &mut Pushed) -> Option<&mut Self> {
        match pushed {
            Pushed::MatchData(data) => Some(data),
            _ => None,
        }
    }

    fn context(&self, world: &mut World) -> Result<Entity, WaitsFor> {
        find_again::<Match>(world, &self.match_id)
    }

    fn sender(&self) -> Option<&Arc<PresenceInfo>> {
        self.sender.as_ref()
    }

    fn take_parts(&mut self) -> (i64, Bytes, bool) {
        (self.op_code, mem::take(&mut self.data), self.reliable)
    }
}

impl SendsData for Match {
    const HAS_RECEIVERS: bool = true;

    fn hand_over(world: &mut World, context: Entity, match_id: MatchId, data: ReadyData) {
        let terms = data.terms;
        let data = OutgoingMatchData {
            match_id,
            op_code: data.op_code,
            data: data.data,
            receivers: data.receivers,
            reliable: true,
        };
        let origin = context.to_bits();
        world
            .resource_mut::<NetworkLink>()
            .stage(LinkCommand::Send {
                origin,
                data,
                terms,
            });
    }
}

impl OutgoingData {
    /// A value of a bound type.
    #[must_use]
    pub fn typed<T: MatchPayload>(payload: &T) -> Self {
        Self::of::<Match, T>(payload)
    }
}

impl NakamaCommands<'_, '_, '_> {
    /// Sends a value to all other members of a match. It leaves at the end of the frame
    /// ([`NakamaSystems::Send`](crate::plugin::NakamaSystems::Send)). If it cannot be sent, you get
    /// [`SendFailed`](crate::send::SendFailed).
    ///
    /// On a line that has stalled, and in a burst, it may have to wait: see [`send`](crate::send).
    pub fn send<T: MatchPayload>(self, match_entity: Entity, payload: &T) {
        self.send_data(match_entity, OutgoingData::typed(payload));
    }

    /// Sends any data to a match, see [`OutgoingData`].
    pub fn send_data(mut self, match_entity: Entity, data: OutgoingData) {
        self.queue(move |world| data::send_data::<Match>(world, match_entity, data));
    }
}
