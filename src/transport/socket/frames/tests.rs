use std::collections::VecDeque;

use proptest::prelude::*;
use tungstenite::{
    Message, WebSocket,
    protocol::{CloseFrame, Role, frame::Frame},
};

use super::*;

/// A stream whose other end is the test. What it holds arrives in pieces; in between there is nothing.
#[derive(Default)]
struct Wire {
    arriving: VecDeque<Vec<u8>>,
    sent: Vec<u8>,
    /// How much it takes before it is full.
    room: usize,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.arriving.pop_front().unwrap_or_default();
        if piece.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        if count < piece.len() {
            self.arriving.push_front(piece[count..].to_vec());
        }
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room);
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.room -= count;
        self.sent.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const LIMIT: usize = 100_000;

fn frames(arriving: impl IntoIterator<Item = Vec<u8>>) -> Frames<Wire> {
    let wire = Wire {
        arriving: arriving.into_iter().collect(),
        room: usize::MAX,
        ..Wire::default()
    };
    Frames::new(wire, &[], LIMIT, || [1, 2, 3, 4])
}

/// Everything that arrives, until there is no more or it is an error.
fn read_all(frames: &mut Frames<Wire>) -> (Vec<SocketMessage>, Option<FrameError>) {
    let mut arrived = Vec::new();
    loop {
        match frames.read() {
            Ok(Some(one)) => arrived.push(one),
            Ok(None) if frames.has_more() => frames.begin_turn(),
            Ok(None) if frames.stream.arriving.is_empty() => return (arrived, None),
            Ok(None) => {}
            Err(error) => return (arrived, Some(error)),
        }
    }
}

fn written(frame: Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.format(&mut bytes).expect("a `Vec` takes everything");
    bytes
}

/// What a server of tungstenite's reads of what was sent.
fn read_by_a_server(frames: Frames<Wire>) -> Vec<Message> {
    let wire = Wire {
        arriving: [frames.stream.sent].into(),
        room: usize::MAX,
        ..Wire::default()
    };
    let mut server = WebSocket::from_raw_socket(wire, Role::Server, None);
    std::iter::from_fn(|| server.read().ok()).collect()
}

/// A message of a server, whole or in pieces, and what it is to the client.
fn message() -> impl Strategy<Value = (Vec<u8>, SocketMessage)> {
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        (100_usize..70_000).prop_map(|size| vec![7; size]),
    ];
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let control = prop::option::of(prop::collection::vec(any::<u8>(), 0..=MAX_CONTROL));
    (payload, cuts).prop_flat_map(move |(payload, cuts)| {
        let (payload, cuts) = (payload, cuts);
        control.clone().prop_map(move |control| {
            let Some(ping) = control.filter(|_| cuts.is_empty()) else {
                return (
                    in_pieces(&payload, &cuts),
                    SocketMessage::Binary(payload.clone().into()),
                );
            };
            (written(Frame::ping(ping)), SocketMessage::Ping)
        })
    })
}

fn in_pieces(payload: &[u8], cuts: &[prop::sample::Index]) -> Vec<u8> {
    let mut ends: Vec<_> = cuts
        .iter()
        .map(|cut| cut.index(payload.len() + 1))
        .collect();
    ends.sort_unstable();
    ends.push(payload.len());
    let mut bytes = Vec::new();
    let mut begin = 0;
    for (index, end) in ends.iter().enumerate() {
        let data = if index == 0 {
            Data::Binary
        } else {
            Data::Continue
        };
        let piece = payload[begin..*end].to_vec();
        let is_last = index + 1 == ends.len();
        bytes.extend(written(Frame::message(piece, OpCode::Data(data), is_last)));
        begin = *end;
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_arrive_whole_however_they_are_cut(
        messages in prop::collection::vec(message(), 0..6), size in 1_usize..40_000, is_slow in any::<bool>(),
    ) {
        let (bytes, expected): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        let bytes = bytes.concat();
        let mut pieces: Vec<_> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
        if is_slow {
            // Nothing is there between the pieces.
            pieces = pieces.into_iter().flat_map(|piece| [Vec::new(), piece]).collect();
        }
        let (arrived, error) = read_all(&mut frames(pieces));
        prop_assert!(error.is_none(), "{:?}", error);
        prop_assert_eq!(arrived, expected);
    }

    #[test]
    fn noise_ends_in_an_error_or_in_messages(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let (arrived, _) = read_all(&mut frames([noise.clone()]));
        prop_assert!(arrived.len() <= noise.len() / 2);
    }

    #[test]
    fn a_server_reads_what_is_written(sizes in prop::collection::vec(0_usize..70_000, 0..5), room in 1_usize..5_000) {
        let mut client = frames([]);
        for size in &sizes {
            client.write(&vec![9; *size]);
        }
        client.stream.room = 0;
        for _ in 0..400_000 / room {
            client.stream.room = room;
            if client.flush() {
                break;
            }
        }
        let expected: Vec<_> = sizes.iter().map(|size| Message::binary(vec![9; *size])).collect();
        prop_assert_eq!(read_by_a_server(client), expected);
    }
}

#[test]
fn a_ping_is_answered_once_there_is_room_and_only_the_newest_is() {
    let pings = ["one", "two"].map(|text| written(Frame::ping(text.as_bytes().to_vec())));
    let mut client = frames([pings.concat()]);
    client.stream.room = 0;
    assert_eq!(
        read_all(&mut client).0,
        [SocketMessage::Ping, SocketMessage::Ping]
    );
    client.write(b"before");
    assert!(!client.flush(), "it is full");
    client.stream.room = usize::MAX;
    assert!(client.flush(), "there is room");
    let pong = Message::Pong(Bytes::from_static(b"two"));
    assert_eq!(
        read_by_a_server(client),
        [Message::binary(&b"before"[..]), pong]
    );
}

#[test]
fn a_close_is_echoed_once() {
    let frame = CloseFrame {
        code: 1000.into(),
        reason: "bye".into(),
    };
    let mut client = frames([written(Frame::close(Some(frame)))]);
    let words = Some((1000, "bye".to_owned()));
    assert_eq!(read_all(&mut client).0, [SocketMessage::Close(words)]);
    client.close(Some(1000));
    assert!(client.flush(), "there is room");
    let sent = read_by_a_server(client);
    assert!(
        matches!(&sent[..], [Message::Close(Some(frame))] if u16::from(frame.code) == 1000),
        "{sent:?}"
    );
}

#[test]
fn what_a_server_may_not_send_is_refused() {
    let head = |first: u8, second: u8| vec![first, second, 0, 0, 0, 0];
    let mut endless = vec![0x82, 127];
    endless.extend([0xff; 8]);
    let mut too_large = vec![0x82, 127];
    too_large.extend((LIMIT as u64 + 1).to_be_bytes());
    let whole = written(Frame::message(
        vec![0; LIMIT],
        OpCode::Data(Data::Binary),
        false,
    ));
    for (bytes, problem) in [
        (head(0xc2, 0), "an extension that was not asked for"),
        (head(0x82, 0x80), "a masked frame from a server"),
        (head(0x83, 0), "a frame of a kind that does not exist"),
        (head(0x09, 0), "a control frame in pieces"),
        (vec![0x89, 126, 0, 126], "a control frame that is too large"),
        (head(0x80, 0), "the end of a message without a begin"),
        (endless, "a message that is too large"),
        (too_large, "a message that is too large"),
        (
            [whole, vec![0x00, 1, 7]].concat(),
            "a message that is too large",
        ),
        (
            [&[0x02, 0][..], &[0x00, 0].repeat(MAX_PIECES)].concat(),
            "a message in too many pieces",
        ),
        (vec![0x02, 0, 0x82, 0], "a message within another"),
        (vec![0x88, 1, 3], "a close frame with half a code"),
        (
            vec![0x88, 3, 3, 232, 0xff],
            "a close frame with words that are not UTF-8",
        ),
    ] {
        match read_all(&mut frames([bytes])) {
            (arrived, Some(FrameError::Protocol(said))) => {
                assert_eq!((arrived.len(), said), (0, problem));
            }
            other => panic!("{problem}: {other:?}"),
        }
    }
}

#[test]
fn the_end_of_the_stream_is_told() {
    struct Ended;
    impl Read for Ended {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
    }
    impl Write for Ended {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut client = Frames::new(Ended, &[], LIMIT, || [0; 4]);
    assert!(matches!(
        client.read(),
        Err(FrameError::Io(error)) if error.kind() == ErrorKind::UnexpectedEof
    ));
    client.write(b"x");
    assert!(!client.flush());
    assert!(client.is_broken());
}

#[test]
fn what_arrived_before_nothing_more_could_be_written_is_read_before_that_is_told() {
    struct Broken(Wire);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let message = written(Frame::message(
        b"before".to_vec(),
        OpCode::Data(Data::Binary),
        true,
    ));
    let wire = Wire {
        arriving: [message].into(),
        ..Wire::default()
    };
    let mut client = Frames::new(Broken(wire), &[], LIMIT, || [0; 4]);
    client.write(b"x");
    assert!(!client.flush());
    let before = SocketMessage::Binary(Bytes::from_static(b"before"));
    assert_eq!(client.read().expect("a message"), Some(before));
    assert!(matches!(
        client.read(),
        Err(FrameError::Io(error)) if error.kind() == ErrorKind::BrokenPipe
    ));
}

#[test]
fn a_turn_reads_its_share_and_leaves_the_rest_to_the_next() {
    // A message in pieces without anything in them, as many as it may have.
    let piece = |data, is_last| written(Frame::message(Vec::new(), OpCode::Data(data), is_last));
    let first = piece(Data::Binary, false);
    let others = piece(Data::Continue, false).repeat(MAX_PIECES - 1);
    let last = piece(Data::Continue, true);
    let mut client = frames([[first, others, last].concat()]);
    let mut turns = 1;
    let arrived = loop {
        match client.read().expect("no error") {
            Some(arrived) => break arrived,
            None => {
                assert!(client.has_more());
                client.begin_turn();
                turns += 1;
            }
        }
    };
    assert_eq!(arrived, SocketMessage::Binary(Bytes::new()));
    assert_eq!(turns, (MAX_PIECES + 1).div_ceil(FRAMES_PER_TURN));

    // One large message.
    let large = written(Frame::message(
        vec![7; LIMIT],
        OpCode::Data(Data::Binary),
        true,
    ));
    let mut client = frames(large.chunks(100).map(<[u8]>::to_vec));
    assert_eq!(client.read().expect("no error"), None);
    assert!(client.has_more());
    let left: usize = client.stream.arriving.iter().map(Vec::len).sum();
    assert_eq!(large.len() - left, READS_PER_TURN * 100);
}
