//! Sending: what leaves at once, what waits, and what becomes of data that could not be sent.
//!
//! Nakama keeps a queue of 64 messages for each *receiver*, and disconnects the receiver whose queue overflows. So a player with a bad line
//! could cost all the *others* their connection: what piled up while the line stood still arrives at once. The plugin holds data back
//! before that happens:
//!
//! * What you have just sent is *in normal flight*: all that left within the last one and a half round trips, in an even flow. It never makes
//!   anything wait, so a healthy line is not slowed down. Where round trips vary, the usual one counts instead, up to eight times the
//!   shortest of the last seconds.
//! * An even flow is what you send about as often as before: so many messages in each frame, so many in the last two seconds. More is a
//!   burst.
//! * What is older, what left in a burst, and what a stall had held up has to be confirmed by the server before more follows. How much may
//!   be unconfirmed is the *window*: [`NakamaSettings::send_window`](crate::plugin::NakamaSettings::send_window), 48, divided by the number
//!   of members who may send to the same receiver, which are all the others. It is at least 2. In a match of five, it is 12.
//! * Of a burst, 32 messages leave at once, and then 4 in each millisecond, as far as the window goes.
//! * If the window is closed, data waits in your game, in order. After a stall, what has waited leaves a window at a time, each 30 ms after the
//!   server has confirmed the one before.
//!
//! This holds for data of matches and parties, for chat messages, and for the local user's status. For one match, party or channel,
//! [`SendWindow`] sets another window. A status goes to nobody knows how many, each of whom may follow many others: its window is 2.
//! Members of a channel who are [hidden](crate::chat::JoinChat::hidden) are not counted.
//!
//! A line stalls for everything that goes over it. So what is unconfirmed counts together, for all matches, parties and channels, and what
//! waits keeps its order: data behind data, and a request behind the data before it, which it might end. Data overtakes requests that wait
//! for their turn. Chat messages and data for parties are requests: on a line with 300 ms, [24 at a time](#requests) are 80 a second.
//!
//! In an authoritative match, nobody but the match handler receives what you send. If it has many players, give it a larger `SendWindow`.
//!
//! # What waits, and how long
//!
//! A [`SendPolicy`] says what becomes of data that cannot leave at once. It is bound to the type, or set
//! [at the call](OutgoingData::policy):
//!
//! | policy | what it does | for |
//! |---|---|---|
//! | [`Queue`](SendPolicy::Queue) | It waits, in order, within bounds. This is the default, with up to 2,048 messages and 16 MiB for each op code, and up to 20 s. | what everybody has to hear |
//! | [`Latest`](SendPolicy::Latest) | The newest takes the place of the one before. | positions, aims, scores |
//! | [`Drop`](SendPolicy::Drop) | It does not wait. | sounds, emotes: what is wrong if it is late |
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_nakama::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Moved {
//!     unit: u64,
//!     to: Vec2,
//! }
//!
//! impl MatchPayload for Moved {
//!     const OP_CODE: i64 = 1;
//!     const POLICY: Option<SendPolicy> = Some(SendPolicy::Latest);
//!     type Codec = Postcard;
//! }
//!
//! /// A player has several units: the position of one must not take the place of another's.
//! fn tell(mut commands: Commands, here: Single<Entity, With<Match>>, units: Query<(Entity, &Transform)>) {
//!     for (unit, transform) in &units {
//!         let moved = Moved { unit: unit.to_bits(), to: transform.translation.truncate() };
//!         let data = OutgoingData::typed(&moved).key(moved.unit);
//!         commands.nakama().send_data(*here, data);
//!     }
//! }
//! # App::new().add_systems(Update, tell);
//! ```
//!
//! # What could not be sent
//!
//! [`SendFailed`] tells you, with the reason. Three of the reasons are that the line is slow:
//!
//! * [`QueueFull`](SendError::QueueFull): as much waits already as the policy allows.
//! * [`Expired`](SendError::Expired): it has waited for as long as the policy allows.
//! * [`Dropped`](SendError::Dropped): it was not to wait.
//!
//! If you do not observe `SendFailed`, the first of its kind is a warning in the log. What your own policy says is not: you have chosen it.
//! The [diagnostics](crate::diagnostics) and the overlay count it. What [`Latest`](SendPolicy::Latest) replaces is only counted.
//!
//! When the connection is lost, data whose policy you have set yourself ([`Queue`](SendPolicy::Queue), [`Latest`](SendPolicy::Latest)) goes on
//! waiting until it is [back](crate::healing#data). When the connection ends, nothing goes on waiting. What had not left gets [`NotConnected`](SendError::NotConnected), as does what you send
//! without a connection. What the server had not confirmed gets [`Unconfirmed`](SendError::Unconfirmed): others may have received it. If
//! you have asked for the end yourself, nothing is `Unconfirmed`.
//!
//! # How many, how often
//!
//! If the line of *one* player stands still, however long, this much arrives at once when it goes on: the window, and what was in normal
//! flight, which is messages a second × 1.5 × round trip. In a match of two, with 20 messages a second and 300 ms, that is 48 + 9 = 57; in a
//! larger match it is less. So nobody else is disconnected, unless players send still more often over still slower lines.
//!
//! If *all* players stand still at once, because the server stops for a moment, as much arrives at each receiver from everybody else:
//! (members − 1) × (window + messages a second × 1.5 × round trip). Up to 64, the plugin can promise that nobody is disconnected, even if
//! the server sends nothing on meanwhile. What is above 64 is in bold:
//!
//! | members | messages a second, from each | round trip 50 ms | 150 ms | 300 ms |
//! |---|---|---|---|---|
//! | 2 | 10 | 49 | 51 | 53 |
//! | 2 | 20 | 50 | 53 | 57 |
//! | 2 | 60 | 53 | 62 | **75** |
//! | 5 | 10 | 51 | 57 | **66** |
//! | 5 | 20 | 54 | **66** | **84** |
//! | 10 | 10 | 52 | **66** | **86** |
//! | 10 | 20 | 59 | **86** | **126** |
//! | 20 | 10 | 53 | **81** | **124** |
//! | 20 | 20 | **67** | **124** | **209** |
//! | 33 | 10 | **88** | **136** | **208** |
//! | 33 | 20 | **112** | **208** | **352** |
//!
//! Above 64 it depends on how fast the server sends on: mostly it is faster than the burst. With 20 members, 20 messages a second and
//! 150 ms, 57 messages are under way to each receiver even when all is well. From 33 members on, the least window of 2 alone is 64, so no
//! window can promise it. What you can do:
//!
//! * Send less often. Ten positions a second look smooth, if you show them a moment later.
//! * Give the match a smaller [`SendWindow`]: for five members at 20 messages a second and 300 ms, 28 is enough to come down to 64. Data has
//!   to wait sooner then when the line stands still.
//! * Use [`Latest`](SendPolicy::Latest). It does not change what is under way, but after a stall one message leaves in place of all that has
//!   waited.
//! * If the server is yours, raise its `socket.outgoing_queue_size`: then there is more room for what is in normal flight. If your game sends
//!   large bursts, raise [`send_window`](crate::plugin::NakamaSettings::send_window) with it, to three quarters of it at most.
//! * Let an authoritative match collect what the players do, and send the state once for each tick. Its input queue of 128 messages
//!   (`match.input_queue_size`) is for all members together, and it drops what is too much *without a word*. So keep members × messages a
//!   second ÷ ticks a second well below 128.
//!
//! A receiver has one queue for all that it gets: from its match, its party and its channels, and the answers to its own requests. The table
//! is about one of them. That is enough as long as the others are quiet, like chat.
//!
//! With a window of 2 or 3, a ping follows each message that you send. Where everybody sends, that is less than 1 % more bytes. Where you send
//! a stream to many who send nothing, it is 30 bytes for each message: a larger `SendWindow` saves them.
//!
//! Who is disconnected all the same gets [`OutgoingQueueFull`](crate::connection::DisconnectReason::OutgoingQueueFull).
//!
//! # Requests
//!
//! Their answers go through the receiver's queue, too: the local user's own. So at most
//! [`NakamaSettings::requests_in_flight`](crate::plugin::NakamaSettings::requests_in_flight) of them, 24, are without an answer. The next one
//! waits for its turn, and its timeout runs.
//!
//! **While a call of a function (RPC) or a request to join a match runs, the server handles nothing else of that socket.** What you
//! send meanwhile arrives in a burst when it ends. The plugin holds data back then as on a line that stands still, and says so in the log. So
//! make slow calls [over REST](crate::rpc::Rpc::over_rest), where they hold up nothing.

use std::{
    mem::{Discriminant, discriminant},
    time::Duration,
};

use bevy_ecs::prelude::*;
use hashbrown::HashSet;

pub use super::{outgoing::OutgoingData, window::SendWindow};
pub use crate::transport::SendPolicy;
use crate::{
    ecs::observed,
    error::{PayloadError, ServerError},
    request::Unconfirmed,
    transport::{Failure, seconds},
};

/// Data was not sent, or may not have arrived ([`Unconfirmed`](SendError::Unconfirmed)). This is an event of the match's or party's entity, triggered in
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive) of one of the next frames. If you do not observe it, you find
/// a warning in the log, once for each connection, op code and kind of reason. What your own [`SendPolicy`] refuses is not a
/// warning, and neither is `Unconfirmed`.
#[derive(Clone, Debug, EntityEvent)]
pub struct SendFailed {
    /// The match or party that it was for.
    #[event_target]
    pub context: Entity,
    /// The op code of the data.
    pub op_code: i64,
    /// Why.
    pub reason: SendError,
}

/// Why data was not sent, or may not have arrived.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no connection.
    #[error("not connected")]
    NotConnected,
    /// The connection was lost before the server confirmed that it had handled it. The other members may have received it.
    #[error("the connection was lost before the server confirmed it")]
    Unconfirmed,
    /// The server refused it. Only data for parties has an answer.
    #[error("{message}")]
    Refused {
        /// The server's text.
        message: String,
    },
    /// The server did not answer in time. Only data for parties has an answer.
    #[error("no answer")]
    Unanswered,
    /// The entity is not a match or party that the local user is in.
    #[error("not a member")]
    NotAMember,
    /// None of the chosen receivers is in the match.
    #[error("none of the receivers is in the match")]
    NoReceivers,
    /// You have chosen receivers in a party, where all data goes to everybody.
    #[error("in a party, the receivers cannot be chosen")]
    ReceiversChosen,
    /// It is too large: the server would close the socket over it.
    #[error("{size} bytes are above the server's limit of {limit}")]
    TooLarge {
        /// The size of the whole envelope, in bytes.
        size: usize,
        /// The largest size that the server accepts.
        limit: usize,
    },
    /// As much waits to be sent as its [policy](crate::send::SendPolicy::Queue) lets wait, or in all as
    /// [`NakamaSettings::send_queue`](crate::plugin::NakamaSettings::send_queue) does: the line stands still, or your game sends too much.
    #[error("{waiting} messages are waiting to be sent")]
    QueueFull {
        /// How many wait: with this op code in the context, or in all if [`NakamaSettings::send_queue`](crate::plugin::NakamaSettings) is
        /// used up.
        waiting: usize,
    },
    /// It waited for as long as its [policy](crate::send::SendPolicy::Queue) lets it.
    #[error("it could not be sent within {}", seconds(*after))]
    Expired {
        /// How long that is.
        after: Duration,
    },
    /// It could not be sent at once, as [`SendPolicy::Drop`](crate::send::SendPolicy::Drop) demands.
    #[error("it could not be sent at once")]
    Dropped,
    /// The codec could not encode the payload, for this reason.
    #[error("it cannot be encoded: {}", .0.cause())]
    Unencodable(PayloadError),
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooLarge { size, limit } => Self::TooLarge { size, limit },
            Failure::QueueFull { waiting } => Self::QueueFull { waiting },
            Failure::NotConnected => Self::NotConnected,
            Failure::ConnectionLost {
                maybe_executed: false,
            } => Self::NotConnected,
            Failure::ConnectionLost { .. } => Self::Unconfirmed,
            Failure::Expired { after }
            | Failure::Timeout {
                after,
                was_sent: false,
            } => Self::Expired { after },
            Failure::Dropped | Failure::Replaced => Self::Dropped,
            Failure::Timeout { .. } | Failure::BadAddress(_) | Failure::Unreachable(_) => {
                Self::Unanswered
            }
        }
    }
}

impl From<Unconfirmed> for SendError {
    fn from(answer: Unconfirmed) -> Self {
        match answer {
            Unconfirmed::Refused(ServerError { message, .. }) => Self::Refused { message },
            Unconfirmed::Failed(failure) => failure.into(),
            Unconfirmed::Unexpected => Self::Unanswered,
        }
    }
}

/// The op codes for which the game has set a policy.
#[derive(Default, Resource)]
pub(super) struct Chosen(HashSet<i64>);

/// How many of them are remembered.
const CHOSEN: usize = 64;

/// The game has set a policy for this data.
pub(super) fn note_policy(world: &mut World, op_code: i64) {
    let Chosen(op_codes) = &mut *world.resource_mut();
    if op_codes.len() < CHOSEN {
        op_codes.insert(op_code);
    }
}

/// Whether that is what a policy of the game's own says.
fn is_as_chosen(world: &World, op_code: i64, reason: &SendError) -> bool {
    match reason {
        // It may well have arrived.
        SendError::Dropped | SendError::Unconfirmed => true,
        SendError::QueueFull { .. } | SendError::Expired { .. } => {
            world.resource::<Chosen>().0.contains(&op_code)
        }
        _ => false,
    }
}

/// What the log tells once: a kind of reason for an op code.
pub(super) type Logged = (i64, Discriminant<SendError>);

/// The network thread could not send something, named by the bits of its entity.
pub(crate) fn on_send_failed(world: &mut World, origin: u64, op_code: i64, failure: Failure) {
    if let Some(context) = Entity::try_from_bits(origin) {
        tell(world, context, op_code, failure.into());
    }
}

/// Tells the game that something was not sent.
pub(crate) fn tell(world: &mut World, context: Entity, op_code: i64, reason: SendError) {
    log::debug!("op code {op_code} was not sent: {reason}");
    let failed = SendFailed {
        context,
        op_code,
        reason,
    };
    let key: Logged = (op_code, discriminant(&failed.reason));
    if !is_as_chosen(world, op_code, &failed.reason)
        && observed::is_news::<SendFailed, _>(world, Some(context), key)
    {
        log::warn!(
            "data with op code {op_code} was not sent, and the game does not observe `SendFailed`: {}",
            failed.reason
        );
    }
    world.trigger(failed);
    world.flush();
}
