//! Observers may despawn an entity of the plugin in the moment in which it appears.

use super::count;
use crate::common::{log::Log, steps::join_party};
use bevy::prelude::*;
use bevy_nakama::{prelude::*, proto::Kind, testing::*};

#[test]
fn a_request_is_despawned_as_it_is_answered() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<JoinMatch>>| {
        seen.add(format!("{:?}", reply.result.is_ok()));
    });
    game.observe(
        |ended: On<Remove, PendingRequest>, mut commands: Commands| {
            commands.entity(ended.entity).try_despawn();
        },
    );
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m")).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 4, "Match not found");
    game.update();
    assert_eq!(log.take(), ["false"]);
}

#[test]
fn a_partys_ticket_is_despawned_as_it_comes_with_its_match() {
    let mut game = TestGame::connected();
    join_party(&mut game, "p", &["bob", "ada"]);
    game.observe(|came: On<Add, MatchmakerTicket>, mut commands: Commands| {
        commands.entity(came.entity).try_despawn();
    });
    let token = JoinWith::Token("token".into());
    let people = ["ada", "bob"];
    game.server_says(matchmaker_matched(
        "t",
        token,
        &people,
        Some(("p", &people)),
    ));
    game.update();
    assert_eq!(count::<With<MatchmakerTicket>>(&mut game), 0);
}

/// An observer that despawns whatever gets this name.
fn despawn_named(game: &mut TestGame, unwanted: &'static str) {
    game.observe(
        move |named: On<Insert, Name>, names: Query<&Name>, mut commands: Commands| {
            let name = names.get(named.entity).expect("just inserted");
            if name.as_str() == unwanted {
                commands.entity(named.entity).despawn();
            }
        },
    );
}

#[test]
fn a_match_that_is_despawned_as_it_gets_its_name_is_left() {
    let mut game = TestGame::connected();
    despawn_named(&mut game, "match m1");
    game.join("m1", &["ada"]);
    game.expect_sent(Kind::MatchLeave);
    assert_eq!(game.app.world().resource::<MatchIndex>().iter().count(), 0);
    assert_eq!(
        count::<With<Presence>>(&mut game),
        0,
        "nobody is left behind"
    );
}

#[test]
fn a_ticket_that_is_despawned_as_it_gets_its_name_is_removed() {
    let mut game = TestGame::connected();
    despawn_named(&mut game, "matchmaker ticket t1");
    game.commands(|c| c.nakama().add_matchmaker(AddMatchmaker::players(2, 2)).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    game.expect_sent(Kind::MatchmakerRemove);
    assert_eq!(game.app.world().resource::<TicketIndex>().iter().count(), 0);
}

#[test]
fn a_ticket_that_is_despawned_as_it_comes_about_is_removed() {
    let mut game = TestGame::connected();
    game.observe(|asked: On<Remove, Joining>, mut commands: Commands| {
        commands.entity(asked.entity).despawn();
    });
    game.commands(|c| c.nakama().add_matchmaker(AddMatchmaker::players(2, 2)).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    game.expect_sent(Kind::MatchmakerRemove);
    assert_eq!(game.app.world().resource::<TicketIndex>().iter().count(), 0);
}
