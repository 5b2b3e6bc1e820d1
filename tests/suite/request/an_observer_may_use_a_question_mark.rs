//! `?` works on a reply: an observer goes on with what the server brought, or ends with the error.

use bevy::{ecs::error::Severity, prelude::*};
use bevy_nakama::{prelude::*, proto::Kind, testing::*};

use crate::common::log::Log;

#[derive(Component)]
struct Arena;

fn enter(reply: On<Replied<JoinMatch>>, mut commands: Commands) -> Result {
    let joined = reply.result()?;
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
fn a_refusal_is_a_warning_and_does_not_end_the_game() {
    let mut game = TestGame::connected();
    let seen = Log::default();
    let told = seen.clone();
    game.observe(move |reply: On<Replied<JoinMatch>>| {
        let error = reply.result().expect_err("it is refused");
        assert_eq!(error.severity(), Severity::Warning);
        let refusal = error.downcast_ref::<RequestError<MatchRefusal>>();
        told.add(refusal.expect("it is typed").to_string());
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
