//! Authoritative matches of real servers: the recordings, played to a game.

use super::watching::{played, watched};
use crate::common::{
    player::Player,
    transcripts::{GENERATIONS, scenario},
};
use bevy_nakama::prelude::*;

/// The label of the one match.
fn label(player: &mut Player) -> Option<String> {
    let world = player.game.app.world_mut();
    let here = world.query::<&Match>().single(world).expect("one match");
    assert!(here.authoritative);
    here.label.clone()
}

/// What was noticed until a line, and from it on.
fn split<'a>(log: &'a [String], at: &str) -> (&'a [String], &'a [String]) {
    let at = log.iter().position(|line| line == at);
    log.split_at(at.expect("it happened"))
}

#[test]
fn what_the_server_sends_comes_after_the_answer_and_from_nobody() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "match_authoritative");
        let (mut alice, log) = played(&scenario, "alice");
        // On the wire, the welcome came before the answer.
        assert_eq!(
            log[..3],
            ["+alice", "JoinMatch", "server: welcome alice"],
            "{generation}"
        );
        let (_, echoes) = split(&log, "alice: ping");
        let (echoes, rest) = split(echoes, "server: welcome carol");
        let expected = [
            "alice: ping",
            "alice: private",
            "server: anonymous",
            "alice: ",
            "alice: filtered?",
        ];
        assert_eq!(echoes[..5], expected, "{generation}");
        for event in [
            "server: bye carol",
            "server: tick",
            "server: bye bob",
            "LeaveMatch",
        ] {
            assert!(
                rest.iter().any(|line| line == event),
                "{generation}: {event}"
            );
        }
        assert_eq!(
            alice.count::<Match>(),
            0,
            "a match that has ended can be left"
        );
    }
}

#[test]
fn a_handler_refuses_with_its_reason() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "match_authoritative");
        let (_, log) = played(&scenario, "bob");
        let refused = [
            "JoinMatch: JoinRejected no thanks (match join rejected)",
            "JoinMatch: JoinRejected Match join rejected (match join rejected)",
        ];
        assert_eq!(log[..2], refused, "{generation}");
        // The third try is accepted, with other metadata.
        let joined = ["+alice", "+bob", "JoinMatch", "server: welcome bob"];
        assert_eq!(log[2..6], joined, "{generation}");
        let not_found = "JoinMatch: NotFound Match not found (match not found)";
        assert_eq!(
            log.last().map(String::as_str),
            Some(not_found),
            "it has ended meanwhile"
        );
    }
}

#[test]
fn a_label_is_as_of_the_join_and_a_kick_is_not_told() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "match_authoritative");
        let (mut carol, log) = played(&scenario, "carol");
        assert_eq!(
            label(&mut carol).as_deref(),
            Some("arena renamed"),
            "{generation}"
        );
        let mut joined = log[..4].to_vec();
        joined.sort();
        assert_eq!(
            joined,
            ["+alice", "+bob", "+carol", "JoinMatch"],
            "{generation}"
        );
        assert_eq!(
            log[4..],
            ["server: welcome carol"],
            "and nothing since she was kicked"
        );

        // Alice was in it when it was renamed.
        let (mut alice, _) = watched(&scenario, "alice");
        alice.play_while(&scenario, |line| line.t_ms < 5000);
        assert_eq!(
            label(&mut alice).as_deref(),
            Some("arena one"),
            "{generation}"
        );
    }
}
