//! Why a request failed.

use std::time::Duration;

use super::*;
use crate::common::log::Log;
use bevy_nakama::{
    error::{ErrorCode, RestError, ServerError},
    payload::PayloadError,
    testing::TestGame,
};

/// An error with a cause of its own.
#[derive(Debug)]
struct Deep(std::io::Error);

impl std::fmt::Display for Deep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("half a number")
    }
}

impl Error for Deep {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn requests_that_fail() {
    let payload = || PayloadError::new(Deep(std::io::Error::other("at byte 3")));
    let json = |text: &str| {
        let number: Result<u32, _> = serde_json::from_str(text);
        PayloadError::new(number.expect_err("it is not a number"))
    };
    let after = Duration::from_secs;
    for (error, expected) in [
        (
            RequestError::<ServerError>::Timeout {
                after: after(10),
                maybe_executed: true,
            },
            "no answer within 10.0 s",
        ),
        (
            RequestError::Timeout {
                after: Duration::from_millis(20),
                maybe_executed: false,
            },
            "it could not be sent within 20.0 ms",
        ),
        (RequestError::NotConnected, "not connected"),
        (
            RequestError::ConnectionLost {
                maybe_executed: true,
            },
            "the connection was lost before the answer",
        ),
        (
            RequestError::TooLarge {
                size: 5000,
                limit: 4096,
            },
            "5000 bytes are above the server's limit of 4096",
        ),
        (
            RequestError::Unencodable(payload()),
            "it cannot be encoded: half a number: at byte 3",
        ),
        (
            RequestError::Undecodable {
                text: "a secret".into(),
                error: payload(),
            },
            "what it returned cannot be decoded: half a number: at byte 3",
        ),
        (
            RequestError::Undecodable {
                text: r#""hunter2""#.into(),
                error: json(r#""hunter2""#),
            },
            "what it returned cannot be decoded: a value does not fit at line 1 column 9",
        ),
        (
            RequestError::Undecodable {
                text: r#""hunter2"#.into(),
                error: json(r#""hunter2"#),
            },
            "what it returned cannot be decoded: EOF while parsing a string at line 1 column 8",
        ),
        (
            RequestError::Unencodable(PayloadError::new("a\nb\u{1b}[31m")),
            "it cannot be encoded: a b [31m",
        ),
        (
            RequestError::WrongEntity { expected: "party" },
            "the entity is not a party",
        ),
    ] {
        assert_eq!(text(&error), expected);
    }
    assert_eq!(
        text(&payload()),
        "the payload does not fit its type: half a number: at byte 3"
    );
    let refusal = RestError {
        status: 404,
        code: 5,
        message: "User account not found.".into(),
    };
    let ended = RequestError::<ServerError>::SessionEnded(refusal.clone());
    assert_eq!(
        text(&ended),
        "the session has ended: User account not found. (404)"
    );
    let refused = RequestError::Refused(LoginRefusal::AccountNotFound(refusal));
    assert_eq!(text(&refused), "User account not found. (404)");
    let refusal = ServerError {
        code: ErrorCode::RuntimeFunctionException,
        message: "no luck\nstack traceback:\n\tmain".into(),
        context: default(),
    };
    assert_eq!(
        text(&refusal),
        "no luck stack traceback: main (runtime function exception)"
    );
}

#[test]
fn a_query_that_the_matchmaker_does_not_take() {
    let mut game = TestGame::connected();
    let seen = Log::default();
    let log = seen.clone();
    game.observe(move |reply: On<Replied<AddMatchmaker>>| {
        log.add(text(reply.result.as_ref().expect_err("it is refused")));
    });
    game.commands(|commands| {
        let add = AddMatchmaker::players(2, 2).query("+properties.mode:\"duel");
        commands.nakama().add_matchmaker(add);
    });
    game.update();
    let asked = game.sent().pop().expect("a request");
    game.refuse(&asked, 0, "Error adding to matchmaker");
    game.update();
    assert_eq!(
        seen.take(),
        ["Error adding to matchmaker (runtime exception): \
         the query `+properties.mode:\"duel` does not parse, or there are as many tickets as the server allows"]
    );
}
