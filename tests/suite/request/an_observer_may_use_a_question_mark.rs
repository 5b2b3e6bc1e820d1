//! `?` works on a reply: an observer goes on with what the server brought, or ends with the error.

use bevy::{
    ecs::error::{ResultSeverityExt as _, Severity},
    prelude::*,
};
use bevy_nakama::{prelude::*, proto::Kind, testing::*};

use crate::common::log::Log;

#[derive(Component)]
struct Arena;

fn enter(reply: On<Replied<JoinMatch>>, mut commands: Commands) -> Result {
    let joined = reply.result().with_severity(Severity::Warning)?;
    commands.entity(joined.entity).insert(Arena);
    Ok(())
}

#[test]
fn of_what_the_server_brought_it_gets_the_reply() {
    let mut game = TestGame::connected();
    game.observe(enter);
    game.commands(|commands| {
        commands.nakama().join_match(JoinMatch::by_id("m"));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada"]));
    game.update();
    let arena = game.match_entity("m");
    assert!(game.app.world().entity(arena).contains::<Arena>());
}

#[test]
fn of_a_refusal_it_gets_the_error() {
    let mut game = TestGame::connected();
    let seen = Log::default();
    let told = seen.clone();
    game.observe(move |reply: On<Replied<JoinMatch>>| {
        let error = reply.result().expect_err("it is refused");
        told.add(error.to_string());
    });
    game.observe(enter);
    game.commands(|commands| {
        commands.nakama().join_match(JoinMatch::by_id("gone"));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 4, "Match not found");
    game.update();
    assert_eq!(seen.take(), ["Match not found (match not found)"]);
}
