//! Frames that nobody should send: what is checked of each, by the tests and by the fuzzer in `fuzz/`.

#![allow(clippy::expect_used, reason = "what must not be is a panic")]

use bytes::Bytes;
use prost::{DecodeError, Message as _};

use super::wire::{
    decode::{self, Decoded, Decoder, MatchData, PartyData, StreamData, decode},
    interner::Interner,
    received::Received,
};
use crate::proto::{self, Envelope, Message, PartyLayout, UserPresence};

/// The frames of one connection: each is read, or refused, as prost does it, whatever came before it.
pub(crate) fn read_as_prost_does(frames: &[Bytes]) {
    let mut decoder = Decoder::default();
    for frame in frames {
        assert_same(frame, &mut decoder);
    }
}

/// What must hold for a frame.
pub(crate) fn assert_same(frame: &Bytes, decoder: &mut Decoder) {
    let ours = decode(frame, decoder);
    match (&ours, by_prost(frame)) {
        (Ok(ours), Ok(prosts)) => {
            // As texts, because not every number equals itself.
            assert!(
                *ours == prosts || format!("{ours:?}") == format!("{prosts:?}"),
                "ours: {ours:?}, prost: {prosts:?}"
            );
        }
        (Err(_), Err(_)) => {}
        // The two layouts of `Party` are the one thing that prost alone cannot read.
        (
            Ok(Decoded::Envelope(Envelope {
                message: Some(Message::Party(_)),
                ..
            })),
            Err(_),
        ) => {}
        (ours, prosts) => panic!("ours: {ours:?}, prost: {prosts:?}"),
    }
    if let Ok(Decoded::Envelope(envelope)) = ours {
        assert_whole(&envelope, &mut decoder.interner);
    }
}

/// An envelope has a text, comes back from its own bytes, and knows who is in it.
fn assert_whole(envelope: &Envelope, interner: &mut Interner) {
    // A text may be impossible (a day that no calendar has), but asking for it is not.
    let _ = serde_json::to_string(envelope);
    for layout in [PartyLayout::Current, PartyLayout::Before3_28] {
        let frame = proto::encode(envelope, layout);
        let again = proto::decode(frame).expect("our own bytes");
        let mut expected = envelope.clone();
        if let (PartyLayout::Before3_28, Some(Message::Party(party))) =
            (layout, &mut expected.message)
        {
            // Without a message in field 4, a frame of the old layout does not show its age.
            if party.self_.is_none() {
                continue;
            }
            party.hidden = false;
            party.label.clear();
        }
        assert_eq!(format!("{again:?}"), format!("{expected:?}"));
    }
    if let Some(message) = envelope.message.clone() {
        let _ = Received::new(message, interner);
    }
}

/// What prost makes of a frame, in the terms of the decoder.
fn by_prost(frame: &Bytes) -> Result<Decoded, DecodeError> {
    let mut interner = Interner::default();
    let envelope = Envelope::decode(frame.clone())?;
    let sender = |presence: &Option<UserPresence>, interner: &mut Interner| {
        presence
            .as_ref()
            .map(|presence| interner.presence_of(presence))
    };
    Ok(match &envelope.message {
        _ if !envelope.cid.is_empty() => Decoded::Envelope(envelope),
        Some(Message::MatchData(data)) => Decoded::MatchData(MatchData {
            match_id: data.match_id.as_str().into(),
            sender: sender(&data.presence, &mut interner),
            op_code: data.op_code,
            data: data.data.clone(),
            reliable: data.reliable,
        }),
        Some(Message::PartyData(data)) => Decoded::PartyData(PartyData {
            party_id: data.party_id.as_str().into(),
            sender: sender(&data.presence, &mut interner),
            op_code: data.op_code,
            data: data.data.clone(),
        }),
        Some(Message::StreamData(data)) => Decoded::StreamData(StreamData {
            stream: decode::stream(&data.stream.clone().unwrap_or_default(), &mut interner),
            sender: sender(&data.sender, &mut interner),
            data: data.data.clone().into(),
            reliable: data.reliable,
        }),
        _ => Decoded::Envelope(envelope),
    })
}

#[cfg(test)]
#[path = "../../tests/suite/hostile/mutations.rs"]
mod mutations;

#[cfg(test)]
#[path = "../../tests/common/transcripts.rs"]
#[allow(dead_code, reason = "only the frames are read here")]
#[allow(
    clippy::duplicate_mod,
    reason = "the embedded server's tests read the recordings, too, and share nothing with this layer"
)]
mod transcripts;

#[cfg(test)]
mod tests {
    use super::{mutations::Mutator, transcripts::received, *};

    #[test]
    fn recorded_frames_are_read_as_prost_reads_them() {
        let connections = received();
        let frames: usize = connections.iter().map(Vec::len).sum();
        connections
            .iter()
            .for_each(|frames| read_as_prost_does(frames));
        println!("{frames} frames of {} connections", connections.len());
        assert!(frames > 1_000, "only {frames} frames were found");
    }

    #[test]
    fn damaged_frames_are_read_or_refused_as_prost_does() {
        let frames: Vec<Bytes> = received().into_iter().flatten().collect();
        let mut mutator = Mutator::new(1);
        let mut decoder = Decoder::default();
        let mut refused = 0;
        for _ in 0..MUTATIONS {
            let frame = Bytes::from(mutator.mutate(&frames));
            refused += u32::from(proto::decode(frame.clone()).is_err());
            assert_same(&frame, &mut decoder);
        }
        println!("{MUTATIONS} frames, of which {refused} were refused");
        // Damage that is always noticed, or never, would test one path only.
        assert!((MUTATIONS / 10..MUTATIONS * 9 / 10).contains(&refused));
    }

    const MUTATIONS: u32 = 80_000;
}
