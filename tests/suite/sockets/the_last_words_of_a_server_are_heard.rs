//! What a server said before the connection broke counts more than how it broke.

use std::{
    net::Shutdown,
    sync::mpsc::channel,
    time::{Duration, Instant},
};

use crate::common::{
    game::Game,
    log::Log,
    scripted::{binary, next_of, websocket_server},
};
use bevy::{diagnostic::DiagnosticsStore, prelude::*};
use bevy_nakama::{
    diagnostics,
    prelude::*,
    proto::Kind,
    testing::{match_data_sent, match_joined},
};
use tungstenite::protocol::CloseFrame;

/// What the server still has to say when it hangs up.
const MESSAGES: i64 = 200;
/// More than the kernel takes of a game whose server does not read.
const SENT: usize = 16;
const LARGE: usize = 1024 * 1024;

/// A game that sends, and a server that reads none of it. The server says the rest of what it has to say, says why it hangs up,
/// and closes with bytes unread, which resets the connection.
#[test]
fn a_kick_is_told_with_its_reason_and_after_all_that_came_before_it() {
    let (kick, kicked) = channel::<()>();
    let server = websocket_server(move |mut socket| {
        let join = next_of(&mut socket, Kind::MatchJoin);
        let joined = socket.send(binary(&join.cid, match_joined("m1", &["ada", "bob"])));
        joined.expect("the game listens");
        kicked.recv().expect("the test goes on");
        for op_code in 0..MESSAGES {
            let data = match_data_sent("m1", Some("bob"), op_code, "x");
            socket.write(binary("", data)).expect("the game listens");
        }
        let words = CloseFrame {
            code: 1000.into(),
            reason: "session outgoing queue full".into(),
        };
        let _ = socket.close(Some(words));
        let _ = socket.flush();
    });
    let settings = NakamaSettings {
        max_envelope: 2 * LARGE,
        ..NakamaSettings::default()
    };
    let mut game = Game::with(NakamaPlugin::new(settings));
    let heard = Log::default();
    let seen = heard.clone();
    game.app
        .add_systems(Update, move |mut data: MessageReader<MatchDataReceived>| {
            for data in data.read() {
                seen.add(data.op_code.to_string());
            }
        });
    game.connect_without_healing(&server);
    assert_eq!(game.next_phase(), "connected");
    let here = game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m1")).id());
    game.until("the match", |app| {
        app.world().get::<Match>(here).map(|_| ())
    });
    game.commands(|commands| {
        for _ in 0..SENT {
            let data = OutgoingData::raw(1, vec![0; LARGE]);
            commands.nakama().send_data(here, data);
        }
    });
    // The kernel is full: what waits stays the same for a while.
    let mut waiting = (0.0, Instant::now());
    game.app.update();
    game.until("a kernel that takes no more", |app| {
        let store = app.world().resource::<DiagnosticsStore>();
        let queued = store.get(&diagnostics::QUEUED)?.value()?;
        waiting = if queued > 0.0 && queued == waiting.0 {
            waiting
        } else {
            (queued, Instant::now())
        };
        (waiting.1.elapsed() > Duration::from_secs(1)).then_some(())
    });
    kick.send(()).expect("the server runs");
    assert_eq!(
        game.next_phase(),
        DisconnectReason::OutgoingQueueFull.to_string()
    );
    game.app.update();
    let heard = heard.take();
    let heard = heard.iter().map(|op_code| op_code.parse().expect("a code"));
    assert_eq!(
        heard.collect::<Vec<i64>>(),
        (0..MESSAGES).collect::<Vec<_>>()
    );
}

#[test]
fn a_server_that_stops_listening_without_a_word_is_a_connection_that_was_lost() {
    let server = websocket_server(|socket| {
        let stream = socket.get_ref();
        let _ = stream.peek(&mut [0]);
        let _ = stream.shutdown(Shutdown::Write);
        // It hears, and says nothing more.
        std::thread::park();
    });
    let mut game = Game::new();
    game.connect_without_healing(&server);
    assert_eq!(game.next_phase(), "connected");
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m1")).id());
    assert_eq!(
        game.next_phase(),
        "the connection was lost: the server hung up"
    );
}
