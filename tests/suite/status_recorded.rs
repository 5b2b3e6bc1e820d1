//! Status and streams as real servers do them: the recordings, played to a game.

use std::collections::HashMap;

use super::{status::watch, stream::watch_streams};
use crate::common::{
    log::Log,
    transcripts::{Dir, GENERATIONS, Line, Scenario, scenarios},
};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{self, Kind, Message},
    testing::*,
};

fn scenario(generation: &'static str, name: &str) -> Scenario {
    let found = scenarios(generation)
        .into_iter()
        .find(|scenario| scenario.name == name);
    found.unwrap_or_else(|| panic!("no recording of {name}"))
}

/// Plays everything that one client sent and received to a game that does the same. What it notices.
fn play(scenario: &Scenario, client: &str) -> (TestGame, Log) {
    let log = Log::default();
    let game = play_watched(scenario, client, |game| watch(game, &log));
    (game, log)
}

fn play_watched(scenario: &Scenario, client: &str, watch: impl FnOnce(&mut TestGame)) -> TestGame {
    let session = scenario.who(client).session();
    let opened = scenario.lines.iter().find(|line| line.client == client);
    let target = &opened.expect("a connection").json["target"];
    let is_online = target.as_str().expect("a path").contains("status=true");
    let mut game = TestGame::new();
    watch(&mut game);
    game.commands(|c| {
        let options = ConnectOptions::default().appear_online(is_online);
        c.nakama().connect(&server(), &session, options);
    });
    game.update();
    game.server_accepts();
    game.update();
    let mut asked = HashMap::new();
    for line in &scenario.lines {
        if line.client == client && line.is_envelope() {
            step(&mut game, &mut asked, line);
        }
    }
    game
}

fn step(game: &mut TestGame, asked: &mut HashMap<String, proto::Envelope>, line: &Line) {
    let frame = line.wire.clone().expect("a frame");
    let envelope = proto::decode(frame.clone()).expect("an envelope");
    if line.dir == Dir::Recv {
        match (asked.remove(&envelope.cid), envelope.message) {
            (Some(asked), Some(message)) => game.answer(&asked, message),
            (Some(asked), None) => game.acknowledge(&asked),
            (None, _) => game.server_sends(frame),
        }
        return game.update();
    }
    let message = envelope.message.expect("a message");
    let kind = Kind::of(&message);
    game.commands(|c| match message {
        Message::StatusFollow(follow) => {
            let request = FollowUsers::ids(follow.user_ids).usernames(follow.usernames);
            c.nakama().follow(request).id()
        }
        Message::StatusUnfollow(unfollow) => {
            let request = UnfollowUsers::ids(unfollow.user_ids);
            c.nakama().unfollow(request).id()
        }
        Message::StatusUpdate(update) => c.nakama().set_status(update.status.as_deref()).id(),
        other => c.nakama().raw(other).id(),
    });
    game.update();
    asked.insert(envelope.cid, game.expect_sent(kind));
}

fn count<F: bevy::ecs::query::QueryFilter>(game: &mut TestGame) -> usize {
    let world = game.app.world_mut();
    world.query_filtered::<(), F>().iter(world).count()
}

#[test]
fn somebody_follows_somebody() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "status");
        let (mut alice, log) = play(&scenario, "alice");
        let log = log.take();
        assert_eq!(
            log,
            [
                "+alice Snapshot \"\" (self)",
                "alice is online",
                "followed",
                "+bob Event \"hello\"",
                "bob is online",
                "bob: \"busy\"",
                "bob: \"\"",
                "-bob",
                "bob is offline",
                "shown",
                "alice: \"in lobby\"",
                "shown",
                "alice: \"unseen by bob\"",
                "not shown: Status must be 2048 characters or less (bad input)",
                "+bob Event \"back\"",
                "bob is online",
                "-bob",
                "bob is offline",
            ],
            "{generation}"
        );
        assert_eq!(count::<With<FollowedUser>>(&mut alice), 2);

        let (mut bob, log) = play(&scenario, "bob");
        let log = log.take();
        assert_eq!(
            log[..3],
            ["shown", "+bob Snapshot \"hello\" (self)", "bob is online"],
            "{generation}: he did not appear online before"
        );
        assert_eq!(
            log[3..],
            [
                "shown",
                "bob: \"busy\"",
                "shown",
                "shown",
                "bob: \"\"",
                "shown",
                "-bob",
                "bob is offline",
                "shown",
                "+alice Snapshot \"\"",
                "alice is online",
                "followed",
                "followed",
                "followed",
                "followed",
                "followed",
                "not followed: Invalid user identifier (bad input)",
                "not followed: Invalid username (bad input)",
                "alice: \"in lobby\"",
                "-alice",
                "alice is offline",
                "unfollowed",
                "unfollowed",
                "unfollowed",
                "not unfollowed: Invalid user identifier (bad input)",
                "shown",
                "+bob Snapshot \"back\" (self)",
                "bob is online",
            ],
            "{generation}"
        );
        let nobody = UserId::from("11111111-1111-4111-8111-111111111111");
        let index = bob.app.world().resource::<FollowedUserIndex>();
        let nobody = index.get(&nobody).expect("that it is nobody's is not told");
        assert!(bob.app.world().get::<UserSessions>(nobody).is_none());
        assert_eq!(count::<With<FollowedUser>>(&mut bob), 2);
    }
}

#[test]
fn a_user_with_two_sockets() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "status_two_sessions");
        for (client, log) in [
            (
                "alice",
                vec![
                    "+alice Snapshot \"\" (self)",
                    "alice is online",
                    "+alice Event \"\"",
                    "alice: \"second device\"",
                    "-alice",
                ],
            ),
            (
                "alice_2",
                vec![
                    "+alice Snapshot \"\" (self)",
                    "alice is online",
                    "shown",
                    "alice: \"second device\"",
                ],
            ),
            (
                "bob",
                vec![
                    "+bob Snapshot \"\" (self)",
                    "bob is online",
                    "+alice Snapshot \"\"",
                    "alice is online",
                    "followed",
                    "+alice Event \"\"",
                    "alice: \"second device\"",
                    "followed",
                    "-alice",
                ],
            ),
        ] {
            let (_, seen) = play(&scenario, client);
            assert_eq!(seen.take(), log, "{generation} {client}");
        }
    }
}

#[test]
fn streams() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "streams");
        for (client, expected) in [
            (
                "alice",
                vec![
                    "+alice in lab (self)",
                    "+bob in lab persistent",
                    "lab: hello stream",
                    "lab: {\"json\":true}",
                    "bob in lab",
                    "-bob",
                    "+alice in full (self)",
                    "full: x",
                ],
            ),
            (
                "bob",
                vec![
                    "+bob in lab persistent (self)",
                    "lab: hello stream",
                    "lab: {\"json\":true}",
                    "lab: only bob",
                    "bob in lab (self)",
                    "-bob",
                    "full: x",
                ],
            ),
        ] {
            let seen = Log::default();
            let mut game = play_watched(&scenario, client, |game| watch_streams(game, &seen));
            let mut seen = seen.take();
            seen.retain(|line| line != "answered");
            assert_eq!(seen, expected, "{generation} {client}");
            let streams = count::<With<Stream>>(&mut game);
            assert_eq!(
                streams, 2,
                "{generation}: nobody tells that they are closed"
            );
        }
    }
}
