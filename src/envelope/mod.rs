//! Raw envelopes: every message as it is on the wire, in order. And a table of all kinds, with what the plugin makes of each.
//!
//! Your game does not need them: every kind has its own request, message or entity. They are for looking at the wire
//! ([`EnvelopeReceived`], [`EnvelopeSent`]), and for a server that knows more than this crate
//! ([`send_raw`](crate::commands::NakamaCommands::send_raw)).
//!
//! # Every kind of envelope
//!
//! Your game sends a *request* and gets one *answer*. A message that is only *sent* has no [`Replied`](crate::request::Replied). A message
//! that is *pushed* comes from the server without a request. The last column names a recording of a real server
//! (`tests/transcripts`) in which the kind occurs. The tests play these recordings.
#![doc = include_str!("kinds.md")]

use std::{fmt, mem, time::Instant};

use bevy_app::{App, Plugin, PostUpdate};
use bevy_ecs::prelude::*;
use bytes::Bytes;

use crate::{
    commands::NakamaCommands,
    connection::{NetworkLink, hand_over},
    data::terms_of,
    ecs::{NakamaSystems, observed},
    error::{ErrorCode, ServerError},
    mirror::{AreaAppExt as _, LifeCycle, NOTHING, Timing, WaitsFor, on_pushed},
    proto::{self, Envelope, Kind, Message, realtime},
    request::{Consent, Move, Outcome, SocketRequest, request, submit},
    transport::{Direction, LinkCommand, People, RawEnvelope, Terms},
};

macro_rules! raw_envelopes {
    ($($(#[$doc:meta])* $Name:ident,)*) => {$(
        $(#[$doc])*
        ///
        /// While virtual time is paused, Bevy keeps it even after you have read it, see
        /// [payloads](crate::payload#while-the-game-is-paused).
        #[derive(Clone, bevy_ecs::message::Message)]
        pub struct $Name {
            /// When the network thread read it, or handed it to the socket.
            pub at: Instant,
            /// Which message it carries. `None` is a plain acknowledgement, or a kind that this crate does not know.
            pub kind: Option<Kind>,
            /// Ties a request to its answer. It is empty if the server pushed the message.
            pub cid: String,
            /// The encoded envelope.
            pub frame: Bytes,
            /// The number of its connection.
            pub link: u64,
        }

        impl $Name {
            /// The envelope.
            ///
            /// # Errors
            ///
            /// Never, for an envelope that the plugin reports. A frame that cannot be decoded ends the connection instead.
            pub fn decode(&self) -> Result<Envelope, prost::DecodeError> {
                proto::decode(self.frame.clone())
            }

            /// The envelope as proto JSON, as Nakama writes it.
            ///
            /// # Errors
            ///
            /// As [`decode`](Self::decode).
            pub fn to_json(&self) -> Result<String, prost::DecodeError> {
                let envelope = self.decode()?;
                Ok(serde_json::to_string(&envelope).unwrap_or_default())
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // What is in the frame may be a match token, or what players write.
                f.debug_struct(stringify!($Name))
                    .field("kind", &self.kind)
                    .field("cid", &self.cid)
                    .field("size", &self.frame.len())
                    .field("link", &self.link)
                    .finish_non_exhaustive()
            }
        }

        impl From<RawEnvelope> for $Name {
            fn from(raw: RawEnvelope) -> Self {
                Self { at: raw.at, kind: raw.kind, cid: raw.cid, frame: raw.frame, link: raw.link }
            }
        }
    )*};
}

raw_envelopes! {
    /// An envelope arrived. Written in `PreUpdate`, before the plugin applies the envelope, while an [`EnvelopeTap`] is open.
    EnvelopeReceived,
    /// An envelope was handed to the socket. Written in `PreUpdate` of one of the next frames, while an [`EnvelopeTap`]
    /// is open.
    EnvelopeSent,
}

/// Turns [`EnvelopeReceived`] and [`EnvelopeSent`] on and off. While it is closed, raw envelopes cost nothing.
///
/// Raw envelopes hold payloads and what players write. They hold no password and no token of the session.
///
/// If more bytes wait for your game than [`NakamaSettings::hand_over_limit`](crate::plugin::NakamaSettings) allows, raw envelopes are
/// dropped. The plugin still applies the messages in them.
#[derive(Debug, Default, Resource)]
pub struct EnvelopeTap {
    users: usize,
    is_open: bool,
}

impl EnvelopeTap {
    /// Asks for raw envelopes, from the next frame on. They are reported until each `open` has had its [`close`](Self::close).
    pub fn open(&mut self) {
        self.users += 1;
    }

    /// Takes one [`open`](Self::open) back.
    pub fn close(&mut self) {
        self.users = self.users.saturating_sub(1);
    }
}

/// In `PostUpdate`, before the hand-over: tells the network thread whether to report raw envelopes.
fn update_tap(mut tap: ResMut<EnvelopeTap>, mut link: ResMut<NetworkLink>) {
    let wanted = tap.users > 0;
    if tap.bypass_change_detection().is_open != wanted {
        tap.is_open = wanted;
        link.stage(LinkCommand::Tap(wanted));
    }
}

/// The network thread reports an envelope.
fn on_raw(world: &mut World, raw: RawEnvelope) {
    match raw.direction {
        Direction::Received => {
            world.write_message(EnvelopeReceived::from(raw));
        }
        Direction::Sent => {
            world.write_message(EnvelopeSent::from(raw));
        }
    }
}

/// The server sent an error that answers no request, for example because your game sent data to a match with a malformed id. A global
/// event. If your game does not observe it, the log has a warning, once for each code in a connection.
#[derive(Clone, Debug, Event)]
pub struct UnsolicitedError {
    /// What the server says.
    pub error: ServerError,
}

/// The server sent an error that belongs to no request.
fn on_error(
    world: &mut World,
    error: &mut realtime::Error,
    _: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let error = ServerError::from(mem::take(error));
    if observed::is_news::<UnsolicitedError, _>(world, None, error.code) {
        log::warn!(
            "the server sent an error that belongs to no request, and the game does not observe `UnsolicitedError`: {error}"
        );
    }
    world.trigger(UnsolicitedError { error });
    Ok(())
}

/// Raw envelopes, and errors that belong to no request.
pub(crate) struct EnvelopePlugin;

impl Plugin for EnvelopePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<EnvelopeTap>()
            .init_resource::<observed::Told<ErrorCode>>()
            .add_message::<EnvelopeReceived>()
            .add_message::<EnvelopeSent>()
            .add_life_cycle(LifeCycle {
                on_opened: observed::forget_told::<ErrorCode>,
                on_lost: NOTHING,
                reenter: NOTHING,
                on_closed: NOTHING,
            })
            .handle_raw(on_raw)
            .add_systems(
                PostUpdate,
                update_tap.in_set(NakamaSystems::Send).before(hand_over),
            );
        on_pushed!(app: Error => on_error,);
    }
}

/// Any message as a request, where this crate has no method. Made by [`send_raw`](NakamaCommands::send_raw).
#[derive(Clone)]
pub struct RawRequest {
    message: Message,
}

impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawRequest")
            .field(&Kind::of(&self.message))
            .finish()
    }
}

request!(RawRequest -> Envelope, ServerError);

impl SocketRequest for RawRequest {
    const IS_TRANSIENT: bool = true;

    fn to_message(&self) -> Message {
        self.message.clone()
    }

    fn terms(&self, world: &World) -> Option<Terms> {
        terms_of(world, &self.message)
    }

    fn moves(&self) -> Option<Move> {
        matches!(self.message, Message::Rpc(_)).then_some(Move::BY_FUNCTION)
    }

    fn succeed(self, _: &mut World, consent: Consent) -> Outcome<Self> {
        Ok(Envelope {
            cid: String::new(),
            message: consent.reply.map(|received| received.message),
        })
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Sends any message and waits for its answer, a [`Replied<RawRequest>`](crate::request::Replied).
    ///
    /// The plugin does not act on it: a match that you join this way gets no entity, and the entity of a match that you leave
    /// this way stays. Messages that the server never answers (`match_data_send`) end in a timeout.
    pub fn send_raw(self, message: Message) -> EntityCommands<'a> {
        self.request_with(move |world, entity| submit(world, entity, RawRequest { message }))
    }
}
