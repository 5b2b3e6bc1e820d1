//! A try that fails is followed by the next one: not at once, and not too late.

use bevy_nakama::chaos::{ChaosEvent, ChaosEventKind, Requests};

use super::*;

fn opened(stage: &Stage) -> usize {
    let log = stage.proxy.log();
    let is_opened = |event: &&ChaosEvent| event.kind == ChaosEventKind::Opened;
    log.events().filter(is_opened).count()
}

#[test]
fn scenario_9_refused_connections_are_tried_again_until_one_is_accepted() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    stage.play_for(seconds(5)); // the socket has been open long enough
    stage.proxy.stop_listening().expect("it stops");
    stage.proxy.add(Rule::reset().for_open_connections());
    stage.until_ada_hears("lost");
    stage.play_for(seconds(4));
    let failed = stage.ada.failed_tries();
    // Waits of up to 0.25, 0.5, 1, 2, 2 s: on average six tries, at least two.
    assert!((2..=40).contains(&failed.len()), "{failed:?}");
    let numbers: Vec<_> = failed.iter().map(|(number, _)| *number).collect();
    let expected: Vec<_> = (1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected);
    stage.proxy.listen_again().expect("it listens");
    let (away, heard) = stage.until_ada_hears("resumed");
    assert!(away <= seconds(3), "{away:?}");
    assert_eq!(heard, ["match: Restored", "resumed"]);
    stage.is_as_before(&before);
}

#[test]
fn scenario_9_a_gateway_that_answers_503_is_tried_again() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    stage
        .proxy
        .add(Rule::answer(Requests::to("/ws"), 503).times(3));
    stage.proxy.add(Rule::reset().for_open_connections());
    let (_, heard) = stage.until_ada_hears("resumed");
    assert_eq!(heard[1..], ["match: Restored", "resumed"]);
    let failed = stage.ada.failed_tries();
    assert_eq!(failed.len(), 3, "{failed:?}");
    assert!(failed[0].1.contains("503"), "{failed:?}");
    stage.is_as_before(&before);
}

/// The server refuses the token once: it gets a new one, which does not count as a try.
#[test]
fn scenario_14_a_refused_token_is_renewed_once() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    stage.play_for(millis(1100)); // a token is new only in another second
    let refreshes = Rule::note().when(Requests::to("/v2/account/session/refresh"));
    let refreshes = stage.proxy.add(refreshes);
    stage
        .proxy
        .add(Rule::answer(Requests::to("/ws"), 401).once());
    stage.proxy.add(Rule::reset().for_open_connections());
    let (_, heard) = stage.until_ada_hears("resumed");
    assert_eq!(heard[1..], ["match: Restored", "resumed"]);
    assert_eq!(stage.proxy.log().acts(refreshes), 1);
    stage.is_as_before(&before);
}

/// The answer to a refresh is lost: it is asked again.
#[test]
fn scenario_14_a_refresh_whose_answer_is_lost_is_repeated() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    stage.play_for(millis(1100)); // a token is new only in another second
    let refresh = || Requests::to("/v2/account/session/refresh");
    let refreshes = stage.proxy.add(Rule::note().when(refresh()));
    let refused = Rule::answer(Requests::to("/ws"), 401).times(3);
    stage.proxy.add(refused);
    stage.proxy.add(Rule::reset().when(refresh()).times(2));
    stage.proxy.add(Rule::reset().for_open_connections());
    let (_, heard) = stage.until_ada_hears("resumed");
    assert_eq!(
        heard[1..],
        ["match: Restored", "resumed"],
        "{}",
        stage.proxy.log()
    );
    let refreshes = stage.proxy.log().acts(refreshes);
    assert_eq!(refreshes, 3, "{}", stage.proxy.log());
    stage.is_as_before(&before);
}

#[test]
fn scenario_10_a_handshake_without_an_answer_ends_at_its_deadline() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    let silent = Rule::half_open().for_new_connections().once();
    let silent = stage.proxy.add(silent);
    stage.proxy.add(Rule::reset().for_open_connections());
    let (away, heard) = stage.until_ada_hears("resumed");
    assert_eq!(stage.proxy.log().acts(silent), 1);
    assert!((millis(2900)..seconds(5)).contains(&away), "{away:?}");
    assert_eq!(heard[1..], ["match: Restored", "resumed"]);
    assert_eq!(stage.ada.failed_tries().len(), 1);
    stage.is_as_before(&before);
}

/// Each socket is gone after a moment: the waits get longer all the same.
#[test]
fn scenario_11_a_line_that_drops_again_and_again_makes_no_hot_loop() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    let drops = stage.proxy.add(Rule::reset().after(millis(100)));
    let opened_before = opened(&stage);
    stage.play_for(seconds(8));
    // Each try that comes so far opens a socket, and a connection for the notifications that were stored meanwhile.
    let sockets = opened(&stage) - opened_before;
    assert!(
        (3..=32).contains(&sockets),
        "{sockets} sockets\n{}",
        stage.proxy.log()
    );
    stage.proxy.remove(drops);
    stage.ada.heard.take();
    stage.until("the return", |stage| {
        (stage.ada.state() == ConnectionState::Connected).then_some(())
    });
    stage.bob.heard.take();
    stage.is_as_before(&before);
}

/// Only after five seconds is it a new outage. Before, the count goes on.
#[test]
fn scenario_11_the_count_of_tries_begins_anew_after_five_seconds() {
    let mut stage = Stage::new();
    stage.play_for(millis(5200));
    for (pause, expected) in [(millis(100), 1), (millis(5200), 2), (millis(100), 1)] {
        stage.proxy.add(Rule::reset().for_open_connections());
        let tries = stage.until("a try", |stage| {
            let attempt = stage.ada.connection().reconnecting()?.attempt();
            (attempt > 0).then_some(attempt)
        });
        assert_eq!(tries, expected);
        stage.until_ada_hears("resumed");
        stage.play_for(pause);
    }
}
