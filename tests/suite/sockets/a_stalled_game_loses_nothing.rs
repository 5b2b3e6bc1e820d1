//! A game that does not run for five seconds, while 2,000 messages arrive each second.

use std::{
    net::{TcpListener, TcpStream},
    ops::Range,
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::common::{
    game::Game,
    log::Log,
    raw_client,
    scripted::{binary, next_of},
};
use bevy::prelude::*;
use bevy_nakama::{
    diagnostics,
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
    proto::{self, Kind, realtime},
    testing,
};
use bytes::Bytes;
use serde_json::json;
use tungstenite::{Message, WebSocket};

/// What arrives in five seconds.
const MESSAGES: i64 = 10_000;
const PAYLOAD: usize = 100;
/// Data messages that are applied between two looks at the clock.
const PER_LOOK: usize = 16;

/// A game whose frames have no time for arrivals: each applies as little as it can.
fn hurried(hand_over_limit: usize) -> Game {
    let settings = NakamaSettings {
        receive_budget: Duration::ZERO,
        hand_over_limit,
        ..NakamaSettings::default()
    };
    Game::with(NakamaPlugin::new(settings))
}

/// The op codes of the match data since the last call.
fn take_data(app: &mut App) -> Vec<i64> {
    let data = Game::arrived::<MatchDataReceived>(app);
    data.iter().map(|data| data.op_code).collect()
}

/// Runs frames until so many data messages have arrived. None of the frames does more than it must.
fn read(game: &mut Game, count: usize) -> Vec<i64> {
    let mut seen = Vec::new();
    game.until("the data", |app| {
        let frame = take_data(app);
        assert!(frame.len() <= PER_LOOK, "{} in one frame", frame.len());
        seen.extend(frame);
        (seen.len() >= count).then(|| seen.clone())
    })
}

#[test]
fn nothing_is_lost_and_nobody_is_hung_up_on() {
    let local = LocalServer::start(LocalServerConfig::default()).expect("a port");
    let server = NakamaServer::new(local.url(), local.server_key());
    let (token, refresh) = raw_client::log_in(local.address(), "ada");
    let session = NakamaSession::restore(&token, Some(&refresh)).expect("a session");
    let limit = NakamaSettings::default().hand_over_limit;
    let mut game = hurried(limit);
    game.commands(|commands| {
        commands.nakama().use_session(&server, session.clone());
        commands.nakama().connect();
    });
    assert_eq!(game.next_phase(), "connected");
    game.commands(|commands| {
        let request = CreateMatch::named("meeting");
        commands.nakama().create_match(request).id()
    });
    let id = game.until("the match", |app| {
        let mut matches = app.world().resource::<MatchIndex>().iter();
        matches.next().map(|(id, _)| id.to_string())
    });

    let (token, _) = raw_client::log_in(local.address(), "bob");
    let mut bob = raw_client::Socket::open(local.address(), &token);
    bob.send(json!({ "cid": "1", "match_join": { "match_id": id } }));
    bob.next_of("match");
    let mut begin = 0;
    while begin < MESSAGES {
        let end = (begin + 40).min(MESSAGES);
        let data = "eA".repeat(PAYLOAD / 2);
        let sends = (begin..end).map(|op_code| {
            json!({ "match_data_send":
                { "match_id": id, "op_code": op_code.to_string(), "data": data } })
        });
        // The pong says that the server has passed these on. More than 64 at once would end the connection.
        bob.send_at_once(sends.chain([json!({ "cid": "2", "ping": {} })]));
        bob.next_of("pong");
        begin = end;
    }

    // The game runs again.
    let count = usize::try_from(MESSAGES).expect("a few");
    game.app.update();
    let mut seen = take_data(&mut game.app);
    let waiting = game.read(&diagnostics::WAITING_BYTES);
    assert!(waiting > 0.0 && waiting < limit as f64, "{waiting} bytes");
    let missing = count - seen.len();
    seen.extend(read(&mut game, missing));
    assert_eq!(seen, (0..MESSAGES).collect::<Vec<_>>());
    assert_eq!(game.phases.take(), [""; 0], "the connection is as it was");
    assert_eq!(game.read(&diagnostics::DROPPED), 0.0);
    let over_budget = game.read(&diagnostics::OVER_BUDGET);
    let frames = count / PER_LOOK;
    assert!(over_budget >= frames as f64, "{over_budget} frames");
    game.app.update();
    assert_eq!(game.read(&diagnostics::WAITING_BYTES), 0.0);
}

/// A server that does as it is told, for one client.
struct Puppet {
    orders: Sender<Order>,
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

enum Order {
    Data(Range<i64>),
    Answer,
    Join(&'static str),
}

impl Puppet {
    /// Does everything, and waits until the client's network thread has read all of it.
    fn does(&self, orders: impl IntoIterator<Item = Order>) {
        for order in orders {
            self.orders.send(order).expect("the server runs");
            let done = self.done.recv_timeout(raw_client::PATIENCE);
            done.expect("the client reads, although its game does not");
        }
    }
}

fn puppet() -> (NakamaServer, Puppet) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let (orders, to_do) = channel();
    let (tell, done) = channel();
    let thread = thread::spawn(move || serve(&listener, &to_do, &tell));
    let puppet = Puppet {
        orders,
        done,
        thread,
    };
    let server = NakamaServer::new(format!("http://{address}"), "defaultkey");
    (server, puppet)
}

fn serve(listener: &TcpListener, to_do: &Receiver<Order>, tell: &Sender<()>) {
    let (stream, _) = listener.accept().expect("a client");
    let patience = Some(raw_client::PATIENCE);
    stream.set_read_timeout(patience).expect("a timeout");
    stream.set_write_timeout(patience).expect("a timeout");
    let mut socket = tungstenite::accept(stream).expect("a WebSocket");
    let join = next_of(&mut socket, Kind::MatchJoin);
    say(
        &mut socket,
        &join.cid,
        testing::match_joined("m1", &["ada", "bob"]),
    );
    let follow = next_of(&mut socket, Kind::StatusFollow);
    tell.send(()).expect("the test runs");
    while let Ok(order) = to_do.recv() {
        match order {
            Order::Data(op_codes) => {
                for op_code in op_codes {
                    let payload = vec![7; PAYLOAD];
                    let data = testing::match_data_sent("m1", Some("bob"), op_code, payload);
                    say(&mut socket, "", data);
                }
            }
            Order::Answer => {
                let answer = realtime::Status::default();
                say(&mut socket, &follow.cid, proto::Message::Status(answer));
            }
            Order::Join(name) => {
                let joins = testing::match_presences("m1", &[name], &[]);
                say(&mut socket, "", joins);
            }
        }
        // The client answers in the order of its reading.
        let ping = Message::Ping(Bytes::from_static(b"all read?"));
        socket.send(ping).expect("a ping can be sent");
        while !matches!(socket.read(), Ok(Message::Pong(_))) {}
        tell.send(()).expect("the test runs");
    }
}

fn say(socket: &mut WebSocket<TcpStream>, cid: &str, message: proto::Message) {
    let sent = socket.send(binary(cid, message));
    sent.expect("the client takes everything");
}

#[test]
fn above_the_limit_data_are_left_out_and_counted_and_nothing_else_is() {
    let limit = 256 * 1024;
    let (server, puppet) = puppet();
    let mut game = hurried(limit);
    game.connect_to(&server);
    assert_eq!(game.next_phase(), "connected");
    let log = Log::default();
    let seen = log.clone();
    game.app
        .add_observer(move |_: On<Replied<RawRequest>>| seen.add("an answer"));
    game.commands(|commands| {
        commands.nakama().join_match(JoinMatch::by_id("m1"));
        let follow = realtime::StatusFollow::default();
        commands
            .nakama()
            .send_raw(proto::Message::StatusFollow(follow));
    });
    let id = MatchId::from("m1");
    game.until("the match", |app| {
        app.world().resource::<MatchIndex>().get(&id)
    });
    let asked = puppet.done.recv_timeout(raw_client::PATIENCE);
    asked.expect("the request arrived");

    let half = MESSAGES / 2;
    puppet.does([
        Order::Data(0..half),
        Order::Answer,
        Order::Join("eve"),
        Order::Data(half..MESSAGES),
    ]);

    // The game runs again. What was left out is told where it would have been: before the answer.
    let mut kept = Vec::new();
    let dropped_before = game.until("the answer", |app| {
        let frame = take_data(app);
        assert!(frame.len() <= PER_LOOK, "{} in one frame", frame.len());
        kept.extend(frame);
        log.take_first()
    });
    assert_eq!(dropped_before, "an answer");
    let count = i64::try_from(kept.len()).expect("a few");
    assert_eq!(
        kept,
        (0..count).collect::<Vec<_>>(),
        "from the beginning on"
    );
    assert!(kept.len() * PAYLOAD < limit && kept.len() > 100, "{count}");
    assert_eq!(game.read(&diagnostics::DROPPED), (half - count) as f64);
    game.until("eve", |app| {
        let world = app.world_mut();
        let mut names = world.query::<&Username>();
        names
            .iter(world)
            .find(|name| name.as_str() == "eve")
            .map(|_| ())
    });
    game.until("everything read", |app| {
        assert_eq!(take_data(app), [0; 0], "and no further data");
        app.world()
            .resource::<bevy::diagnostic::DiagnosticsStore>()
            .get_measurement(&diagnostics::WAITING_BYTES)
            .filter(|waiting| waiting.value == 0.0)
            .map(|_| ())
    });

    // With room again, data pass again.
    puppet.does([Order::Data(MESSAGES..MESSAGES + 3)]);
    assert_eq!(
        read(&mut game, 3),
        (MESSAGES..MESSAGES + 3).collect::<Vec<_>>()
    );
    game.app.update();
    assert_eq!(game.read(&diagnostics::DROPPED), (MESSAGES - count) as f64);
    assert_eq!(game.phases.take(), [""; 0], "the connection is as it was");
    drop(game);
    drop(puppet.orders);
    puppet.thread.join().expect("the server did not fail");
}
