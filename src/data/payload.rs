//! Payloads: how your types become bytes and come back, and what data looks like when it arrives.
//!
//! Matches, parties and streams share these types, and each has names of its own for them.
//! [`FromMatch<T>`](crate::match_data::FromMatch), [`FromParty<T>`](crate::party::FromParty) and
//! [`FromStream<T>`](crate::stream::FromStream) are [`TypedData`] of a match, a party and a stream.
//! So one system can serve all of them:
//!
//! ```
//! # use bevy_app::{App, Update};
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! use bevy_nakama::payload::{DataContext, DataRejected};
//!
//! fn complain<C: DataContext>(mut rejected: MessageReader<DataRejected<C>>) {
//!     for data in rejected.read() {
//!         println!("op code {}: {}", data.op_code, data.error);
//!     }
//! }
//!
//! # let mut app = App::new();
//! app.add_systems(Update, (complain::<Match>, complain::<Party>));
//! ```
//!
//! # While the game is paused
//!
//! Bevy keeps a message until `FixedUpdate` has had a chance to read it. `FixedUpdate` does not run while virtual time is paused
//! (`Time<Virtual>::pause`), so Bevy keeps everything that arrives during a pause, even what `Update` has read. At 100 messages a
//! second, that is 6,000 messages after a minute. Bevy drops them when the game runs again. If that is too much, and no system in
//! `FixedUpdate` reads the type, drop old messages yourself during a pause:
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

#[cfg(feature = "serde")]
pub use super::codec::{Json, Postcard};
pub use super::{
    codec::Codec,
    message::{DataContext, DataReceived, DataRejected, Payload, TypedData},
};
pub use crate::error::PayloadError;
