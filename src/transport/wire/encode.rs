//! Outgoing data messages, written without building the protobuf type first. They are what a game sends all the time.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::ids::{MatchId, PresenceInfo};
use crate::proto::Kind;

/// Data for a match, on its way out. Becomes `MatchDataSend`.
#[derive(Clone, Debug)]
pub(crate) struct OutgoingMatchData {
    /// Where to.
    pub(crate) match_id: MatchId,
    /// What it means is up to the game.
    pub(crate) op_code: i64,
    /// The payload.
    pub(crate) data: Bytes,
    /// For whom; empty is everybody else in the match.
    pub(crate) receivers: Vec<Arc<PresenceInfo>>,
    /// Passed on to the receivers as it is.
    pub(crate) reliable: bool,
}

impl OutgoingMatchData {
    /// The size of the whole envelope, in bytes.
    pub(crate) fn encoded_len(&self) -> usize {
        length_delimited_len(Kind::MatchDataSend.number(), self.body_len())
    }

    /// The whole envelope.
    pub(crate) fn encode(&self) -> Bytes {
        let mut frame = BytesMut::with_capacity(self.encoded_len());
        encode_key(
            Kind::MatchDataSend.number(),
            WireType::LengthDelimited,
            &mut frame,
        );
        encode_varint(self.body_len() as u64, &mut frame);
        put_bytes(1, self.match_id.as_str().as_bytes(), &mut frame);
        put_varint(2, self.op_code.cast_unsigned(), &mut frame);
        put_bytes(3, &self.data, &mut frame);
        for receiver in &self.receivers {
            encode_key(4, WireType::LengthDelimited, &mut frame);
            encode_varint(presence_len(receiver) as u64, &mut frame);
            put_bytes(1, receiver.user_id.as_str().as_bytes(), &mut frame);
            put_bytes(2, receiver.session_id.as_str().as_bytes(), &mut frame);
            put_bytes(3, receiver.username.as_str().as_bytes(), &mut frame);
        }
        put_varint(5, self.reliable.into(), &mut frame);
        frame.freeze()
    }

    fn body_len(&self) -> usize {
        let receivers = self
            .receivers
            .iter()
            .map(|receiver| length_delimited_len(4, presence_len(receiver)));
        bytes_len(1, self.match_id.as_str().len())
            + varint_len(2, self.op_code.cast_unsigned())
            + bytes_len(3, self.data.len())
            + receivers.sum::<usize>()
            + varint_len(5, self.reliable.into())
    }
}

fn presence_len(presence: &PresenceInfo) -> usize {
    bytes_len(1, presence.user_id.as_str().len())
        + bytes_len(2, presence.session_id.as_str().len())
        + bytes_len(3, presence.username.as_str().len())
}

// Fields with their default value are not written, as proto3 has it.

fn bytes_len(number: u32, len: usize) -> usize {
    if len == 0 {
        0
    } else {
        length_delimited_len(number, len)
    }
}

fn length_delimited_len(number: u32, len: usize) -> usize {
    key_len(number) + encoded_len_varint(len as u64) + len
}

fn varint_len(number: u32, value: u64) -> usize {
    if value == 0 {
        0
    } else {
        key_len(number) + encoded_len_varint(value)
    }
}

fn put_bytes(number: u32, bytes: &[u8], frame: &mut BytesMut) {
    if !bytes.is_empty() {
        encode_key(number, WireType::LengthDelimited, frame);
        encode_varint(bytes.len() as u64, frame);
        frame.put_slice(bytes);
    }
}

fn put_varint(number: u32, value: u64, frame: &mut BytesMut) {
    if value != 0 {
        encode_key(number, WireType::Varint, frame);
        encode_varint(value, frame);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::proto::{Envelope, Message, UserPresence, realtime};

    proptest! {
        #[test]
        fn the_bytes_are_those_that_prost_writes(
            match_id in "[a-z0-9.-]{0,40}",
            op_code in any::<i64>(),
            data in prop::collection::vec(any::<u8>(), 0..300),
            names in prop::collection::vec(".{0,4}", 0..4),
            reliable in any::<bool>(),
        ) {
            let receivers = names.iter().map(|name| PresenceInfo {
                user_id: format!("user of {name}").into(),
                session_id: "session".into(),
                username: name.as_str().into(),
            });
            let ours = OutgoingMatchData {
                match_id: match_id.as_str().into(),
                op_code,
                data: data.clone().into(),
                receivers: receivers.clone().map(Arc::new).collect(),
                reliable,
            };
            let presences = receivers.map(|receiver| UserPresence {
                user_id: receiver.user_id.to_string(),
                session_id: receiver.session_id.to_string(),
                username: receiver.username.to_string(),
                ..Default::default()
            });
            let prosts = Message::MatchDataSend(realtime::MatchDataSend {
                match_id,
                op_code,
                data: data.into(),
                presences: presences.collect(),
                reliable,
            });
            let prosts = Envelope { cid: String::new(), message: Some(prosts) }.encode_to_vec();
            prop_assert_eq!(ours.encoded_len(), prosts.len());
            prop_assert_eq!(ours.encode(), prosts);
        }
    }
}
