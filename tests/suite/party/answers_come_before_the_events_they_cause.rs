//! Members come and go while the local user leads a party. The event about somebody whom they let in or kick may overtake the
//! answer; the game sees the answer first.

use super::*;
use crate::common::steps::create_party;
use bevy_nakama::proto::{Envelope, Kind};

/// A game that leads a party with these members, and kicks one of them.
fn kicks(names: &[&str], whom: &str) -> (TestGame, Log, Envelope) {
    let (mut game, log) = watched(TestGame::connected());
    let answer = party_joined("p1", "ada", names);
    create_party(&mut game, CreateParty::open(8), answer);
    let member = member(&game, "p1", whom);
    game.commands(|c| c.nakama().kick_from_party(member).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyRemove);
    log.take();
    (game, log, asked)
}

#[test]
fn what_follows_a_waiting_event_waits_behind_it() {
    let (mut game, log, asked) = kicks(&["ada", "bob", "carol"], "bob");
    game.server_says(party_presences("p1", &[], &["bob"]));
    game.server_says(party_presences("p1", &["bob"], &[])); // an open party: bob is back at once
    game.server_says(party_presences("p1", &[], &["carol"]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(
        log.take(),
        ["kick", "-bob Kicked", "+bob Arrived", "-carol"]
    );
}

#[test]
fn who_joins_without_being_accepted_does_not_ask_any_more() {
    let (mut game, log, asked) = kicks(&["ada", "carol"], "carol");
    game.acknowledge(&asked);
    game.server_says(party_join_request("p1", &["bob", "dave"]));
    game.update();
    assert_eq!(
        log.take(),
        ["kick", "bob asks to join", "dave asks to join"]
    );
    game.server_says(party_presences("p1", &["bob"], &[])); // the party is open now
    game.update();
    assert_eq!(log.take(), ["+bob Arrived", "bob asks no more"]);
    assert_eq!(seen(&game, "p1"), "open 8: ada(me)* carol bob dave?");
}

#[test]
fn what_is_about_others_does_not_wait() {
    let (mut game, log, asked) = kicks(&["ada", "bob", "carol"], "bob");
    game.server_says(party_presences("p1", &["dave"], &["carol"]));
    game.update();
    assert_eq!(log.take(), ["-carol", "+dave Arrived"]);
    game.acknowledge(&asked);
    game.server_says(party_presences("p1", &[], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["kick", "-bob Kicked"]);
}

#[test]
fn without_an_answer_the_event_comes_after_the_timeout() {
    let (mut game, log, _) = kicks(&["ada", "bob"], "bob");
    game.server_says(party_presences("p1", &[], &["bob"]));
    game.advance(Duration::from_secs(9));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_secs(2));
    assert_eq!(log.take(), ["kick: no answer within 10.0 s", "-bob"]);
}

#[test]
fn more_than_a_thousand_events_do_not_wait() {
    let (mut game, log, asked) = kicks(&["ada", "bob"], "bob");
    game.server_says(party_presences("p1", &[], &["bob"]));
    for _ in 0..1_100 {
        game.server_says(party_presences("p1", &["carol"], &[]));
    }
    game.update();
    assert_eq!(
        log.take(),
        ["-bob", "+carol Arrived"],
        "the oldest gives way, and all behind it"
    );
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take(), ["kick"]);
}
