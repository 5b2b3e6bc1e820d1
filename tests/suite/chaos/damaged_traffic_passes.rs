//! Whatever passes, a rule that looks into it neither hangs nor changes what it cannot read.

use super::*;

/// Rules that look at everything, and find nothing.
fn watch(proxy: &ChaosProxy) {
    proxy.add(Rule::answer(Requests::to("/nowhere"), 500));
    for frames in [Frames::to_server(Kind::Rpc), Frames::to_client(Kind::Rpc)] {
        proxy.add(Rule::drop_frame(frames));
    }
}

#[test]
fn what_is_not_http_passes_at_once() {
    for text in [
        "hello",
        "\u{0}\u{1}\r\n\r\n",
        "GET / what is this\r\n\r\n",
        " ",
    ] {
        let (proxy, line) = Lines::one();
        watch(&proxy);
        say(&line.client, text);
        assert_eq!(hear(&line.server, text.len()), text);
        say(&line.server, text);
        assert_eq!(hear(&line.client, text.len()), text);
        say(&line.client, "again");
        assert_eq!(hear(&line.server, 5), "again");
    }
}

#[test]
fn a_head_without_an_end_passes_when_it_is_too_long_or_at_the_end() {
    let (proxy, line) = Lines::one();
    watch(&proxy);
    let long = format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(70_000));
    say(&line.client, &long);
    assert_eq!(hear(&line.server, long.len()), long);

    let (proxy, line) = Lines::one();
    watch(&proxy);
    say(&line.client, "GET / HT");
    drop(line.client);
    let mut heard = String::new();
    let mut server = line.server;
    server.read_to_string(&mut heard).expect("an end");
    assert_eq!(heard, "GET / HT");
}

#[test]
fn a_part_of_a_head_passes_when_the_rule_goes() {
    let (proxy, line) = Lines::one();
    watch(&proxy);
    say(&line.client, "GET / HT");
    wait_for_bytes(&proxy, Direction::ToServer, 8);
    proxy.clear();
    assert_eq!(hear(&line.server, 8), "GET / HT");
}

/// Frames that no peer should send: reserved bits and kinds, lengths beyond all bounds, a message in pieces, and bytes at random.
#[test]
fn what_is_no_frame_passes() {
    let huge = [&[0x82, 127][..], &[0xff; 8], b"abc"].concat();
    let in_pieces = b"\x02\x01a\x00\x01b\x80\x01c";
    let random: Vec<u8> = (0..2000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let frames = [
        &b"\xff\x01\x00"[..],
        b"\x83\x00",
        b"\xf2\x01a",
        &huge,
        in_pieces,
        b"\x88\x00\x82",
        &random,
    ];
    for bytes in frames {
        for direction in Direction::BOTH {
            let lines = Lines::new();
            let mut sockets = lines.socket();
            watch(&lines.proxy);
            let (speaker, listener) = sockets.ends(direction);
            let mut speaker: &TcpStream = speaker.get_ref();
            let mut listener: &TcpStream = listener.get_ref();
            speaker.write_all(bytes).expect("it is taken");
            speaker.shutdown(std::net::Shutdown::Write).expect("an end");
            let mut heard = Vec::new();
            listener.read_to_end(&mut heard).expect("an end");
            assert_eq!(heard, bytes);
        }
    }
}

/// Each byte by itself, so that every split of head, frame and mask happens.
#[test]
fn frames_that_come_byte_by_byte_are_seen() {
    for direction in Direction::BOTH {
        let lines = Lines::new();
        let mut sockets = lines.socket();
        let rule = Rule::drop_frame(match direction {
            Direction::ToServer => Frames::to_server(Kind::MatchData),
            Direction::ToClient => Frames::to_client(Kind::MatchData),
        });
        let rule = lines.proxy.add(rule.nth(2).once());
        let mut bytes = Vec::new();
        for text in ["first", "second", "third"] {
            let envelope = data(&text.repeat(40));
            bytes.push(0x82);
            match direction {
                Direction::ToServer => {
                    bytes.extend([0xfe, 0, envelope.len() as u8, 1, 2, 3, 4]);
                    let mask = [1, 2, 3, 4].into_iter().cycle();
                    bytes.extend(envelope.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
                }
                Direction::ToClient => {
                    bytes.extend([126, 0, envelope.len() as u8]);
                    bytes.extend(envelope);
                }
            }
        }
        let (speaker, listener) = sockets.ends(direction);
        let mut sent = lines.proxy.log().flow(direction).received;
        for byte in bytes {
            speaker.get_ref().write_all(&[byte]).expect("it is taken");
            sent += 1;
            wait_for_bytes(&lines.proxy, direction, sent);
        }
        assert_eq!(told(listener), "first".repeat(40));
        assert_eq!(told(listener), "third".repeat(40));
        assert_eq!(lines.proxy.log().acts(rule), 1);
    }
}

/// Megabytes of frames, with a rule that looks at each of them.
#[test]
fn a_flood_of_frames_passes_under_a_rule() {
    const COUNT: usize = 3000;
    let lines = Lines::new();
    let mut sockets = lines.socket();
    watch(&lines.proxy);
    let envelope = data(&"x".repeat(2000));
    let mut server = sockets.server;
    let sending = thread::spawn(move || {
        for _ in 0..COUNT {
            server
                .write(Message::Binary(envelope.clone()))
                .expect("it is taken");
        }
        server.flush().expect("it is taken");
        server
    });
    for _ in 0..COUNT {
        assert_eq!(told(&mut sockets.client).len(), 2000);
    }
    drop(sending.join().expect("it has sent all"));
}
