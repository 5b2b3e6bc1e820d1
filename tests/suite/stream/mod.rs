//! Streams: where one hears of them, who is in them, and what comes over them.

use std::time::Duration;

use crate::common::{
    game::{Game, keep},
    log::Log,
    scenes::fresh,
};
use bevy::prelude::*;
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig, PresenceMeta, RuntimeModule},
    prelude::*,
    proto::{Envelope, Kind, Message, UserPresence, realtime},
    testing::*,
};
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
        &'a InStream,
        &'a StreamPersistence,
        Has<IsSelf>,
    );
    fn describe(
        (name, place, persistence, is_self): (&Username, &InStream, &StreamPersistence, bool),
        streams: &Query<&Stream>,
    ) -> String {
        let stream = &streams.get(place.0).expect("a stream").label;
        let persistence = if persistence.0 { " persistent" } else { "" };
        let is_self = if is_self { " (self)" } else { "" };
        format!("{name} in {stream}{persistence}{is_self}")
    }
    let seen = log.clone();
    game.observe(
        move |came: On<Add, InStream>, who: Query<Anybody>, streams: Query<&Stream>| {
            let who = who.get(came.entity).expect("spawned whole");
            seen.add(format!("+{}", describe(who, &streams)));
        },
    );
    let seen = log.clone();
    game.observe(move |gone: On<Remove, InStream>, who: Query<&Username>| {
        seen.add(format!("-{}", who.get(gone.entity).expect("readable")));
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

/// A function of the server.
#[derive(Serialize)]
struct Join {}

impl RpcFunction for Join {
    const ID: &'static str = "join";
    type Reply = Option<String>;
}

fn call(game: &mut TestGame) -> Envelope {
    game.commands(|c| c.nakama().rpc(Rpc::new("join")).id());
    game.update();
    game.expect_sent(Kind::Rpc)
}

fn answer(game: &mut TestGame, asked: &Envelope) {
    let rpc = bevy_nakama::proto::api::Rpc::default();
    game.answer(asked, Message::Rpc(rpc));
}

fn entity(game: &TestGame, stream: &Stream) -> Option<Entity> {
    game.app.world().resource::<StreamIndex>().get(stream)
}

// ---- Who is there --------------------------------------------------------------------------------------------------

#[test]
fn a_stream_appears_with_the_first_thing_that_is_heard_of_it() {
    let (mut game, log) = watched();
    assert_eq!(entity(&game, &town()), None);
    game.server_says(stream_presences(&town(), &["bob"], &[]));
    game.server_says(stream_data(&mill(), "flour"));
    game.update();
    let town_here = entity(&game, &town()).expect("it was heard of");
    let mill_here = entity(&game, &mill()).expect("it was heard of");
    assert_eq!(log.take(), ["+bob in town", "mill: flour"]);
    let world = game.app.world();
    assert_eq!(world.get::<Stream>(mill_here), Some(&mill()));
    let name = world.get::<Name>(town_here).map(Name::as_str);
    assert_eq!(name, Some("stream 130...town"));
    assert!(world.get::<StreamPresences>(mill_here).is_none());
    assert_eq!(world.resource::<StreamIndex>().iter().count(), 2);

    // An update is a change of the same presence, and hiding is leaving.
    let bob = |persistence| UserPresence {
        persistence,
        ..presence("bob")
    };
    let session = SessionId::from("session-bob");
    let before = world.resource::<PresenceIndex>().get(town_here, &session);
    game.server_says(Message::StreamPresenceEvent(
        realtime::StreamPresenceEvent {
            stream: Some((&town()).into()),
            joins: vec![bob(true)],
            leaves: vec![bob(false)],
        },
    ));
    game.update();
    assert_eq!(log.take(), ["bob in town persistent"]);
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(index.get(town_here, &session), before);
    game.server_says(stream_presences(&town(), &[], &["bob", "stranger"]));
    game.update();
    assert_eq!(log.take(), ["-bob"]);
    assert_eq!(entity(&game, &town()), Some(town_here), "it stays");
}

#[test]
fn a_stream_goes_with_the_game_or_the_connection() {
    let (mut game, log) = watched();
    game.server_says(stream_presences(&town(), &["ada", "bob"], &[]));
    game.update();
    let first = entity(&game, &town()).expect("a stream");
    game.app.world_mut().despawn(first);
    assert_eq!(entity(&game, &town()), None);
    game.update();
    assert!(game.sent().is_empty(), "nothing is left by that");
    let mut lines = log.take();
    lines.sort();
    assert_eq!(
        lines,
        ["+ada in town (self)", "+bob in town", "-ada", "-bob"]
    );

    game.server_says(stream_data(&town(), "rain"));
    game.server_says(stream_presences(&town(), &["cat"], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["+cat in town", "town: rain"]);
    assert!(entity(&game, &town()).is_some_and(|again| again != first));

    game.connection_breaks();
    game.update();
    assert_eq!(entity(&game, &town()), None);
    let world = game.app.world_mut();
    assert_eq!(world.query::<&Presence>().iter(world).count(), 0);
    assert_eq!(world.query::<&Stream>().iter(world).count(), 0);
}

#[test]
fn a_stream_that_is_despawned_when_it_appears_does_no_harm() {
    let (mut game, log) = watched();
    game.observe(|came: On<Add, Stream>, mut commands: Commands| {
        commands.entity(came.entity).despawn();
    });
    game.server_says(stream_presences(&town(), &["bob"], &[]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    let world = game.app.world_mut();
    let mut strangers = world.query_filtered::<(), (With<Presence>, Without<SessionOf>)>();
    assert_eq!(strangers.iter(world).count(), 0);
}

// ---- Order ---------------------------------------------------------------------------------------------------------

#[test]
fn ones_own_join_comes_after_the_answer_in_whatever_order_they_come() {
    for is_reversed in [false, true] {
        let (mut game, log) = watched();
        let asked = call(&mut game);
        let join = stream_presences(&town(), &["ada"], &[]);
        if is_reversed {
            game.server_says(join);
            game.update();
            assert_eq!(log.take(), [""; 0]);
            answer(&mut game, &asked);
        } else {
            answer(&mut game, &asked);
            game.server_says(join);
        }
        game.update();
        assert_eq!(log.take(), ["answered", "+ada in town (self)"]);
    }
}

#[test]
fn it_comes_after_the_answer_to_whatever_calls_a_function() {
    let ways: [fn(NakamaCommands) -> Entity; 2] = [
        |nakama| nakama.call(Join {}).id(),
        |nakama| {
            let rpc = bevy_nakama::proto::api::Rpc::default();
            nakama.raw(Message::Rpc(rpc)).id()
        },
    ];
    for way in ways {
        let (mut game, log) = watched();
        game.commands(|c| way(c.nakama()));
        game.update();
        let asked = game.expect_sent(Kind::Rpc);
        game.server_says(stream_presences(&town(), &["ada"], &[]));
        game.update();
        assert_eq!(log.take(), [""; 0]);
        answer(&mut game, &asked);
        game.update();
        assert_eq!(log.take(), ["answered", "+ada in town (self)"]);
    }
}

#[test]
fn only_what_the_answer_may_bring_about_waits() {
    let (mut game, log) = watched();
    let asked = call(&mut game);
    game.server_says(stream_presences(&mill(), &["bob"], &[]));
    game.server_says(stream_presences(&town(), &["ada"], &[]));
    game.server_says(stream_presences(&town(), &["bob"], &[])); // waits behind it
    game.server_says(stream_presences(&mill(), &["cat"], &[]));
    game.server_says(stream_data(&town(), "rain"));
    game.update();
    assert_eq!(log.take(), ["+bob in mill", "+cat in mill", "town: rain"]);
    answer(&mut game, &asked);
    game.update();
    assert_eq!(
        log.take(),
        ["answered", "+ada in town (self)", "+bob in town"]
    );
    game.server_says(stream_presences(&town(), &[], &["ada"]));
    game.update();
    assert_eq!(log.take(), ["-ada"], "nothing is asked");
}

#[test]
fn a_slow_function_holds_ones_own_join_up_for_a_quarter_of_a_second() {
    let (mut game, log) = watched();
    let asked = call(&mut game);
    game.server_says(stream_presences(&town(), &["ada"], &[]));
    game.server_says(stream_presences(&town(), &["bob"], &[]));
    game.advance(Duration::from_millis(240));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(30));
    assert_eq!(log.take(), ["+ada in town (self)", "+bob in town"]);
    answer(&mut game, &asked);
    game.update();
    assert_eq!(log.take(), ["answered"]);
}

#[test]
fn with_two_functions_under_way_the_first_answer_lets_it_pass() {
    let (mut game, log) = watched();
    let first = call(&mut game);
    let second = call(&mut game);
    game.server_says(stream_presences(&town(), &["ada"], &[]));
    answer(&mut game, &first);
    game.update();
    assert_eq!(log.take(), ["answered", "+ada in town (self)"]);
    answer(&mut game, &second);
    game.update();
    assert_eq!(log.take(), ["answered"]);
}

// ---- Data ----------------------------------------------------------------------------------------------------------

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct News {
    headline: String,
}

impl StreamPayload for News {
    const MODE: i32 = 130;
    type Codec = Json;
}

fn drain<M: bevy::prelude::Message>(game: &mut TestGame) -> Vec<M> {
    let mut messages = game.app.world_mut().resource_mut::<Messages<M>>();
    messages.drain().collect()
}

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
    game.connection_breaks();
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
            sender: Some(presence("bob")),
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

// ---- Real sockets --------------------------------------------------------------------------------------------------

#[test]
fn a_function_of_the_embedded_server_puts_games_into_a_stream() {
    let runtime = RuntimeModule::new()
        .register_rpc("come", |context, _| {
            let session = context.session_id.ok_or("no socket")?;
            let stream = realtime::Stream::from(&town());
            let meta = PresenceMeta::default();
            let runtime = &mut context.runtime;
            runtime.stream_user_join(session, &stream, meta)?;
            Ok(String::new())
        })
        .register_rpc("tell", |context, news| {
            let stream = realtime::Stream::from(&town());
            context.runtime.stream_send(&stream, news, &[], true)?;
            Ok(String::new())
        });
    let config = LocalServerConfig {
        runtime,
        ..LocalServerConfig::default()
    };
    let local = LocalServer::start(config).expect("a port");
    let server = NakamaServer::new(local.url(), local.server_key());
    let [mut ada, mut bob] = ["ada", "bob"].map(|name| {
        let mut game = Game::new();
        game.app.add_stream_data::<News>();
        keep::<FromStream<News>>(&mut game.app);
        let name = fresh(name);
        let login = Login::device(format!("device-of-{name}")).username(name);
        game.log_in(&server, login);
        game
    });
    let call = |game: &mut Game, id: &str, payload: &str| {
        let rpc = Rpc::new(id).payload(payload);
        game.ask::<Rpc>(|nakama| nakama.rpc(rpc).id())
            .expect("an answer");
    };
    let here = |app: &mut App| {
        let mut here = app.world_mut().query_filtered::<(), With<InStream>>();
        here.iter(app.world()).count()
    };
    call(&mut ada, "come", "");
    ada.until("her own presence", |app| {
        let mut me = app
            .world_mut()
            .query_filtered::<(), (With<InStream>, With<IsSelf>)>();
        me.single(app.world()).ok()
    });
    call(&mut bob, "come", "");
    ada.until("bob", |app| (here(app) == 2).then_some(()));
    call(&mut bob, "tell", r#"{"headline":"rain"}"#);
    for game in [&mut ada, &mut bob] {
        let news = game.until("news", |app| Game::arrived::<FromStream<News>>(app).pop());
        assert_eq!(news.payload.headline, "rain");
    }
    drop(bob);
    ada.until("bob's leave", |app| (here(app) == 1).then_some(()));
}
