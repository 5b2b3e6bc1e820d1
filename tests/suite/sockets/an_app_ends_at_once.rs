//! An app that ends waits for nobody, and says goodbye if it can.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::common::{
    game::Game,
    scripted::{server, websocket_server},
};
use bevy_nakama::connection::Network;
use tungstenite::Message;

/// Drops the app and measures how long that takes.
fn end(game: Game) -> Duration {
    let begin = Instant::now();
    drop(game);
    begin.elapsed()
}

#[test]
fn an_app_ends_at_once_whatever_the_server_does() {
    let limit = Duration::from_millis(250);

    let (held, holding) = mpsc::channel();
    let hanging = server(move |stream| held.send(stream).expect("the test holds it"));
    let mut game = Game::new();
    game.connect_to(&hanging);
    let mut stream = None;
    game.until("the server's end of the connection", |_| {
        stream = holding.try_recv().ok();
        stream.as_ref().map(|_| ())
    });
    let took = end(game);
    assert!(took < limit, "while a connect hangs: {took:?}");

    let silent = websocket_server(|_socket| thread::park());
    let mut game = Game::new();
    game.connect_to(&silent);
    assert_eq!(game.next_phase(), "connected");
    let took = end(game);
    assert!(took < limit, "while the server is silent: {took:?}");
}

#[test]
fn an_app_that_ends_says_goodbye() {
    let (told, telling) = mpsc::channel();
    let server = websocket_server(move |mut socket| {
        let told = told.clone();
        thread::spawn(move || {
            let last = loop {
                match socket.read() {
                    Ok(Message::Close(frame)) => {
                        break Some(frame.map(|frame| u16::from(frame.code)));
                    }
                    Ok(_) => {}
                    Err(_) => break None,
                }
            };
            let _ = told.send(last);
        });
    });
    let mut game = Game::new();
    game.connect_to(&server);
    assert_eq!(game.next_phase(), "connected");
    drop(game);
    assert_eq!(
        telling.recv_timeout(Duration::from_secs(10)),
        Ok(Some(Some(1000)))
    );
}

#[test]
fn many_games_share_one_thread() {
    let server = websocket_server(|mut socket| {
        thread::spawn(move || while socket.read().is_ok() {});
    });
    let network = Network::new().expect("a thread");
    let mut games: Vec<_> = (0..8).map(|_| Game::on(&network)).collect();
    for game in &mut games {
        game.connect_to(&server);
    }
    for game in &mut games {
        assert_eq!(game.next_phase(), "connected");
    }
    let threads = std::fs::read_dir("/proc/self/task").map(|tasks| {
        let names = tasks
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.trim() == "nakama-net").count()
    });
    if let Ok(threads) = threads {
        assert!(threads >= 1, "other tests of this process may have theirs");
    }
    drop(network);
    let first = games.pop().expect("eight of them");
    drop(games);
    drop(first);
}
