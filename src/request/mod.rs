//! Requests and their answers.
//!
//! A request is a method of [`commands.nakama()`](crate::commands::NakamaCommandsExt::nakama) and returns an entity. It
//! gets exactly one [`Replied`]: the server's answer, its refusal, or what went wrong. The reply comes at the earliest in
//! the next [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive), also when it is known at once, so an
//! observer that is chained to the call always sees it.
//!
//! ```
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! fn join(mut commands: Commands) {
//!     commands.nakama().join_match(JoinMatch::by_id("gone")).observe(
//!         |reply: On<Replied<JoinMatch>>| match &reply.result {
//!             Ok(joined) => println!("in {}", joined.entity),
//!             Err(RequestError::Refused(MatchRefusal::NotFound(_))) => println!("too late"),
//!             Err(RequestError::Timeout { .. } | RequestError::ConnectionLost { .. }) => println!("who knows"),
//!             Err(error) => println!("{error}"),
//!         },
//!     );
//! }
//! ```
//!
//! What the server refuses is an enum of the area ([`MatchRefusal`](crate::matches::MatchRefusal), …) that knows the texts which a
//! game would act upon, and keeps the server's own; everything else is the same for all, see [`RequestError`].
//! [`RequestFailed`] tells of every failure, whatever the type. A failure that the game observes with neither is a warning in the
//! log. Entities of requests that leave nothing behind, and of those that
//! failed, are despawned in `Last` of the frame of their answer. Despawning one earlier withdraws the request: what it should have
//! brought is undone when the server agrees.

mod area;
mod error;
mod moment;
mod next_frame;
mod parts;
mod pending;
mod renewal;
mod reply;
mod rest;
mod socket;
mod table;
mod unasked;
mod user;

pub(crate) use self::{
    area::{Area, Move, Mover},
    moment::{Moment, Moments},
    next_frame::{NextFrame, refuse, refuse_wrong_entity, settle_at_once, tell_known},
    parts::{Parts, in_parts, room, room_for_fields, text_size},
    reply::Outcome,
    rest::{RestRequest, instead_of, read_object, submit_rest},
    socket::{Acknowledged, SocketRequest, no_message, submit, unexpected},
    table::{Requests, close, on_answer, on_closed, on_given_up, tick},
    unasked::{Unconfirmed, send_or_tell, send_then},
    user::{UserCall, submit_as_user},
};
pub use self::{
    error::RequestError,
    reply::{PendingRequest, Replied, Request, RequestFailed},
};
