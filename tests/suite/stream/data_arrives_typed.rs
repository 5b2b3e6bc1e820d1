//! The data of a stream.

use super::*;
use crate::common::steps::drain;
use bevy_nakama::payload::Json;
use bevy_nakama::proto::{Message, realtime};

#[test]
fn data_of_a_bound_mode_arrive_typed() {
    let mut game = TestGame::connected();
    game.app.add_stream_data::<News>().add_stream_data::<News>();
    game.server_says(stream_data(&town(), r#"{"headline":"rain"}"#));
    game.server_says(stream_data(&town(), "no news"));
    game.server_says(stream_data(&mill(), "flour"));
    game.update();
    let town_here = entity(&game, &town()).expect("a stream");
    let news = drain::<FromStream<News>>(&mut game);
    assert_eq!(news.len(), 1);
    assert_eq!((news[0].context, news[0].reliable), (town_here, true));
    assert_eq!(news[0].payload.headline, "rain");
    assert_eq!(news[0].sender, None);
    let rejected = drain::<StreamDataRejected>(&mut game);
    assert_eq!(rejected.len(), 1);
    assert_eq!(
        (rejected[0].context, &rejected[0].data[..]),
        (town_here, &b"no news"[..])
    );
    let raw = drain::<StreamDataReceived>(&mut game);
    assert_eq!(raw.len(), 1);
    assert_eq!(&raw[0].data[..], b"flour");

    // They are of this connection.
    game.server_says(stream_data(&town(), r#"{"headline":"sun"}"#));
    game.update();
    game.connection_ends();
    game.connect();
    assert_eq!(drain::<FromStream<News>>(&mut game).len(), 0);
}

#[test]
#[should_panic(expected = "stream mode 130 is claimed twice")]
fn two_types_for_one_mode_are_a_mistake() {
    #[derive(Deserialize, Serialize)]
    struct Other;
    impl StreamPayload for Other {
        const MODE: i32 = 130;
        type Codec = Json;
    }
    let mut game = TestGame::new();
    game.app
        .add_stream_data::<News>()
        .add_stream_data::<Other>();
}

#[test]
fn data_of_somebody_wait_for_their_join() {
    let mut game = TestGame::connected();
    let say = |data: &str| {
        Message::StreamData(realtime::StreamData {
            stream: Some((&town()).into()),
            sender: Some(user_presence("bob")),
            data: data.into(),
            reliable: false,
        })
    };
    game.server_says(say("hello"));
    game.update();
    assert_eq!(drain::<StreamDataReceived>(&mut game).len(), 0);
    game.server_says(stream_presences(&town(), &["bob"], &[]));
    game.update();
    let arrived = drain::<StreamDataReceived>(&mut game);
    let sender = arrived[0].sender.as_ref().expect("bob");
    assert_eq!(sender.presence.username, "bob");
    assert!(sender.entity.is_some() && !arrived[0].reliable);
}

#[test]
fn a_message_costs_at_most_one_allocation() {
    const MESSAGES: u64 = 1_000;
    let mut game = TestGame::connected();
    let mut arrive = || {
        for _ in 0..MESSAGES {
            game.server_says(stream_data(&town(), "12345678"));
        }
        let cost = allocation_counter::measure(|| game.update()).count_total;
        assert_eq!(
            drain::<StreamDataReceived>(&mut game).len() as u64,
            MESSAGES
        );
        cost
    };
    for _ in 0..3 {
        arrive(); // buffers reach their size
    }
    let allocations = arrive();
    assert!(allocations <= MESSAGES + 64, "{allocations}");
}
