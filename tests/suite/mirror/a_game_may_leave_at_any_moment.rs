//! Observers run between two steps of the plugin. They may leave what it works on.

use std::time::Duration;

use super::count;
use crate::common::steps::join_party;
use bevy::prelude::*;
use bevy_nakama::{prelude::*, proto::Kind, testing::*};

/// The local user joins a party that bob leads, and may leave it again at once.
fn in_bobs_party(game: &mut TestGame) {
    let entity = join_party(game, "p", &["bob", "ada", "cat"]);
    assert!(
        game.app.world().get::<Party>(entity).is_some() || count::<With<Party>>(game) == 0,
        "they are in, or out again"
    );
}

/// Nothing is left of a party, and the server is told.
fn is_out_of_the_party(game: &mut TestGame) {
    game.update();
    game.expect_sent(Kind::PartyLeave);
    assert_eq!(count::<With<Party>>(game), 0);
    assert_eq!(count::<With<Presence>>(game), 0, "nobody is left behind");
    assert_eq!(count::<With<PartyJoinRequester>>(game), 0);
    assert_eq!(count::<With<PartyLeader>>(game), 0);
}

/// By despawning the party, by removing what it is, or by clearing it.
const WAYS_OUT: [fn(EntityCommands); 3] = [
    |mut party| party.despawn(),
    |mut party| {
        party.remove::<Party>();
    },
    |mut party| {
        party.clear();
    },
];

#[test]
fn a_game_leaves_as_the_leader_changes() {
    for leave in WAYS_OUT {
        let mut game = TestGame::connected();
        in_bobs_party(&mut game);
        game.observe(
            move |_: On<Remove, PartyLeader>,
                  mut commands: Commands,
                  party: Option<Single<Entity, With<Party>>>| {
                if let Some(party) = party {
                    leave(commands.entity(*party));
                }
            },
        );
        game.server_says(party_leader("p", "cat"));
        is_out_of_the_party(&mut game);
    }
}

#[test]
fn a_game_leaves_a_party_as_it_enters() {
    for leave in WAYS_OUT {
        let mut game = TestGame::connected();
        game.observe(move |came: On<Add, Party>, mut commands: Commands| {
            leave(commands.entity(came.entity));
        });
        in_bobs_party(&mut game);
        is_out_of_the_party(&mut game);
    }
}

#[test]
fn a_game_leaves_a_party_as_waiting_ends() {
    let mut game = TestGame::connected();
    game.observe(|ended: On<Remove, Joining>, mut commands: Commands| {
        commands.entity(ended.entity).try_despawn();
    });
    in_bobs_party(&mut game);
    is_out_of_the_party(&mut game);
}

#[test]
fn a_game_gives_up_on_all_parties_at_once() {
    let mut game = TestGame::connected();
    for id in ["p", "q"] {
        game.commands(|commands| commands.nakama().join_party(id).id());
        game.update();
        let asked = game.expect_sent(Kind::PartyJoin);
        game.acknowledge(&asked);
    }
    game.observe(
        |_: On<Add, PendingApproval>, mut commands: Commands, all: Query<Entity, With<Joining>>| {
            for joining in &all {
                commands.entity(joining).try_despawn();
            }
        },
    );
    game.advance(Duration::from_secs(2));
    assert_eq!(count::<With<Joining>>(&mut game), 0);
}

/// Bevy panics if an observer of a new relationship despawns its target, so this game leaves with a request.
#[test]
fn a_game_leaves_a_match_that_is_too_full() {
    let mut game = TestGame::connected();
    game.observe(
        |came: On<Add, PresentIn>, mut commands: Commands, here: Query<&PresentIn>| {
            if let Ok(PresentIn(here)) = here.get(came.entity) {
                commands.nakama().leave_match(*here);
            }
        },
    );
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m")).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada", "bob", "cat"]));
    game.update();
    for _ in ["ada", "bob", "cat"] {
        let asked = game.expect_sent(Kind::MatchLeave);
        game.acknowledge(&asked);
    }
    game.update();
    assert_eq!(count::<With<Match>>(&mut game), 0);
    assert_eq!(
        count::<With<Presence>>(&mut game),
        0,
        "nobody is left behind"
    );
}

#[test]
fn a_game_leaves_a_match_as_others_go_and_come() {
    let mut game = TestGame::joined("m", &["ada", "bob", "cat"]);
    game.observe(
        |_: On<Remove, PresentIn>,
         mut commands: Commands,
         here: Option<Single<Entity, With<Match>>>| {
            if let Some(here) = here {
                commands.entity(*here).try_despawn();
            }
        },
    );
    game.server_says(match_presences("m", &["dan"], &["bob", "cat"]));
    game.update();
    assert_eq!(count::<With<Match>>(&mut game), 0);
    assert_eq!(
        count::<With<Presence>>(&mut game),
        0,
        "nobody is left behind"
    );
}
