//! Streams: when a game hears of them, who is in them, and what comes over them.

mod a_join_comes_after_the_answer_of_its_function;
mod a_stream_is_there_while_the_game_hears_of_it;
mod data_arrives_typed;
mod games_meet_in_a_stream_over_sockets;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::payload::Json;
use bevy_nakama::rpc::Call;
use bevy_nakama::stream::Stream;
use bevy_nakama::{prelude::*, testing::*};
use serde::{Deserialize, Serialize};

fn town() -> Stream {
    Stream {
        mode: 130,
        label: "town".into(),
        ..Stream::default()
    }
}

fn mill() -> Stream {
    Stream {
        mode: 131,
        subject: "4c2ae592-b2a7-445e-98ec-697694478b1c".into(),
        label: "mill".into(),
        ..Stream::default()
    }
}

/// What a game hears of streams, line by line.
pub(crate) fn watch_streams(game: &mut TestGame, log: &Log) {
    type Anybody<'a> = (
        &'a Username,
        &'a StreamPresenceOf,
        &'a StreamPersistence,
        Has<IsSelf>,
    );
    fn describe(
        (name, place, persistence, is_self): (
            &Username,
            &StreamPresenceOf,
            &StreamPersistence,
            bool,
        ),
        streams: &Query<&Stream>,
    ) -> String {
        let stream = &streams.get(place.0).expect("a stream").label;
        let persistence = if persistence.0 { " persistent" } else { "" };
        let is_self = if is_self { " (self)" } else { "" };
        format!("{name} in {stream}{persistence}{is_self}")
    }
    let seen = log.clone();
    game.observe(
        move |came: On<Joined<Stream>>, who: Query<Anybody>, streams: Query<&Stream>| {
            let who = who.get(came.presence).expect("spawned whole");
            seen.add(format!("+{}", describe(who, &streams)));
        },
    );
    let seen = log.clone();
    game.observe(move |left: On<Left<Stream>>| {
        let name = &left.info.username;
        seen.add(match left.why {
            LeaveReason::Left => format!("-{name}"),
            why => format!("-{name} {why:?}"),
        });
    });
    let seen = log.clone();
    let changed = move |who: Query<(Anybody, Ref<StreamPersistence>)>, streams: Query<&Stream>| {
        for (who, persistence) in &who {
            if persistence.is_changed() && !persistence.is_added() {
                seen.add(describe(who, &streams));
            }
        }
    };
    let seen = log.clone();
    let data = move |mut data: MessageReader<StreamDataReceived>, streams: Query<&Stream>| {
        for data in data.read() {
            let stream = streams.get(data.context).expect("a stream");
            let text = std::str::from_utf8(&data.data).expect("text");
            seen.add(format!("{}: {text}", stream.label));
        }
    };
    let seen = log.clone();
    game.observe(move |_: On<Replied<Rpc>>| seen.add("answered"));
    let seen = log.clone();
    game.observe(move |_: On<Replied<RawRequest>>| seen.add("answered"));
    let seen = log.clone();
    game.observe(move |_: On<Replied<Call<Join>>>| seen.add("answered"));
    game.app.add_systems(Update, (changed, data));
}

/// A connected game that knows which session is its own.
fn watched() -> (TestGame, Log) {
    let mut game = TestGame::connected();
    let log = Log::default();
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.update();
    watch_streams(&mut game, &log);
    (game, log)
}

fn entity(game: &TestGame, stream: &Stream) -> Option<Entity> {
    game.app.world().resource::<StreamIndex>().get(stream)
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct News {
    headline: String,
}

impl StreamPayload for News {
    const MODE: i32 = 130;
    type Codec = Json;
}

/// A function of the server.
#[derive(Serialize)]
struct Join {}

impl RpcFunction for Join {
    const ID: &'static str = "join";
    type Reply = Option<String>;
}
