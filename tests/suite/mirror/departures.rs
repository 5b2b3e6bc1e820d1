//! Last words: somebody says something and is gone in the same moment. Who is out is out at once, and can be worked with all the same
//! until the last reader has read them.

use crate::common::{log::Log, steps::join_party};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Shout(u8);

impl MatchPayload for Shout {
    const OP_CODE: i64 = 1;
    type Codec = Postcard;
}

impl PartyPayload for Shout {
    const OP_CODE: i64 = 1;
    type Codec = Postcard;
}

impl StreamPayload for Shout {
    const MODE: i32 = 131;
    type Codec = Json;
}

/// What a game puts onto whoever it hears of.
#[derive(Component)]
struct Heard;

macro_rules! mark {
    ($app:expr, $schedule:expr, $log:expr; $($M:ty),*) => {$({
        let log = $log.clone();
        $app.add_systems($schedule, move |mut said: MessageReader<$M>, mut commands: Commands| {
            for said in said.read() {
                commands.entity(said.context).insert(Heard);
                log.add("where");
                if let Some(sender) = Speaks::speaker(&said.sender) {
                    commands.entity(sender).insert(Heard);
                    log.add("who");
                }
            }
        });
    })*};
}

trait Speaks {
    fn speaker(&self) -> Option<Entity>;
}

impl Speaks for Option<Sender> {
    fn speaker(&self) -> Option<Entity> {
        self.as_ref().and_then(|sender| sender.entity)
    }
}

impl Speaks for Option<Entity> {
    fn speaker(&self) -> Option<Entity> {
        *self
    }
}

/// A game that works with everybody it hears of, and with where that was, in `Update` or in `FixedUpdate`.
fn attentive(schedule: impl bevy::ecs::schedule::ScheduleLabel + Clone) -> (TestGame, Log) {
    let mut game = TestGame::connected();
    game.app
        .add_match_data::<Shout>()
        .add_party_data::<Shout>()
        .add_stream_data::<Shout>();
    let log = Log::default();
    mark!(game.app, schedule.clone(), log;
        FromMatch<Shout>, MatchDataReceived, MatchDataRejected,
        FromParty<Shout>, PartyDataReceived, PartyDataRejected,
        FromStream<Shout>, StreamDataReceived, StreamDataRejected,
        ChatMessageReceived
    );
    (game, log)
}

fn towns() -> [Stream; 2] {
    [130, 131].map(|mode| Stream {
        mode,
        ..Stream::default()
    })
}

fn data_in_stream(stream: &Stream, sender: &str, data: &str) -> Message {
    Message::StreamData(realtime::StreamData {
        stream: Some(stream.into()),
        sender: Some(presence(sender)),
        data: data.into(),
        reliable: true,
    })
}

/// Bob says what there is to say in a match: typed, not typed, and wrong.
fn bob_speaks(game: &mut TestGame) {
    for (op_code, data) in [(1, &b"\x07"[..]), (2, b"x"), (1, b"wrong")] {
        game.server_says(match_data("m", Some("bob"), op_code, data));
        game.server_says(party_data("p", "bob", op_code, data));
    }
    for (stream, data) in [
        (&towns()[0], "x"),
        (&towns()[1], "7"),
        (&towns()[1], "wrong"),
    ] {
        game.server_says(data_in_stream(stream, "bob", data));
    }
    let said = ChatMessageKind::Chat;
    game.server_says(chat_message(
        "room",
        "bob",
        said,
        "m1",
        "{}",
        std::time::Duration::ZERO,
    ));
}

fn everywhere_with_bob(game: &mut TestGame) -> [Entity; 3] {
    let here = game.join("m", &["ada", "bob"]);
    let party = join_party(game, "p", &["bob", "ada"]);
    let room = game.join_room("room", &["ada", "bob"]);
    for stream in towns() {
        game.server_says(stream_presences(&stream, &["bob"], &[]));
    }
    game.update();
    [here, party, room]
}

fn count<F: bevy::ecs::query::QueryFilter>(game: &mut TestGame) -> usize {
    let world = game.app.world_mut();
    world.query_filtered::<(), F>().iter(world).count()
}

fn entities(game: &mut TestGame) -> usize {
    let world = game.app.world_mut();
    let mut all = world.query_filtered::<Entity, (
        Without<bevy::ecs::resource::IsResource>,
        Or<(With<UserId>, With<Heard>, With<Name>)>,
    )>();
    all.iter(world).count()
}

/// Nothing of what was left behind is counted by anybody's queries, though it is there.
fn nobody_is_left(game: &mut TestGame) {
    assert_eq!(count::<With<Presence>>(game), 0);
    assert_eq!(count::<With<PresentIn>>(game), 0);
    assert_eq!(count::<With<MemberOf>>(game), 0);
    assert_eq!(count::<With<ChatMemberOf>>(game), 0);
    assert_eq!(count::<With<InStream>>(game), 0);
    assert_eq!(count::<With<SessionOf>>(game), 0);
    assert_eq!(count::<With<IsSelf>>(game), 0);
    assert_eq!(count::<With<PartyLeader>>(game), 0);
    assert_eq!(count::<With<Match>>(game), 0);
    assert_eq!(count::<With<Party>>(game), 0);
    assert_eq!(count::<With<ChatChannel>>(game), 0);
    assert_eq!(count::<With<ChatLog>>(game), 0);
    assert_eq!(count::<With<Stream>>(game), 0);
    assert_eq!(count::<With<FollowedUser>>(game), 0);
}

fn last_words_in(schedule: impl bevy::ecs::schedule::ScheduleLabel + Clone, frames: usize) {
    let (mut game, log) = attentive(schedule);
    everywhere_with_bob(&mut game);
    let bob = game.presence_of("m", "bob");
    bob_speaks(&mut game);
    game.server_says(match_presences("m", &[], &["bob"]));
    game.server_says(party_presences("p", &[], &["bob"]));
    game.server_says(chat_presences("room", &[], &["bob"]));
    for stream in towns() {
        game.server_says(stream_presences(&stream, &[], &["bob"]));
    }
    game.update();
    assert_eq!(game.roster("m"), ["ada"], "he is out at once");
    assert_eq!(game.chat_roster("room"), ["ada"]);
    let gone = game.app.world().get_entity(bob).expect("for a moment");
    assert!(!gone.contains::<PresentIn>() && !gone.contains::<Presence>());
    assert_eq!(gone.get::<Username>(), Some(&"bob".into()), "who it was");
    for _ in 0..frames {
        game.update();
    }
    let heard = log.take();
    let who = heard.iter().filter(|word| *word == "who").count();
    assert_eq!((who, heard.len()), (10, 20), "{heard:?}");
    for _ in 0..10 {
        game.update();
    }
    assert!(game.app.world().get_entity(bob).is_err(), "it goes");
}

#[test]
fn who_spoke_and_left_can_be_worked_with_in_update() {
    last_words_in(Update, 0);
}

/// A fixed step comes every 15.6 ms, a frame every 10 ms.
#[test]
fn who_spoke_and_left_can_be_worked_with_in_fixed_update() {
    last_words_in(FixedUpdate, 4);
}

#[test]
fn what_one_left_can_be_worked_with_in_the_same_frame() {
    let (mut game, log) = attentive(Update);
    let [here, party_entity, room] = everywhere_with_bob(&mut game);
    let before = entities(&mut game);
    game.commands(|commands| {
        commands.nakama().leave_match(here);
    });
    game.commands(|commands| {
        commands.nakama().leave_chat(room);
    });
    game.update();
    bob_speaks(&mut game);
    for kind in [Kind::MatchLeave, Kind::ChannelLeave] {
        let asked = game.expect_sent(kind);
        game.acknowledge(&asked);
    }
    game.server_says(party_closed("p"));
    game.update();
    let heard = log.take();
    let who = heard.iter().filter(|word| *word == "who").count();
    assert_eq!((who, heard.len()), (10, 20), "{heard:?}");
    assert_eq!(count::<With<Match>>(&mut game), 0, "out of it at once");
    assert_eq!(count::<With<Party>>(&mut game), 0);
    assert_eq!(count::<With<ChatChannel>>(&mut game), 0);
    assert_eq!(count::<With<PresentIn>>(&mut game), 0);
    assert_eq!(count::<With<MemberOf>>(&mut game), 0);
    let world = game.app.world();
    assert!(world.resource::<MatchIndex>().iter().next().is_none());
    assert_eq!(world.resource::<PresenceIndex>().count(here), 0);
    assert!(world.get::<MatchPresences>(here).is_none());
    game.commands(|commands| commands.nakama().send_data(here, OutgoingData::raw(1, "x")));
    for _ in 0..10 {
        game.update();
    }
    assert!(game.sent().is_empty(), "one is out of it");
    for gone in [here, party_entity, room] {
        assert!(game.app.world().get_entity(gone).is_err(), "it goes");
    }
    assert_eq!(entities(&mut game), before - 3 - 6);
}

#[test]
fn what_was_said_right_before_the_end_can_be_worked_with() {
    let (mut game, log) = attentive(Update);
    everywhere_with_bob(&mut game);
    game.commands(|commands| {
        commands.nakama().follow(FollowUsers::ids(["user-cat"]));
    });
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[("cat", "hello")]));
    game.update();
    bob_speaks(&mut game);
    game.connection_breaks();
    game.update();
    let heard = log.take();
    let who = heard.iter().filter(|word| *word == "who").count();
    assert_eq!((who, heard.len()), (10, 20), "{heard:?}");
    nobody_is_left(&mut game);
    for _ in 0..10 {
        game.update();
    }
    assert_eq!(entities(&mut game), 0, "all go");
}

/// `On<Remove, …>` comes at its place in the order, with everything readable, and once.
#[test]
fn leaving_is_told_at_its_place() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |gone: On<Remove, PresentIn>,
              who: Query<(
            &Username,
            &UserId,
            &SessionId,
            &Presence,
            &JoinedAs,
            &PresentIn,
        )>| {
            let (name, ..) = who.get(gone.entity).expect("readable");
            seen.add(format!("-{name}"));
        },
    );
    let seen = log.clone();
    game.observe(move |_: On<Add, PresentIn>| seen.add("+"));
    let seen = log.clone();
    game.observe(move |gone: On<Remove, Match>, matches: Query<&MatchId>| {
        seen.add(format!("-{}", matches.get(gone.entity).expect("readable")));
    });
    game.server_says(match_presences("m", &[], &["bob"]));
    game.server_says(match_presences("m", &["cat"], &[]));
    game.update();
    assert_eq!(log.take(), ["-bob", "+"]);
    let here = game.match_entity("m");
    game.commands(|commands| commands.nakama().leave_match(here).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchLeave);
    game.acknowledge(&asked);
    for _ in 0..10 {
        game.update();
    }
    let mut told = log.take();
    told.sort();
    assert_eq!(told, ["-ada", "-cat", "-m"]);
}

#[test]
fn who_comes_back_is_somebody_new() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let before = game.presence_of("m", "bob");
    game.server_says(match_presences("m", &[], &["bob"]));
    game.server_says(match_presences("m", &["bob"], &[]));
    game.update();
    let after = game.presence_of("m", "bob");
    assert_ne!(before, after);
    assert_eq!(game.roster("m"), ["ada", "bob"]);
    for _ in 0..10 {
        game.update();
    }
    assert_eq!(game.roster("m"), ["ada", "bob"]);
}

#[test]
fn what_one_left_may_be_despawned_and_joined_again() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let here = game.match_entity("m");
    game.commands(|commands| commands.nakama().leave_match(here).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchLeave);
    game.acknowledge(&asked);
    game.update();
    game.commands(|commands| commands.entity(here).despawn());
    let again = game.join("m", &["ada", "bob"]);
    assert_eq!(game.match_entity("m"), again);
    let left = |game: &mut TestGame| {
        let sent = game.sent().into_iter().filter_map(|sent| sent.message);
        sent.filter(|sent| matches!(sent, Message::MatchLeave(_)))
            .count()
    };
    game.update();
    assert_eq!(left(&mut game), 0, "it is left already");
    // A mirror that the game despawns counts as left, at once.
    game.commands(|commands| commands.entity(again).despawn());
    assert_eq!(count::<With<PresentIn>>(&mut game), 0);
    game.update();
    assert_eq!(left(&mut game), 1);
}

/// What a game hears of bob, in its order, with whether he is there.
fn hear_bob(game: &mut TestGame) -> Log {
    let log = Log::default();
    let seen = log.clone();
    game.app
        .add_systems(Update, move |mut said: MessageReader<MatchDataReceived>| {
            for said in said.read() {
                let who = said.sender.speaker().map_or("nobody", |_| "bob");
                seen.add(format!("{who} {}", said.op_code));
            }
        });
    log
}

#[test]
fn a_player_whose_avatar_died_is_heard_at_once_and_in_order() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let log = hear_bob(&mut game);
    let bob = game.presence_of("m", "bob");
    game.commands(|commands| commands.entity(bob).despawn());
    for n in 10..16 {
        game.server_says(match_data("m", Some("bob"), n, "x"));
        game.update_by(std::time::Duration::from_millis(100));
        assert_eq!(log.take(), [format!("nobody {n}")]);
    }
    // Everybody else may come and go meanwhile.
    for n in 0..1100 {
        let name = format!("guest-{n}");
        game.server_says(match_presences("m", &[&name], &[]));
        game.server_says(match_presences("m", &[], &[&name]));
    }
    game.server_says(match_data("m", Some("bob"), 16, "x"));
    game.update();
    assert_eq!(log.take(), ["nobody 16"]);

    game.server_says(match_presences("m", &[], &["bob"]));
    game.server_says(match_presences("m", &["bob"], &[]));
    game.server_says(match_data("m", Some("bob"), 17, "x"));
    game.update();
    assert_eq!(log.take(), ["bob 17"], "joining again brings them back");
}

#[test]
fn joining_again_brings_a_dead_avatar_back() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let log = hear_bob(&mut game);
    for again in ["by an event", "by an answer"] {
        let bob = game.presence_of("m", "bob");
        game.commands(|commands| commands.entity(bob).despawn());
        if again == "by an event" {
            game.server_says(match_presences("m", &["bob"], &[]));
        } else {
            game.join("m", &["ada", "bob"]);
        }
        game.server_says(match_data("m", Some("bob"), 1, "x"));
        game.update();
        assert_eq!(log.take(), ["bob 1"], "{again}");
    }
}

/// A slow frame: the game has joined on its new connection before it hears of the end of the old one.
#[test]
fn a_join_on_a_new_connection_outlives_the_end_of_the_old_one() {
    let mut game = TestGame::connected();
    let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
    settings.receive_budget = std::time::Duration::ZERO; // one envelope in a frame
    for id in ["1", "2", "3"] {
        game.server_says(notification(id, 1, "hello", "{}", false));
    }
    let session = session("ada");
    game.commands(|commands| {
        let options = ConnectOptions::default();
        commands.nakama().connect(&server(), &session, options);
    });
    game.update();
    game.server_accepts();
    game.update();
    game.commands(|commands| {
        commands.nakama().join_match(JoinMatch::by_id("m"));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    let connection = game.app.world().resource::<NakamaConnection>();
    assert!(!connection.is_connected(), "the game has not heard of it");
    game.server_says(match_presences("m", &["bob"], &[]));
    game.answer(&asked, match_joined("m", &["ada"]));
    for _ in 0..10 {
        game.update();
    }
    assert_eq!(game.roster("m"), ["ada", "bob"]);
}
