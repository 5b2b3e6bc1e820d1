//! Members who come and go while one leads a party. The event about somebody whom one lets in or throws out may overtake the
//! answer; the game sees the answer first.

use std::time::Duration;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Envelope, Kind, Message, UserPresence, realtime},
    testing::{TestGame, presence},
};

fn people(names: &[&str]) -> Vec<UserPresence> {
    names.iter().map(|name| presence(name)).collect()
}

fn moved(joins: &[&str], leaves: &[&str]) -> Message {
    Message::PartyPresenceEvent(realtime::PartyPresenceEvent {
        party_id: "p1".into(),
        joins: people(joins),
        leaves: people(leaves),
    })
}

/// A game that leads a party with these members, and throws one of them out.
fn kicks(names: &[&str], whom: &str) -> (TestGame, Log, Envelope) {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<KickFromParty>>| {
        seen.add(match &reply.result {
            Ok(()) => "kicked".into(),
            Err(error) => error.to_string(),
        });
    });
    let seen = log.clone();
    game.observe(move |added: On<Add, MemberOf>, who: Query<&Username>| {
        seen.add(format!("+{}", who.get(added.entity).expect("whole")));
    });
    let seen = log.clone();
    game.observe(move |gone: On<Remove, MemberOf>, who: Query<&Username>| {
        seen.add(format!("-{}", who.get(gone.entity).expect("still there")));
    });
    let party = game.commands(|c| c.nakama().create_party(CreateParty::open(8)).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyCreate);
    let created = realtime::Party {
        party_id: "p1".into(),
        open: true,
        max_size: 8,
        self_: Some(presence(names[0])),
        leader: Some(presence(names[0])),
        presences: people(names),
        ..Default::default()
    };
    game.answer(&asked, Message::Party(created));
    game.update();
    let session = SessionId::from(presence(whom).session_id);
    let index = game.app.world().resource::<PresenceIndex>();
    let member = index.get(party, &session).expect("a member");
    game.commands(|c| c.nakama().kick_from_party(member).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyRemove);
    log.take();
    (game, log, asked)
}

#[test]
fn what_follows_a_waiting_event_waits_behind_it() {
    let (mut game, log, asked) = kicks(&["ada", "bob", "carol"], "bob");
    game.server_says(moved(&[], &["bob"]));
    game.server_says(moved(&["bob"], &[])); // an open party: he is back at once
    game.server_says(moved(&[], &["carol"]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take(), ["kicked", "-bob", "+bob", "-carol"]);
}

#[test]
fn who_joins_without_being_accepted_does_not_ask_any_more() {
    let (mut game, _, asked) = kicks(&["ada", "carol"], "carol");
    game.acknowledge(&asked);
    game.server_says(Message::PartyJoinRequest(realtime::PartyJoinRequest {
        party_id: "p1".into(),
        presences: people(&["bob", "dave"]),
    }));
    game.update();
    assert_eq!(askers(&mut game), ["bob", "dave"]);
    game.server_says(moved(&["bob"], &[])); // the party is open now
    game.update();
    assert_eq!(askers(&mut game), ["dave"]);
}

fn askers(game: &mut TestGame) -> Vec<String> {
    let world = game.app.world_mut();
    let mut asking = world.query_filtered::<&Username, With<AsksToJoin>>();
    let mut names: Vec<_> = asking.iter(world).map(ToString::to_string).collect();
    names.sort();
    names
}

#[test]
fn what_is_about_others_does_not_wait() {
    let (mut game, log, asked) = kicks(&["ada", "bob", "carol"], "bob");
    game.server_says(moved(&["dave"], &["carol"]));
    game.update();
    assert_eq!(log.take(), ["-carol", "+dave"]);
    game.acknowledge(&asked);
    game.server_says(moved(&[], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["kicked", "-bob"]);
}

#[test]
fn without_an_answer_the_event_comes_after_the_timeout() {
    let (mut game, log, _) = kicks(&["ada", "bob"], "bob");
    game.server_says(moved(&[], &["bob"]));
    game.advance(Duration::from_secs(9));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_secs(2));
    assert_eq!(log.take(), ["no answer within 10.0 s", "-bob"]);
}

#[test]
fn more_than_a_thousand_events_do_not_wait() {
    let (mut game, log, asked) = kicks(&["ada", "bob"], "bob");
    game.server_says(moved(&[], &["bob"]));
    for _ in 0..1_100 {
        game.server_says(moved(&["carol"], &[]));
    }
    game.update();
    assert_eq!(
        log.take(),
        ["-bob", "+carol"],
        "the oldest gives way, and all behind it"
    );
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take(), ["kicked"]);
}
