//! Tickets of the matchmaker: added again with the same request, and never while the server may still have the old ones.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    connection::DisconnectReason,
    healing::{Reentered, ReentryOutcome, Stale},
    matchmaker::{MatchmakerTicket, TicketIndex},
    prelude::*,
    presence::TicketId,
    proto::Kind,
    testing::*,
};

use super::steps::{lose, reopen, state};
use crate::common::log::Log;

fn with_ticket() -> (TestGame, Entity, Log) {
    let mut game = TestGame::connected();
    let ticket = game.commands(|commands| {
        let duel = AddMatchmaker::players(2, 2).string_property("mode", "duel");
        commands.nakama().add_matchmaker(duel).id()
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    let log = Log::default();
    let to = log.clone();
    game.observe(
        move |back: On<Reentered<MatchmakerTicket>>| match &back.outcome {
            ReentryOutcome::Lost(reason) => to.add(format!("lost: {reason}")),
            outcome => to.add(format!("{outcome:?}")),
        },
    );
    let to = log.clone();
    game.observe(move |matched: On<MatchmakerMatched>| {
        to.add(format!("matched: {}", matched.ticket_id));
    });
    (game, ticket, log)
}

/// The server says goodbye. So it has dropped everything.
fn closed(game: &mut TestGame) {
    game.server_ends(DisconnectReason::ClosedByServer {
        code: Some(1000),
        reason: "server shutting down".into(),
    });
    game.update();
    assert_eq!(state(game), ConnectionState::Reconnecting);
}

#[test]
fn a_ticket_is_added_again_under_its_new_id_and_matched_with_that() {
    let (mut game, ticket, log) = with_ticket();
    closed(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t2"));
    let join = JoinWith::Token("token".into());
    game.server_says(matchmaker_matched("t2", join, &["ada", "bob"], None));
    let index = |game: &TestGame, id: &str| {
        let index = game.app.world().resource::<TicketIndex>();
        index.get(&TicketId::from(id))
    };
    game.update();
    assert_eq!(log.take(), ["Changed", "matched: t2"]);
    assert_eq!(index(&game, "t1"), None);
    assert!(
        game.app.world().get_entity(ticket).is_err(),
        "it is used up"
    );
}

#[test]
fn a_match_may_overtake_the_answer() {
    let (mut game, _, log) = with_ticket();
    closed(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    let join = JoinWith::Token("token".into());
    game.server_says(matchmaker_matched("t2", join, &["ada", "bob"], None));
    game.answer(&asked, matchmaker_ticket("t2"));
    game.update();
    assert_eq!(log.take(), ["Changed", "matched: t2"]);
}

#[test]
fn after_a_loss_without_a_word_it_waits_until_the_old_session_is_gone() {
    let (mut game, ticket, log) = with_ticket();
    lose(&mut game);
    reopen(&mut game);
    assert_eq!(
        state(&game),
        ConnectionState::Connected,
        "nothing waits for it"
    );
    assert!(game.app.world().get::<Stale>(ticket).is_some());
    game.advance(Duration::from_secs(24));
    assert!(game.sent().is_empty());
    game.advance(Duration::from_secs(1));
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t2"));
    game.update();
    assert_eq!(log.take(), ["Changed"]);
    assert!(game.app.world().get::<Stale>(ticket).is_none());
}

#[test]
fn a_ticket_that_waits_can_be_removed_and_despawned() {
    for despawns in [false, true] {
        let (mut game, ticket, log) = with_ticket();
        let to = log.clone();
        game.observe(move |reply: On<Replied<RemoveMatchmakerTicket>>| {
            to.add(format!("removed: {}", reply.result.is_ok()));
        });
        lose(&mut game);
        reopen(&mut game);
        game.commands(|commands| {
            if despawns {
                commands.entity(ticket).despawn();
            } else {
                commands.nakama().remove_matchmaker_ticket(ticket);
            }
        });
        game.update();
        game.update();
        game.sent();
        game.advance(Duration::from_secs(30));
        assert!(game.sent().is_empty());
        assert!(game.app.world().get_entity(ticket).is_err());
        let expected: &[&str] = if despawns { &[] } else { &["removed: true"] };
        assert_eq!(log.take(), expected);
    }
}

#[test]
fn a_ticket_that_the_server_does_not_take_again_is_lost() {
    let (mut game, ticket, log) = with_ticket();
    closed(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.refuse(&asked, 0, "Error adding to matchmaker");
    game.update();
    assert_eq!(log.take().len(), 1);
    assert!(game.app.world().get_entity(ticket).is_err());
}

#[test]
fn a_loss_during_re_entry_counts_like_the_first() {
    let (mut game, _, _) = with_ticket();
    closed(&mut game);
    reopen(&mut game);
    game.expect_sent(Kind::MatchmakerAdd);
    lose(&mut game);
    reopen(&mut game);
    game.advance(Duration::from_secs(24));
    assert!(game.sent().is_empty(), "the server may have added it");
    game.advance(Duration::from_secs(1));
    game.expect_sent(Kind::MatchmakerAdd);
}
