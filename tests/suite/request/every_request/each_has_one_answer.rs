//! Each request has one answer, whatever becomes of it.

use super::*;
use prost::Message as _;
use serde_json::json;

#[test]
fn the_server_consents() {
    for case in cases() {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let sent = made(&case, &mut game, &log);
        match (case.consent, sent) {
            (Consent::Acknowledge, Some(asked)) => game.acknowledge(&asked),
            (Consent::Answer(message), Some(asked)) => game.answer(&asked, message()),
            (Consent::Rest(body) | Consent::RestOfAnybody(body), _) => {
                game.answer_rest(200, &body());
            }
            (Consent::Acknowledge | Consent::Answer(_), None) => panic!("{}", case.name),
        }
        answered(&case, &mut game, &log, "consent");
    }
}

#[test]
fn the_server_refuses() {
    for case in cases() {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let expected = match made(&case, &mut game, &log) {
            Some(asked) => {
                game.refuse(&asked, 3, "not today");
                "refused: not today"
            }
            None => {
                let error = json!({ "code": 13, "message": "not today" });
                game.answer_rest(500, &error);
                "refused: not today"
            }
        };
        answered(&case, &mut game, &log, expected);
    }
}

#[test]
fn the_connection_is_lost() {
    for case in cases() {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let expected = if made(&case, &mut game, &log).is_some() {
            game.connection_ends();
            "lost, maybe executed: true"
        } else {
            game.rest_breaks();
            "unreachable"
        };
        answered(&case, &mut game, &log, expected);
    }
}

/// The limit is exact: a request of that size is sent, a request of one byte more is not.
#[test]
fn the_request_is_too_large() {
    for case in cases().into_iter().filter(|case| !case.consent.is_rest()) {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let sent = made(&case, &mut game, &log).expect("over the socket");
        let size = sent.encoded_len();
        for limit in [size, size - 1] {
            let settings = NakamaSettings {
                max_envelope: limit,
                ..NakamaSettings::default()
            };
            let (mut game, log) = (TestGame::with_settings(settings), Log::default());
            game.connect();
            let about = (case.before)(&mut game);
            game.sent();
            (case.ask)(&mut game, about, log.clone());
            game.update();
            if limit == size {
                assert_eq!(game.sent(), std::slice::from_ref(&sent), "{}", case.name);
                continue;
            }
            assert_eq!(game.sent(), [], "{}", case.name);
            answered(
                &case,
                &mut game,
                &log,
                &format!("too large: {size} > {limit}"),
            );
        }
    }
}

#[test]
fn the_game_is_not_connected() {
    for case in cases().into_iter().filter(|case| !case.consent.is_rest()) {
        // What the request is about is gone with the connection.
        let (mut game, log) = (TestGame::connected(), Log::default());
        let about = (case.before)(&mut game);
        game.connection_ends();
        game.update();
        (case.ask)(&mut game, about, log.clone());
        assert_eq!(
            log.take(),
            [""; 0],
            "{}: never before the next frame",
            case.name
        );
        game.update();
        answered(&case, &mut game, &log, "not connected");
    }
}

/// What goes over REST needs a session, and no socket.
#[test]
fn nobody_is_logged_in() {
    let needs_session = |case: &Case| matches!(case.consent, Consent::Rest(_));
    for case in cases().into_iter().filter(needs_session) {
        let (mut game, log) = (TestGame::new(), Log::default());
        let about = (case.before)(&mut game);
        (case.ask)(&mut game, about, log.clone());
        assert_eq!(log.take(), [""; 0], "{}: never at once", case.name);
        game.update();
        assert_eq!(game.rest_calls(), [], "{}", case.name);
        answered(&case, &mut game, &log, "not logged in");
    }
}

#[test]
fn a_session_is_enough() {
    let needs_session = |case: &Case| matches!(case.consent, Consent::Rest(_));
    for has_been_online in [false, true] {
        for case in cases().into_iter().filter(needs_session) {
            let (mut game, log) = (TestGame::new(), Log::default());
            game.commands(|commands| {
                commands.nakama().use_session(&server(), session_of("ada"));
            });
            if has_been_online {
                game.connect();
                game.connection_ends();
                game.update();
            }
            made(&case, &mut game, &log);
            if let Consent::Rest(body) = case.consent {
                game.answer_rest(200, &body());
            }
            answered(&case, &mut game, &log, "consent");
        }
    }
}

#[test]
fn a_game_without_a_session_can_log_in() {
    let needs_none = |case: &Case| matches!(case.consent, Consent::RestOfAnybody(_));
    for case in cases().into_iter().filter(needs_none) {
        let (mut game, log) = (TestGame::new(), Log::default());
        made(&case, &mut game, &log);
        if let Consent::RestOfAnybody(body) = case.consent {
            game.answer_rest(200, &body());
        }
        answered(&case, &mut game, &log, "consent");
    }
}
