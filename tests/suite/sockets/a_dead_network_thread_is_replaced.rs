//! The network thread ends, which it should not. Everybody who waits is told, and the next connection has a new thread.

use crate::common::{game::describe, log::Log, scripted::websocket_server};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    testing::{self, *},
};

fn watch(game: &mut TestGame) -> Log {
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |_: On<Connected>| seen.add("connected"));
    let seen = log.clone();
    game.observe(move |gone: On<Disconnected>| seen.add(describe(&gone.reason)));
    log
}

fn state(game: &TestGame) -> ConnectionState {
    *game.app.world().resource::<State<ConnectionState>>().get()
}

fn connect(game: &mut TestGame, server: &NakamaServer) {
    let session = session_of("ada");
    game.commands(|commands| {
        commands.nakama().use_session(server, session.clone());
        commands.nakama().connect();
    });
}

/// Runs frames until something is noticed. The network thread is a real one, so this takes as long as it takes.
fn next(game: &mut TestGame, log: &Log) -> String {
    let begin = std::time::Instant::now();
    loop {
        game.update();
        if let Some(line) = log.take_first() {
            return line;
        }
        assert!(begin.elapsed().as_secs() < 20, "nothing happened");
        std::thread::yield_now();
    }
}

#[test]
fn the_next_connection_has_a_new_thread() {
    let listening = websocket_server(|mut socket| {
        std::thread::spawn(move || while socket.read().is_ok() {});
    });
    for connects in 0..=3 {
        let mut game = TestGame::new();
        let log = watch(&mut game);
        for _ in 0..connects {
            connect(&mut game, &server());
        }
        game.app.update(); // they leave the game, and nobody takes them
        game.network_thread_dies();
        game.update();
        let ends = usize::from(connects > 0); // who has not connected has no connection that ends
        assert_eq!(
            log.take(),
            vec!["the network thread is not running"; ends],
            "after {connects} connects"
        );
        game.update();
        assert_eq!(
            state(&game),
            ConnectionState::Disconnected,
            "after {connects} connects"
        );

        connect(&mut game, &listening);
        assert_eq!(next(&mut game, &log), "connected", "after {connects}");
        game.update();
        assert_eq!(state(&game), ConnectionState::Connected);
    }
}

/// It ends for the reason that is its own.
#[test]
fn a_connection_that_waits_for_a_login_ends_once() {
    let mut game = TestGame::new();
    let log = watch(&mut game);
    game.commands(|commands| {
        commands
            .nakama()
            .log_in(&server(), Login::device("a-device-of-somebody"));
        commands.nakama().connect();
    });
    game.app.update();
    game.network_thread_dies();
    let told = next(&mut game, &log);
    assert!(told.starts_with("the login failed"), "{told}");
    for _ in 0..4 {
        game.update();
    }
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(state(&game), ConnectionState::Disconnected);
}

/// A connection that has ended does not end again with the thread.
#[test]
fn a_connection_that_has_ended_does_not_end_again() {
    let mut game = TestGame::connected();
    let log = watch(&mut game);
    game.connection_ends();
    game.update();
    assert_eq!(log.take().len(), 1);
    game.network_thread_dies();
    game.update();
    game.update();
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn a_connect_that_the_thread_did_not_live_to_see_has_a_new_thread() {
    let listening = websocket_server(|mut socket| {
        std::thread::spawn(move || while socket.read().is_ok() {});
    });
    let mut game = TestGame::new();
    let log = watch(&mut game);
    connect(&mut game, &server());
    game.update();
    // These two are on their way to the thread when it ends.
    connect(&mut game, &listening);
    connect(&mut game, &listening);
    game.network_thread_dies();
    game.update();
    assert_eq!(log.take(), ["the network thread is not running"]);
    assert_eq!(state(&game), ConnectionState::Connecting);
    assert_eq!(
        next(&mut game, &log),
        describe(&DisconnectReason::Requested),
        "the first of them"
    );
    assert_eq!(next(&mut game, &log), "connected");
}

/// A game that connects again as soon as a request fails, because the thread is gone, before it gets the events of the thread.
#[test]
fn a_connect_as_the_answer_to_a_failed_request_has_a_new_thread() {
    for has_left in [false, true] {
        let listening = websocket_server(|mut socket| {
            std::thread::spawn(move || while socket.read().is_ok() {});
        });
        let mut game = TestGame::connected();
        let log = watch(&mut game);
        game.commands(|commands| {
            let server = listening.clone();
            let mut request = commands.nakama().join_match(JoinMatch::by_id("m1"));
            request.observe(move |_: On<Replied<JoinMatch>>, mut commands: Commands| {
                let session = session_of("ada");
                commands.nakama().use_session(&server, session.clone());
                commands.nakama().connect();
            });
        });
        if has_left {
            game.app.update();
        }
        game.network_thread_dies();
        game.update();
        assert_eq!(log.take(), ["the network thread is not running"]);
        assert_eq!(
            game.app.world().resource::<NakamaConnection>().state(),
            ConnectionState::Connecting
        );
        assert_eq!(next(&mut game, &log), "connected", "{has_left}");
        // The session is the connection's, too.
        game.commands(|commands| {
            let seen = log.clone();
            let mut request = commands.nakama().rpc(Rpc::new("f").over_rest());
            request.observe(move |reply: On<Replied<Rpc>>| {
                let error = reply.result.as_ref().expect_err("nobody answers");
                let is_asked = !matches!(error, RequestError::NotConnected);
                seen.add(format!("asked: {is_asked}"));
            });
        });
        assert_eq!(next(&mut game, &log), "asked: true", "{has_left}");
    }
}

#[test]
fn everybody_who_waits_is_told_in_the_order_of_asking() {
    let mut game = TestGame::connected();
    let log = Log::default();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let seen = log.clone();
        game.commands(|commands| {
            let mut request = commands.nakama().join_match(JoinMatch::by_id(name));
            request.observe(move |reply: On<Replied<JoinMatch>>| {
                let error = reply.result.as_ref().expect_err("nobody answers");
                seen.add(format!("{name}: {error}"));
            });
        });
    }
    game.update();
    game.network_thread_dies();
    game.update();
    let lost = "the connection was lost before the answer";
    assert_eq!(
        log.take(),
        ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| format!("{name}: {lost}"))
    );
}

/// A game that connects and asks again in answer to the first of several lost requests: what it asks for then is for the next thread,
/// and not lost with the others.
#[test]
fn what_is_asked_after_a_new_connect_is_not_lost_with_the_old_thread() {
    let listening = websocket_server(|mut socket| {
        std::thread::spawn(move || while socket.read().is_ok() {});
    });
    let mut game = TestGame::connected();
    let log = watch(&mut game);
    for name in ["a", "b"] {
        let (server, seen) = (listening.clone(), log.clone());
        game.commands(|commands| {
            let mut request = commands.nakama().join_match(JoinMatch::by_id(name));
            request.observe(move |_: On<Replied<JoinMatch>>, mut commands: Commands| {
                seen.add(name);
                if name == "a" {
                    commands.nakama().use_session(&server, session_of("ada"));
                    commands.nakama().connect();
                    let login = Login::device("a-device-of-ada");
                    let seen = seen.clone();
                    let mut login = commands.nakama().log_in(&testing::server(), login);
                    login.observe(move |reply: On<Replied<LogIn>>| {
                        let error = reply.result.as_ref().expect_err("it is nowhere");
                        let is_lost = matches!(error, RequestError::ConnectionLost { .. });
                        seen.add(format!("login, lost: {is_lost}"));
                    });
                }
            });
        });
    }
    game.network_thread_dies();
    game.update();
    assert_eq!(log.take(), ["a", "b", "the network thread is not running"]);
    let mut told = [next(&mut game, &log), next(&mut game, &log)];
    told.sort();
    assert_eq!(told, ["connected", "login, lost: false"]);
}

#[test]
fn an_open_tap_stays_open() {
    let listening = websocket_server(|mut socket| {
        std::thread::spawn(move || while socket.read().is_ok() {});
    });
    let mut game = TestGame::new();
    let log = watch(&mut game);
    game.app.world_mut().resource_mut::<EnvelopeTap>().open();
    game.update();
    game.network_thread_dies();
    game.update();
    log.take();
    connect(&mut game, &listening);
    assert_eq!(next(&mut game, &log), "connected");
    let seen = log.clone();
    game.app
        .add_systems(Update, move |mut sent: MessageReader<EnvelopeSent>| {
            for envelope in sent.read() {
                seen.add(format!("{:?}", envelope.kind));
            }
        });
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m1")).id());
    assert_eq!(next(&mut game, &log), "Some(MatchJoin)");
}
