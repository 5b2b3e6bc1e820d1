//! However a server ends a connection, the game learns how.

use std::{
    io::Write as _,
    sync::mpsc::channel,
    time::{Duration, Instant},
};

use super::phases;
use crate::common::{game::Game, scripted::websocket_server};
use bevy_nakama::{prelude::*, proto};
use bytes::Bytes;
use tungstenite::Message;

#[test]
fn a_garbage_frame() {
    let seen = phases(
        &websocket_server(|mut socket| {
            let _ = socket.send(Message::Binary(Bytes::from_static(&[0xff; 9])));
            let _ = socket.read();
        }),
        2,
    );
    assert_eq!(seen[0], "connected");
    assert!(
        seen[1].starts_with("the server broke the protocol: a frame is not an envelope"),
        "{seen:?}"
    );
}

#[test]
fn a_text_frame() {
    let seen = phases(
        &websocket_server(|mut socket| {
            let _ = socket.send(Message::text("{}"));
            let _ = socket.read();
        }),
        2,
    );
    assert_eq!(
        seen,
        [
            "connected",
            "the server broke the protocol: a text frame on a binary socket"
        ]
    );
}

#[test]
fn bytes_that_are_no_websocket_frame() {
    let seen = phases(
        &websocket_server(|mut socket| {
            let _ = socket.get_mut().write_all(&[0xff; 64]);
            let _ = socket.read();
        }),
        2,
    );
    assert_eq!(
        seen[1],
        "the server broke the protocol: a frame of a kind that does not exist"
    );
}

#[test]
fn a_close_with_a_code_and_words() {
    let seen = phases(
        &websocket_server(|mut socket| {
            let frame = tungstenite::protocol::CloseFrame {
                code: 1000.into(),
                reason: "error processing message".into(),
            };
            let _ = socket.close(Some(frame));
            while socket.read().is_ok() {}
        }),
        2,
    );
    assert_eq!(
        seen,
        [
            "connected",
            "the server closed the socket (1000: error processing message)"
        ]
    );
}

#[test]
fn an_empty_close() {
    let seen = phases(
        &websocket_server(|mut socket| {
            let _ = socket.close(None);
            while socket.read().is_ok() {}
        }),
        2,
    );
    assert_eq!(
        seen,
        ["connected", "the server closed the socket without a word"]
    );
}

/// Nakama goes on to hold the line for 2 to 10 s.
#[test]
fn scenario_2_a_close_is_the_end_although_the_line_goes_on() {
    let (said, when) = channel();
    let (over, hold) = channel::<()>();
    let mut game = Game::new();
    game.connect_without_healing(&websocket_server(move |mut socket| {
        let _ = socket.close(None);
        let _ = said.send(Instant::now());
        let _ = hold.recv(); // the line goes on until the test is over
    }));
    assert_eq!(game.next_phase(), "connected");
    let end = game.next_phase();
    assert_eq!(end, "the server closed the socket without a word");
    let noticed = when.recv().expect("it has said so").elapsed();
    assert!(noticed < Duration::from_secs(2), "after {noticed:?}");
    drop(over);
}

#[test]
fn an_end_without_a_close() {
    let seen = phases(&websocket_server(drop), 2);
    assert_eq!(seen[0], "connected");
    assert!(seen[1].starts_with("the connection was lost"), "{seen:?}");
}

#[test]
fn a_bare_reset() {
    let server = websocket_server(|socket| {
        // Closing with something unread resets the connection.
        let mut byte = [0];
        let _ = socket.get_ref().peek(&mut byte);
        drop(socket);
    });
    let mut game = Game::new();
    game.connect_without_healing(&server);
    assert_eq!(game.next_phase(), "connected");
    let message = proto::Message::StatusFollow(proto::realtime::StatusFollow::default());
    game.commands(|commands| commands.nakama().send_raw(message).id());
    let seen = game.next_phase();
    assert!(seen.starts_with("the connection was lost: "), "{seen}");
}
