//! The line breaks with a word: a reset, a close frame.

use super::*;

#[test]
fn scenario_1_a_reset_in_mid_match_is_over_in_a_second() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    stage.proxy.add(Rule::reset().for_open_connections());
    let (away, heard) = stage.until_ada_hears("resumed");
    assert!(away < millis(1500), "{away:?}");
    assert!(
        heard[0].starts_with("lost: the connection was lost"),
        "{heard:?}"
    );
    assert_eq!(heard[1..], ["match: Restored", "resumed"]);
    stage.bob_heard_ada_leave_and_join();
    stage.is_as_before(&before);
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}

/// The proxy keeps TCP's connection open until the client closes it, so who waits for its end waits for ever.
#[test]
fn scenario_2_a_close_frame_is_the_end_whatever_its_words() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    for (rule, why) in [
        (
            Rule::close(1000, "server shutdown"),
            "the server closed the socket (1000: server shutdown)",
        ),
        (
            Rule::close(1000, "session lost"),
            "the server closed the socket (1000: session lost)",
        ),
        (
            Rule::close(1000, "server-side session disconnect"),
            "the server closed the socket (1000",
        ),
        (
            Rule::close(1000, "session outgoing queue full"),
            "too much came at once",
        ),
        (Rule::close(1001, ""), "the server closed the socket (1001"),
        (
            Rule::close(1011, "internal"),
            "the server closed the socket (1011",
        ),
        (Rule::close_without_code(), "the server closed the socket"),
    ] {
        let text = rule.to_string();
        stage.proxy.add(rule.for_open_connections());
        let (to_notice, heard) = stage.until_ada_hears("lost");
        assert!(to_notice < millis(1000), "{text}: {to_notice:?}");
        assert!(
            heard[0].starts_with(&format!("lost: {why}")),
            "{text}: {heard:?}"
        );
        let (_, heard) = stage.until_ada_hears("resumed");
        assert_eq!(heard, ["match: Restored", "resumed"], "{text}");
        stage.bob_heard_ada_leave_and_join();
        stage.is_as_before(&before);
    }
    // None of the closed ones is left. (REST may have one.)
    stage.until("the ends", |stage| {
        (stage.proxy.log().open_connections() <= 2).then_some(())
    });
}

#[test]
fn scenario_12_a_second_outage_follows_at_once() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    for _ in 0..2 {
        stage.proxy.add(Rule::reset().for_open_connections());
        let (_, heard) = stage.until_ada_hears("resumed");
        assert_eq!(heard[1..], ["match: Restored", "resumed"]);
        stage.bob_heard_ada_leave_and_join();
    }
    stage.is_as_before(&before);
}

#[test]
fn scenario_12_an_outage_during_re_entry_starts_it_over() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    let entering = Frames::to_server(Kind::MatchCreate);
    let entered = Frames::to_client(Kind::Match);
    // The first request is lost, and of the second one the answer.
    let resets = [
        stage.proxy.add(Rule::reset().when(entering).once()),
        stage.proxy.add(Rule::reset().when(entered).once()),
    ];
    let requests = stage.proxy.add(Rule::note().when(entering));
    stage.proxy.add(Rule::reset().for_open_connections());
    let (_, heard) = stage.until_ada_hears("resumed");
    let losses = heard.iter().filter(|line| line.starts_with("lost")).count();
    assert_eq!(losses, 3, "{heard:?}");
    assert_eq!(heard[3..], ["match: Restored", "resumed"]);
    for reset in resets {
        assert_eq!(stage.proxy.log().acts(reset), 1);
    }
    // The first one was reset before it was counted.
    assert_eq!(stage.proxy.log().acts(requests), 2, "{}", stage.proxy.log());
    stage.is_as_before(&before);
}

/// A server that comes back on another port knows the same users, and none of their tokens.
#[test]
fn scenario_38_a_server_that_has_moved_is_found_again() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    let server = NakamaServer::new(stage.proxy.url(), stage.local.server_key());
    let heard = stage.ada.heard.clone();
    stage
        .ada
        .game
        .app
        .add_observer(move |_: On<LoginNeeded>, mut commands: Commands| {
            heard.add("login needed");
            commands.nakama().log_in(&server, login("ada"));
        });
    let (second, _) = serve(LocalServerConfig::default());
    stage.proxy.set_target(second.url()).expect("an address");
    stage.local = second;
    let (_, heard) = stage.until_ada_hears("resumed");
    assert_eq!(
        heard[1..],
        ["login needed", "match: Recreated", "resumed"],
        "{heard:?}"
    );
    assert_eq!(stage.everybody(), before);
}
