//! Why a connection ended.

use std::time::Duration;

use super::*;
use bevy_nakama::connection::{ProtocolError, TransportError};

#[test]
fn ends_of_connections() {
    let seconds = Duration::from_secs_f64;
    for (reason, expected) in [
        (DisconnectReason::Requested, "the game disconnected"),
        (
            DisconnectReason::Refused {
                status: 502,
                message: "a\nb\u{1b}[31m".into(),
            },
            "the server refused the socket with 502: a b [31m",
        ),
        (
            DisconnectReason::Lost(TransportError::Eof),
            "the connection was lost: the server hung up",
        ),
        (
            DisconnectReason::Lost(std::io::Error::other("cable cut").into()),
            "the connection was lost: cable cut",
        ),
        (
            DisconnectReason::Silent {
                silence: seconds(16.04),
            },
            "the server was silent for 16.0 s",
        ),
        (
            DisconnectReason::Protocol(ProtocolError::TextFrame),
            "the server broke the protocol: a text frame on a binary socket",
        ),
        (
            DisconnectReason::ClosedByServer {
                code: Some(1000),
                reason: "error processing message".into(),
            },
            "the server closed the socket (1000: error processing message)",
        ),
        (
            DisconnectReason::ClosedByServer {
                code: None,
                reason: String::new(),
            },
            "the server closed the socket without a word",
        ),
        (
            DisconnectReason::OutgoingQueueFull,
            "too much came at once: the server's queue for this client was full (others sent a burst, this game asked for too much, or \
             its line stood still); `socket.outgoing_queue_size` of the server is its size",
        ),
        (
            DisconnectReason::Replaced,
            "replaced by a newer socket of the same account",
        ),
        (DisconnectReason::Banned, "the account is banned"),
        (
            DisconnectReason::Overflow { bytes: 7 },
            "7 bytes were waiting for the game",
        ),
        (
            DisconnectReason::NetworkThread,
            "the network thread is not running",
        ),
    ] {
        assert_eq!(text(&reason), expected);
    }
}
