//! Several games on the embedded server, over real sockets, see what the others do.

use crate::common::{
    game::{Game, serve},
    scenes, server_code,
};
use bevy::prelude::*;
use bevy_nakama::{
    connection::Network,
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
    proto::PartyLayout,
};

/// A game that logs in, connects, and joins the match `meeting`.
fn enter(network: &Network, server: &NakamaServer, name: &str) -> (Game, Entity) {
    let mut game = Game::on(network);
    game.app
        .add_observer(|_: On<Connected>, mut commands: Commands| {
            commands
                .nakama()
                .create_match(CreateMatch::named("meeting"));
        });
    let login = Login::device(format!("device-of-{name}")).username(name);
    game.commands(|commands| {
        commands.nakama().log_in(server, login);
        commands.nakama().connect();
    });
    let here = game.until("a match", |app| {
        app.world_mut()
            .query_filtered::<Entity, With<Match>>()
            .iter(app.world())
            .next()
    });
    (game, here)
}

fn names(app: &mut App) -> Vec<String> {
    let mut query = app
        .world_mut()
        .query_filtered::<&Username, With<PresentIn>>();
    let mut names: Vec<_> = query.iter(app.world()).map(ToString::to_string).collect();
    names.sort();
    names
}

fn start() -> (LocalServer, NakamaServer, Network) {
    let (local, server) = serve(LocalServerConfig::default());
    (local, server, Network::new().expect("a thread"))
}

#[test]
fn players_see_each_other_come_and_go() {
    let (_local, server, network) = start();
    let (mut ada, _) = enter(&network, &server, "ada");
    let (mut bob, _) = enter(&network, &server, "bob");
    ada.until("bob", |app| (names(app) == ["ada", "bob"]).then_some(()));
    bob.until("ada", |app| (names(app) == ["ada", "bob"]).then_some(()));

    let begin = std::time::Instant::now();
    drop(bob);
    ada.until("bob's leave", |app| (names(app) == ["ada"]).then_some(()));
    assert!(
        begin.elapsed().as_millis() < 1000,
        "within a second of his end"
    );
}

#[test]
fn five_hundred_sends_in_one_frame_kick_nobody() {
    let (_local, server, network) = start();
    let (mut ada, here) = enter(&network, &server, "ada");
    let mut others: Vec<_> = ["bob", "carol", "dave"]
        .map(|name| enter(&network, &server, name).0)
        .into();
    ada.until("everybody", |app| (names(app).len() == 4).then_some(()));
    ada.commands(|commands| {
        for op_code in 0..500 {
            commands
                .nakama()
                .send_data(here, OutgoingData::raw(op_code, "x"));
        }
    });
    ada.app.update();
    for other in &mut others {
        let mut seen = Vec::new();
        other.until("500 messages", |app| {
            let data = Game::arrived::<MatchDataReceived>(app);
            seen.extend(data.iter().map(|data| data.op_code));
            (seen.len() >= 500).then_some(())
        });
        assert_eq!(seen, (0..500).collect::<Vec<_>>(), "all of them, in order");
        assert_eq!(
            other.phases.take(),
            ["connected"],
            "and nobody was hung up on"
        );
    }
}

#[test]
fn a_filter_reaches_whom_it_names() {
    let (_local, server, network) = start();
    let (mut ada, here) = enter(&network, &server, "ada");
    let (mut bob, _) = enter(&network, &server, "bob");
    let (mut carol, _) = enter(&network, &server, "carol");
    let bobs = ada.until("everybody", |app| {
        let all = names(app);
        let mut query = app
            .world_mut()
            .query_filtered::<(Entity, &Username), With<PresentIn>>();
        let bob = query
            .iter(app.world())
            .find(|(_, name)| name.as_str() == "bob");
        bob.filter(|_| all.len() == 3).map(|(entity, _)| entity)
    });
    ada.commands(|commands| {
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(1, "for bob").to([bobs]));
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(2, "for all"));
    });
    ada.app.update();
    let read = |game: &mut Game, count| {
        let mut seen = Vec::new();
        game.until("data", |app| {
            let data = Game::arrived::<MatchDataReceived>(app);
            let texts = data.iter().map(|data| String::from_utf8_lossy(&data.data));
            seen.extend(texts.map(String::from));
            (seen.len() >= count).then(|| seen.clone())
        })
    };
    assert_eq!(read(&mut bob, 2), ["for bob", "for all"]);
    assert_eq!(read(&mut carol, 1), ["for all"]);
}

#[test]
fn a_party_of_three() {
    for layout in [PartyLayout::Current, PartyLayout::Before3_28] {
        let (_local, server) = serve(LocalServerConfig {
            party_layout: layout,
            ..Default::default()
        });
        assert_eq!(scenes::party::a_party(&server), layout);
    }
}

#[test]
fn strangers_are_matched_and_meet() {
    let (_local, server) = matchmaking(PartyLayout::Current);
    scenes::matchmaking::strangers(&server);
}

#[test]
fn the_matchmaker_compares_sockets_and_never_users() {
    let (local, _) = matchmaking(PartyLayout::Current);
    scenes::matchmaking::sockets_and_never_users(local.address());
}

#[test]
fn a_party_is_matched_with_a_stranger() {
    for layout in [PartyLayout::Current, PartyLayout::Before3_28] {
        let (_local, server) = matchmaking(layout);
        scenes::matchmaking::a_party_and_a_stranger(&server);
    }
}

/// A server whose matchmaker is quick.
fn matchmaking(party_layout: PartyLayout) -> (LocalServer, NakamaServer) {
    serve(LocalServerConfig {
        party_layout,
        matchmaker_interval: std::time::Duration::from_millis(50),
        ..Default::default()
    })
}

#[test]
fn a_room_of_three() {
    let (_local, server, _) = start();
    scenes::chat::a_chat(&server);
}

#[test]
fn what_is_too_large_costs_nothing() {
    let (_local, server, _) = start();
    scenes::chat::the_size_limit(&server);
}

#[test]
fn friends_see_each_other_come_and_go() {
    let (_server, address) = server_code::start();
    scenes::friends::friends(&address);
}

#[test]
fn functions_of_the_server() {
    let (_server, address) = server_code::start();
    scenes::server_code::functions(&address, "defaulthttpkey");
}

#[test]
fn streams_of_the_server() {
    let (_server, address) = server_code::start();
    scenes::server_code::streams(&address);
}

#[test]
fn notifications_are_kept() {
    let (_server, address) = server_code::start();
    scenes::server_code::notifications(&address);
}

#[test]
fn a_match_that_the_server_runs() {
    let (_server, address) = server_code::start();
    scenes::server_code::a_match_of_the_server(&address);
}
