//! The two numberings of `Party`.

use bytes::Bytes;
use prost::{
    DecodeError, Message as _,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};

use super::{
    Envelope, Kind, Message,
    realtime::{self, Party},
};

#[allow(
    missing_docs,
    clippy::all,
    clippy::doc_markdown,
    clippy::use_self,
    unused_qualifications,
    unreachable_pub,
    reason = "generated"
)]
mod before_3_28 {
    include!(concat!(env!("OUT_DIR"), "/nakama.before_3_28.rs"));
}

/// How a server numbers the fields of `Party`.
///
/// A frame shows its layout: field 4 is a message (`self`) in the old layout, and a number (`max_size`) in the current one.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum PartyLayout {
    /// Nakama 3.27 and older.
    Before3_28,
    /// Nakama 3.28 and newer.
    #[default]
    Current,
}

/// The layout of a whole frame: old only if it holds a `party` with a message in field 4.
pub(crate) fn of_frame(frame: &[u8]) -> PartyLayout {
    let is_old = find_field(frame, Kind::Party.number(), WireType::LengthDelimited)
        .and_then(|party| find_field(party, 4, WireType::LengthDelimited))
        .is_some();
    if is_old {
        PartyLayout::Before3_28
    } else {
        PartyLayout::Current
    }
}

/// The content of the first length-delimited field `number` of a message. `None` also if the message is malformed: the decoding that
/// follows has the better error.
fn find_field(mut message: &[u8], number: u32, wire_type: WireType) -> Option<&[u8]> {
    while !message.is_empty() {
        let (tag, wire) = decode_key(&mut message).ok()?;
        if tag == number && wire == wire_type {
            let len = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
            return message.get(..len);
        }
        skip_field(wire, tag, &mut message, DecodeContext::default()).ok()?;
    }
    None
}

pub(super) fn decode_old(frame: Bytes) -> Result<Envelope, DecodeError> {
    let before_3_28::Envelope { cid, party } = before_3_28::Envelope::decode(frame)?;
    let message = party.map(|old| {
        Message::Party(Party {
            party_id: old.party_id,
            open: old.open,
            hidden: false,
            max_size: old.max_size,
            self_: old.self_,
            leader: old.leader,
            presences: old.presences,
            label: String::new(),
        })
    });
    Ok(Envelope { cid, message })
}

pub(super) fn encode_old(cid: &str, party: &Party) -> Bytes {
    let old = before_3_28::Party {
        party_id: party.party_id.clone(),
        open: party.open,
        max_size: party.max_size,
        self_: party.self_.clone(),
        leader: party.leader.clone(),
        presences: party.presences.clone(),
    };
    before_3_28::Envelope {
        cid: cid.to_owned(),
        party: Some(old),
    }
    .encode_to_vec()
    .into()
}
