//! Streams of real servers: the recording, played to a game.

use crate::{
    common::{
        log::Log,
        player::Player,
        transcripts::{GENERATIONS, scenario},
    },
    stream::watch_streams,
};
use bevy_nakama::stream::Stream;

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
                    "-bob YouLeft",
                    "full: x",
                ],
            ),
        ] {
            let seen = Log::default();
            let mut player = Player::connected(&scenario, client);
            watch_streams(&mut player.game, &seen);
            player.play(&scenario);
            let mut seen = seen.take();
            seen.retain(|line| line != "answered");
            assert_eq!(seen, expected, "{generation} {client}");
            assert_eq!(
                player.count::<Stream>(),
                2,
                "{generation}: nobody tells that they are closed"
            );
        }
    }
}
