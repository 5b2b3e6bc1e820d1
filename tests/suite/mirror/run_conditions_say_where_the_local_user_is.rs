//! Run conditions: a system runs while the local user is where it belongs.

use std::time::Duration;

use bevy::{ecs::system::RunSystemOnce as _, prelude::*};
use bevy_nakama::{prelude::*, proto::Kind, testing::*};

/// Which of the conditions hold.
fn hold(game: &mut TestGame) -> Vec<&'static str> {
    let world = game.app.world_mut();
    let conditions = [
        ("connected", world.run_system_once(connected)),
        ("in a match", world.run_system_once(in_match)),
        ("in a party", world.run_system_once(in_party)),
        ("a player", world.run_system_once(has_local_player)),
    ];
    let hold = conditions.into_iter().filter(|(name, holds)| {
        *holds
            .as_ref()
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    });
    hold.map(|(name, _)| name).collect()
}

#[test]
fn run_conditions_say_where_the_local_user_is() {
    let mut game = TestGame::new();
    assert_eq!(hold(&mut game), [""; 0]);
    game.connect();
    assert_eq!(hold(&mut game), ["connected"]);

    // A join counts when the server has answered it.
    game.commands(|commands| {
        commands.nakama().join_match(JoinMatch::by_id("m1"));
    });
    game.update();
    assert_eq!(hold(&mut game), ["connected"]);
    let request = game.expect_sent(Kind::MatchJoin);
    game.answer(&request, match_joined("m1", &["ada", "bob"]));
    game.update();
    assert_eq!(hold(&mut game), ["connected", "in a match", "a player"]);

    // Other members of the match are not the local player.
    let ada = game.presence_of("m1", "ada");
    game.app.world_mut().despawn(ada);
    assert_eq!(hold(&mut game), ["connected", "in a match"]);

    game.commands(|commands| {
        commands.nakama().create_party(CreateParty::open(4));
    });
    game.update();
    let request = game.expect_sent(Kind::PartyCreate);
    game.answer(&request, party_joined("p1", "ada", &["ada"]));
    game.update();
    assert_eq!(hold(&mut game), ["connected", "in a match", "in a party"]);

    game.commands(|commands| commands.nakama().disconnect());
    game.advance(Duration::from_secs(1));
    assert_eq!(hold(&mut game), [""; 0]);
}

#[test]
fn without_the_plugin_no_condition_holds() {
    let mut world = World::new();
    for condition in [
        world.run_system_once(connected),
        world.run_system_once(in_match),
        world.run_system_once(in_party),
        world.run_system_once(has_local_player),
    ] {
        assert!(!condition.expect("it runs"));
    }
}
