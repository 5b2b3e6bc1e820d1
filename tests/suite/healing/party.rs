//! Scenarios 18 and 33 with parties: the local user is in the same party again, or asks its leader once more.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    healing::Stale,
    party::PendingApproval,
    prelude::*,
    proto::{Kind, Message, PartyLayout, UserPresence, realtime},
    testing::*,
};

use super::steps::{again, hear_of, lose, reopen, state};
use crate::common::{log::Log, steps::create_party};

const LAYOUTS: [PartyLayout; 2] = [PartyLayout::Before3_28, PartyLayout::Current];

fn party(open: bool, members: &[UserPresence]) -> Message {
    Message::Party(realtime::Party {
        party_id: "p".into(),
        open,
        max_size: 8,
        self_: Some(again("ada")),
        leader: members.first().cloned(),
        presences: members.to_vec(),
        ..Default::default()
    })
}

/// A game that waits for the leader of a closed party.
fn who_asks() -> (TestGame, Entity) {
    let mut game = TestGame::connected();
    let asking = game.commands(|commands| commands.nakama().join_party("p").id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.advance(Duration::from_secs(2));
    (game, asking)
}

/// In a party that bob leads, with cat.
fn in_party(open: bool, layout: PartyLayout) -> (TestGame, Entity, Log) {
    let mut game = TestGame::connected();
    game.server_writes(layout);
    let asking = game.commands(|commands| commands.nakama().join_party("p").id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    let Message::Party(mut joined) = party_joined("p", "ada", &["bob", "cat", "ada"]) else {
        panic!("no party");
    };
    joined.open = open;
    game.server_says(Message::Party(joined));
    game.update();
    assert!(game.app.world().get::<Party>(asking).is_some());
    let log = hear_of::<Party>(&mut game);
    (game, asking, log)
}

fn asks_again(game: &mut TestGame) -> bevy_nakama::proto::Envelope {
    lose(game);
    reopen(game);
    game.expect_sent(Kind::PartyJoin)
}

#[test]
fn scenario_18_an_open_party_is_joined_again_and_what_it_was_stays() {
    for layout in LAYOUTS {
        let (mut game, entity, log) = in_party(true, layout);
        if layout == PartyLayout::Current {
            game.server_says(Message::PartyUpdate(realtime::PartyUpdate {
                party_id: "p".into(),
                open: true,
                label: "{\"mode\":1}".into(),
                ..Default::default()
            }));
            game.update();
        }
        let asked = asks_again(&mut game);
        assert_eq!(state(&game), ConnectionState::Reconnecting);
        game.acknowledge(&asked);
        game.update();
        assert_eq!(
            state(&game),
            ConnectionState::Reconnecting,
            "it is likely to come"
        );
        game.server_says(party(
            true,
            &[user_presence("bob"), user_presence("dan"), again("ada")],
        ));
        game.update();
        assert_eq!(
            log.take(),
            ["+dan WhileAway", "-cat WhileAway", "Restored", "resumed"]
        );
        let world = game.app.world();
        assert!(world.get::<Stale>(entity).is_none());
        assert!(world.get::<PendingApproval>(entity).is_none());
        let label = world.get::<Party>(entity).expect("a party").label.clone();
        assert_eq!(
            label.is_some(),
            layout == PartyLayout::Current,
            "a pushed party does not clear it"
        );
    }
}

#[test]
fn an_open_party_that_has_changed_says_so_and_a_party_that_is_gone_is_lost() {
    let (mut game, _, log) = in_party(true, PartyLayout::Current);
    let asked = asks_again(&mut game);
    game.acknowledge(&asked);
    game.server_says(party(false, &[user_presence("bob"), again("ada")]));
    game.update();
    assert_eq!(log.take(), ["-cat WhileAway", "Changed", "resumed"]);

    let (mut game, entity, log) = in_party(true, PartyLayout::Current);
    let asked = asks_again(&mut game);
    game.refuse(&asked, 3, "Error joining party: party not found");
    game.update();
    let lines = log.take();
    assert!(lines[0].starts_with("lost: "), "{lines:?}");
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(game.app.world().get::<Party>(entity).is_none());
}

#[test]
fn in_a_closed_party_the_local_user_is_an_asker_again() {
    for layout in LAYOUTS {
        let (mut game, entity, log) = in_party(false, layout);
        let asked = asks_again(&mut game);
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["resumed"], "nobody waits for the leader");
        assert!(game.app.world().get::<PendingApproval>(entity).is_some());
        assert!(game.app.world().get::<Stale>(entity).is_some());
        game.advance(Duration::from_secs(60));
        game.server_says(party(
            false,
            &[user_presence("bob"), user_presence("cat"), again("ada")],
        ));
        game.update();
        assert_eq!(log.take(), ["Restored"]);
        assert!(game.app.world().get::<PendingApproval>(entity).is_none());
        assert!(game.app.world().get::<Stale>(entity).is_none());
    }
}

/// A call that holds the line up is enough for that: the server works in order.
#[test]
fn a_party_that_is_joined_again_too_late_is_left() {
    for layout in LAYOUTS {
        let (mut game, _, log) = in_party(true, layout);
        asks_again(&mut game);
        game.advance(Duration::from_secs(11));
        let heard = log.take();
        assert!(heard.iter().any(|it| it.starts_with("lost:")), "{heard:?}");
        game.expect_sent(Kind::PartyLeave);
        game.server_says(party(true, &[user_presence("bob"), again("ada")]));
        game.update();
        game.expect_sent(Kind::PartyLeave);
        let mut parties = game.app.world_mut().query::<&Party>();
        assert_eq!(parties.iter(game.app.world()).count(), 0);
    }
}

#[test]
fn who_asked_before_the_loss_asks_again_with_the_same_entity_until_the_old_request_is_out_of_the_way()
 {
    let (mut game, asking) = who_asks();
    assert!(game.app.world().get::<PendingApproval>(asking).is_some());
    let log = hear_of::<Party>(&mut game);
    let asked = asks_again(&mut game);
    game.refuse(
        &asked,
        3,
        "Error joining party: party join request duplicate",
    );
    game.update();
    assert_eq!(log.take(), ["resumed"]);
    for _ in 0..3 {
        game.advance(Duration::from_millis(3_100));
        let asked = game.expect_sent(Kind::PartyJoin);
        game.refuse(
            &asked,
            3,
            "Error joining party: party join request duplicate",
        );
        game.update();
        assert!(game.app.world().get::<PendingApproval>(asking).is_some());
    }
    game.advance(Duration::from_millis(3_100));
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.advance(Duration::from_secs(10));
    assert!(game.sent().is_empty());
    game.server_says(party(false, &[user_presence("bob"), again("ada")]));
    game.update();
    assert!(game.app.world().get::<Party>(asking).is_some());
}

/// The server still has the request of the old session, which nobody wanted any more.
#[test]
fn scenario_25_who_withdraws_after_a_loss_may_ask_again() {
    for withdraws in ["before", "meanwhile", "after"] {
        let (mut game, asking) = who_asks();
        let withdraw = |game: &mut TestGame, entity| {
            game.commands(|commands| commands.entity(entity).despawn());
            game.update();
        };
        let duplicate = "Error joining party: party join request duplicate";
        if withdraws == "before" {
            withdraw(&mut game, asking);
            let left = game.expect_sent(Kind::PartyLeave);
            game.acknowledge(&left);
        }
        lose(&mut game);
        if withdraws == "meanwhile" {
            withdraw(&mut game, asking);
        }
        reopen(&mut game);
        game.update();
        if withdraws == "after" {
            let asked = game.expect_sent(Kind::PartyJoin);
            game.refuse(&asked, 3, duplicate);
            game.update();
            withdraw(&mut game, asking);
            let left = game.expect_sent(Kind::PartyLeave);
            game.acknowledge(&left);
        }
        assert_eq!(state(&game), ConnectionState::Connected);
        let again = game.commands(|commands| commands.nakama().join_party("p").id());
        game.update();
        let asked = game.expect_sent(Kind::PartyJoin);
        game.refuse(&asked, 3, duplicate);
        game.update();
        let is_asking = |game: &TestGame| game.app.world().get::<PendingApproval>(again).is_some();
        assert!(is_asking(&game), "{withdraws}");
        for _ in 0..12 {
            game.advance(Duration::from_millis(3_100));
            let asked = game.expect_sent(Kind::PartyJoin);
            // What the server says depends on how many ask.
            game.refuse(&asked, 3, "Error joining party: party join requests full");
            game.update();
            assert!(is_asking(&game), "{withdraws}");
        }
        // The leader has taken the old request out of the way.
        game.advance(Duration::from_millis(3_100));
        let asked = game.expect_sent(Kind::PartyJoin);
        game.acknowledge(&asked);
        game.advance(Duration::from_secs(10));
        assert!(game.sent().is_empty());
        game.server_says(party(
            false,
            &[user_presence("bob"), super::steps::again("ada")],
        ));
        game.update();
        assert!(game.app.world().get::<Party>(again).is_some());
        game.advance(Duration::from_secs(10));
        assert!(game.sent().is_empty());
    }
}

/// As on a real server, with a line that is cut at the moment at which the asker asks again: nobody has noticed yet.
#[test]
fn scenario_25_who_asks_and_hears_nothing_still_asks() {
    let (mut game, asking) = who_asks();
    let log = hear_of::<Party>(&mut game);
    let asked = asks_again(&mut game);
    let duplicate = "Error joining party: party join request duplicate";
    game.refuse(&asked, 3, duplicate);
    game.advance(Duration::from_millis(3_100));
    game.expect_sent(Kind::PartyJoin);
    assert_eq!(log.take(), ["resumed"]);
    // No answer, and then there is another try.
    game.advance(Duration::from_millis(13_200));
    assert_eq!(log.take(), [""; 0]);
    assert!(game.app.world().get::<PendingApproval>(asking).is_some());
    let asked = game.expect_sent(Kind::PartyJoin);
    game.refuse(&asked, 3, duplicate);
    game.update();
    assert!(game.app.world().get::<PendingApproval>(asking).is_some());
}

#[test]
fn a_full_party_is_asked_again_because_the_old_session_may_take_the_place() {
    let (mut game, _, log) = in_party(true, PartyLayout::Current);
    let asked = asks_again(&mut game);
    game.refuse(&asked, 3, "Error joining party: party full");
    game.update();
    log.take();
    game.advance(Duration::from_millis(3_100));
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.server_says(party(
        true,
        &[user_presence("bob"), user_presence("cat"), again("ada")],
    ));
    game.update();
    assert_eq!(log.take(), ["Restored"]);
}

/// Somebody else has taken the local user's place in the party.
#[test]
fn scenario_25_a_party_that_has_filled_up_is_lost() {
    let (mut game, _, log) = in_party(false, PartyLayout::Current);
    let mut asked = asks_again(&mut game);
    for _ in 0..11 {
        game.refuse(
            &asked,
            3,
            "Error joining party: party join request duplicate",
        );
        game.advance(Duration::from_millis(3_100));
        asked = game.expect_sent(Kind::PartyJoin);
    }
    log.take();
    game.refuse(&asked, 3, "Error joining party: party full");
    game.advance(Duration::from_secs(10));
    let lines = log.take();
    assert!(lines.concat().contains("party full"), "{lines:?}");
    assert!(game.sent().is_empty());
}

#[test]
fn scenario_33_a_party_that_is_left_or_despawned_while_away_is_not_asked_for() {
    for leaves in [true, false] {
        let (mut game, entity, _) = in_party(true, PartyLayout::Current);
        lose(&mut game);
        game.commands(|commands| {
            if leaves {
                commands.nakama().leave_party(entity);
            } else {
                commands.entity(entity).despawn();
            }
        });
        game.update();
        reopen(&mut game);
        assert!(game.sent().is_empty());
        assert_eq!(state(&game), ConnectionState::Connected);
    }
}

#[test]
fn who_does_not_want_the_party_any_more_leaves_if_the_leader_accepts_late() {
    let (mut game, entity, _) = in_party(false, PartyLayout::Current);
    let asked = asks_again(&mut game);
    game.acknowledge(&asked);
    game.update();
    game.commands(|commands| commands.entity(entity).despawn());
    game.update();
    let leave = game.expect_sent(Kind::PartyLeave);
    game.acknowledge(&leave);
    game.sent();
    game.update();
    game.server_says(party(false, &[user_presence("bob"), again("ada")]));
    game.update();
    game.expect_sent(Kind::PartyLeave);
}

#[test]
fn the_end_of_the_connection_while_asking_ends_the_party_once() {
    let (mut game, entity, log) = in_party(false, PartyLayout::Current);
    let asked = asks_again(&mut game);
    game.acknowledge(&asked);
    game.update();
    log.take();
    game.commands(|commands| commands.nakama().disconnect());
    game.advance(Duration::from_millis(500));
    let mut lines = log.take();
    lines.sort();
    assert_eq!(
        lines,
        [
            "-ada Disconnected",
            "-bob Disconnected",
            "-cat Disconnected"
        ]
    );
    assert!(game.app.world().get::<Party>(entity).is_none());
}

#[test]
fn a_leader_alone_in_an_open_party_loses_it_with_the_reason_of_the_server() {
    let mut game = TestGame::connected();
    let entity = create_party(
        &mut game,
        CreateParty::open(8),
        party_joined("p", "ada", &["ada"]),
    );
    let log = hear_of::<Party>(&mut game);
    let asked = asks_again(&mut game);
    game.refuse(&asked, 3, "Error joining party: party not found");
    game.update();
    let lines = log.take();
    assert!(lines[0].contains("party not found"), "{lines:?}");
    assert!(game.app.world().get::<Party>(entity).is_none());
}

#[test]
fn a_second_loss_before_the_open_party_comes_asks_it_anew() {
    let (mut game, entity, log) = in_party(true, PartyLayout::Current);
    let asked = asks_again(&mut game);
    game.acknowledge(&asked);
    game.update();
    let asked = asks_again(&mut game);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(state(&game), ConnectionState::Reconnecting);
    assert!(game.app.world().get::<PendingApproval>(entity).is_none());
    game.server_says(party(
        true,
        &[user_presence("bob"), user_presence("cat"), again("ada")],
    ));
    game.update();
    assert_eq!(log.take(), ["Restored", "resumed"]);
}

#[test]
fn nothing_waits_for_an_open_party_that_is_not_wanted_any_more() {
    let (mut game, entity, _) = in_party(true, PartyLayout::Current);
    let asked = asks_again(&mut game);
    game.acknowledge(&asked);
    game.update();
    game.commands(|commands| commands.entity(entity).despawn());
    game.update();
    assert_eq!(state(&game), ConnectionState::Connected);
}
