//! A client gets a close frame between two frames. Its connection stays open until it closes it, and the server is told at once.

use tungstenite::protocol::CloseFrame;

use super::*;

/// The close frame that comes next.
#[track_caller]
fn close_frame(end: &mut WebSocket<TcpStream>) -> Option<CloseFrame> {
    match end.read().expect("a close frame") {
        Message::Close(frame) => frame,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_close_frame_has_a_code_and_a_reason_or_is_empty() {
    for (rule, expected) in [
        (
            Rule::close(1000, "server shutdown"),
            Some((1000, "server shutdown")),
        ),
        (Rule::close(1001, ""), Some((1001, ""))),
        (Rule::close_without_code(), None),
    ] {
        let lines = Lines::new();
        let mut sockets = lines.socket();
        tell(&mut sockets.server, data("before"));
        assert_eq!(told(&mut sockets.client), "before");
        let rule = lines.proxy.add(rule);
        let frame = close_frame(&mut sockets.client);
        let words = frame.as_ref();
        let words = words.map(|frame| (u16::from(frame.code), frame.reason.as_str()));
        assert_eq!(words, expected);
        // The server sees the end, while the client's connection is still open.
        assert!(sockets.server.read().is_err());
        assert_eq!(lines.proxy.log().open_connections(), 1);
        assert_eq!(lines.proxy.log().acts(rule), 1);
        drop(sockets.client);
        wait(&lines.proxy, "the end", |log| log.open_connections() == 0);
    }
}

#[test]
fn a_connection_that_is_no_socket_is_left_alone() {
    let lines = Lines::new();
    let line = lines.open();
    let mut sockets = lines.socket();
    lines.proxy.add(Rule::close(1000, "x"));
    close_frame(&mut sockets.client);
    say(&line.client, "x");
    assert_eq!(hear(&line.server, 1), "x");
    assert_eq!(acts(&lines.proxy), [(2, "close 1000 \"x\"".to_owned())]);
}

#[test]
fn a_new_socket_is_closed_as_soon_as_it_is_open() {
    let lines = Lines::new();
    lines.proxy.add(Rule::close(1000, "x").once());
    let mut first = lines.socket();
    close_frame(&mut first.client);
    let mut second = lines.socket();
    tell(&mut second.server, data("x"));
    assert_eq!(told(&mut second.client), "x");
}

/// A frame of which the client has a part arrives before.
#[test]
fn a_close_frame_waits_for_the_end_of_a_frame() {
    let lines = Lines::new();
    let mut sockets = lines.socket();
    let envelope = data("whole");
    let mut frame = vec![0x82, envelope.len() as u8];
    frame.extend_from_slice(&envelope);
    let before = lines.proxy.log().flow(Direction::ToClient).received;
    let mut raw: &TcpStream = sockets.server.get_ref();
    raw.write_all(&frame[..5]).expect("it is taken");
    wait(&lines.proxy, "delivery", |log| {
        log.flow(Direction::ToClient).delivered == before + 5
    });
    let rule = lines.proxy.add(Rule::close(1000, "x"));
    wait_for_acts(&lines.proxy, rule, 1);
    raw.write_all(&frame[5..]).expect("it is taken");
    assert_eq!(told(&mut sockets.client), "whole");
    close_frame(&mut sockets.client);
}

/// The frame itself does not arrive.
#[test]
fn a_frame_closes_the_socket() {
    for direction in Direction::BOTH {
        let frames = match direction {
            Direction::ToServer => Frames::to_server(Kind::MatchData),
            Direction::ToClient => Frames::to_client(Kind::MatchData),
        };
        let lines = Lines::new();
        let mut sockets = lines.socket();
        lines.proxy.add(Rule::close(1000, "x").when(frames));
        tell(&mut sockets.server, ping());
        assert_eq!(told(&mut sockets.client), "ping");
        match direction {
            Direction::ToServer => tell(&mut sockets.client, data("x")),
            Direction::ToClient => tell(&mut sockets.server, data("x")),
        }
        close_frame(&mut sockets.client);
    }
}

#[test]
fn a_long_reason_is_cut_between_two_letters() {
    let lines = Lines::new();
    let mut sockets = lines.socket();
    lines.proxy.add(Rule::close(1000, "ü".repeat(100)));
    let frame = close_frame(&mut sockets.client).expect("a reason");
    assert_eq!(frame.reason.as_str(), "ü".repeat(61));
}
