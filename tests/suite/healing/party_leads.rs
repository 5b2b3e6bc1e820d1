//! Scenarios 24 and 25 with a leader, and the traps N1, N3 and N15: what a leader who was away finds, and what they have decided before.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    matchmaker::{AddPartyToMatchmaker, MatchmakerRefusal},
    overlay::{NakamaOverlayPlugin, OverlayView},
    party::*,
    prelude::*,
    proto::{Envelope, Kind, Message, PartyLayout, UserPresence, realtime},
    request::Request,
    testing::*,
};

use super::steps::{again, hear_of, lose, reopen, wait};
use crate::common::{log::Log, steps::create_party, steps::log_replies};

const LAYOUTS: [PartyLayout; 2] = [PartyLayout::Before3_28, PartyLayout::Current];
const LEADER_ONLY: &str = "Error doing it: party leader only";
const GONE: &str = "Error accepting party join request: party could not accept request";

fn party(open: bool, leader: &UserPresence, members: &[UserPresence]) -> Message {
    Message::Party(realtime::Party {
        party_id: "p".into(),
        open,
        max_size: 8,
        self_: Some(again("ada")),
        leader: Some(leader.clone()),
        presences: members.to_vec(),
        ..Default::default()
    })
}

fn presences(joins: &[UserPresence], leaves: &[UserPresence]) -> Message {
    Message::PartyPresenceEvent(realtime::PartyPresenceEvent {
        party_id: "p".into(),
        joins: joins.to_vec(),
        leaves: leaves.to_vec(),
    })
}

fn asks(who: &UserPresence) -> Message {
    Message::PartyJoinRequest(realtime::PartyJoinRequest {
        party_id: "p".into(),
        presences: vec![who.clone()],
    })
}

/// Ada leads a party with bob and cat.
fn leading(layout: PartyLayout, request: CreateParty, open: bool) -> (TestGame, Entity, Log) {
    let mut game = TestGame::connected_with(NakamaOverlayPlugin::default().opened());
    game.server_writes(layout);
    let Message::Party(created) = party_joined("p", "ada", &["ada"]) else {
        panic!("no party");
    };
    let created = realtime::Party {
        open,
        label: "{\"mode\": \"duel\"}".into(),
        ..created
    };
    let entity = create_party(&mut game, request, Message::Party(created));
    game.server_says(presences(&[user_presence("bob")], &[]));
    game.server_says(presences(&[user_presence("cat")], &[]));
    game.update();
    assert_eq!(leader(&mut game), ["ada"]);
    let log = hear_of::<Party>(&mut game);
    (game, entity, log)
}

fn leading_open() -> (TestGame, Entity, Log) {
    leading(PartyLayout::Current, CreateParty::open(8), true)
}

fn leading_closed() -> (TestGame, Entity, Log) {
    leading(PartyLayout::Current, CreateParty::closed(8), false)
}

/// The connection is lost, and the server takes the request to join again.
fn comes_back(game: &mut TestGame) {
    lose(game);
    reopen(game);
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
}

/// Who carries the mark.
fn leader(game: &mut TestGame) -> Vec<String> {
    let world = game.app.world_mut();
    let mut leaders = world.query_filtered::<&Username, With<PartyLeader>>();
    let leaders = leaders.iter(world).map(ToString::to_string);
    leaders.collect()
}

/// The members in their order.
fn members(game: &TestGame, party: Entity) -> Vec<String> {
    let world = game.app.world();
    let members = world.get::<PartyMembers>(party).expect("members");
    let names = members.iter().map(|member| {
        let name = world.get::<Username>(member).expect("a name");
        name.to_string()
    });
    names.collect()
}

/// The askers whom the game sees.
fn askers(game: &mut TestGame) -> Vec<String> {
    let world = game.app.world_mut();
    let mut askers = world.query_filtered::<&SessionId, With<PartyJoinRequester>>();
    let askers = askers.iter(world).map(ToString::to_string);
    askers.collect()
}

fn state(game: &TestGame, party: Entity) -> &Party {
    game.app.world().get::<Party>(party).expect("a party")
}

/// The refusal of what only a leader may do, by the name of its request.
fn refused_with<R: Request>(
    game: &mut TestGame,
    kind: Kind,
    ask: impl FnOnce(&mut Commands),
) -> String {
    let log = Log::default();
    let to = log.clone();
    game.observe(move |reply: On<Replied<R>>| {
        to.add(format!("{:?}", reply.result.as_ref().err()));
    });
    game.commands(ask);
    game.update();
    let asked = game.expect_sent(kind);
    game.refuse(&asked, 3, LEADER_ONLY);
    game.update();
    log.take().join(", ")
}

/// Ada is back in an open party, which her own old session leads.
fn behind_ghost(layout: PartyLayout) -> (TestGame, Entity, Log) {
    let (mut game, entity, log) = leading(layout, CreateParty::open(8), true);
    comes_back(&mut game);
    let old = user_presence("ada");
    let everybody = [
        old.clone(),
        user_presence("bob"),
        user_presence("cat"),
        again("ada"),
    ];
    game.server_says(party(true, &old, &everybody));
    game.update();
    (game, entity, log)
}

#[test]
fn scenario_24_a_leader_whose_own_ghost_leads_hears_that_the_lead_is_lost() {
    for layout in LAYOUTS {
        let (mut game, entity, log) = behind_ghost(layout);
        assert_eq!(log.take(), ["Changed", "resumed"]);
        assert_eq!(leader(&mut game), [""; 0], "nobody whom a game can see");
        assert_eq!(members(&game, entity), ["bob", "cat", "ada"]);
        let index = game.app.world().resource::<PresenceIndex>();
        assert_eq!(index.own_ghosts(entity), 1);

        game.server_says(party_leader("p", "bob"));
        game.server_says(presences(&[], &[user_presence("ada")]));
        game.update();
        assert_eq!(log.take(), [""; 0], "nobody hears of the end of a ghost");
        assert_eq!(leader(&mut game), ["bob"]);
        assert_eq!(members(&game, entity), ["bob", "cat", "ada"]);
    }
}

#[test]
fn scenario_24_what_only_a_leader_may_do_names_the_ghost_while_it_leads() {
    let (mut game, entity, _) = behind_ghost(PartyLayout::Current);
    let index = game.app.world().resource::<PresenceIndex>();
    let bob = index.of_user(entity, "user-bob")[0];
    let all = |game: &mut TestGame| {
        [
            refused_with::<CloseParty>(game, Kind::PartyClose, |c| {
                c.nakama().close_party(entity);
            }),
            refused_with::<PromotePartyMember>(game, Kind::PartyPromote, |c| {
                c.nakama().promote_party_member(bob);
            }),
            refused_with::<KickFromParty>(game, Kind::PartyRemove, |c| {
                c.nakama().kick_from_party(bob);
            }),
            refused_with::<UpdateParty>(game, Kind::PartyUpdate, |c| {
                c.nakama().update_party(entity, UpdateParty::default());
            }),
            refused_with::<ListPartyJoinRequests>(game, Kind::PartyJoinRequestList, |c| {
                c.nakama().list_party_join_requests(entity);
            }),
            refused_with::<AddPartyToMatchmaker>(game, Kind::PartyMatchmakerAdd, |c| {
                let request = AddMatchmaker::players(2, 2);
                c.nakama().add_party_to_matchmaker(entity, request);
            }),
        ]
    };
    for refusal in all(&mut game) {
        assert!(refusal.contains("GhostLeads"), "{refusal}");
        assert!(refusal.contains("party leader only"), "{refusal}");
    }
    let _: fn(_) -> MatchmakerRefusal = MatchmakerRefusal::GhostLeads;

    game.server_says(party_leader("p", "bob"));
    game.server_says(presences(&[], &[user_presence("ada")]));
    game.update();
    for refusal in all(&mut game) {
        assert!(refusal.contains("NotLeader"), "{refusal}");
    }
}

#[test]
fn scenario_24_the_lead_may_come_back_and_is_not_told_to_be_lost_twice() {
    let (mut game, entity, log) = behind_ghost(PartyLayout::Current);
    log.take();
    // The line breaks again. Both old sessions are still there.
    comes_back(&mut game);
    let third = UserPresence {
        session_id: "session-ada-3".into(),
        ..user_presence("ada")
    };
    let everybody = [
        user_presence("ada"),
        user_presence("bob"),
        user_presence("cat"),
        again("ada"),
        third.clone(),
    ];
    let Message::Party(mut back) = party(true, &user_presence("ada"), &everybody) else {
        panic!("no party");
    };
    back.self_ = Some(third.clone());
    game.server_says(Message::Party(back));
    game.update();
    assert_eq!(log.take(), ["Restored", "resumed"]);
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(index.own_ghosts(entity), 2);

    let lead = |presence: &UserPresence| {
        Message::PartyLeader(realtime::PartyLeader {
            party_id: "p".into(),
            presence: Some(presence.clone()),
        })
    };
    game.server_says(lead(&user_presence("bob")));
    game.server_says(presences(&[], &[user_presence("ada"), again("ada")]));
    game.server_says(lead(&third));
    game.update();
    assert_eq!(leader(&mut game), ["ada"]);
    game.expect_sent(Kind::PartyJoinRequestList);
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn scenario_24_a_leader_who_was_really_gone_finds_another_leader() {
    let (mut game, entity, log) = leading_open();
    game.server_says(asks(&user_presence("dan")));
    game.update();
    comes_back(&mut game);
    let bob = user_presence("bob");
    let everybody = [bob.clone(), user_presence("cat"), again("ada")];
    game.server_says(party(true, &bob, &everybody));
    game.update();
    assert_eq!(log.take(), ["Changed", "resumed"]);
    assert_eq!(leader(&mut game), ["bob"]);
    assert_eq!(members(&game, entity), ["bob", "cat", "ada"]);
    assert_eq!(askers(&mut game), [""; 0]);
}

#[test]
fn scenario_24_a_leader_who_leads_again_hears_of_nothing_but_their_return() {
    let (mut game, _, log) = leading_open();
    comes_back(&mut game);
    let everybody = [again("ada"), user_presence("bob"), user_presence("cat")];
    game.server_says(party(true, &again("ada"), &everybody));
    game.update();
    let listed = game.expect_sent(Kind::PartyJoinRequestList);
    game.acknowledge(&listed);
    game.update();
    assert_eq!(log.take(), ["Restored", "resumed"]);
    assert_eq!(leader(&mut game), ["ada"]);
}

#[test]
fn members_are_in_the_order_of_the_server_whoever_comes_back() {
    let (mut game, entity, log) = leading_open();
    let added = Log::default();
    let to = added.clone();
    game.observe(move |_: On<Add, PartyMemberOf>| to.add("add"));
    let to = added.clone();
    game.observe(move |_: On<Remove, PartyMemberOf>| to.add("remove"));
    comes_back(&mut game);
    // Bob's line was bad, too: the server lists the session that came last at the end.
    let everybody = [user_presence("cat"), again("ada"), again("bob")];
    game.server_says(party(true, &user_presence("cat"), &everybody));
    game.update();
    assert_eq!(members(&game, entity), ["cat", "ada", "bob"]);
    let world = game.app.world();
    let same = world
        .resource::<PresenceIndex>()
        .of_user(entity, "user-bob");
    assert_eq!(same.len(), 1);
    assert_eq!(log.take(), ["Changed", "resumed"]);
    assert_eq!(added.take(), [""; 0], "nobody went, and nobody came");

    // What the server tells once more does not change the order.
    game.server_says(presences(&[user_presence("cat")], &[]));
    game.update();
    assert_eq!(members(&game, entity), ["cat", "ada", "bob"]);
}

#[test]
fn members_who_come_back_one_after_the_other_are_in_the_order_in_which_they_came() {
    let (mut game, entity, log) = leading_open();
    comes_back(&mut game);
    // The others have lost the server, too: nobody else is there yet.
    game.server_says(party(true, &again("ada"), &[again("ada")]));
    game.update();
    assert_eq!(members(&game, entity), ["ada", "bob", "cat"]);
    game.server_says(presences(&[again("cat")], &[]));
    game.server_says(presences(&[again("bob")], &[]));
    game.update();
    assert_eq!(members(&game, entity), ["ada", "cat", "bob"]);
    assert_eq!(log.take(), ["Restored"]);
}

/// Ada is back in her party, and the plugin looks it up. Meanwhile, her game asks to join it, which she need not.
fn is_looked_up(game: &mut TestGame) {
    comes_back(game);
    let everybody = [again("ada"), user_presence("bob"), user_presence("cat")];
    game.server_says(party(true, &again("ada"), &everybody));
    game.update();
    while !game.rest_calls().is_empty() {
        game.answer_rest(200, &serde_json::json!({})); // the inbox
        game.update();
    }
    wait(game, 1);
    assert_eq!(game.rest_calls(), [], "the list is a second behind");
    game.commands(|commands| {
        commands.nakama().join_party("p");
    });
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    wait(game, 2);
    let calls = game.rest_calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].1.contains("limit=1&query=%2B_id%3Ap"), "{calls:?}");
}

fn listed(label: &str) -> serde_json::Value {
    serde_json::json!({"parties": [{"party_id": "p", "open": true, "max_size": 8, "label": label}]})
}

#[test]
fn trap_n15_the_label_is_looked_up_because_the_server_does_not_tell_it() {
    let same = "{\"mode\": \"duel\"}";
    for (answer, label, hidden) in [
        (listed("{\"mode\":\"duel\"}"), Some(same), Some(false)),
        (
            listed("{\"mode\":\"race\"}"),
            Some("{\"mode\":\"race\"}"),
            Some(false),
        ),
        (serde_json::json!({}), None, None),
    ] {
        let (mut game, entity, _) = leading_open();
        is_looked_up(&mut game);
        assert_eq!(state(&game, entity).label.as_deref(), Some(same));
        game.answer_rest(200, &answer);
        game.update();
        game.update();
        assert_eq!(state(&game, entity).label.as_deref(), label);
        assert_eq!(state(&game, entity).hidden, hidden);
    }
}

#[test]
fn trap_n15_what_the_server_tells_is_newer_than_the_list() {
    let (mut game, entity, _) = leading_open();
    is_looked_up(&mut game);
    game.server_says(Message::PartyUpdate(realtime::PartyUpdate {
        party_id: "p".into(),
        open: true,
        hidden: false,
        label: "{\"mode\":\"race\"}".into(),
    }));
    game.update();
    game.answer_rest(200, &listed("{\"mode\":\"duel\"}"));
    game.update();
    game.update();
    let label = state(&game, entity).label.as_deref();
    assert_eq!(label, Some("{\"mode\":\"race\"}"));
}

#[test]
fn trap_n15_what_the_server_tells_before_the_list_is_asked_for_is_not_looked_up() {
    let (mut game, entity, _) = leading_open();
    comes_back(&mut game);
    let everybody = [again("ada"), user_presence("bob"), user_presence("cat")];
    game.server_says(party(true, &again("ada"), &everybody));
    game.server_says(Message::PartyUpdate(realtime::PartyUpdate {
        party_id: "p".into(),
        open: true,
        hidden: false,
        label: "{\"mode\":\"race\"}".into(),
    }));
    game.update();
    while !game.rest_calls().is_empty() {
        game.answer_rest(200, &serde_json::json!({})); // the inbox
        game.update();
    }
    wait(&mut game, 5);
    assert_eq!(game.rest_calls(), []);
    let label = state(&game, entity).label.as_deref();
    assert_eq!(label, Some("{\"mode\":\"race\"}"));
}

#[test]
fn trap_n15_a_hidden_party_is_in_no_list_and_an_old_server_is_not_asked() {
    let (mut game, entity, _) = leading_open();
    game.server_says(Message::PartyUpdate(realtime::PartyUpdate {
        party_id: "p".into(),
        open: true,
        hidden: true,
        label: String::new(),
    }));
    game.update();
    is_looked_up(&mut game);
    game.answer_rest(200, &serde_json::json!({}));
    game.update();
    game.update();
    assert_eq!(state(&game, entity).hidden, Some(true));

    let (mut game, _, _) = leading(PartyLayout::Before3_28, CreateParty::open(8), true);
    comes_back(&mut game);
    let everybody = [again("ada"), user_presence("bob")];
    game.server_says(party(true, &again("ada"), &everybody));
    wait(&mut game, 5);
    let calls = game.rest_calls();
    assert!(calls.iter().all(|it| !it.1.contains("party")), "{calls:?}");
}

/// Somebody asks, Ada accepts, and the server answers in this way.
fn accept(game: &mut TestGame, answer: impl FnOnce(&mut TestGame, &Envelope)) {
    let world = game.app.world_mut();
    let mut asker = world.query_filtered::<Entity, With<PartyJoinRequester>>();
    let asker = asker.single(world).expect("one asker");
    game.commands(|commands| commands.nakama().accept_party_join(asker).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyAccept);
    answer(game, &asked);
    game.update();
}

/// Dan has asked, and his line broke before Ada accepted.
fn accepted_too_late() -> (TestGame, Entity, Log) {
    let (mut game, entity, log) = leading_closed();
    log_replies::<AcceptPartyJoin>(&mut game, &log, "accept");
    game.server_says(asks(&user_presence("dan")));
    game.update();
    assert_eq!(askers(&mut game), ["session-dan"]);
    accept(&mut game, |game, asked| game.refuse(asked, 3, GONE));
    let lines = log.take();
    assert!(
        lines[0].starts_with(&format!("accept: {GONE}")),
        "{lines:?}"
    );
    assert_eq!(askers(&mut game), [""; 0]);
    (game, entity, log)
}

/// The plugin accepts without a question.
#[track_caller]
fn is_accepted(game: &mut TestGame, who: &UserPresence) -> Envelope {
    let asked = game.expect_sent(Kind::PartyAccept);
    let Some(Message::PartyAccept(accept)) = &asked.message else {
        panic!("{asked:?}");
    };
    assert_eq!(accept.presence.as_ref(), Some(who));
    assert_eq!(askers(game), [""; 0]);
    asked
}

#[test]
fn trap_n1_who_was_accepted_while_away_is_accepted_again_without_a_question() {
    let (mut game, _, log) = accepted_too_late();
    wait(&mut game, 20);
    game.server_says(asks(&again("dan")));
    game.update();
    let asked = is_accepted(&mut game, &again("dan"));
    game.server_says(asks(&again("dan")));
    game.update();
    assert!(game.sent().is_empty(), "it is under way");
    game.acknowledge(&asked);
    game.server_says(presences(&[again("dan")], &[]));
    game.update();
    assert_eq!(log.take(), ["+dan Arrived"]);
}

/// Ada accepts Dan, changes her mind, and hears only then that nobody was there to accept.
#[test]
fn trap_n1_a_decline_counts_although_the_accept_before_it_found_nobody() {
    let (mut game, _, _) = leading_closed();
    game.server_says(asks(&user_presence("dan")));
    game.update();
    let world = game.app.world_mut();
    let mut asker = world.query_filtered::<Entity, With<PartyJoinRequester>>();
    let asker = asker.single(world).expect("one asker");
    game.commands(|commands| commands.nakama().accept_party_join(asker).id());
    game.commands(|commands| commands.nakama().decline_party_join(asker).id());
    game.update();
    let accept = game.expect_sent(Kind::PartyAccept);
    let decline = game.expect_sent(Kind::PartyRemove);
    game.refuse(&accept, 3, GONE);
    game.refuse(
        &decline,
        3,
        "Error removing from party: party member not found",
    );
    game.update();
    game.server_says(asks(&again("dan")));
    game.update();
    assert!(game.sent().is_empty(), "nobody is accepted");
    assert_eq!(askers(&mut game), [again("dan").session_id]);
}

#[test]
fn trap_n1_the_decision_outlives_another_loss_of_the_asker_but_not_its_30_seconds() {
    let (mut game, _, _) = accepted_too_late();
    wait(&mut game, 10);
    game.server_says(asks(&again("dan")));
    game.update();
    let asked = is_accepted(&mut game, &again("dan"));
    game.refuse(&asked, 3, GONE);
    game.update();
    assert_eq!(askers(&mut game), [""; 0]);
    wait(&mut game, 10);
    game.server_says(asks(&user_presence("dan")));
    game.update();
    let asked = is_accepted(&mut game, &user_presence("dan"));
    game.refuse(&asked, 3, GONE);
    game.update();
    wait(&mut game, 11);
    game.server_says(asks(&again("dan")));
    game.update();
    assert_eq!(askers(&mut game), ["session-dan-2"], "that is too long ago");
    assert!(game.sent().is_empty());
}

#[test]
fn trap_n1_another_user_is_a_question_and_so_is_an_accept_that_fails_otherwise() {
    let (mut game, _, _) = accepted_too_late();
    game.server_says(asks(&user_presence("eve")));
    game.update();
    assert_eq!(askers(&mut game), ["session-eve"]);
    assert!(game.sent().is_empty());

    let (mut game, _, _) = accepted_too_late();
    game.server_says(asks(&again("dan")));
    game.update();
    let asked = is_accepted(&mut game, &again("dan"));
    let full = "Error accepting party join request: party full";
    game.refuse(&asked, 3, full);
    game.update();
    assert_eq!(askers(&mut game), ["session-dan-2"]);
}

#[test]
fn trap_n1_a_lost_lead_and_a_kick_end_the_decision() {
    let (mut game, _, _) = accepted_too_late();
    game.server_says(party_leader("p", "bob"));
    game.server_says(party_leader("p", "ada"));
    game.update();
    game.sent();
    game.server_says(asks(&again("dan")));
    game.update();
    assert_eq!(askers(&mut game), ["session-dan-2"]);
    assert!(game.sent().is_empty());

    let (mut game, entity, _) = accepted_too_late();
    game.server_says(asks(&again("dan")));
    game.update();
    let asked = is_accepted(&mut game, &again("dan"));
    game.acknowledge(&asked);
    game.server_says(presences(&[again("dan")], &[]));
    game.update();
    let index = game.app.world().resource::<PresenceIndex>();
    let dan = index.of_user(entity, "user-dan")[0];
    game.commands(|commands| commands.nakama().kick_from_party(dan).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyRemove);
    game.acknowledge(&asked);
    game.update();
    game.server_says(asks(&user_presence("dan")));
    game.update();
    assert_eq!(askers(&mut game), ["session-dan"]);
}

#[test]
fn trap_n1_the_decision_holds_when_the_leader_was_away_as_well_and_still_leads() {
    let (mut game, _, _) = accepted_too_late();
    comes_back(&mut game);
    let everybody = [again("ada"), user_presence("bob"), user_presence("cat")];
    game.server_says(party(false, &again("ada"), &everybody));
    game.update();
    let listed = game.expect_sent(Kind::PartyJoinRequestList);
    game.answer(&listed, asks(&again("dan")));
    game.update();
    is_accepted(&mut game, &again("dan"));
}

#[test]
fn trap_n1_who_was_let_in_with_a_dead_line_is_let_in_again_while_the_old_session_is_there() {
    for is_there in [true, false] {
        let (mut game, _, log) = leading_closed();
        game.server_says(asks(&user_presence("dan")));
        game.update();
        accept(&mut game, |game, asked| {
            game.acknowledge(asked);
            game.server_says(presences(&[user_presence("dan")], &[]));
        });
        assert_eq!(log.take(), ["+dan Arrived"]);
        if !is_there {
            game.server_says(presences(&[], &[user_presence("dan")]));
        }
        game.server_says(asks(&again("dan")));
        game.update();
        if is_there {
            is_accepted(&mut game, &again("dan"));
        } else {
            assert_eq!(
                askers(&mut game),
                ["session-dan-2"],
                "he has left, and asks anew"
            );
        }
    }
}

#[test]
fn the_overlay_shows_kept_decisions_own_ghosts_and_who_is_pending_again() {
    use bevy_nakama::overlay::ContextState;
    let shown = |game: &mut TestGame| {
        wait(game, 1);
        let view = game.app.world().resource::<OverlayView>();
        let party = view.parties[0].clone();
        let facts = party.facts.into_iter();
        let facts = facts.map(|(name, value)| format!("{name}: {value}"));
        (party.state, facts.collect::<Vec<_>>())
    };
    let (mut game, _, _) = accepted_too_late();
    let (state, facts) = shown(&mut game);
    assert_eq!(state, ContextState::Joined);
    let is_kept = |fact: &String| fact.starts_with("accepts again: dan, for 2");
    assert!(facts.iter().any(is_kept), "{facts:?}");

    let (mut game, _, _) = behind_ghost(PartyLayout::Current);
    let (_, facts) = shown(&mut game);
    for fact in ["own ghosts: 1", "leader: your old session"] {
        assert!(facts.iter().any(|it| it == fact), "{facts:?}");
    }

    let (mut game, _, _) = leading_closed();
    comes_back(&mut game);
    let (state, _) = shown(&mut game);
    assert_eq!(state, ContextState::PendingAgain);
}

#[test]
fn scenario_25_a_first_join_that_was_under_way_waits_for_its_own_dead_request() {
    for layout in LAYOUTS {
        let mut game = TestGame::connected();
        game.server_writes(layout);
        let log = hear_of::<Party>(&mut game);
        log_replies::<JoinParty>(&mut game, &log, "join");
        let asking = game.commands(|commands| commands.nakama().join_party("p").id());
        game.update();
        game.expect_sent(Kind::PartyJoin);
        lose(&mut game);
        reopen(&mut game);
        let duplicate = "Error joining party: party join request duplicate";
        let asked = game.expect_sent(Kind::PartyJoin);
        game.refuse(&asked, 3, duplicate);
        game.update();
        let mut lines = log.take();
        lines.sort();
        assert_eq!(lines, ["join", "resumed"]);
        let world = game.app.world();
        assert!(world.get::<PendingApproval>(asking).is_some());
        assert!(world.get::<Joining>(asking).is_some());
        for _ in 0..3 {
            wait(&mut game, 4);
            let asked = game.expect_sent(Kind::PartyJoin);
            game.refuse(&asked, 3, duplicate);
            game.update();
        }
        wait(&mut game, 4);
        let asked = game.expect_sent(Kind::PartyJoin);
        game.acknowledge(&asked);
        wait(&mut game, 10);
        assert!(game.sent().is_empty());
        let bob = user_presence("bob");
        game.server_says(party(false, &bob, &[bob.clone(), again("ada")]));
        game.update();
        assert!(game.app.world().get::<Party>(asking).is_some());
    }
}

#[test]
fn scenario_25_who_asks_where_another_device_has_asked_is_asking() {
    let mut game = TestGame::connected();
    let log = hear_of::<Party>(&mut game);
    log_replies::<JoinParty>(&mut game, &log, "join");
    // Not sent before: it is made while the connection is lost.
    lose(&mut game);
    let asking = game.commands(|commands| commands.nakama().join_party("p").id());
    game.update();
    reopen(&mut game);
    let asked = game.expect_sent(Kind::PartyJoin);
    let duplicate = "Error joining party: party join request duplicate";
    game.refuse(&asked, 3, duplicate);
    game.update();
    let mut lines = log.take();
    lines.sort();
    assert_eq!(lines, ["join", "resumed"]);
    assert!(game.app.world().get::<PendingApproval>(asking).is_some());
    wait(&mut game, 4);
    game.expect_sent(Kind::PartyJoin);
}

#[test]
fn scenario_25_a_leader_alone_in_a_closed_party_is_not_left_waiting_for_themselves() {
    let mut game = TestGame::connected();
    let Message::Party(mut alone) = party_joined("p", "ada", &["ada"]) else {
        panic!("no party");
    };
    alone.open = false;
    let entity = create_party(&mut game, CreateParty::closed(8), Message::Party(alone));
    let log = hear_of::<Party>(&mut game);
    comes_back(&mut game);
    game.update();
    assert_eq!(log.take(), ["resumed"]);
    assert!(game.app.world().get::<PendingApproval>(entity).is_some());
    game.advance(Duration::from_secs(29));
    assert!(game.sent().is_empty());
    game.advance(Duration::from_secs(2));
    let asked = game.expect_sent(Kind::PartyJoin);
    game.refuse(&asked, 3, "Error joining party: party not found");
    game.update();
    let lines = log.take();
    assert!(lines[0].contains("party not found"), "{lines:?}");
    assert!(game.app.world().get::<Party>(entity).is_none());
}

#[test]
fn scenario_25_a_leader_of_others_in_a_closed_party_waits_for_the_next_leader() {
    let (mut game, entity, log) = leading_closed();
    comes_back(&mut game);
    game.advance(Duration::from_secs(31));
    let asked = game.expect_sent(Kind::PartyJoin);
    let duplicate = "Error joining party: party join request duplicate";
    game.refuse(&asked, 3, duplicate);
    game.advance(Duration::from_secs(60));
    assert!(game.sent().is_empty(), "the request stands");
    assert_eq!(log.take(), ["resumed"]);
    let bob = user_presence("bob");
    let everybody = [bob.clone(), user_presence("cat"), again("ada")];
    game.server_says(party(false, &bob, &everybody));
    game.update();
    assert_eq!(log.take(), ["Changed"], "bob leads");
    assert_eq!(members(&game, entity), ["bob", "cat", "ada"]);
}
