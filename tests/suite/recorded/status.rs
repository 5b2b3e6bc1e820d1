//! Status of real servers: the recordings, played to a game.

use crate::{
    common::{
        log::Log,
        player::Player,
        transcripts::{GENERATIONS, Scenario, scenario},
    },
    status::watch,
};
use bevy_nakama::prelude::*;

/// A recording from its beginning to its end, as one client, and what the game noticed.
fn played(scenario: &Scenario, client: &str) -> (Player, Vec<String>) {
    let mut player = Player::connected(scenario, client);
    let log = Log::default();
    watch(&mut player.game, &log);
    player.play(scenario);
    (player, log.take())
}

#[test]
fn somebody_follows_somebody() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "status");
        let (mut alice, log) = played(&scenario, "alice");
        assert_eq!(
            log,
            [
                "+alice Present \"\" (self)",
                "alice is online",
                "followed",
                "+bob Arrived \"hello\"",
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
                "+bob Arrived \"back\"",
                "bob is online",
                "-bob",
                "bob is offline",
            ],
            "{generation}"
        );
        assert_eq!(alice.count::<FollowedUser>(), 2);

        let (mut bob, log) = played(&scenario, "bob");
        assert_eq!(
            log[..3],
            ["shown", "+bob Present \"hello\" (self)", "bob is online"],
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
                "+alice Present \"\"",
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
                "+bob Present \"back\" (self)",
                "bob is online",
            ],
            "{generation}"
        );
        let nobody = UserId::from("11111111-1111-4111-8111-111111111111");
        let index = bob.game.app.world().resource::<FollowedUserIndex>();
        let nobody = index.get(&nobody).expect("that it is nobody's is not told");
        assert!(bob.game.app.world().get::<UserSessions>(nobody).is_none());
        assert_eq!(bob.count::<FollowedUser>(), 2);
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
                    "+alice Present \"\" (self)",
                    "alice is online",
                    "+alice Arrived \"\"",
                    "alice: \"second device\"",
                    "-alice",
                ],
            ),
            (
                "alice_2",
                vec![
                    "+alice Present \"\" (self)",
                    "alice is online",
                    "shown",
                    "alice: \"second device\"",
                ],
            ),
            (
                "bob",
                vec![
                    "+bob Present \"\" (self)",
                    "bob is online",
                    "+alice Present \"\"",
                    "alice is online",
                    "followed",
                    "+alice Arrived \"\"",
                    "alice: \"second device\"",
                    "followed",
                    "-alice",
                ],
            ),
        ] {
            let (_, seen) = played(&scenario, client);
            assert_eq!(seen, log, "{generation} {client}");
        }
    }
}
