//! Tickets of the matchmaker: added again with the same request, and never while the server may still have the old ones.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    connection::DisconnectReason,
    healing::{Reentered, ReentryOutcome, Stale},
    matchmaker::{HoldReason, MatchmakerTicket, TicketIndex, TicketOnHold},
    prelude::*,
    presence::TicketId,
    proto::{Kind, Message, UserPresence, realtime},
    testing::*,
};

use super::steps::{again, lose, reopen, state};
use crate::common::log::Log;

fn with_ticket() -> (TestGame, Entity, Log) {
    ticket_in(TestGame::connected())
}

fn ticket_in(mut game: TestGame) -> (TestGame, Entity, Log) {
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

/// A call that holds the line up is enough for that: the server works in order.
#[test]
fn a_ticket_that_the_server_adds_again_too_late_is_removed() {
    let (mut game, ticket, log) = with_ticket();
    closed(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.advance(Duration::from_secs(11));
    assert_eq!(log.take().len(), 1, "it is lost");
    assert!(game.app.world().get_entity(ticket).is_err());
    game.sent();
    game.answer(&asked, matchmaker_ticket("t2"));
    game.update();
    let removed = game.expect_sent(Kind::MatchmakerRemove);
    let Some(Message::MatchmakerRemove(remove)) = removed.message else {
        panic!("nothing is removed");
    };
    assert_eq!(remove.ticket, "t2");
    assert_eq!(log.take(), [""; 0]);
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

/// What a ticket waits for, and for how much longer.
fn waits(game: &TestGame, ticket: Entity) -> Option<(HoldReason, u64)> {
    let world = game.app.world();
    let on_hold = world.get::<TicketOnHold>(ticket)?;
    let left = on_hold.until.expect("an end") - world.resource::<Time<Real>>().elapsed();
    Some((on_hold.why, left.as_secs()))
}

#[test]
fn it_says_that_it_waits_for_the_ghost_and_for_how_long() {
    let (mut game, ticket, _) = with_ticket();
    assert_eq!(waits(&game, ticket), None);
    lose(&mut game);
    reopen(&mut game);
    assert_eq!(waits(&game, ticket), Some((HoldReason::OwnGhost, 24)));
    game.advance(Duration::from_secs(25));
    assert_eq!(waits(&game, ticket), None);
    game.expect_sent(Kind::MatchmakerAdd);
}

#[test]
fn n2_it_need_not_wait_when_the_old_session_goes_offline() {
    let mut game = TestGame::connected();
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.update();
    let (mut game, ticket, log) = ticket_in(game);
    lose(&mut game);
    reopen(&mut game);
    game.advance(Duration::from_secs(3));
    game.sent();
    // Somebody else, another device: that says nothing.
    game.server_says(status_presences(&[], &["bob"]));
    game.update();
    assert!(game.sent().is_empty());
    assert!(waits(&game, ticket).is_some());
    game.server_says(status_presences(&[], &["ada"]));
    game.update();
    assert_eq!(waits(&game, ticket), None);
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t2"));
    game.advance(Duration::from_secs(30));
    assert_eq!(log.take(), ["Changed"]);
    assert!(game.sent().is_empty(), "once");
}

#[test]
fn n2_it_need_not_wait_when_a_room_does_not_list_the_old_session() {
    for is_listed in [false, true] {
        let mut game = TestGame::connected();
        game.join_room("hall", &["ada", "bob"]);
        let (mut game, ticket, _) = ticket_in(game);
        lose(&mut game);
        reopen(&mut game);
        let asked = game.expect_sent(Kind::ChannelJoin);
        let old = is_listed.then(|| user_presence("ada"));
        let presences = [user_presence("bob"), again("ada")].into_iter().chain(old);
        game.answer(
            &asked,
            Message::Channel(realtime::Channel {
                id: "2...hall".into(),
                room_name: "hall".into(),
                presences: presences.collect(),
                self_: Some(again("ada")),
                ..Default::default()
            }),
        );
        game.update();
        assert_eq!(waits(&game, ticket).is_some(), is_listed);
        let sent = game.sent();
        let adds = |sent: &bevy_nakama::proto::Envelope| {
            matches!(sent.message, Some(Message::MatchmakerAdd(_)))
        };
        assert_eq!(sent.iter().any(adds), !is_listed);
    }
}

/// Nobody is listed who is hidden, so it means nothing that the old session is not.
#[test]
fn n2_it_waits_in_spite_of_a_room_that_was_joined_hidden() {
    let mut game = TestGame::connected();
    game.commands(|commands| {
        let hall = JoinChat::room("hall").hidden(true);
        commands.nakama().join_chat(hall).id()
    });
    game.update();
    let asked = game.expect_sent(Kind::ChannelJoin);
    let hall = |me: UserPresence| {
        Message::Channel(realtime::Channel {
            id: "2...hall".into(),
            room_name: "hall".into(),
            presences: vec![user_presence("bob")],
            self_: Some(me),
            ..Default::default()
        })
    };
    game.answer(&asked, hall(user_presence("ada")));
    game.update();
    let (mut game, ticket, _) = ticket_in(game);
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::ChannelJoin);
    game.answer(&asked, hall(again("ada")));
    game.update();
    assert!(waits(&game, ticket).is_some());
}

/// The matchmaker has found these, with this ticket of this session of ada.
fn matched_with(ticket: &str, me: UserPresence, others: &[UserPresence]) -> Message {
    let join = JoinWith::Token("token".into());
    let Message::MatchmakerMatched(mut matched) = matchmaker_matched(ticket, join, &[], None)
    else {
        panic!("a match");
    };
    let user = |presence: UserPresence| realtime::matchmaker_matched::MatchmakerUser {
        presence: Some(presence),
        ..Default::default()
    };
    matched.users = others.iter().cloned().map(user).collect();
    matched.users.push(user(me.clone()));
    matched.self_ = Some(user(me));
    Message::MatchmakerMatched(matched)
}

#[test]
fn n2_a_match_with_the_own_old_session_is_dropped_and_the_ticket_added_anew() {
    let mut game = TestGame::connected();
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.update();
    let (mut game, ticket, log) = ticket_in(game);
    lose(&mut game);
    reopen(&mut game);
    game.sent();
    // A ticket of this session does not wait. But the old session may have one, too.
    let duel = AddMatchmaker::players(2, 2);
    let second = game.commands(|c| c.nakama().add_matchmaker(duel).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("u1"));
    game.server_says(matched_with("u1", again("ada"), &[user_presence("ada")]));
    game.update();
    assert_eq!(log.take(), [""; 0], "nobody was found");
    assert_eq!(waits(&game, second), waits(&game, ticket), "both wait");
    game.advance(Duration::from_secs(25));
    let mut asked: Vec<_> = game.sent();
    asked.retain(|it| matches!(it.message, Some(Message::MatchmakerAdd(_))));
    assert_eq!(asked.len(), 2);
    for (asked, id) in asked.iter().zip(["t2", "u2"]) {
        game.answer(asked, matchmaker_ticket(id));
    }
    game.update();
    assert_eq!(log.take(), ["Changed"; 2]);
    // Even now, if it has to be. Then nothing is there to wait for.
    game.server_says(matched_with("u2", again("ada"), &[user_presence("ada")]));
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("u3"));
    game.server_says(matched_with("u3", again("ada"), &[user_presence("bob")]));
    game.update();
    assert_eq!(log.take(), ["Changed", "matched: u3"]);
}

#[test]
fn scenario_27_what_was_found_while_away_is_not_pretended_and_the_ticket_is_added_anew() {
    let (mut game, ticket, log) = with_ticket();
    let before = game.app.world().get::<MatchmakerTicket>(ticket).cloned();
    closed(&mut game);
    // The old link still says it. Nobody is there any more.
    game.server_says(matched_with(
        "t1",
        user_presence("ada"),
        &[user_presence("bob")],
    ));
    game.update();
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t2"));
    game.update();
    assert_eq!(log.take(), ["Changed"]);
    let after = game.app.world().get::<MatchmakerTicket>(ticket).cloned();
    assert_eq!(before, after, "what was asked for, and since when");
}
