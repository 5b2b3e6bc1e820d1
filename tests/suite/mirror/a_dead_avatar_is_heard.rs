//! The game may despawn the avatar of a member who plays on.

use std::time::Duration;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::*};

/// Logs what a game hears of bob, in order, and whether he is there.
fn hear_bob(game: &mut TestGame) -> Log {
    let log = Log::default();
    let seen = log.clone();
    game.app
        .add_systems(Update, move |mut said: MessageReader<MatchDataReceived>| {
            for said in said.read() {
                let who = said
                    .sender
                    .as_ref()
                    .and_then(|sender| sender.entity)
                    .map_or("nobody", |_| "bob");
                seen.add(format!("{who} {}", said.op_code));
            }
        });
    log
}

#[test]
fn a_player_whose_avatar_died_is_heard_at_once_and_in_order() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let log = hear_bob(&mut game);
    let bob = game.presence_of("m", "bob");
    game.commands(|commands| commands.entity(bob).despawn());
    for n in 10..16 {
        game.server_says(match_data_sent("m", Some("bob"), n, "x"));
        game.update_by(Duration::from_millis(100));
        assert_eq!(log.take(), [format!("nobody {n}")]);
    }
    // Others come and go meanwhile.
    for n in 0..1100 {
        let name = format!("guest-{n}");
        game.server_says(match_presences("m", &[&name], &[]));
        game.server_says(match_presences("m", &[], &[&name]));
    }
    game.server_says(match_data_sent("m", Some("bob"), 16, "x"));
    game.update();
    assert_eq!(log.take(), ["nobody 16"]);

    game.server_says(match_presences("m", &[], &["bob"]));
    game.server_says(match_presences("m", &["bob"], &[]));
    game.server_says(match_data_sent("m", Some("bob"), 17, "x"));
    game.update();
    assert_eq!(log.take(), ["bob 17"], "joining again brings them back");
}

#[test]
fn joining_again_brings_a_dead_avatar_back() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let log = hear_bob(&mut game);
    for again in ["by an event", "by an answer"] {
        let bob = game.presence_of("m", "bob");
        game.commands(|commands| commands.entity(bob).despawn());
        if again == "by an event" {
            game.server_says(match_presences("m", &["bob"], &[]));
        } else {
            game.join("m", &["ada", "bob"]);
        }
        game.server_says(match_data_sent("m", Some("bob"), 1, "x"));
        game.update();
        assert_eq!(log.take(), ["bob 1"], "{again}");
    }
}
