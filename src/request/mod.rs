//! Requests and their answers.
//!
//! You make a request with a method of [`commands.nakama()`](crate::commands::NakamaCommandsExt::nakama), which returns an
//! entity. The entity gets exactly one [`Replied`]: the server's answer, its refusal, or what went wrong. The reply never comes
//! before the next [`NakamaSystems::Receive`], even if the plugin knows it at once. So an
//! observer that you chain to the call always sees it.
//!
//! ```
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! fn join(mut commands: Commands) {
//!     commands.nakama().join_match(JoinMatch::by_id("gone")).observe(joined);
//! }
//!
//! fn joined(reply: On<Replied<JoinMatch>>) {
//!     use RequestError::{ConnectionLost, Refused, Timeout};
//!     match &reply.result {
//!         Ok(joined) => println!("in {}", joined.entity),
//!         Err(Refused(MatchRefusal::NotFound(_))) => println!("too late"),
//!         Err(Timeout { .. } | ConnectionLost { .. }) => println!("who knows"),
//!         Err(error) => println!("{error}"),
//!     }
//! }
//! ```
//!
//! Each area has an enum of what the server refuses ([`MatchRefusal`](crate::matches::MatchRefusal), …), with the cases that a
//! game would act upon and with the server's own text. All other errors are the same for all requests, see [`RequestError`].
//! [`RequestFailed`] reports every failure, whatever the type. If you observe neither, a failure is a warning in the log.
//!
//! If a request fails or leaves nothing behind, the plugin despawns its entity in `Last` of the frame of the answer. If you despawn
//! the entity earlier, you withdraw the request: if the server agrees to it all the same, the plugin
//! undoes it. What else you may do to entities, and what it means, is in [one table](crate::presence#what-you-may-do-to-entities).

mod area;
mod error;
mod moment;
mod next_frame;
mod opening;
mod parts;
mod pending;
mod renewal;
mod reply;
mod response;
mod rest;
mod socket;
mod table;
mod unasked;
mod user;

use bevy_app::{App, Plugin, PostUpdate};
use bevy_ecs::prelude::*;

use self::next_frame::ask_for_a_frame;
pub(crate) use self::{
    area::{Area, Move, Mover},
    moment::{Moment, Moments},
    next_frame::{NextFrame, refuse, refuse_wrong_entity, settle_at_once, tell_known},
    parts::{Parts, in_parts, room, room_for_fields, text_size},
    pending::WhenLost,
    reply::{Outcome, request},
    response::{instead_of, read_object},
    rest::{RestRequest, submit_rest},
    socket::{
        Acknowledged, Consent, SocketRequest, expect_message, no_message, submit, unexpected,
    },
    table::{
        Requests, close, next_due, on_answer, on_closed, on_given_up, on_lost, send_carried, tick,
    },
    unasked::{Unconfirmed, send_for_reentry, send_heard, send_or_tell, send_then},
    user::{UserCall, is_connection_logged_in},
};
pub use self::{
    error::RequestError,
    reply::{PendingRequest, Replied, Request, RequestFailed},
};
use crate::{connection::hand_over, ecs::NakamaSystems};

/// The table of requests.
pub(crate) struct RequestPlugin;

impl Plugin for RequestPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Requests>()
            .init_resource::<NextFrame>()
            .init_resource::<Moments>()
            .register_type::<PendingRequest>()
            .add_systems(
                PostUpdate,
                (
                    opening::go_on.before(hand_over),
                    ask_for_a_frame.after(hand_over),
                )
                    .in_set(NakamaSystems::Send),
            );
    }
}
