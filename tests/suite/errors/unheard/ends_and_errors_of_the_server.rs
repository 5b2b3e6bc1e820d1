//! The end of a connection, and an error that belongs to no request, are told if the game does not observe them.

use super::*;
use crate::common::log::warnings;
use bevy_nakama::proto::{Message, realtime};

#[test]
fn an_end_that_nobody_observes_is_told_once() {
    let mut game = listening();
    game.connection_ends();
    for _ in 0..3 {
        game.update();
    }
    let seen = warnings();
    let [warning] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    let head = "the connection ended, and the game does not observe `Disconnected`: ";
    assert!(warning.starts_with(head), "{warning}");
    assert!(warning.len() > head.len(), "{warning}");
}

#[test]
fn an_end_that_is_observed_or_asked_for_is_not_told() {
    let mut game = listening();
    game.observe(|_: On<Disconnected>| {});
    game.connection_ends();
    game.update();
    assert_eq!(warnings(), [""; 0], "observed");

    let mut game = listening();
    game.commands(|commands| commands.nakama().disconnect());
    game.advance(FRAME * 3);
    assert_eq!(warnings(), [""; 0], "asked for");

    let mut game = listening();
    game.connect();
    assert_eq!(warnings(), [""; 0], "replaced");
}

#[test]
fn an_error_that_belongs_to_no_request_is_told() {
    let mut game = listening();
    let mut say = |code, times| {
        for _ in 0..times {
            game.server_says(Message::Error(realtime::Error {
                code,
                message: "something is wrong".into(),
                ..Default::default()
            }));
        }
        game.update();
    };
    say(3, 5);
    let told = "the server sent an error that belongs to no request, and the game does not observe `UnsolicitedError`: \
        something is wrong (bad input)";
    assert_eq!(warnings(), [told], "a server may send any number");
    say(0, 1);
    assert_eq!(warnings().len(), 1, "another code");
    for code in 100..10_000 {
        say(code, 1);
    }
    assert!(warnings().len() < 100, "it never fills the log");
}
