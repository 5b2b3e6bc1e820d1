//! The connection, and what failed.

use super::*;

#[test]
fn the_connection_shows_whose_it_is_and_how_it_is() {
    let mut game = watched();
    game.join("m1", &["ada", "bob"]);
    game.advance(Duration::from_secs(7));
    let harness = look(&game, OverlayTab::Connection);
    let seen = texts(&harness);
    assert_eq!(
        count(&seen, "Connected"),
        2,
        "in the summary and in the panel"
    );
    harness.get_by_label("http://test.invalid:7350");
    harness.get_by_label("user-ada");
    harness.get_by_label("session-ada");
    assert!(
        !seen.iter().any(|text| text.contains("defaultkey")),
        "the key is not shown"
    );
    let connection = &view(&game).connection;
    assert!(connection.traffic.received >= 2, "the answer and a pong");
    assert!(connection.traffic.sent >= 2);
    let history = &connection.history;
    assert!((13..=14).contains(&history.len()), "{}", history.len());
    assert!(history.iter().any(|sample| sample.received > 0.0));
    assert!(history.iter().any(|sample| sample.received == 0.0));
    assert!(history.iter().any(|sample| sample.round_trip.is_some()));

    game.connection_ends();
    game.advance(Duration::from_millis(200));
    let harness = look(&game, OverlayTab::Connection);
    let seen = texts(&harness);
    assert_eq!(count(&seen, "Disconnected"), 2);
    let reason = view(&game).connection.last_reason.clone();
    harness.get_by_label(&reason.expect("the connection has ended"));
    harness.get_by_label("replaced by a newer socket of the same account");
}

#[test]
fn failures_are_listed_also_those_from_before_it_was_opened() {
    let mut game = with_overlay(NakamaOverlayPlugin::default());
    game.commands(|c| {
        c.nakama().join_match(JoinMatch::by_id("m1"));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 4, "Match not found");
    game.update();
    let here = game.join("m2", &["ada"]);
    game.commands(|c| {
        for _ in 0..3 {
            c.nakama()
                .send_data(here, OutgoingData::raw(7, vec![0; 8000]));
        }
        c.nakama().join_match(JoinMatch::by_id("m3"));
    });
    game.update();
    game.update();

    game.app.world_mut().resource_mut::<NakamaOverlay>().open = true;
    game.advance(Duration::from_millis(1200));
    let mut harness = look(&game, OverlayTab::Connection);
    harness.get_by_label("Requests").click();
    harness.run();
    assert_eq!(
        count(&texts(&harness), "JoinMatch"),
        2,
        "one failed, one waits"
    );
    harness.get_by_label("Match not found (match not found)");
    harness.get_by_label("op code 7 to match m2");
    harness.get_by_label("3 times");
    harness.get_by_label_contains("above the server's limit of 4096");

    harness.get_by_label("Clear").click();
    harness.run();
    assert!(harness.query_by_label_contains("Match not found").is_none());
    harness.get_by_label("Nothing.");
}

#[test]
fn a_line_that_stands_still_is_seen() {
    let mut game = watched();
    let here = game.join("m1", &["ada", "bob", "carol"]);
    game.server_goes_silent();
    for n in 0..100 {
        let data = OutgoingData::raw(7, vec![n]).policy(SendPolicy::Latest);
        game.commands(|c| c.nakama().send_data(here, data));
        game.update_by(Duration::from_millis(50));
    }
    game.advance(Duration::from_millis(200));
    let traffic = view(&game).connection.traffic;
    let under_way = traffic.unacknowledged;
    assert_eq!(traffic.replaced as usize, 99 - under_way);
    let harness = look(&game, OverlayTab::Connection);
    harness.get_by_label(&format!(
        "under way: {under_way} to others (window 24), 0 requests"
    ));
    harness.get_by_label_contains("waiting: 1 to be sent (");
    harness.get_by_label(&format!(
        "held back: 0   replaced: {}   refused: 0   dropped: 0",
        99 - under_way
    ));
}
