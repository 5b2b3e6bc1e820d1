//! The matchmaker of real servers: the recordings, played to a game.

use std::collections::BTreeMap;

use super::watching::{played, watched};
use crate::common::{
    steps::variant,
    transcripts::{Dir, GENERATIONS, scenario, scenarios},
};
use bevy_nakama::{
    error::ServerError,
    prelude::*,
    proto::{self, Message},
};

#[test]
fn two_meet_and_a_third_uses_their_token() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "matchmaker");
        let both = |alice: &str, bob: &str| {
            format!(
                "matched by Token: {alice} {{mode=duel, region=europe, rank=8, wins=-1.5}}; \
                 {bob} {{region=europe, rank=5.25}}"
            )
        };
        let (_, log) = played(&scenario, "alice");
        let matched = both("alice*", "bob");
        let found = ["+ticket", "AddMatchmaker", &matched, "-ticket"];
        assert_eq!(log[..4], found, "{generation}");
        assert_eq!(log[4..], ["+alice", "JoinMatch", "+bob", "+carol"]);

        let (mut bob, log) = played(&scenario, "bob");
        let matched = both("alice", "bob*");
        let found = ["+ticket", "AddMatchmaker", &matched, "-ticket"];
        assert_eq!(log[..4], found, "{generation}");
        let again = [
            "+alice",
            "+bob",
            "JoinMatch",
            "alice: gg",
            "JoinMatch",
            "+carol",
        ];
        assert_eq!(log[4..], again, "the token was used twice");
        assert_eq!(bob.count::<Match>(), 1);

        let (_, log) = played(&scenario, "carol");
        assert_eq!(log, ["+alice", "+bob", "+carol", "JoinMatch"]);
    }
}

#[test]
fn three_are_enough_where_four_may_come() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "matchmaker_range");
        for me in ["alice", "bob", "carol"] {
            let users = ["alice", "bob", "carol"].map(|name| {
                let star = if name == me { "*" } else { "" };
                format!("{name}{star} {{pool=three}}")
            });
            let matched = format!("matched by Token: {}", users.join("; "));
            let (_, log) = played(&scenario, me);
            assert_eq!(log, ["+ticket", "AddMatchmaker", &matched, "-ticket"]);
        }
    }
}

#[test]
fn who_is_one_too_many_waits_on() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "matchmaker_multiple");
        let mut waiting = Vec::new();
        for me in ["alice", "bob", "carol"] {
            let (mut player, log) = played(&scenario, me);
            if player.count::<MatchmakerTicket>() == 1 {
                assert_eq!(log, ["+ticket", "AddMatchmaker"]);
                waiting.push(me);
            } else {
                assert_eq!(log.len(), 4, "{log:?}");
                assert_eq!(log[2].split("; ").count(), 2, "{log:?}");
            }
        }
        assert_eq!(waiting.len(), 1, "{generation}: {waiting:?}");
    }
}

#[test]
fn a_match_that_the_servers_code_makes_is_joined_by_its_id() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "matchmaker_authoritative");
        let (mut alice, log) = played(&scenario, "alice");
        let matched = "matched by Id: alice* {mode=authoritative}; bob {mode=authoritative}";
        assert_eq!(log[..4], ["+ticket", "AddMatchmaker", matched, "-ticket"]);
        let mut rest = log[4..].to_vec();
        assert_eq!(rest[..3], ["+alice", "JoinMatch", "server: welcome alice"]);
        rest[3..].sort(); // data of the server and events of others are a race
        assert_eq!(rest[3..], ["+bob", "server: welcome bob"]);
        let world = alice.game.app.world_mut();
        let here = world.query::<&Match>().single(world).expect("one match");
        assert!(here.authoritative);
        assert_eq!(here.label.as_deref(), Some("from matchmaker"));
    }
}

#[test]
fn a_ticket_ends_with_its_socket() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "matchmaker_disconnect");
        let (_, log) = played(&scenario, "alice");
        assert_eq!(log, ["+ticket", "AddMatchmaker"]);
        let (_, log) = played(&scenario, "bob");
        let matched = "matched by Token: alice {p=ghost}; bob* {p=ghost}";
        assert_eq!(log, ["+ticket", "AddMatchmaker", matched, "-ticket"]);
        let (_, log) = played(&scenario, "alice_again");
        let matched = "matched by Token: alice* {p=ghost}; bob {p=ghost}";
        assert_eq!(log, ["+ticket", "AddMatchmaker", matched, "-ticket"]);
    }
}

#[test]
fn tickets_are_removed_and_refused() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "matchmaker_tickets");
        let (mut alice, log) = played(&scenario, "alice");
        let refused = |name: &str, text: &str| format!("AddMatchmaker: {name} {text}");
        let expected = [
            "+ticket".to_owned(),
            "AddMatchmaker".to_owned(),
            "-ticket".to_owned(),
            "RemoveMatchmakerTicket".to_owned(),
            refused(
                "InvalidCount",
                "Invalid minimum count, must be >= 2 (bad input)",
            ),
            refused(
                "InvalidCount",
                "Invalid minimum count, must be >= 2 (bad input)",
            ),
            refused(
                "InvalidCount",
                "Invalid maximum count, must be >= minimum count (bad input)",
            ),
            refused(
                "InvalidMultiple",
                "Invalid count multiple, must be >= 1 (bad input)",
            ),
            refused(
                "InvalidMultiple",
                "Invalid count multiple for minimum count, must divide (bad input)",
            ),
            refused(
                "InvalidMultiple",
                "Invalid count multiple for maximum count, must divide (bad input)",
            ),
        ];
        assert_eq!(log[..10], expected, "{generation}");
        let mut rest = log[10..].to_vec();
        rest.dedup_by(|one, other| one == other && one.contains("NotAdded"));
        let not_added = |query: &str| {
            let text = format!(
                "Error adding to matchmaker (runtime exception): the query `{query}` does not parse, \
                 or there are as many tickets as the server allows"
            );
            refused("NotAdded", &text)
        };
        let (bad, many) = (
            not_added("properties.a:\"x"),
            not_added("+properties.never:matches"),
        );
        let added = ["+ticket", "AddMatchmaker"];
        let strange = [&added[..], &[&*bad], &added, &added, &[&*many]].concat();
        assert_eq!(
            rest, strange,
            "an odd query, a bad one, two good ones, too many"
        );
        assert_eq!(alice.count::<MatchmakerTicket>(), 3);
    }
}

#[test]
fn a_token_lives_for_half_a_minute() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "matchmaker_token_expiry");
        for (client, expected) in [("alice", vec![true]), ("bob", vec![false, false])] {
            let (mut player, log) = watched(&scenario, client);
            let mut valid = Vec::new();
            for line in scenario.lines_of(client) {
                player.say(line);
                if line.dir == Dir::Send && line.kind.as_deref() == Some("match_join") {
                    valid.push(player.is_token_valid());
                }
            }
            assert_eq!(valid, expected, "{generation}: {client}");
            let log = log.take();
            let late = log
                .iter()
                .any(|line| line.starts_with("JoinMatch: InvalidToken"));
            assert_eq!(late, client == "bob", "{log:?}");
            assert_eq!(player.count::<Match>(), 1, "its id is good for longer");
        }
    }
}

#[test]
fn a_party_is_matched_together() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "party_matchmaker");
        let matched = |me: &str| {
            let users = ["alice", "bob", "carol", "dave"].map(|name| {
                let star = if name == me { "*" } else { "" };
                match name {
                    "alice" | "bob" => format!("{name}{star} (party) {{arena=p, power=3}}"),
                    _ => format!("{name}{star} {{arena=p}}"),
                }
            });
            format!("matched by Token: {}", users.join("; "))
        };
        let added = ["+ticket", "AddPartyToMatchmaker"];
        let (_, log) = played(&scenario, "alice");
        let removed = ["-ticket", "RemoveMatchmakerTicket"];
        let of_leader = matched("alice");
        let expected = [
            &added[..],
            &removed,
            &added,
            &["-ticket"], // carol came
            &added,
            &[&*of_leader, "-ticket"],
        ];
        let expected = expected.concat();
        assert_eq!(log[..expected.len()], expected, "{generation}");

        // A member is not told that the leader removed the first one; it goes with carol's coming.
        let (_, log) = played(&scenario, "bob");
        let of_member = matched("bob");
        let lost = ["-ticket", "-ticket"];
        let expected = [
            &["+ticket", "+ticket"][..],
            &lost,
            &["+ticket", &*of_member, "-ticket"],
        ];
        let expected = expected.concat();
        assert_eq!(log[..expected.len()], expected, "{generation}");

        // Who comes later, and leaves again, does not see the party's.
        for alone in ["carol", "dave"] {
            let (_, log) = played(&scenario, alone);
            let expected = ["+ticket", "AddMatchmaker", &matched(alone), "-ticket"];
            assert_eq!(log[..4], expected, "{generation}");
            let mut here = log[4..].to_vec();
            here.sort();
            assert_eq!(here, ["+alice", "+bob", "+carol", "+dave", "JoinMatch"]);
        }
    }
}

#[test]
fn every_recorded_refusal_has_a_name_and_keeps_its_text() {
    let mut names = BTreeMap::new();
    for scenario in GENERATIONS.into_iter().flat_map(scenarios) {
        for (kind, line) in scenario.refusals() {
            if !kind.contains("matchmaker") {
                continue;
            }
            let envelope = proto::decode(line.wire.clone().expect("a frame"));
            let Some(Message::Error(error)) = envelope.expect("an envelope").message else {
                panic!("an error")
            };
            let text = error.message.clone();
            let refusal = MatchmakerRefusal::from(ServerError::from(error));
            assert!(refusal.to_string().starts_with(&text), "{refusal}");
            names.insert(text, variant(&refusal));
        }
    }
    let expected = [
        (
            "Error adding party to matchmaker: party leader only",
            "NotLeader",
        ),
        (
            "Error adding party to matchmaker: party not found",
            "PartyNotFound",
        ),
        ("Error adding to matchmaker", "NotAdded"),
        (
            "Error closing party: matchmaker ticket not found",
            "TicketNotFound",
        ),
        ("Error closing party: party leader only", "NotLeader"),
        ("Error closing party: party not found", "PartyNotFound"),
        (
            "Invalid count multiple for maximum count, must divide",
            "InvalidMultiple",
        ),
        (
            "Invalid count multiple for minimum count, must divide",
            "InvalidMultiple",
        ),
        ("Invalid count multiple, must be >= 1", "InvalidMultiple"),
        ("Invalid matchmaker ticket", "InvalidInput"),
        (
            "Invalid maximum count, must be >= minimum count",
            "InvalidCount",
        ),
        ("Invalid minimum count, must be >= 2", "InvalidCount"),
        ("Invalid party ID", "InvalidInput"),
        ("Matchmaker ticket not found", "TicketNotFound"),
        ("lab before hook failure", "Other"),
    ];
    let expected = expected.map(|(text, name)| (text.to_owned(), name.to_owned()));
    assert_eq!(names, BTreeMap::from(expected));
}
