//! What wakes a game that sleeps, what does not, and what a game may do wrong there.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crate::common::{game::Game, log::Log, scripted::websocket_server};
use bevy::prelude::*;
use bevy_nakama::{connection::Network, prelude::*, testing::*};

/// How often a game was woken.
#[derive(Clone, Default)]
struct Woken(Arc<AtomicUsize>);

impl Woken {
    fn waker(&self) -> NakamaWaker {
        let count = self.0.clone();
        NakamaWaker::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        })
    }

    fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

/// A game that is connected and sleeps.
fn sleeping() -> (TestGame, Woken) {
    let (mut game, woken) = (TestGame::connected(), Woken::default());
    game.app.insert_resource(woken.waker());
    game.update();
    game.update();
    woken.take();
    (game, woken)
}

#[test]
fn a_waker_that_panics_harms_no_game() {
    let network = Network::new().expect("a thread");
    let mut games = [Game::on(&network), Game::on(&network)];
    let waker = NakamaWaker::new(|| panic!("the event loop is gone"));
    games[0].app.insert_resource(waker);
    games[0].app.update();
    let server = websocket_server(|mut socket| {
        thread::spawn(move || while socket.read().is_ok() {});
    });
    for game in &mut games {
        game.connect_to(&server);
        assert_eq!(game.next_phase(), "connected");
    }
    games[1].commands(|commands| commands.nakama().disconnect());
    assert_eq!(games[1].next_phase(), "the game disconnected");
    games[0].app.update();
    assert_eq!(games[0].phases.take(), [""; 0]);
}

#[test]
fn the_end_of_the_network_thread_wakes_the_game_in_time_for_its_next_frame() {
    let (mut game, woken) = sleeping();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |gone: On<Disconnected>| seen.add(gone.reason.to_string()));
    // Something has arrived before the end.
    game.server_says(notification_sent("1", 1, "news", "{}", false));
    game.network_thread_dies();
    assert_eq!(woken.take(), 1);
    game.app.update();
    assert_eq!(log.take(), ["the network thread is not running"]);
}

#[test]
fn what_a_game_asks_for_late_in_a_frame_wakes_it_again() {
    let (mut game, woken) = sleeping();
    let mut has_asked = false;
    let ask = |mut commands: Commands| {
        let list = ListStorage::new("saves", 1);
        commands.nakama().list_storage::<serde_json::Value>(list);
    };
    game.app.add_systems(
        Last,
        ask.run_if(move || !mem::replace(&mut has_asked, true)),
    );
    game.app.update();
    assert_eq!(woken.take(), 1);
    assert_eq!(game.rest_calls(), []);
    game.update();
    assert_eq!(game.rest_calls().len(), 1);
    assert_eq!(woken.take(), 0);

    // The same for what is known at once.
    game.commands(|commands| {
        let nothing = commands.spawn_empty().id();
        commands.nakama().leave_match(nothing);
    });
    assert_eq!(woken.take(), 1);
    game.update();
    assert_eq!(woken.take(), 0);
}

#[test]
fn a_game_that_is_connected_and_idle_sleeps_on() {
    let (mut game, woken) = sleeping();
    for _ in 0..12 {
        game.update_by(Duration::from_secs(5));
    }
    assert_eq!(woken.take(), 0);
}

#[test]
fn a_waker_of_this_frame_is_heard_at_once() {
    let (mut game, woken) = (TestGame::connected(), Woken::default());
    game.update();
    let waker = woken.waker();
    let insert = move |mut commands: Commands| commands.insert_resource(waker.clone());
    game.app.add_systems(Update, insert);
    game.app.update();
    woken.take();
    game.network_thread_dies();
    assert_eq!(woken.take(), 1);
}
