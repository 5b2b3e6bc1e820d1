//! Real sockets, and servers that behave badly: each ends in a reason, in time, without a panic or a frame that waits.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::common::{
    game::Game,
    scripted::{server, websocket_server},
};
use bevy::prelude::*;
use bevy_nakama::{prelude::*, proto, testing};
use bytes::Bytes;
use prost::Message as _;
use tungstenite::Message;

/// What a connection to such a server comes to, phase by phase.
fn phases(server: &NakamaServer, count: usize) -> Vec<String> {
    let mut game = Game::new();
    game.connect_to(server);
    (0..count).map(|_| game.next_phase()).collect()
}

#[test]
fn a_closed_port() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let server = NakamaServer::new(format!("http://{address}"), "defaultkey");
    let seen = phases(&server, 1);
    assert!(
        seen[0].starts_with(&format!(
            "http://{address} cannot be reached: could not connect to {address}: "
        )),
        "{seen:?}"
    );
}

#[test]
fn a_name_that_does_not_exist() {
    let seen = phases(
        &NakamaServer::new("http://nowhere.invalid:7350", "defaultkey"),
        1,
    );
    let expected =
        "http://nowhere.invalid:7350 cannot be reached: the host nowhere.invalid was not found: ";
    assert!(seen[0].starts_with(expected), "{seen:?}");
}

#[test]
fn an_address_that_is_none() {
    let seen = phases(&NakamaServer::new("localhost:7350", "defaultkey"), 1);
    assert!(
        seen[0].starts_with("`localhost:7350` is no address of a server: "),
        "{seen:?}"
    );
}

#[test]
fn a_server_that_takes_the_connection_and_says_nothing() {
    let mut held = Vec::new();
    let server = server(move |stream| held.push(stream));
    let mut settings = NakamaSettings::default();
    settings.connect_timeout = Duration::from_millis(300);
    let mut game = Game::with(NakamaPlugin::new(settings));
    game.connect_to(&server);
    let phases = game.phases.clone();
    let mut frames = 0;
    let seen = game.until("the end", |_| {
        frames += 1;
        phases.take().pop()
    });
    assert_eq!(
        seen,
        format!(
            "{} cannot be reached: no connection within 0.3 s",
            server.url()
        )
    );
    assert!(frames > 10, "the game went on meanwhile: {frames} frames");
}

#[test]
fn a_server_that_is_something_else() {
    let server = server(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n");
        let _ = stream.read(&mut [0; 4096]);
    });
    let problem = "cannot be reached: malformed answer: it is not HTTP/1.1";
    assert_eq!(phases(&server, 1), [format!("{} {problem}", server.url())]);
}

#[test]
fn a_server_that_hangs_up_at_once() {
    let seen = phases(&server(drop), 1);
    assert!(seen[0].contains(" cannot be reached: "), "{seen:?}");
}

#[test]
fn a_server_that_refuses_the_token() {
    let refusing = server(|mut stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(
            b"HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 25\r\n\r\nMissing or invalid token\n",
        );
    });
    assert_eq!(
        phases(&refusing, 1),
        ["the server refused the socket with 401: Missing or invalid token"]
    );
}

#[test]
fn a_server_that_does_not_prove_that_it_speaks_websocket() {
    let echo = server(|mut stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
        );
    });
    let problem = "cannot be reached: malformed answer: it does not accept the WebSocket key";
    assert_eq!(phases(&echo, 1), [format!("{} {problem}", echo.url())]);
}

#[test]
fn a_garbage_frame() {
    let seen = phases(
        &websocket_server(|mut socket| {
            let _ = socket.send(Message::Binary(Bytes::from_static(&[0xff; 9])));
            let _ = socket.read();
        }),
        2,
    );
    assert_eq!(seen[0], "connected");
    assert!(
        seen[1].starts_with("the server broke the protocol: a frame is not an envelope"),
        "{seen:?}"
    );
}

#[test]
fn a_text_frame() {
    let seen = phases(
        &websocket_server(|mut socket| {
            let _ = socket.send(Message::text("{}"));
            let _ = socket.read();
        }),
        2,
    );
    assert_eq!(
        seen,
        [
            "connected",
            "the server broke the protocol: a text frame on a binary socket"
        ]
    );
}

#[test]
fn bytes_that_are_no_websocket_frame() {
    let seen = phases(
        &websocket_server(|mut socket| {
            let _ = socket.get_mut().write_all(&[0xff; 64]);
            let _ = socket.read();
        }),
        2,
    );
    assert_eq!(
        seen[1],
        "the server broke the protocol: a frame of a kind that does not exist"
    );
}

#[test]
fn a_close_with_a_code_and_words() {
    let seen = phases(
        &websocket_server(|mut socket| {
            let frame = tungstenite::protocol::CloseFrame {
                code: 1000.into(),
                reason: "error processing message".into(),
            };
            let _ = socket.close(Some(frame));
            while socket.read().is_ok() {}
        }),
        2,
    );
    assert_eq!(
        seen,
        [
            "connected",
            "the server closed the socket (1000: error processing message)"
        ]
    );
}

#[test]
fn an_empty_close() {
    let seen = phases(
        &websocket_server(|mut socket| {
            let _ = socket.close(None);
            while socket.read().is_ok() {}
        }),
        2,
    );
    assert_eq!(
        seen,
        ["connected", "the server closed the socket without a word"]
    );
}

#[test]
fn an_end_without_a_close() {
    let seen = phases(&websocket_server(drop), 2);
    assert_eq!(seen[0], "connected");
    assert!(seen[1].starts_with("the connection was lost"), "{seen:?}");
}

#[test]
fn a_bare_reset() {
    let server = websocket_server(|socket| {
        // Closing with something unread resets the connection.
        let mut byte = [0];
        let _ = socket.get_ref().peek(&mut byte);
        drop(socket);
    });
    let mut game = Game::new();
    game.connect_to(&server);
    assert_eq!(game.next_phase(), "connected");
    let message = proto::Message::StatusFollow(proto::realtime::StatusFollow::default());
    game.commands(|commands| commands.nakama().raw(message).id());
    let seen = game.next_phase();
    assert!(seen.starts_with("the connection was lost: "), "{seen}");
}

#[test]
fn a_large_message_in_pieces_arrives_whole() {
    let server = websocket_server(|mut socket| {
        let join = proto::decode(socket.read().expect("a join").into_data()).expect("an envelope");
        let mut answer = proto::Envelope {
            cid: join.cid,
            message: Some(testing::match_joined("m1", &["ada", "bob"])),
        };
        let data = proto::Envelope {
            cid: String::new(),
            message: Some(testing::match_data(
                "m1",
                Some("bob"),
                1,
                vec![7; 1_000_000],
            )),
        };
        for envelope in [&mut answer, &mut data.clone()] {
            let frame = envelope.encode_to_vec();
            // Fragments, trickling in.
            let pieces: Vec<_> = frame.chunks(frame.len() / 3 + 1).collect();
            for (index, piece) in pieces.iter().enumerate() {
                use tungstenite::protocol::frame::{
                    Frame,
                    coding::{Data, OpCode},
                };
                let code = if index == 0 {
                    Data::Binary
                } else {
                    Data::Continue
                };
                let last = index + 1 == pieces.len();
                let frame = Frame::message(Bytes::copy_from_slice(piece), OpCode::Data(code), last);
                socket.send(Message::Frame(frame)).expect("sent");
            }
        }
        while socket.read().is_ok() {}
    });
    let mut game = Game::new();
    game.connect_to(&server);
    assert_eq!(game.next_phase(), "connected");
    game.app
        .world_mut()
        .commands()
        .nakama()
        .join_match(JoinMatch::by_id("m1"));
    let data = game.until("the data", |app| {
        Game::arrived::<MatchDataReceived>(app).into_iter().next()
    });
    assert_eq!(data.data.len(), 1_000_000);
    assert!(data.data.iter().all(|byte| *byte == 7));
    assert!(data.sender.is_some_and(|sender| sender.entity.is_some()));
}

#[test]
fn a_server_that_reads_nothing_holds_up_nobody() {
    let server = websocket_server(|mut socket| {
        let join = proto::decode(socket.read().expect("a join").into_data()).expect("an envelope");
        let answer = proto::Envelope {
            cid: join.cid,
            message: Some(testing::match_joined("m1", &["ada"])),
        };
        let _ = socket.send(Message::Binary(answer.encode_to_vec().into()));
        thread::park();
    });
    let mut game = Game::new();
    game.connect_to(&server);
    assert_eq!(game.next_phase(), "connected");
    game.app
        .world_mut()
        .commands()
        .nakama()
        .join_match(JoinMatch::by_id("m1"));
    let id = MatchId::from("m1");
    let here = game.until("the match", |app| {
        app.world().resource::<MatchIndex>().get(&id)
    });
    // Far more than the kernel's buffers take: the rest waits, and then is refused.
    let refused = crate::common::log::Log::default();
    let seen = refused.clone();
    game.app
        .add_observer(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
    let refused = game.until("a full queue", |app| {
        for _ in 0..1000 {
            app.world_mut()
                .commands()
                .nakama()
                .send_data(here, OutgoingData::raw(1, vec![0; 4000]));
        }
        refused.take().pop()
    });
    assert_eq!(refused, "4096 messages are waiting to be sent");
}

#[test]
fn a_burst_goes_on_leaving_although_nothing_else_happens() {
    let (arrived, arrivals) = mpsc::channel();
    let server = websocket_server(move |mut socket| {
        let join = proto::decode(socket.read().expect("a join").into_data()).expect("an envelope");
        let answer = proto::Envelope {
            cid: join.cid,
            message: Some(testing::match_joined("m1", &["ada"])),
        };
        let _ = socket.send(Message::Binary(answer.encode_to_vec().into()));
        while let Ok(message) = socket.read() {
            if let Ok(proto::Envelope {
                message: Some(proto::Message::MatchDataSend(data)),
                ..
            }) = proto::decode(message.into_data())
            {
                let _ = arrived.send(data.op_code);
            }
        }
    });
    let mut game = Game::new();
    game.connect_to(&server);
    assert_eq!(game.next_phase(), "connected");
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m1")).id());
    let id = MatchId::from("m1");
    let here = game.until("the match", |app| {
        app.world().resource::<MatchIndex>().get(&id)
    });
    game.commands(|commands| {
        for op_code in 0..500 {
            commands
                .nakama()
                .send_data(here, OutgoingData::raw(op_code, "x"));
        }
    });
    game.app.update(); // and no further frame: the network thread is on its own
    let seen: Vec<_> = (0..500)
        .map(|_| {
            arrivals
                .recv_timeout(Duration::from_secs(4))
                .expect("before the next ping")
        })
        .collect();
    assert_eq!(seen, (0..500).collect::<Vec<_>>());
}

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
