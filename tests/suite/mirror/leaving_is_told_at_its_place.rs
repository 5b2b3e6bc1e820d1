//! Leaving is told once, at its place in the order, and coming back is new.

use std::time::Duration;

use super::count;
use crate::common::{log::Log, steps::connect_as};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Kind, Message},
    testing::*,
};

/// `On<Remove, …>` comes once, in order, while everything can be read.
#[test]
fn leaving_is_told_at_its_place() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |gone: On<Remove, PresentIn>,
              who: Query<(
            &Username,
            &UserId,
            &SessionId,
            &Presence,
            &JoinedAs,
            &PresentIn,
        )>| {
            let (name, ..) = who.get(gone.entity).expect("readable");
            seen.add(format!("-{name}"));
        },
    );
    let seen = log.clone();
    game.observe(move |_: On<Add, PresentIn>| seen.add("+"));
    let seen = log.clone();
    game.observe(move |gone: On<Remove, Match>, matches: Query<&MatchId>| {
        seen.add(format!("-{}", matches.get(gone.entity).expect("readable")));
    });
    game.server_says(match_presences("m", &[], &["bob"]));
    game.server_says(match_presences("m", &["cat"], &[]));
    game.update();
    assert_eq!(log.take(), ["-bob", "+"]);
    let here = game.match_entity("m");
    game.commands(|commands| commands.nakama().leave_match(here).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchLeave);
    game.acknowledge(&asked);
    for _ in 0..10 {
        game.update();
    }
    let mut told = log.take();
    told.sort();
    assert_eq!(told, ["-ada", "-cat", "-m"]);
}

#[test]
fn who_comes_back_is_somebody_new() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let before = game.presence_of("m", "bob");
    game.server_says(match_presences("m", &[], &["bob"]));
    game.server_says(match_presences("m", &["bob"], &[]));
    game.update();
    let after = game.presence_of("m", "bob");
    assert_ne!(before, after);
    assert_eq!(game.roster("m"), ["ada", "bob"]);
    for _ in 0..10 {
        game.update();
    }
    assert_eq!(game.roster("m"), ["ada", "bob"]);
}

#[test]
fn what_the_user_left_may_be_despawned_and_joined_again() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let here = game.match_entity("m");
    game.commands(|commands| commands.nakama().leave_match(here).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchLeave);
    game.acknowledge(&asked);
    game.update();
    game.commands(|commands| commands.entity(here).despawn());
    let again = game.join("m", &["ada", "bob"]);
    assert_eq!(game.match_entity("m"), again);
    let left = |game: &mut TestGame| {
        let sent = game.sent().into_iter().filter_map(|sent| sent.message);
        sent.filter(|sent| matches!(sent, Message::MatchLeave(_)))
            .count()
    };
    game.update();
    assert_eq!(left(&mut game), 0, "it is left already");
    // Despawning a match is leaving it, at once.
    game.commands(|commands| commands.entity(again).despawn());
    assert_eq!(count::<With<PresentIn>>(&mut game), 0);
    game.update();
    assert_eq!(left(&mut game), 1);
}

/// In a slow frame, the game joins on its new connection before it hears of the end of the old one.
#[test]
fn a_join_on_a_new_connection_outlives_the_end_of_the_old_one() {
    let mut game = TestGame::connected();
    let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
    settings.receive_budget = Duration::ZERO; // one envelope in a frame
    for id in ["1", "2", "3"] {
        game.server_says(notification_sent(id, 1, "hello", "{}", false));
    }
    connect_as(&mut game, "ada");
    game.update();
    game.server_accepts();
    game.update();
    game.commands(|commands| {
        commands.nakama().join_match(JoinMatch::by_id("m"));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    let connection = game.app.world().resource::<NakamaConnection>();
    assert!(!connection.is_connected(), "the game has not heard of it");
    game.server_says(match_presences("m", &["bob"], &[]));
    game.answer(&asked, match_joined("m", &["ada"]));
    for _ in 0..10 {
        game.update();
    }
    assert_eq!(game.roster("m"), ["ada", "bob"]);
}
