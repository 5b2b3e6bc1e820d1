//! A ticket leads to a match, whichever message comes first.

use std::time::Duration;

use super::*;
use crate::common::steps::sent_json;
use serde_json::json;

#[test]
fn one_call_joins_what_was_matched() {
    for join in [token(), JoinWith::Id("m1.node".into())] {
        let mut game = TestGame::connected();
        let entity = added(&mut game, "t1");
        game.commands(|c| {
            c.entity(entity)
                .observe(|matched: On<MatchmakerMatched>, mut commands: Commands| {
                    commands.nakama().join_match(&matched.join);
                });
        });
        let people = ["ada", "bob"];
        game.server_says(matchmaker_matched("t1", join.clone(), &people, None));
        game.update();
        let asked = game.expect_sent(Kind::MatchJoin);
        let json = sent_json(&asked);
        let expected = match join {
            JoinWith::Token(token) => json!({ "token": token.expose() }),
            JoinWith::Id(id) => json!({ "match_id": id.as_str() }),
        };
        assert_eq!(json["match_join"], expected);
        game.answer(&asked, match_joined("m1", &people));
        game.update();
        assert_eq!(game.roster("m1"), people);
    }
}

#[test]
fn a_match_before_the_tickets_answer_comes_after_it() {
    let (mut game, log) = watched(TestGame::connected());
    let arrival = Log::default();
    let seen = arrival.clone();
    game.observe(
        move |matched: On<MatchmakerMatched>, time: Res<Time<Real>>| {
            let ago = time.elapsed() - matched.received_at;
            seen.add(format!("{ago:?} ago"));
        },
    );
    let (_, asked) = add(&mut game);
    let (_, other) = add(&mut game);
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.update();
    game.answer(&other, matchmaker_ticket("t2"));
    game.update();
    assert_eq!(log.take(), ["+t2", "AddMatchmaker"], "not this one");

    game.advance(Duration::from_millis(500));
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    assert_eq!(
        log.take(),
        ["+t1", "AddMatchmaker", "t1 matched ada (self), bob", "-t1"]
    );
    assert_eq!(arrival.take(), ["520ms ago"], "its token counts from there");
}

#[test]
fn a_match_that_no_answer_names_is_dropped() {
    let (mut game, log) = watched(TestGame::connected());
    let matched = || matchmaker_matched("t1", token(), &["ada", "bob"], None);
    let (_, asked) = add(&mut game);
    game.server_says(matched());
    game.refuse(&asked, 0, "Error adding to matchmaker");
    game.server_says(matched());
    game.update();
    let refused = "AddMatchmaker: Error adding to matchmaker (runtime exception): \
                   the query `*` does not parse, or there are as many tickets as the server allows";
    assert_eq!(log.take(), [refused]);
    added(&mut game, "t1");
    assert_eq!(log.take(), ["+t1", "AddMatchmaker"], "and none was kept");

    game.server_says(matched());
    game.server_says(matched());
    game.update();
    let once = ["t1 matched ada (self), bob", "-t1"];
    assert_eq!(log.take(), once, "a ticket is used once");
}

#[test]
fn a_match_without_a_way_in_is_none() {
    let (mut game, log) = watched(TestGame::connected());
    added(&mut game, "t1");
    log.take();
    let mut matched = matchmaker_matched("t1", token(), &["ada", "bob"], None);
    if let Message::MatchmakerMatched(matched) = &mut matched {
        matched.id = None;
        matched.self_ = None;
        matched.users[0].presence = None;
    }
    game.server_says(matched);
    game.update();
    assert_eq!(log.take(), ["-t1"]);
}

#[test]
fn a_token_is_good_for_half_a_minute_and_an_id_for_as_long_as_the_match() {
    let log = Log::default();
    for (join, expected) in [
        (token(), "30s, true, false"),
        (JoinWith::Id("m1.".into()), "never, true, true"),
    ] {
        let mut game = TestGame::connected();
        let seen = log.clone();
        game.observe(move |matched: On<MatchmakerMatched>| {
            let end = matched.token_expires_at();
            let in_time = matched.received_at + Duration::from_millis(29_999);
            let late = matched.received_at + Duration::from_secs(30);
            seen.add(format!(
                "{}, {}, {}",
                end.map_or_else(
                    || "never".into(),
                    |end| format!("{:?}", end - matched.received_at)
                ),
                matched.is_token_valid(in_time),
                matched.is_token_valid(late),
            ));
            assert!(
                !format!("{matched:?}").contains("a-match-token"),
                "it does not show"
            );
        });
        added(&mut game, "t1");
        game.server_says(matchmaker_matched("t1", join, &["ada", "bob"], None));
        game.update();
        assert_eq!(log.take(), [expected]);
    }
}

#[test]
fn a_game_may_despawn_a_ticket_when_it_is_matched() {
    let (mut game, log) = watched(TestGame::connected());
    added(&mut game, "t1");
    log.take();
    game.observe(|matched: On<MatchmakerMatched>, mut commands: Commands| {
        commands.entity(matched.ticket).despawn();
    });
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.update();
    assert_eq!(log.take(), ["t1 matched ada (self), bob", "-t1"]);
    assert_eq!(game.sent(), []);
}
