//! What is not the address of a server says why.

use super::*;
use crate::common::log::Log;
use bevy_nakama::testing::{TestGame, session_of};

/// The error of a login with this address. A connection ends with the same text. Neither uses a network.
fn at(address: &str) -> String {
    let server = NakamaServer::new(address, "defaultkey");
    let mut game = TestGame::new();
    let seen = Log::default();
    let log = seen.clone();
    game.observe(move |reply: On<Replied<LogIn>>| {
        let error = reply.result.as_ref().expect_err("no server");
        assert!(matches!(error, RequestError::BadAddress(_)), "{error:?}");
        log.add(text(error));
    });
    let log = seen.clone();
    game.observe(move |gone: On<Disconnected>| {
        assert!(matches!(gone.reason, DisconnectReason::BadAddress(_)));
        log.add(text(&gone.reason));
    });
    game.commands(|commands| {
        let login = Login::device("device-of-ada");
        commands.nakama().log_in(&server, login);
        let session = session_of("ada");
        commands.nakama().use_session(&server, session.clone());
        commands.nakama().connect();
    });
    game.update();
    game.update();
    assert!(game.rest_calls().is_empty());
    let mut seen = seen.take();
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.remove(0)
}

#[test]
fn addresses_that_are_none() {
    let begin = "it should begin with http:// or https://";
    let port = "its port is not a number from 1 to 65535";
    for (address, shown, problem) in [
        ("", "", "it is empty"),
        (" \n", "", "it is empty"),
        ("127.0.0.1:7350", "127.0.0.1:7350", begin),
        ("localhost:7350", "localhost:7350", begin),
        ("nakama.example.com", "nakama.example.com", begin),
        ("ftp://host", "ftp://host", begin),
        (
            "ws://127.0.0.1:7350",
            "ws://127.0.0.1:7350",
            "it should begin with http:// instead of ws://",
        ),
        (
            "wss://nakama.example.com",
            "wss://nakama.example.com",
            "it should begin with https:// instead of wss://",
        ),
        ("http://host:99999", "http://host:99999", port),
        ("http://host:0", "http://host:0", port),
        ("http://host:port", "http://host:port", port),
        (
            "http://my host:7350",
            "http://my host:7350",
            "it contains a space",
        ),
        (
            "http://my\n\u{1b}[31mhost",
            r"http://my\n\u{1b}[31mhost",
            "it contains a space",
        ),
        ("http://", "http://", "it is not a URL"),
        (
            "http://ada:secret@host",
            "<redacted>",
            "it should not contain a user name or password",
        ),
        (
            "http://host/?key=secret",
            "<redacted>",
            "it should not have a query",
        ),
    ] {
        let expected = format!("`{shown}` is not the address of a server: {problem}");
        assert_eq!(at(address), expected, "{address:?}");
    }
}
