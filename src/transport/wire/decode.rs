//! From a frame to what the game sees.
//!
//! Data messages come by the thousand, so their usual form is read without allocating and their ids are interned. Every
//! other frame, and a data message in an unusual form (fields twice, unknown fields, bad text), is left to prost.

use std::{str, sync::Arc};

use bytes::{Bytes, BytesMut};
use prost::DecodeError;

use super::{
    ids::{MatchId, PartyId, PresenceInfo},
    interner::Interner,
};
use crate::proto::{self, Envelope, Kind, Message, realtime};

/// Payloads from this size on are slices of their frame; smaller ones are copied, so that a kept one does not keep the
/// whole read buffer alive.
pub(crate) const SLICE_FROM: usize = 1024;

/// Data sent in a match. Mirrors `MatchData`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MatchData {
    /// Where it was sent.
    pub(crate) match_id: MatchId,
    /// Who sent it; `None` is the server's match handler.
    pub(crate) sender: Option<Arc<PresenceInfo>>,
    /// What it means is up to the game.
    pub(crate) op_code: i64,
    /// The payload.
    pub(crate) data: Bytes,
    /// As the sender set it.
    pub(crate) reliable: bool,
}

/// Data sent in a party. Mirrors `PartyData`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartyData {
    /// Where it was sent.
    pub(crate) party_id: PartyId,
    /// Who sent it.
    pub(crate) sender: Option<Arc<PresenceInfo>>,
    /// What it means is up to the game.
    pub(crate) op_code: i64,
    /// The payload.
    pub(crate) data: Bytes,
}

/// Data sent over a stream. Mirrors `StreamData`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StreamData {
    /// Which stream.
    pub(crate) stream: StreamInfo,
    /// Who sent it; `None` is the server's runtime.
    pub(crate) sender: Option<Arc<PresenceInfo>>,
    /// The payload: text, as the protocol has it.
    pub(crate) data: Bytes,
    /// As the sender set it.
    pub(crate) reliable: bool,
}

/// Which stream. Mirrors `Stream`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct StreamInfo {
    /// The type of the stream.
    pub(crate) mode: i32,
    /// Primary id, often a UUID; may be empty.
    pub(crate) subject: Arc<str>,
    /// Secondary id; may be empty.
    pub(crate) subcontext: Arc<str>,
    /// Free text; may be empty.
    pub(crate) label: Arc<str>,
}

/// A frame, read.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(crate) enum Decoded {
    MatchData(MatchData),
    PartyData(PartyData),
    StreamData(StreamData),
    /// Everything else: answers, and all that is pushed.
    Envelope(Envelope),
}

/// Reads the frames of one link.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pub(crate) interner: Interner,
    /// Small payloads share pieces of memory, so that not each is an allocation.
    small: BytesMut,
}

/// The size of such a piece, in bytes: what a kept payload keeps at the most.
const PIECE: usize = 4096;

impl Decoder {
    /// A payload to hand out: a slice of the frame if it is large, a copy if it is small.
    fn payload(&mut self, frame: &Bytes, payload: &[u8]) -> Bytes {
        if payload.is_empty() {
            return Bytes::new();
        }
        if payload.len() >= SLICE_FROM {
            return frame.slice_ref(payload);
        }
        if self.small.capacity() < payload.len() {
            self.small = BytesMut::with_capacity(PIECE);
        }
        self.small.extend_from_slice(payload);
        self.small.split().freeze()
    }
}

pub(crate) fn decode(frame: &Bytes, decoder: &mut Decoder) -> Result<Decoded, DecodeError> {
    if let Some(decoded) = usual_form(frame, decoder) {
        return Ok(decoded);
    }
    let envelope = proto::decode(frame.clone())?;
    if !envelope.cid.is_empty() {
        return Ok(Decoded::Envelope(envelope));
    }
    Ok(match envelope.message {
        Some(Message::MatchData(data)) => Decoded::MatchData(MatchData {
            match_id: decoder.interner.id(&data.match_id).into(),
            sender: data
                .presence
                .map(|presence| decoder.interner.presence_of(&presence)),
            op_code: data.op_code,
            data: decoder.payload(frame, &data.data),
            reliable: data.reliable,
        }),
        Some(Message::PartyData(data)) => Decoded::PartyData(PartyData {
            party_id: decoder.interner.id(&data.party_id).into(),
            sender: data
                .presence
                .map(|presence| decoder.interner.presence_of(&presence)),
            op_code: data.op_code,
            data: decoder.payload(frame, &data.data),
        }),
        Some(Message::StreamData(data)) => Decoded::StreamData(StreamData {
            stream: stream(&data.stream.unwrap_or_default(), &mut decoder.interner),
            sender: data
                .sender
                .map(|presence| decoder.interner.presence_of(&presence)),
            data: data.data.into(),
            reliable: data.reliable,
        }),
        message => Decoded::Envelope(Envelope {
            cid: String::new(),
            message,
        }),
    })
}

pub(crate) fn stream(stream: &realtime::Stream, interner: &mut Interner) -> StreamInfo {
    StreamInfo {
        mode: stream.mode,
        subject: interner.id(&stream.subject),
        subcontext: interner.id(&stream.subcontext),
        label: interner.text(&stream.label),
    }
}

/// Reads a data message without `cid`, with each field at most once and none that the protocol does not have.
fn usual_form(frame: &Bytes, decoder: &mut Decoder) -> Option<Decoded> {
    let mut envelope = Fields(frame);
    let (kind, body) = envelope.next()?;
    let kind = Kind::from_number(kind).filter(|_| envelope.0.is_empty())?;
    let Value::Bytes(body) = body else {
        return None;
    };
    Some(match kind {
        Kind::MatchData => {
            let data = Relayed::read(body, 5)?;
            Decoded::MatchData(MatchData {
                match_id: decoder.interner.id(data.context).into(),
                sender: data
                    .sender
                    .map(|sender| sender.intern(&mut decoder.interner)),
                op_code: data.op_code,
                data: decoder.payload(frame, data.payload),
                reliable: data.reliable,
            })
        }
        Kind::PartyData => {
            let data = Relayed::read(body, 4)?;
            Decoded::PartyData(PartyData {
                party_id: decoder.interner.id(data.context).into(),
                sender: data
                    .sender
                    .map(|sender| sender.intern(&mut decoder.interner)),
                op_code: data.op_code,
                data: decoder.payload(frame, data.payload),
            })
        }
        Kind::StreamData => usual_stream_data(frame, body, decoder)?,
        _ => return None,
    })
}

/// The fields that `MatchData` and `PartyData` have in common; `reliable`, field 5, is in the former only.
#[derive(Default)]
struct Relayed<'a> {
    context: &'a str,
    sender: Option<Sender<'a>>,
    op_code: i64,
    payload: &'a [u8],
    reliable: bool,
}

impl<'a> Relayed<'a> {
    fn read(body: &'a [u8], last_field: u32) -> Option<Self> {
        let mut read = Self::default();
        Fields(body).each_once(last_field, |number, value| {
            match (number, value) {
                (1, Value::Bytes(bytes)) => read.context = str::from_utf8(bytes).ok()?,
                (2, Value::Bytes(bytes)) => read.sender = Some(Sender::read(bytes)?),
                (3, Value::Varint(value)) => read.op_code = value.cast_signed(),
                (4, Value::Bytes(bytes)) => read.payload = bytes,
                (5, Value::Varint(value)) => read.reliable = value != 0,
                _ => return None,
            }
            Some(())
        })?;
        Some(read)
    }
}

fn usual_stream_data(frame: &Bytes, body: &[u8], decoder: &mut Decoder) -> Option<Decoded> {
    let (mut mode, mut texts) = (0, [""; 3]);
    let (mut sender, mut data, mut reliable) = (None, "", false);
    Fields(body).each_once(4, |number, value| {
        match (number, value) {
            (1, Value::Bytes(stream)) => Fields(stream).each_once(4, |number, value| {
                match (number, value) {
                    (1, Value::Varint(value)) => mode = value as i32, // as protobuf does: the lower half
                    (2..=4, Value::Bytes(text)) => {
                        texts[number as usize - 2] = str::from_utf8(text).ok()?
                    }
                    _ => return None,
                }
                Some(())
            })?,
            (2, Value::Bytes(bytes)) => sender = Some(Sender::read(bytes)?),
            (3, Value::Bytes(text)) => data = str::from_utf8(text).ok()?,
            (4, Value::Varint(value)) => reliable = value != 0,
            _ => return None,
        }
        Some(())
    })?;
    let [subject, subcontext, label] = texts;
    let interner = &mut decoder.interner;
    Some(Decoded::StreamData(StreamData {
        stream: StreamInfo {
            mode,
            subject: interner.id(subject),
            subcontext: interner.id(subcontext),
            label: interner.text(label),
        },
        sender: sender.map(|sender| sender.intern(&mut decoder.interner)),
        data: decoder.payload(frame, data.as_bytes()),
        reliable,
    }))
}

/// The first three fields of `UserPresence`. Data messages carry no others; one that does is left to prost.
#[derive(Default)]
struct Sender<'a> {
    user_id: &'a str,
    session_id: &'a str,
    username: &'a str,
}

impl<'a> Sender<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut texts = [""; 3];
        Fields(body).each_once(3, |number, value| {
            let Value::Bytes(bytes) = value else {
                return None;
            };
            texts[number as usize - 1] = str::from_utf8(bytes).ok()?;
            Some(())
        })?;
        let [user_id, session_id, username] = texts;
        Some(Self {
            user_id,
            session_id,
            username,
        })
    }

    fn intern(self, interner: &mut Interner) -> Arc<PresenceInfo> {
        interner.presence(self.user_id, self.session_id, self.username)
    }
}

enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

/// What is left of a message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Hands every field to `read`. `None` if a number is above `last`, comes twice, or `read` says so.
    fn each_once(
        mut self,
        last: u32,
        mut read: impl FnMut(u32, Value<'a>) -> Option<()>,
    ) -> Option<()> {
        let mut seen = 0_u32;
        while !self.0.is_empty() {
            let (number, value) = self.next()?;
            if number > last || seen & (1 << number) != 0 {
                return None;
            }
            seen |= 1 << number;
            read(number, value)?;
        }
        Some(())
    }

    fn next(&mut self) -> Option<(u32, Value<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3)
            .ok()
            .filter(|number| (1..1 << 29).contains(number))?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(len)?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            _ => return None,
        };
        Some((number, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let (&first, rest) = self.0.split_first()?;
        if first < 0x80 {
            self.0 = rest;
            return Some(first.into());
        }
        prost::encoding::decode_varint(&mut self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    fn match_data(payload: &[u8]) -> Bytes {
        let data = realtime::MatchData {
            match_id: "m".into(),
            op_code: 1,
            data: Bytes::copy_from_slice(payload),
            ..Default::default()
        };
        Envelope {
            cid: String::new(),
            message: Some(Message::MatchData(data)),
        }
        .encode_to_vec()
        .into()
    }

    fn payload_of(frame: &Bytes) -> Bytes {
        match decode(frame, &mut Decoder::default()) {
            Ok(Decoded::MatchData(data)) => data.data,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_large_payload_is_a_slice_of_its_frame() {
        let frame = match_data(&[7; SLICE_FROM]);
        let payload = payload_of(&frame);
        assert!(frame.as_ptr_range().contains(&payload.as_ptr()));
    }

    #[test]
    fn small_payloads_share_memory_and_stay_what_they_are() {
        let mut decoder = Decoder::default();
        let payloads: Vec<_> = (0..200_u8)
            .map(|n| match decode(&match_data(&[n; 100]), &mut decoder) {
                Ok(Decoded::MatchData(data)) => data.data,
                other => panic!("{other:?}"),
            })
            .collect();
        for (n, payload) in payloads.iter().enumerate() {
            assert_eq!(payload[..], [n as u8; 100]);
        }
    }

    #[test]
    fn a_small_payload_does_not_pin_its_frame() {
        let frame = match_data(&[7; SLICE_FROM - 1]);
        let payload = payload_of(&frame);
        assert!(!frame.as_ptr_range().contains(&payload.as_ptr()));
        assert!(frame.is_unique(), "nobody else holds the frame");
    }
}
