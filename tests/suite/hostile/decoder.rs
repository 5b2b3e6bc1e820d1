//! Frames that nobody should send, to the decoder: recorded ones, damaged ones, and noise.

use super::{
    as_prost_does::{self, read_as_prost_does},
    mutations::Mutator,
};
use crate::common::transcripts::received;
use bevy_nakama::{
    __testing::FrameReader,
    proto::{self, Envelope, Message, UserPresence, realtime},
};
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;

const MUTATIONS: u32 = 80_000;

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
    let mut reader = FrameReader::default();
    let mut refused = 0;
    for _ in 0..MUTATIONS {
        let frame = Bytes::from(mutator.mutate(&frames));
        refused += u32::from(proto::decode(frame.clone()).is_err());
        as_prost_does::assert_same(&frame, &mut reader);
    }
    println!("{MUTATIONS} frames, of which {refused} were refused");
    // Damage that is always noticed, or never, would test one path only.
    assert!((MUTATIONS / 10..MUTATIONS * 9 / 10).contains(&refused));
}

fn assert_same(frame: Vec<u8>) {
    as_prost_does::assert_same(&frame.into(), &mut FrameReader::default());
}

prop_compose! {
    fn user_presence()(
        user_id in "[a-z]{0,3}", session_id in "[a-z]{0,3}", username in ".{0,3}",
        persistence in any::<bool>(), status in prop::option::weighted(0.1, ".{0,2}"),
    ) -> UserPresence {
        UserPresence { user_id, session_id, username, persistence: persistence && status.is_some(), status }
    }
}

fn message() -> impl Strategy<Value = Message> {
    let payload = prop::collection::vec(any::<u8>(), 0..12).prop_map(Bytes::from);
    let sender = prop::option::of(user_presence()).boxed();
    let match_data = (
        "[a-z.]{0,4}",
        sender.clone(),
        any::<i64>(),
        payload.clone(),
        any::<bool>(),
    )
        .prop_map(|(match_id, presence, op_code, data, reliable)| {
            Message::MatchData(realtime::MatchData {
                match_id,
                presence,
                op_code,
                data,
                reliable,
            })
        });
    let party_data = ("[a-z.]{0,4}", sender.clone(), any::<i64>(), payload).prop_map(
        |(party_id, presence, op_code, data)| {
            Message::PartyData(realtime::PartyData {
                party_id,
                presence,
                op_code,
                data,
            })
        },
    );
    let stream = (any::<i32>(), "[a-z]{0,3}", "[a-z]{0,3}", ".{0,3}").prop_map(
        |(mode, subject, subcontext, label)| realtime::Stream {
            mode,
            subject,
            subcontext,
            label,
        },
    );
    let stream_data = (prop::option::of(stream), sender, ".{0,8}", any::<bool>()).prop_map(
        |(stream, sender, data, reliable)| {
            Message::StreamData(realtime::StreamData {
                stream,
                sender,
                data,
                reliable,
            })
        },
    );
    prop_oneof![match_data, party_data, stream_data]
}

proptest! {
    #[test]
    fn data_messages_are_read_as_prost_reads_them(message in message(), cid in "(|7)") {
        let frame = Envelope { cid, message: Some(message) }.encode_to_vec();
        assert_same(frame);
    }

    #[test]
    fn two_messages_in_a_frame_are_merged_as_prost_merges_them(one in message(), two in message()) {
        let mut frame = Envelope { cid: String::new(), message: Some(one) }.encode_to_vec();
        frame.extend(Envelope { cid: String::new(), message: Some(two) }.encode_to_vec());
        assert_same(frame);
    }

    #[test]
    fn a_damaged_frame_is_read_or_refused_as_prost_does(
        message in message(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut frame = Envelope { cid: String::new(), message: Some(message) }.encode_to_vec();
        let at = at.index(frame.len());
        frame[at] = byte;
        assert_same(frame.clone());
        frame.truncate(cut.index(frame.len() + 1));
        assert_same(frame);
    }

    #[test]
    fn noise_is_read_or_refused_as_prost_does(noise in prop::collection::vec(any::<u8>(), 0..64)) {
        assert_same(noise);
    }
}
