//! A game that draws only when something happens is woken when something does.

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use crate::common::{
    game::Game,
    log::Log,
    scripted::{binary, websocket_server},
};
use bevy::prelude::*;
use bevy_nakama::{
    healing::ConnectionLost,
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
    testing,
};
use tungstenite::Message;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many notifications a server sends at once.
const MANY: usize = 100;

/// A game that runs a frame when it is woken, and sleeps in between.
struct Sleeper {
    game: Game,
    woken: Receiver<()>,
    frames: usize,
}

impl Sleeper {
    fn new(settings: NakamaSettings) -> Self {
        let mut game = Game::with(NakamaPlugin::new(settings));
        let (wake, woken) = channel();
        let waker = NakamaWaker::new(move || wake.send(()).expect("the test listens"));
        game.app.insert_resource(waker);
        game.app.update();
        Self {
            game,
            woken,
            frames: 0,
        }
    }

    #[track_caller]
    fn until<T>(&mut self, what: &str, mut done: impl FnMut(&mut Game) -> Option<T>) -> T {
        loop {
            if let Some(found) = done(&mut self.game) {
                return found;
            }
            if self.woken.recv_timeout(PATIENCE).is_err() {
                panic!("{what}: the game was not woken");
            }
            self.frames += 1;
            self.game.app.update();
        }
    }

    /// Connects to a server that sends many notifications when it gets the order.
    fn connect(&mut self) -> impl FnOnce() + use<> {
        let (order, orders) = channel();
        let (done, is_done) = channel();
        let server = websocket_server(move |mut socket| {
            orders.recv().expect("an order");
            for number in 0..MANY {
                let id = number.to_string();
                let message = testing::notification_sent(&id, 1, "news", "{}", false);
                socket.send(binary("", message)).expect("sent");
            }
            // The client's pong says that it has read all of it.
            socket.send(Message::Ping("all".into())).expect("sent");
            while !matches!(socket.read(), Ok(Message::Pong(_)) | Err(_)) {}
            done.send(()).expect("the test waits");
            while socket.read().is_ok() {}
        });
        self.game.connect_to(&server);
        self.game.app.update();
        let phase = self.until("the socket opens", |game| game.phases.take_first());
        assert_eq!(phase, "connected");
        move || {
            order.send(()).expect("the server runs");
            is_done.recv_timeout(PATIENCE).expect("read by the client");
        }
    }

    fn read_many(&mut self) {
        let mut arrived = 0;
        self.until("the notifications", |game| {
            arrived += Game::arrived::<NotificationReceived>(&mut game.app).len();
            (arrived >= MANY).then_some(())
        });
    }
}

#[test]
fn what_arrives_wakes_the_game_once_for_each_frame() {
    let mut sleeper = Sleeper::new(NakamaSettings::default());
    let send = sleeper.connect();
    while sleeper.woken.try_recv().is_ok() {
        sleeper.game.app.update();
    }
    send(); // returns when all has arrived
    sleeper.woken.recv_timeout(PATIENCE).expect("a call");
    let more = sleeper.woken.try_iter().count();
    assert_eq!(more, 0, "one call for all that arrived");
    sleeper.game.app.update();
    sleeper.frames = 1;
    sleeper.read_many();
    // What the thread was about to hand over in that moment is a second call.
    assert!(sleeper.frames <= 2, "{} frames", sleeper.frames);
}

#[test]
fn what_arrives_during_a_frame_wakes_the_game_for_the_next() {
    let mut sleeper = Sleeper::new(NakamaSettings::default());
    let send = Mutex::new(Some(sleeper.connect()));
    sleeper.game.app.add_systems(Update, move || {
        if let Some(send) = send.lock().expect("unpoisoned").take() {
            send(); // returns when all has arrived
        }
    });
    sleeper.game.app.update();
    let arrived = Game::arrived::<NotificationReceived>(&mut sleeper.game.app);
    assert_eq!(arrived.len(), 0, "it came too late for this frame");
    sleeper.read_many();
}

#[test]
fn what_a_frame_has_no_time_for_wakes_the_game_again() {
    let mut sleeper = Sleeper::new(NakamaSettings {
        receive_budget: Duration::ZERO,
        ..default()
    });
    let send = sleeper.connect();
    sleeper.frames = 0;
    send();
    sleeper.read_many();
    assert!(sleeper.frames > 10, "{} frames were enough", sleeper.frames);
}

#[test]
fn an_answer_that_is_known_at_once_wakes_the_game() {
    let mut sleeper = Sleeper::new(NakamaSettings::default());
    let log = Log::default();
    let seen = log.clone();
    let ask = move |mut commands: Commands| {
        let seen = seen.clone();
        let no_match = commands.spawn_empty().id();
        let refused = move |reply: On<Replied<LeaveMatch>>| {
            let error = reply.result.as_ref().expect_err("it is not a match");
            seen.add(error.to_string());
        };
        commands.nakama().leave_match(no_match).observe(refused);
    };
    let mut has_asked = false;
    sleeper.game.app.add_systems(
        Update,
        ask.run_if(move || !std::mem::replace(&mut has_asked, true)),
    );
    sleeper.game.app.update();
    let answer = sleeper.until("the answer", |_| log.take_first());
    assert_eq!(answer, "not connected");
}

#[test]
fn a_game_that_takes_the_waker_away_is_not_woken() {
    let mut sleeper = Sleeper::new(NakamaSettings::default());
    let send = sleeper.connect();
    sleeper
        .game
        .app
        .world_mut()
        .remove_resource::<NakamaWaker>();
    sleeper.game.app.update();
    while sleeper.woken.try_recv().is_ok() {}
    send();
    let mut arrived = 0;
    sleeper.game.until("the notifications", |app| {
        arrived += Game::arrived::<NotificationReceived>(app).len();
        (arrived == MANY).then_some(())
    });
    assert!(sleeper.woken.try_recv().is_err());
}

/// A server at this address. Tokens of the one before are good here, too.
fn server_at(address: SocketAddr) -> LocalServer {
    let config = LocalServerConfig {
        address,
        seed: Some(7),
        ..default()
    };
    LocalServer::start(config).expect("the port is free")
}

const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

#[test]
fn a_game_sleeps_until_a_login_is_tried_again() {
    let first = server_at(ANYWHERE);
    let (address, at) = (
        first.address(),
        NakamaServer::new(first.url(), "defaultkey"),
    );
    drop(first);
    let mut sleeper = Sleeper::new(NakamaSettings::default());
    let log = Log::default();
    let seen = log.clone();
    sleeper
        .game
        .app
        .add_observer(move |reply: On<Replied<LogIn>>| {
            seen.add(format!("{}", reply.result.is_ok()));
        });
    sleeper.game.commands(|commands| {
        let login = Login::device("a-device-of-ada").retry();
        commands.nakama().log_in(&at, login);
    });
    sleeper.game.app.update();
    let server = thread::spawn(move || {
        thread::sleep(Duration::from_secs(2));
        server_at(address)
    });
    let answer = sleeper.until("the login", |_| log.take_first());
    assert_eq!(answer, "true");
    assert!(sleeper.frames < 30, "{} frames", sleeper.frames);
    server.join().expect("a server");
}

#[test]
fn a_game_sleeps_while_others_may_come_back() {
    let server = server_at(ANYWHERE);
    let (address, at) = (
        server.address(),
        NakamaServer::new(server.url(), "defaultkey"),
    );
    let mut bob = Game::online(&at, Login::device("a-device-of-bob"));
    bob.ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::named("arena")).id())
        .expect("a match");
    let mut sleeper = Sleeper::new(NakamaSettings {
        return_window: Duration::from_secs(2),
        ..default()
    });
    let log = Log::default();
    let app = &mut sleeper.game.app;
    let seen = log.clone();
    app.add_observer(move |_: On<ConnectionLost>| seen.add("lost"));
    let seen = log.clone();
    app.add_observer(move |on: On<Connected>| seen.add(format!("resumed: {}", on.resumed)));
    let seen = log.clone();
    app.add_observer(move |left: On<Left<Match>>| seen.add(format!("{:?}", left.why)));
    sleeper.game.log_in(&at, Login::device("a-device-of-ada"));
    sleeper
        .game
        .ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::named("arena")).id())
        .expect("a match");
    drop((server, bob));
    let _server = server_at(address);
    for expected in ["resumed: false", "lost", "resumed: true"] {
        let told = sleeper.until(expected, |_| log.take_first());
        assert_eq!(told, expected);
    }
    sleeper.frames = 0;
    let told = sleeper.until("the other leaves", |_| log.take_first());
    assert_eq!(told, "WhileAway");
    assert!(sleeper.frames < 30, "{} frames", sleeper.frames);
}
