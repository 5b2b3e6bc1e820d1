//! Against a real Nakama: `NAKAMA_URL=http://127.0.0.1:7350 cargo test --test real_server -- --ignored`.
//!
//! `NAKAMA_KEY` is the server key, `defaultkey` if absent.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

mod common;

use bevy::prelude::*;
use bevy_nakama::prelude::*;
use common::{game::Game, log::Log};

fn server() -> NakamaServer {
    let url = std::env::var("NAKAMA_URL").expect("set NAKAMA_URL, like http://127.0.0.1:7350");
    NakamaServer::new(
        url,
        std::env::var("NAKAMA_KEY").unwrap_or_else(|_| "defaultkey".into()),
    )
}

#[test]
#[ignore = "needs a Nakama server"]
fn two_players_meet_in_a_match() {
    let mut games = Vec::new();
    for name in ["ada", "bob"] {
        let mut game = Game::new();
        let log = Log::default();
        let seen = log.clone();
        game.app.add_observer(
            move |reply: On<Replied<LogIn>>, mut commands: Commands| match &reply.result {
                Ok(login) => {
                    commands
                        .nakama()
                        .connect(&server(), &login.session, ConnectOptions::default())
                }
                Err(error) => seen.add(error.to_string()),
            },
        );
        game.app
            .add_observer(|_: On<Connected>, mut commands: Commands| {
                commands
                    .nakama()
                    .create_match(CreateMatch::named("real-server-test"));
            });
        let login = Login::device(format!("real-server-test-{name}"));
        game.commands(|commands| commands.nakama().log_in(&server(), login).id());
        game.until("a match", |app| {
            assert_eq!(log.take(), [""; 0]);
            app.world_mut()
                .query_filtered::<Entity, With<Match>>()
                .iter(app.world())
                .next()
        });
        println!("{name}: in");
        games.push(game);
    }
    let mut bob = games.pop().expect("two");
    let mut ada = games.pop().expect("two");
    let count = |app: &mut App| {
        app.world_mut()
            .query::<&PresentIn>()
            .iter(app.world())
            .count()
    };
    ada.until("bob", |app| (count(app) == 2).then_some(()));
    bob.until("ada", |app| (count(app) == 2).then_some(()));
    let here = ada
        .app
        .world_mut()
        .query_filtered::<Entity, With<Match>>()
        .single(ada.app.world())
        .expect("one");
    ada.commands(|commands| {
        for op in 0..500 {
            commands
                .nakama()
                .send_data(here, OutgoingData::raw(op, "hello"));
        }
    });
    ada.app.update();
    let mut got = Vec::new();
    bob.until("data", |app| {
        got.extend(
            app.world_mut()
                .resource_mut::<Messages<MatchDataReceived>>()
                .drain()
                .map(|d| d.op_code),
        );
        (got.len() == 500).then_some(())
    });
    assert_eq!(got, (0..500).collect::<Vec<_>>());
    drop(ada);
    bob.until("ada to go", |app| (count(app) == 1).then_some(()));
}
