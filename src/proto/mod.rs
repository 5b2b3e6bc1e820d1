//! The protocol: generated types, their proto JSON, and frames.
//!
//! Everything here follows the server's `.proto` files and is outside this crate's semantic versioning. Your game meets it only in raw
//! envelopes, see [`envelope`](crate::envelope).
//!
//! A frame is one encoded [`Envelope`]. Servers before Nakama 3.28 number the fields of [`Party`](realtime::Party) differently. [`decode`]
//! reads both layouts into one type. [`encode`] writes the layout that you ask for.

mod kind;
mod party_layout;
mod timestamp;
mod tokens;

use bytes::Bytes;
use prost::Message as _;

pub use self::{
    kind::Kind,
    party_layout::PartyLayout,
    realtime::{Envelope, UserPresence, envelope::Message},
    timestamp::Timestamp,
};
pub(crate) use self::{kind::for_each_presence, party_layout::of_frame as party_layout_of};

/// Types shared with the REST interface.
#[allow(
    missing_docs,
    clippy::all,
    clippy::doc_markdown,
    clippy::use_self,
    unused_qualifications,
    reason = "generated"
)]
pub mod api {
    include!(concat!(env!("OUT_DIR"), "/nakama.api.rs"));
    include!(concat!(env!("OUT_DIR"), "/nakama.api.serde.rs"));
}

/// Types of the socket.
#[allow(
    missing_docs,
    clippy::all,
    clippy::doc_markdown,
    clippy::use_self,
    unused_qualifications,
    reason = "generated"
)]
pub mod realtime {
    include!(concat!(env!("OUT_DIR"), "/nakama.realtime.rs"));
    include!(concat!(env!("OUT_DIR"), "/nakama.realtime.serde.rs"));
}

/// Reads one frame, whichever way its server numbers `Party`.
///
/// Payloads (`bytes` fields) are slices of `frame`. A kind of envelope that this crate does not know has `message: None`.
///
/// # Errors
///
/// If the frame is truncated, is not protobuf, or holds a known field with the wrong wire type or a string that is not UTF-8.
pub fn decode(frame: Bytes) -> Result<Envelope, prost::DecodeError> {
    match party_layout::of_frame(&frame) {
        PartyLayout::Current => Envelope::decode(frame),
        PartyLayout::Before3_28 => party_layout::decode_old(frame),
    }
}

/// Writes one frame, with `Party` in the layout asked for.
#[must_use]
pub fn encode(envelope: &Envelope, layout: PartyLayout) -> Bytes {
    match (layout, &envelope.message) {
        (PartyLayout::Before3_28, Some(Message::Party(party))) => {
            party_layout::encode_old(&envelope.cid, party)
        }
        _ => envelope.encode_to_vec().into(),
    }
}
