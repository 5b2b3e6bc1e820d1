//! The queue of a receiver is shared by all who may send to it, so each has a part of the window.

use super::*;
use crate::common::steps::create_party;
use bevy::diagnostic::{DiagnosticsPlugin, DiagnosticsStore};
use bevy_nakama::{
    diagnostics::{self, NakamaDiagnosticsPlugin},
    proto::PartyLayout,
};

/// So many players, the local user first.
fn players(count: usize) -> Vec<String> {
    let others = (1..count).map(|n| format!("player {n}"));
    std::iter::once("ada".to_owned()).chain(others).collect()
}

fn with(settings: NakamaSettings) -> TestGame {
    let mut game = TestGame::with_plugins(settings, (DiagnosticsPlugin, NakamaDiagnosticsPlugin));
    game.connect();
    game
}

fn join(game: &mut TestGame, id: &str, count: usize) -> Entity {
    let names = players(count);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    game.join(id, &names)
}

/// The window of what this sends.
fn window(game: &mut TestGame, send: impl FnOnce(&mut Commands)) -> f64 {
    game.commands(send);
    game.update();
    game.update();
    let store = game.app.world().resource::<DiagnosticsStore>();
    let measured = store.get_measurement(&diagnostics::SEND_WINDOW);
    measured.expect("it is measured").value
}

#[test]
fn all_who_may_send_to_a_receiver_share_its_window() {
    let mut game = with(NakamaSettings::default());
    for (count, expected) in [
        (1, 48.0),
        (2, 48.0),
        (3, 24.0),
        (5, 12.0),
        (20, 2.0),
        (100, 2.0),
    ] {
        let here = join(&mut game, &format!("m{count}"), count);
        let seen = window(&mut game, |c| c.nakama().send(here, &Beep(1)));
        assert_eq!(seen, expected, "{count} members");
    }
}

#[test]
fn the_window_follows_who_comes_and_goes() {
    let mut game = with(NakamaSettings::default());
    let here = game.join("m1", &["ada", "bob"]);
    game.server_says(match_presences("m1", &["carol", "dan"], &[]));
    game.update();
    let seen = window(&mut game, |c| c.nakama().send(here, &Beep(1)));
    assert_eq!(seen, 16.0);
    game.server_says(match_presences("m1", &[], &["dan"]));
    game.update();
    // Whom the game despawns can still send and receive.
    let carol = game.presence_of("m1", "carol");
    game.commands(|c| c.entity(carol).despawn());
    let seen = window(&mut game, |c| c.nakama().send(here, &Beep(1)));
    assert_eq!(seen, 24.0);
}

#[test]
fn a_game_sets_the_window_for_all_or_for_one() {
    let mut game = with(NakamaSettings {
        send_window: 96,
        ..default()
    });
    let here = join(&mut game, "m1", 5);
    let there = join(&mut game, "m2", 5);
    game.commands(|c| {
        c.entity(there).insert(SendWindow(200));
    });
    let seen = window(&mut game, |c| c.nakama().send(here, &Beep(1)));
    assert_eq!(seen, 24.0);
    let seen = window(&mut game, |c| c.nakama().send(there, &Beep(1)));
    assert_eq!(seen, 50.0);
    game.app
        .world_mut()
        .resource_mut::<NakamaSettings>()
        .send_window = 0;
    let seen = window(&mut game, |c| c.nakama().send(here, &Beep(1)));
    assert_eq!(seen, 2.0, "the least");
}

#[test]
fn chat_party_data_and_status_have_a_window_too() {
    for layout in [PartyLayout::Current, PartyLayout::Before3_28] {
        let mut game = TestGame::with_plugins(
            NakamaSettings::default(),
            (DiagnosticsPlugin, NakamaDiagnosticsPlugin),
        );
        game.server_writes(layout);
        game.connect();
        let room = game.join_room("r", &["ada", "bob", "carol"]);
        let team = create_party(
            &mut game,
            CreateParty::open(8),
            party_joined("p", "ada", &["ada", "bob", "carol", "dan"]),
        );
        let seen = window(&mut game, |c| {
            c.nakama().send_chat_json(room, "{}");
        });
        assert_eq!(seen, 24.0, "a chat message");
        let seen = window(&mut game, |c| c.nakama().send_party_data(team, 1, "x"));
        assert_eq!(seen, 16.0, "party data");
        let seen = window(&mut game, |c| {
            c.nakama().remove_chat_message(room, "m");
        });
        assert_eq!(seen, 24.0, "the end of a chat message");
        let seen = window(&mut game, |c| {
            c.nakama().set_status(Some("here"));
        });
        assert_eq!(seen, 2.0, "a status");
        let raw = Message::PartyDataSend(realtime::PartyDataSend {
            party_id: "p".into(),
            ..Default::default()
        });
        let seen = window(&mut game, |c| {
            c.nakama().send_raw(raw);
        });
        assert_eq!(seen, 16.0, "a message of the game's making");
    }
}
