//! A call has one answer, whatever happens.

use std::time::Duration;

use super::*;
use bevy_nakama::testing::FRAME;

#[test]
fn a_call_and_its_answer() {
    let (mut game, log) = watched();
    let body = json!({ "objects": [] });
    let path = "/v2/storage?x=%20y";
    let request = game.commands(|commands| {
        let nakama = commands.nakama();
        let mut asked = nakama.rest(RestMethod::Put, path, Some(body.clone()));
        asked.insert(Asked(path)).id()
    });
    game.update();
    assert_eq!(game.rest_calls(), [("PUT", path.to_owned())]);
    assert_eq!(game.rest_bodies(), [body]);
    assert_eq!(game.rest_tokens(), [Some(token_of("ada"))]);
    answer(&mut game, 200, json!({ "acks": [1] }));
    assert_eq!(log.take(), [format!("{path}: 200 {{\"acks\":[1]}}")]);
    assert!(game.app.world().get_entity(request).is_err(), "it is done");

    ask(&mut game, "/v2/nothing");
    answer(&mut game, 404, json!({ "code": 5, "message": "Not Found" }));
    assert_eq!(log.take(), ["/v2/nothing: refused, 5 Not Found (404)"]);
}

#[test]
fn a_withdrawn_call_is_no_matter() {
    let (mut game, log) = watched();
    let request = ask(&mut game, "/a");
    refuse_token(&mut game);
    game.commands(|commands| commands.entity(request).despawn());
    give_tokens(&mut game, "ada-2");
    answer(&mut game, 200, json!({}));
    assert_eq!(log.take(), ["now ada-2", "gone: 200 {}"]);
}

#[test]
fn every_call_has_one_answer_whatever_happens() {
    use proptest::{prelude::*, test_runner::TestRunner};

    let mut runner = TestRunner::new(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let events = proptest::collection::vec((0..9_u8, 0..3_u8), 1..60);
    let outcome = runner.run(&events, |events| {
        let (mut game, log) = watched();
        let mut asked = 0;
        for (what, how) in events {
            match what {
                0..=2 => {
                    asked += 1;
                    ask(&mut game, "/a");
                }
                3..=5 if !game.rest_calls().is_empty() => match how {
                    0 => refuse_token(&mut game),
                    _ if game.rest_calls()[0].1 == REFRESH.1 => give_tokens(&mut game, "ada-2"),
                    _ => answer(&mut game, 200, json!({})),
                },
                6 => {
                    game.connection_ends();
                    game.update();
                }
                // While the token in place is being replaced, no socket opens.
                7 if !calls(&mut game).contains(&REFRESH.1.to_owned()) => game.connect(),
                8 => game.update_by(Duration::from_secs(how.into())),
                _ => game.update_by(FRAME),
            }
        }
        game.update_by(Duration::from_secs(11));
        game.update_by(Duration::from_secs(11));
        game.update();
        let answers = log.take();
        let answers = answers.iter().filter(|line| line.starts_with("/a: "));
        prop_assert_eq!(answers.count(), asked);
        prop_assert!(game.rest_calls().is_empty());
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn answers_that_are_no_json_and_paths_that_are_none() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    game.answer_rest_with(200, "plain");
    game.update();
    ask(&mut game, "/b");
    game.answer_rest_with(204, " ");
    game.update();
    assert_eq!(
        log.take(),
        ["/a: the server answered with no JSON", "/b: 204 null"]
    );
}
