//! Much at once, or in pieces: all of it arrives, in both directions, and who does not read holds up nobody.

use std::{sync::mpsc, thread, time::Duration};

use crate::common::{
    game::Game,
    log::Log,
    scripted::{binary, websocket_server},
};
use bevy::prelude::*;
use bevy_nakama::{prelude::*, proto, testing};
use bytes::Bytes;
use prost::Message as _;
use tungstenite::Message;

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
            message: Some(testing::match_data_sent(
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
    let refused = Log::default();
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
    // The bound of the op code, or that of all.
    let waiting = ["2048", "4096"].map(|it| format!("{it} messages are waiting to be sent"));
    assert!(waiting.contains(&refused), "{refused}");
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
            let Ok(envelope) = proto::decode(message.into_data()) else {
                continue;
            };
            match envelope.message {
                Some(proto::Message::MatchDataSend(data)) => {
                    let _ = arrived.send(data.op_code);
                }
                Some(proto::Message::Ping(_)) => {
                    let pong = proto::Message::Pong(proto::realtime::Pong {});
                    let _ = socket.send(binary(&envelope.cid, pong));
                }
                _ => {}
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
                .expect("before the next heartbeat")
        })
        .collect();
    assert_eq!(seen, (0..500).collect::<Vec<_>>());
}
