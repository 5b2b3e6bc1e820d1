//! A member says something and leaves in the same frame. They are out at once, but the game can work with their entity until
//! the last reader has read what they said.

use std::time::Duration;

use super::count;
use crate::common::{log::Log, steps::join_party};
use bevy::prelude::*;
use bevy_nakama::payload::Json;
use bevy_nakama::presence::Sender;
use bevy_nakama::stream::Stream;
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

/// What a game inserts on every entity that it hears of.
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

/// A game that marks each sender it hears of and the place of the message, in `Update` or in `FixedUpdate`.
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
        sender: Some(user_presence(sender)),
        data: data.into(),
        reliable: true,
    })
}

/// Bob sends data of each sort everywhere: typed, not typed, and wrong.
fn bob_speaks(game: &mut TestGame) {
    for (op_code, data) in [(1, &b"\x07"[..]), (2, b"x"), (1, b"wrong")] {
        game.server_says(match_data_sent("m", Some("bob"), op_code, data));
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
        Duration::ZERO,
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

fn entities(game: &mut TestGame) -> usize {
    let world = game.app.world_mut();
    let mut all = world.query_filtered::<Entity, (
        Without<bevy::ecs::resource::IsResource>,
        Or<(With<UserId>, With<Heard>, With<Name>)>,
    )>();
    all.iter(world).count()
}

/// No query of the game finds what was left, although the entities are still there.
fn nobody_is_left(game: &mut TestGame) {
    assert_eq!(count::<With<Presence>>(game), 0);
    assert_eq!(count::<With<PresentIn>>(game), 0);
    assert_eq!(count::<With<PartyMemberOf>>(game), 0);
    assert_eq!(count::<With<ChatMemberOf>>(game), 0);
    assert_eq!(count::<With<StreamPresenceOf>>(game), 0);
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
fn what_the_user_left_can_be_worked_with_in_the_same_frame() {
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
    assert_eq!(count::<With<PartyMemberOf>>(&mut game), 0);
    let world = game.app.world();
    assert!(world.resource::<MatchIndex>().iter().next().is_none());
    assert_eq!(world.resource::<PresenceIndex>().count(here), 0);
    assert!(world.get::<MatchPresences>(here).is_none());
    game.commands(|commands| commands.nakama().send_data(here, OutgoingData::raw(1, "x")));
    for _ in 0..10 {
        game.update();
    }
    assert!(game.sent().is_empty(), "the user is out of it");
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
    game.connection_ends();
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
