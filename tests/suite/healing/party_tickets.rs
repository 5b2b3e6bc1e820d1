//! Scenario 26 with parties: the server drops a party's ticket with every change of its members. If a member may come back, the ticket
//! waits, and is added anew when the same users are there.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    healing::{Reentered, ReentryOutcome, ReentryPolicy, Stale},
    matchmaker::{HoldReason, MatchmakerTicket, TicketIndex, TicketOnHold},
    prelude::*,
    proto::{Envelope, Kind, Message, UserPresence, realtime},
    testing::*,
};

use super::steps::{again, lose, reopen};
use crate::common::{log::Log, steps::create_party};

const BACK: &[&str] = &["ada", "bob"];

/// Ada in a party, whose first member leads.
fn in_party(members: &[&str]) -> (TestGame, Entity, Log) {
    let mut game = TestGame::connected();
    let party = create_party(
        &mut game,
        CreateParty::open(8),
        party_joined("p", "ada", members),
    );
    let log = Log::default();
    let to = log.clone();
    game.observe(
        move |back: On<Reentered<MatchmakerTicket>>, ids: Query<&TicketId>| {
            let id = ids.get(back.context).expect("an id");
            to.add(match &back.outcome {
                ReentryOutcome::Lost(reason) => format!("{id} lost: {reason}"),
                outcome => format!("{id} {outcome:?}"),
            });
        },
    );
    let to = log.clone();
    game.observe(
        move |gone: On<Remove, MatchmakerTicket>, ids: Query<&TicketId>| {
            to.add(format!("-{}", ids.get(gone.entity).expect("an id")));
        },
    );
    let to = log.clone();
    game.observe(move |matched: On<MatchmakerMatched>| {
        to.add(format!("{} matched", matched.ticket_id));
    });
    (game, party, log)
}

fn duel() -> AddMatchmaker {
    AddMatchmaker::players(4, 4).string_property("mode", "team")
}

/// Ada leads a party with bob, and has added it: the ticket `t1`.
fn leader_with_ticket() -> (TestGame, Entity, Entity, Log) {
    let (mut game, party, log) = in_party(BACK);
    let ticket = game.commands(|c| c.nakama().add_party_to_matchmaker(party, duel()).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyMatchmakerAdd);
    game.answer(&asked, party_matchmaker_ticket("p", "t1"));
    game.update();
    (game, party, ticket, log)
}

fn members_change(game: &mut TestGame, joins: &[UserPresence], leaves: &[UserPresence]) {
    game.server_says(Message::PartyPresenceEvent(realtime::PartyPresenceEvent {
        party_id: "p".into(),
        joins: joins.to_vec(),
        leaves: leaves.to_vec(),
    }));
    game.update();
}

fn leads(game: &mut TestGame, leader: UserPresence) {
    game.server_says(Message::PartyLeader(realtime::PartyLeader {
        party_id: "p".into(),
        presence: Some(leader),
    }));
    game.update();
}

fn why(game: &TestGame, ticket: Entity) -> Option<HoldReason> {
    let world = game.app.world();
    let on_hold = world.get::<TicketOnHold>(ticket);
    assert!(on_hold.is_none() || world.get::<Stale>(ticket).is_some());
    on_hold.map(|it| it.why)
}

fn is_alive(game: &TestGame, entity: Entity) -> bool {
    game.app.world().get_entity(entity).is_ok()
}

fn sends_nothing(game: &mut TestGame) {
    let sent = game.sent();
    assert!(sent.is_empty(), "{sent:?}");
}

/// The party is added anew, with the same request.
#[track_caller]
fn is_added(game: &mut TestGame, id: &str) {
    let asked = game.expect_sent(Kind::PartyMatchmakerAdd);
    let Some(Message::PartyMatchmakerAdd(add)) = &asked.message else {
        panic!("{asked:?}");
    };
    assert_eq!(add.string_properties["mode"], "team");
    game.answer(&asked, party_matchmaker_ticket("p", id));
    game.update();
}

#[test]
fn scenario_26_a_member_loses_the_line_and_the_party_is_added_anew_when_they_are_back() {
    // The server may see the new session before it drops the old one.
    for old_goes_first in [true, false] {
        let (mut game, _, ticket, log) = leader_with_ticket();
        let (goes, comes) = ([user_presence("bob")], [again("bob")]);
        if old_goes_first {
            members_change(&mut game, &[], &goes);
        } else {
            members_change(&mut game, &comes, &[]);
        }
        assert_eq!(why(&game, ticket), Some(HoldReason::Members));
        game.advance(Duration::from_secs(20));
        sends_nothing(&mut game);
        if old_goes_first {
            members_change(&mut game, &comes, &[]);
        } else {
            members_change(&mut game, &[], &goes);
        }
        assert_eq!(log.take(), [""; 0]);
        is_added(&mut game, "t2");
        assert_eq!(log.take(), ["t2 Changed"]);
        assert_eq!(why(&game, ticket), None);
        assert!(game.app.world().get::<Stale>(ticket).is_none());
        let index = game.app.world().resource::<TicketIndex>();
        assert_eq!(index.get(&"t2".into()), Some(ticket));
        assert_eq!(index.get(&"t1".into()), None);
        // It is matched with that, and its time is not running any more.
        game.advance(Duration::from_secs(40));
        let join = JoinWith::Token("token".into());
        let of_party = Some(("p", &["ada", "bob"][..]));
        game.server_says(matchmaker_matched("t2", join, &["ada", "bob"], of_party));
        game.update();
        assert_eq!(log.take(), ["t2 matched", "-t2"]);
    }
}

#[test]
fn a_member_who_does_not_come_back_in_time_ends_the_ticket_with_its_reason() {
    let (mut game, _, ticket, log) = leader_with_ticket();
    members_change(&mut game, &[], &[user_presence("bob")]);
    game.advance(Duration::from_secs(29));
    assert!(is_alive(&game, ticket));
    game.advance(Duration::from_secs(2));
    let told = "t1 lost: the ticket of a party ends when its members change";
    assert_eq!(log.take(), [told, "-t1"]);
    assert!(!is_alive(&game, ticket));
    sends_nothing(&mut game);
}

#[test]
fn somebody_new_ends_the_ticket_at_once_and_a_kick_does_and_so_does_the_policy_to_drop_it() {
    let (mut game, _, ticket, log) = leader_with_ticket();
    members_change(&mut game, &[user_presence("cat")], &[]);
    assert_eq!(log.take(), ["-t1"]);
    assert!(!is_alive(&game, ticket));

    let (mut game, party, ticket, log) = leader_with_ticket();
    let index = game.app.world().resource::<PresenceIndex>();
    let bob = index.of_user(party, "user-bob")[0];
    game.commands(|c| c.nakama().kick_from_party(bob).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyRemove);
    game.acknowledge(&asked);
    members_change(&mut game, &[], &[user_presence("bob")]);
    assert_eq!(log.take(), ["-t1"]);
    assert!(!is_alive(&game, ticket));

    let (mut game, _, ticket, log) = leader_with_ticket();
    game.commands(|c| {
        c.entity(ticket).insert(ReentryPolicy::Drop);
    });
    members_change(&mut game, &[], &[user_presence("bob")]);
    assert_eq!(log.take(), ["-t1"]);

    // While it waits, somebody new is an end with a reason.
    let (mut game, _, _, log) = leader_with_ticket();
    members_change(&mut game, &[], &[user_presence("bob")]);
    members_change(&mut game, &[user_presence("cat")], &[]);
    assert_eq!(log.take().len(), 2);
    sends_nothing(&mut game);
}

fn joins_again(game: &mut TestGame, leader: UserPresence, members: &[UserPresence]) -> Envelope {
    lose(game);
    reopen(game);
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.update();
    party_pushed(game, leader, members);
    asked
}

fn party_pushed(game: &mut TestGame, leader: UserPresence, members: &[UserPresence]) {
    game.server_says(Message::Party(realtime::Party {
        party_id: "p".into(),
        open: true,
        max_size: 8,
        self_: Some(again("ada")),
        leader: Some(leader),
        presences: members.to_vec(),
        ..Default::default()
    }));
    game.update();
}

#[test]
fn scenario_26_a_leader_who_comes_back_waits_for_their_ghost_and_for_the_lead() {
    let (mut game, _, ticket, log) = leader_with_ticket();
    let old = user_presence("ada");
    let bob = user_presence("bob");
    joins_again(
        &mut game,
        old.clone(),
        &[old.clone(), bob.clone(), again("ada")],
    );
    assert_eq!(why(&game, ticket), Some(HoldReason::Members), "a ghost");
    game.advance(Duration::from_secs(20));
    members_change(&mut game, &[], &[old]);
    leads(&mut game, bob);
    assert_eq!(why(&game, ticket), Some(HoldReason::Leader));
    sends_nothing(&mut game);
    game.advance(Duration::from_secs(20));
    // Bob hands the lead back.
    leads(&mut game, again("ada"));
    is_added(&mut game, "t2");
    assert_eq!(log.take(), ["t2 Changed"]);
    assert_eq!(why(&game, ticket), None);
}

#[test]
fn a_leader_who_does_not_get_the_lead_back_loses_the_ticket_and_hears_why() {
    let (mut game, _, ticket, log) = leader_with_ticket();
    let bob = user_presence("bob");
    joins_again(&mut game, bob.clone(), &[bob, again("ada")]);
    assert_eq!(why(&game, ticket), Some(HoldReason::Leader));
    game.advance(Duration::from_secs(29));
    assert!(is_alive(&game, ticket));
    game.advance(Duration::from_secs(2));
    let told = "t1 lost: only the leader of a party can add it to the matchmaker";
    assert_eq!(log.take(), [told, "-t1"]);
    sends_nothing(&mut game);
}

#[test]
fn a_ticket_waits_for_the_party_as_long_as_that_takes_and_is_lost_with_it() {
    let (mut game, _, ticket, log) = leader_with_ticket();
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    assert_eq!(why(&game, ticket), Some(HoldReason::Party));
    game.advance(Duration::from_secs(60));
    assert_eq!(why(&game, ticket), Some(HoldReason::Party));
    party_pushed(
        &mut game,
        again("ada"),
        &[again("ada"), user_presence("bob")],
    );
    is_added(&mut game, "t2");
    assert_eq!(log.take(), ["t2 Changed"]);

    let (mut game, party, ticket, log) = leader_with_ticket();
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::PartyJoin);
    game.refuse(&asked, 3, "Error joining party: party not found");
    game.update();
    let told = "t1 lost: Error joining party: party not found (bad input)";
    assert_eq!(log.take(), [told, "-t1"]);
    game.update();
    assert!(!is_alive(&game, ticket));
    assert!(game.app.world().get::<Party>(party).is_none());
}

/// Bob leads a party with ada and cat, and has added it: the ticket `t1`.
fn member_with_ticket() -> (TestGame, Entity, Entity, Log) {
    let (mut game, party, log) = in_party(&["bob", "ada", "cat"]);
    game.server_says(party_matchmaker_ticket("p", "t1"));
    game.update();
    let index = game.app.world().resource::<TicketIndex>();
    let ticket = index.get(&"t1".into()).expect("a ticket");
    (game, party, ticket, log)
}

#[test]
fn scenario_26_the_other_members_keep_the_entity_and_take_the_leaders_new_ticket() {
    let (mut game, _, ticket, log) = member_with_ticket();
    members_change(&mut game, &[], &[user_presence("cat")]);
    assert_eq!(why(&game, ticket), Some(HoldReason::Members));
    members_change(&mut game, &[again("cat")], &[]);
    assert_eq!(why(&game, ticket), Some(HoldReason::Leader));
    game.server_says(party_matchmaker_ticket("p", "t2"));
    game.update();
    assert_eq!(log.take(), ["t2 Changed"]);
    assert_eq!(why(&game, ticket), None);
    sends_nothing(&mut game);

    // The match may come before the ticket.
    members_change(&mut game, &[], &[again("cat")]);
    members_change(&mut game, &[user_presence("cat")], &[]);
    let join = JoinWith::Token("token".into());
    let of_party = Some(("p", &["ada", "bob", "cat"][..]));
    game.server_says(matchmaker_matched(
        "t3",
        join,
        &["ada", "bob", "cat"],
        of_party,
    ));
    game.server_says(party_matchmaker_ticket("p", "t3"));
    game.update();
    assert_eq!(log.take(), ["t3 Changed", "t3 matched", "-t3"]);
    assert!(!is_alive(&game, ticket));
}

#[test]
fn scenario_26_a_member_who_comes_back_takes_the_leaders_new_ticket() {
    let (mut game, _, ticket, log) = member_with_ticket();
    let (bob, cat) = (user_presence("bob"), user_presence("cat"));
    joins_again(&mut game, bob.clone(), &[bob, cat, again("ada")]);
    assert_eq!(why(&game, ticket), Some(HoldReason::Leader));
    game.server_says(party_matchmaker_ticket("p", "t2"));
    game.update();
    assert_eq!(log.take(), ["t2 Changed"]);
    assert_eq!(why(&game, ticket), None);
}

#[test]
fn two_tickets_that_wait_are_not_taken_for_one_another() {
    let (mut game, party, ticket, log) = member_with_ticket();
    game.server_says(party_matchmaker_ticket("p", "u1"));
    members_change(&mut game, &[], &[user_presence("cat")]);
    members_change(&mut game, &[again("cat")], &[]);
    game.server_says(party_matchmaker_ticket("p", "t2"));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    let tickets = game.app.world().get::<PartyTickets>(party);
    assert_eq!(tickets.expect("tickets").len(), 3);
    game.advance(Duration::from_secs(31));
    let told = log.take();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(!is_alive(&game, ticket));
    let tickets = game.app.world().get::<PartyTickets>(party);
    assert_eq!(tickets.expect("tickets").len(), 1);
}

#[test]
fn a_ticket_that_the_server_adds_again_too_late_is_taken_back() {
    let (mut game, _, ticket, _) = leader_with_ticket();
    members_change(&mut game, &[], &[user_presence("bob")]);
    members_change(&mut game, &[again("bob")], &[]);
    let asked = game.expect_sent(Kind::PartyMatchmakerAdd);
    game.advance(Duration::from_secs(11));
    assert!(game.app.world().get_entity(ticket).is_err(), "it is lost");
    game.sent();
    game.answer(&asked, party_matchmaker_ticket("p", "t2"));
    game.update();
    let removed = game.expect_sent(Kind::PartyMatchmakerRemove);
    let Some(Message::PartyMatchmakerRemove(remove)) = removed.message else {
        panic!("nothing is removed");
    };
    assert_eq!(remove.ticket, "t2");
    let tickets = game.app.world().resource::<TicketIndex>();
    assert_eq!(tickets.iter().count(), 0);
}

#[test]
fn a_ticket_for_others_than_were_asked_for_is_taken_back() {
    let (mut game, _, ticket, log) = leader_with_ticket();
    members_change(&mut game, &[], &[user_presence("bob")]);
    members_change(&mut game, &[again("bob")], &[]);
    let asked = game.expect_sent(Kind::PartyMatchmakerAdd);
    members_change(&mut game, &[], &[again("bob")]);
    sends_nothing(&mut game);
    game.answer(&asked, party_matchmaker_ticket("p", "t2"));
    game.update();
    let removed = game.expect_sent(Kind::PartyMatchmakerRemove);
    assert_eq!(
        removed.message,
        Some(Message::PartyMatchmakerRemove(
            realtime::PartyMatchmakerRemove {
                party_id: "p".into(),
                ticket: "t2".into(),
            }
        ))
    );
    assert_eq!(why(&game, ticket), Some(HoldReason::Members));
    members_change(&mut game, &[user_presence("bob")], &[]);
    is_added(&mut game, "t3");
    assert_eq!(log.take(), ["t3 Changed"]);
}

#[test]
fn what_the_server_says_to_the_new_ticket_counts() {
    for (text, told) in [
        ("Error adding party to matchmaker: party leader only", None),
        (
            "Error adding party to matchmaker: error adding to matchmaker",
            Some(
                "t1 lost: Error adding party to matchmaker: error adding to matchmaker (bad input)",
            ),
        ),
    ] {
        let (mut game, _, ticket, log) = leader_with_ticket();
        members_change(&mut game, &[], &[user_presence("bob")]);
        members_change(&mut game, &[again("bob")], &[]);
        let asked = game.expect_sent(Kind::PartyMatchmakerAdd);
        game.refuse(&asked, 3, text);
        game.update();
        match told {
            None => {
                assert_eq!(log.take(), [""; 0]);
                assert_eq!(why(&game, ticket), Some(HoldReason::Leader));
            }
            Some(told) => assert_eq!(log.take(), [told, "-t1"]),
        }
    }
}

#[test]
fn a_ticket_that_waits_can_be_removed_and_despawned_and_goes_with_the_party() {
    for how in ["remove", "despawn", "leave"] {
        let (mut game, party, ticket, log) = leader_with_ticket();
        members_change(&mut game, &[], &[user_presence("bob")]);
        game.commands(|c| match how {
            "remove" => {
                c.nakama().remove_matchmaker_ticket(ticket);
            }
            "despawn" => c.entity(ticket).despawn(),
            _ => c.entity(party).despawn(),
        });
        game.update();
        game.update();
        assert_eq!(log.take(), ["-t1"], "{how}");
        game.sent();
        game.advance(Duration::from_secs(40));
        sends_nothing(&mut game);
        assert_eq!(log.take(), [""; 0]);
    }
}

#[test]
fn a_ticket_that_was_made_with_the_own_ghost_in_the_party_ends_with_it_and_is_added_anew() {
    let (mut game, party, log) = in_party(BACK);
    let old = user_presence("ada");
    joins_again(
        &mut game,
        again("ada"),
        &[old.clone(), user_presence("bob"), again("ada")],
    );
    game.commands(|c| c.nakama().add_party_to_matchmaker(party, duel()).id());
    game.update();
    is_added(&mut game, "t1");
    assert_eq!(log.take(), [""; 0]);
    members_change(&mut game, &[], &[old]);
    is_added(&mut game, "t2");
    assert_eq!(log.take(), ["t2 Changed"]);
}

#[test]
fn a_ticket_that_was_made_with_a_member_s_ghost_in_the_party_ends_with_it_and_is_added_anew() {
    let (mut game, party, log) = in_party(BACK);
    members_change(&mut game, &[again("bob")], &[]);
    game.commands(|c| c.nakama().add_party_to_matchmaker(party, duel()).id());
    game.update();
    is_added(&mut game, "t1");
    members_change(&mut game, &[], &[user_presence("bob")]);
    is_added(&mut game, "t2");
    assert_eq!(log.take(), ["t2 Changed"]);
}
