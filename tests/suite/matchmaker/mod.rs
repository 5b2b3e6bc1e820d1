//! The matchmaker: tickets, whom they lead to, and what becomes of them when things cross.

use std::time::Duration;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{
        Envelope, Kind, Message, PartyLayout,
        realtime::{MatchmakerRemove, PartyMatchmakerRemove},
    },
    testing::*,
};
use serde_json::json;

/// What a game notices, line by line.
fn watched(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    watch_replies::<AddMatchmaker>(&mut game, &log);
    watch_replies::<AddPartyToMatchmaker>(&mut game, &log);
    watch_replies::<RemoveMatchmakerTicket>(&mut game, &log);
    let seen = log.clone();
    game.observe(
        move |added: On<Add, MatchmakerTicket>, ids: Query<&TicketId>| {
            seen.add(format!("+{}", ids.get(added.entity).expect("an id")));
        },
    );
    let seen = log.clone();
    game.observe(
        move |removed: On<Remove, MatchmakerTicket>, ids: Query<&TicketId>| {
            seen.add(format!(
                "-{}",
                ids.get(removed.entity).expect("still readable")
            ));
        },
    );
    let seen = log.clone();
    game.observe(
        move |matched: On<MatchmakerMatched>, ids: Query<&TicketId, With<MatchmakerTicket>>| {
            let id = ids.get(matched.ticket).expect("the ticket is still there");
            assert_eq!(*id, matched.ticket_id);
            let mut names: Vec<_> = matched
                .users
                .iter()
                .map(|user| {
                    let me = if user.is_self { " (self)" } else { "" };
                    format!("{}{me}", user.presence.username)
                })
                .collect();
            names.sort();
            seen.add(format!("{id} matched {}", names.join(", ")));
        },
    );
    (game, log)
}

fn watch_replies<R: Request<Refusal = MatchmakerRefusal>>(game: &mut TestGame, log: &Log) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Ok(_) => seen.add(R::NAME),
        Err(error) => seen.add(format!("{}: {error}", R::NAME)),
    });
}

fn token() -> JoinWith {
    JoinWith::Token("a-match-token".into())
}

/// Adds a ticket; returns the entity and what was sent.
fn add(game: &mut TestGame) -> (Entity, Envelope) {
    let request = AddMatchmaker::players(2, 4);
    let entity = game.commands(|c| c.nakama().add_matchmaker(request).id());
    game.update();
    (entity, game.expect_sent(Kind::MatchmakerAdd))
}

/// A ticket that the server has taken.
fn added(game: &mut TestGame, ticket: &str) -> Entity {
    let (entity, asked) = add(game);
    game.answer(&asked, matchmaker_ticket(ticket));
    game.update();
    entity
}

fn is_alive(game: &TestGame, entity: Entity) -> bool {
    game.app.world().get_entity(entity).is_ok()
}

fn removal(ticket: &str) -> Option<Message> {
    let ticket = ticket.into();
    Some(Message::MatchmakerRemove(MatchmakerRemove { ticket }))
}

fn tickets(game: &TestGame) -> usize {
    game.app.world().resource::<TicketIndex>().iter().count()
}

#[test]
fn everything_that_was_asked_for_is_sent() {
    let mut game = TestGame::connected();
    game.commands(|c| {
        let request = AddMatchmaker::players(2, 4)
            .count_multiple(2)
            .query("+properties.mode:duel")
            .string_property("mode", "duel")
            .numeric_property("rank", -1.5);
        c.nakama().add_matchmaker(request);
        c.nakama()
            .add_matchmaker(AddMatchmaker::players(u32::MAX, 0));
    });
    game.update();
    let sent = game.expect_sent(Kind::MatchmakerAdd);
    assert_eq!(
        serde_json::to_value(&sent).expect("proto JSON")["matchmaker_add"],
        json!({
            "min_count": 2, "max_count": 4, "count_multiple": 2, "query": "+properties.mode:duel",
            "string_properties": {"mode": "duel"}, "numeric_properties": {"rank": -1.5},
        })
    );
    let sent = game.expect_sent(Kind::MatchmakerAdd);
    assert_eq!(
        serde_json::to_value(&sent).expect("proto JSON")["matchmaker_add"],
        json!({"min_count": i32::MAX, "query": "*"}),
        "whoever they are"
    );
}

#[test]
fn a_request_becomes_the_ticket_and_goes_with_its_match() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = add(&mut game);
    assert!(game.app.world().get::<Joining>(entity).is_some());

    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    assert_eq!(log.take(), ["+t1", "AddMatchmaker"]);
    let world = game.app.world();
    let ticket = world.get::<MatchmakerTicket>(entity).expect("a ticket");
    assert_eq!(ticket.request, Some(AddMatchmaker::players(2, 4)));
    assert_eq!(world.get::<TicketId>(entity).expect("an id").as_str(), "t1");
    assert!(world.get::<Joining>(entity).is_none());
    assert!(world.get::<TicketOf>(entity).is_none());
    let index = world.resource::<TicketIndex>();
    assert_eq!(index.get(&"t1".into()), Some(entity));

    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.update();
    assert_eq!(log.take(), ["t1 matched ada (self), bob", "-t1"]);
    assert!(!is_alive(&game, entity), "it goes in `Last` of that frame");
    assert_eq!(game.sent(), [], "a ticket that was matched is not removed");
}

#[test]
fn one_call_joins_what_was_matched() {
    for join in [token(), JoinWith::Id("m1.node".into())] {
        let mut game = TestGame::connected();
        let entity = added(&mut game, "t1");
        game.commands(|c| {
            c.entity(entity)
                .observe(|matched: On<MatchmakerMatched>, mut commands: Commands| {
                    commands.nakama().join_match(&matched.join);
                });
        });
        let people = ["ada", "bob"];
        game.server_says(matchmaker_matched("t1", join.clone(), &people, None));
        game.update();
        let asked = game.expect_sent(Kind::MatchJoin);
        let json = serde_json::to_value(&asked).expect("proto JSON");
        let expected = match join {
            JoinWith::Token(token) => json!({ "token": token.expose() }),
            JoinWith::Id(id) => json!({ "match_id": id.as_str() }),
        };
        assert_eq!(json["match_join"], expected);
        game.answer(&asked, match_joined("m1", &people));
        game.update();
        assert_eq!(game.roster("m1"), people);
    }
}

#[test]
fn a_match_before_the_tickets_answer_comes_after_it() {
    let (mut game, log) = watched(TestGame::connected());
    let arrival = Log::default();
    let seen = arrival.clone();
    game.observe(
        move |matched: On<MatchmakerMatched>, time: Res<Time<Real>>| {
            let ago = time.elapsed() - matched.received_at;
            seen.add(format!("{ago:?} ago"));
        },
    );
    let (_, asked) = add(&mut game);
    let (_, other) = add(&mut game);
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.update();
    game.answer(&other, matchmaker_ticket("t2"));
    game.update();
    assert_eq!(log.take(), ["+t2", "AddMatchmaker"], "not this one");

    game.advance(Duration::from_millis(500));
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    assert_eq!(
        log.take(),
        ["+t1", "AddMatchmaker", "t1 matched ada (self), bob", "-t1"]
    );
    assert_eq!(arrival.take(), ["520ms ago"], "its token counts from there");
}

#[test]
fn a_match_that_no_answer_names_is_dropped() {
    let (mut game, log) = watched(TestGame::connected());
    let matched = || matchmaker_matched("t1", token(), &["ada", "bob"], None);
    let (_, asked) = add(&mut game);
    game.server_says(matched());
    game.refuse(&asked, 0, "Error adding to matchmaker");
    game.server_says(matched());
    game.update();
    let refused = "AddMatchmaker: Error adding to matchmaker (runtime exception): \
                   the query `*` does not parse, or there are as many tickets as the server allows";
    assert_eq!(log.take(), [refused]);
    added(&mut game, "t1");
    assert_eq!(log.take(), ["+t1", "AddMatchmaker"], "and none was kept");

    game.server_says(matched());
    game.server_says(matched());
    game.update();
    let once = ["t1 matched ada (self), bob", "-t1"];
    assert_eq!(log.take(), once, "a ticket is used once");
}

#[test]
fn a_match_without_a_way_in_is_none() {
    let (mut game, log) = watched(TestGame::connected());
    added(&mut game, "t1");
    log.take();
    let mut matched = matchmaker_matched("t1", token(), &["ada", "bob"], None);
    if let Message::MatchmakerMatched(matched) = &mut matched {
        matched.id = None;
        matched.self_ = None;
        matched.users[0].presence = None;
    }
    game.server_says(matched);
    game.update();
    assert_eq!(log.take(), ["-t1"]);
}

#[test]
fn a_token_is_good_for_half_a_minute_and_an_id_for_as_long_as_the_match() {
    let log = Log::default();
    for (join, expected) in [
        (token(), "30s, true, false"),
        (JoinWith::Id("m1.".into()), "never, true, true"),
    ] {
        let mut game = TestGame::connected();
        let seen = log.clone();
        game.observe(move |matched: On<MatchmakerMatched>| {
            let end = matched.token_expires_at();
            let in_time = matched.received_at + Duration::from_millis(29_999);
            let late = matched.received_at + Duration::from_secs(30);
            seen.add(format!(
                "{}, {}, {}",
                end.map_or_else(
                    || "never".into(),
                    |end| format!("{:?}", end - matched.received_at)
                ),
                matched.is_token_valid(in_time),
                matched.is_token_valid(late),
            ));
            assert!(
                !format!("{matched:?}").contains("a-match-token"),
                "it does not show"
            );
        });
        added(&mut game, "t1");
        game.server_says(matchmaker_matched("t1", join, &["ada", "bob"], None));
        game.update();
        assert_eq!(log.take(), [expected]);
    }
}

#[test]
fn removing_ends_with_the_servers_consent() {
    let (mut game, log) = watched(TestGame::connected());
    let entity = added(&mut game, "t1");
    log.take();
    game.commands(|c| c.nakama().remove_matchmaker_ticket(entity).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerRemove);
    assert_eq!(asked.message, removal("t1"));
    assert_eq!(log.take(), [""; 0]);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take(), ["-t1", "RemoveMatchmakerTicket"]);
    assert_eq!((tickets(&game), game.sent()), (0, vec![]));
}

#[test]
fn a_ticket_that_is_matched_while_it_is_removed_is_matched() {
    let (mut game, log) = watched(TestGame::connected());
    let entity = added(&mut game, "t1");
    log.take();
    game.commands(|c| c.nakama().remove_matchmaker_ticket(entity).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerRemove);
    game.refuse(&asked, 3, "Matchmaker ticket not found");
    game.update();
    let refused = "RemoveMatchmakerTicket: Matchmaker ticket not found (bad input)";
    assert_eq!(log.take(), [refused]);
    assert!(is_alive(&game, entity), "its match is under way");
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.update();
    assert_eq!(log.take(), ["t1 matched ada (self), bob", "-t1"]);
}

#[test]
fn only_a_ticket_can_be_removed() {
    let (mut game, log) = watched(TestGame::connected());
    let (_, asked) = add(&mut game);
    let nothing = game.app.world_mut().spawn_empty().id();
    game.commands(|c| {
        c.nakama().remove_matchmaker_ticket(nothing);
        c.nakama()
            .add_party_to_matchmaker(nothing, AddMatchmaker::players(2, 2));
    });
    assert_eq!(log.take(), [""; 0], "never before the call has returned");
    game.update();
    assert_eq!(
        log.take(),
        [
            "RemoveMatchmakerTicket: the entity is no matchmaker ticket",
            "AddPartyToMatchmaker: the entity is no party",
        ]
    );
    game.answer(&asked, match_joined("m1", &["ada"]));
    game.update();
    assert_eq!(
        log.take(),
        ["AddMatchmaker: the server answered with match"]
    );
}

#[test]
fn despawning_a_ticket_is_removing_it() {
    let (mut game, log) = watched(TestGame::connected());
    let entity = added(&mut game, "t1");
    game.commands(|c| c.entity(entity).despawn());
    game.update();
    assert_eq!(
        game.expect_sent(Kind::MatchmakerRemove).message,
        removal("t1")
    );
    log.take();
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.update();
    assert_eq!(log.take(), [""; 0], "the game does not want it any more");
}

#[test]
fn a_ticket_that_nobody_waits_for_is_removed_when_it_comes() {
    // Its entity went while it waited.
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = add(&mut game);
    game.commands(|c| c.entity(entity).despawn());
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    assert_eq!(log.take(), ["AddMatchmaker: it was withdrawn"]);
    assert_eq!(
        game.expect_sent(Kind::MatchmakerRemove).message,
        removal("t1")
    );

    // It ran out of time.
    let (entity, asked) = add(&mut game);
    game.advance(Duration::from_secs(11));
    assert_eq!(log.take(), ["AddMatchmaker: no answer within 10.0 s"]);
    assert!(!is_alive(&game, entity));
    game.answer(&asked, matchmaker_ticket("t2"));
    game.update();
    assert_eq!(
        game.expect_sent(Kind::MatchmakerRemove).message,
        removal("t2")
    );
    assert_eq!(log.take(), [""; 0], "a request has one answer");
}

#[test]
fn tickets_end_with_their_connection() {
    let (mut game, log) = watched(TestGame::connected());
    added(&mut game, "t1");
    let (joining, _) = add(&mut game);
    log.take();
    game.connection_breaks();
    game.update();
    assert_eq!(
        log.take(),
        [
            "AddMatchmaker: the connection was lost before the answer",
            "-t1"
        ]
    );
    assert!(!is_alive(&game, joining));
    assert_eq!((tickets(&game), game.sent()), (0, vec![]));
}

#[test]
fn a_game_may_despawn_a_ticket_when_it_is_matched() {
    let (mut game, log) = watched(TestGame::connected());
    added(&mut game, "t1");
    log.take();
    game.observe(|matched: On<MatchmakerMatched>, mut commands: Commands| {
        commands.entity(matched.ticket).despawn();
    });
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.update();
    assert_eq!(log.take(), ["t1 matched ada (self), bob", "-t1"]);
    assert_eq!(game.sent(), []);
}

/// A game in a party. The first name is the leader's; one is `ada`.
fn in_party(layout: PartyLayout, members: &[&str]) -> (TestGame, Log, Entity) {
    let (mut game, log) = watched(TestGame::connected());
    game.server_writes(layout);
    let entity = game.commands(|c| c.nakama().create_party(CreateParty::open(8)).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyCreate);
    game.answer(&asked, party("p1", "ada", members));
    game.update();
    (game, log, entity)
}

/// Adds the party; returns the entity and what was sent.
fn add_party(game: &mut TestGame, party: Entity) -> (Entity, Envelope) {
    let request = AddMatchmaker::players(4, 4).string_property("mode", "team");
    let entity = game.commands(|c| c.nakama().add_party_to_matchmaker(party, request).id());
    game.update();
    (entity, game.expect_sent(Kind::PartyMatchmakerAdd))
}

fn tickets_of(game: &TestGame, party: Entity) -> Vec<Entity> {
    let tickets = game.app.world().get::<PartyTickets>(party);
    tickets
        .into_iter()
        .flat_map(RelationshipTarget::iter)
        .collect()
}

fn party_removal(ticket: &str) -> Option<Message> {
    Some(Message::PartyMatchmakerRemove(PartyMatchmakerRemove {
        party_id: "p1".into(),
        ticket: ticket.into(),
    }))
}

const LAYOUTS: [PartyLayout; 2] = [PartyLayout::Current, PartyLayout::Before3_28];

#[test]
fn a_leader_adds_the_party_and_removes_its_ticket() {
    for layout in LAYOUTS {
        let (mut game, log, party) = in_party(layout, &["ada", "bob"]);
        let (entity, asked) = add_party(&mut game, party);
        let json = serde_json::to_value(&asked).expect("proto JSON");
        assert_eq!(
            json["party_matchmaker_add"],
            json!({
                "party_id": "p1", "min_count": 4, "max_count": 4, "query": "*",
                "string_properties": {"mode": "team"},
            })
        );
        game.answer(&asked, party_matchmaker_ticket("p1", "t1"));
        game.update();
        assert_eq!(log.take(), ["+t1", "AddPartyToMatchmaker"]);
        assert_eq!(tickets_of(&game, party), [entity]);

        game.commands(|c| c.nakama().remove_matchmaker_ticket(entity).id());
        game.update();
        let asked = game.expect_sent(Kind::PartyMatchmakerRemove);
        assert_eq!(asked.message, party_removal("t1"));
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["-t1", "RemoveMatchmakerTicket"]);
        assert_eq!(tickets_of(&game, party), []);
    }
}

#[test]
fn a_member_has_the_ticket_too_and_is_matched_with_it() {
    for layout in LAYOUTS {
        let (mut game, log, party) = in_party(layout, &["bob", "ada"]);
        for _ in ["pushed", "and pushed again"] {
            game.server_says(party_matchmaker_ticket("p1", "t1"));
        }
        game.update();
        assert_eq!(log.take(), ["+t1"]);
        let [ticket] = tickets_of(&game, party)[..] else {
            panic!("one ticket")
        };
        let world = game.app.world();
        let shown = world.get::<MatchmakerTicket>(ticket).expect("a ticket");
        assert_eq!(shown.request, None, "the server does not tell");

        let of_party = Some(("p1", &["ada", "bob"][..]));
        let people = ["ada", "bob", "carol", "dave"];
        let parties = Log::default();
        let seen = parties.clone();
        game.observe(move |matched: On<MatchmakerMatched>| {
            for user in &matched.users {
                seen.add(format!("{:?}", user.party_id.as_ref().map(PartyId::as_str)));
            }
            let me = matched.me().expect("oneself");
            assert_eq!(me.presence.username, "ada");
        });
        game.server_says(matchmaker_matched("t1", token(), &people, of_party));
        game.update();
        let matched = "t1 matched ada (self), bob, carol, dave";
        assert_eq!(log.take(), [matched, "-t1"]);
        let party = r#"Some("p1")"#;
        assert_eq!(parties.take(), [party, party, "None", "None"]);
    }
}

#[test]
fn a_ticket_before_the_party_waits_for_it() {
    let (mut game, log) = watched(TestGame::connected());
    let entity = game.commands(|c| c.nakama().join_party("p1").id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.server_says(party_matchmaker_ticket("p1", "t1"));
    game.server_says(party_matchmaker_ticket("p2", "t2"));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    game.server_says(party("p1", "ada", &["bob", "ada"]));
    game.update();
    assert_eq!(log.take(), ["+t1"], "there is no other party");
    assert_eq!(tickets_of(&game, entity).len(), 1);
}

#[test]
fn a_member_may_hear_of_the_match_before_the_ticket() {
    let (mut game, log, _) = in_party(PartyLayout::Current, &["bob", "ada"]);
    let of_party = Some(("p1", &["ada", "bob"][..]));
    let (_, asked) = add(&mut game);
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], of_party));
    game.server_says(party_matchmaker_ticket("p1", "t1"));
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], of_party));
    game.answer(&asked, matchmaker_ticket("t2"));
    game.update();
    let expected = [
        "+t1",
        "t1 matched ada (self), bob",
        "+t2",
        "AddMatchmaker",
        "-t1",
    ];
    assert_eq!(log.take(), expected);
}

#[test]
fn a_leader_hears_of_the_match_after_the_answer() {
    let (mut game, log, party) = in_party(PartyLayout::Current, &["ada", "bob"]);
    let of_party = Some(("p1", &["ada", "bob"][..]));
    let (_, asked) = add_party(&mut game, party);
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], of_party));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    game.answer(&asked, party_matchmaker_ticket("p1", "t1"));
    game.update();
    let expected = [
        "+t1",
        "AddPartyToMatchmaker",
        "t1 matched ada (self), bob",
        "-t1",
    ];
    assert_eq!(log.take(), expected);
}

#[test]
fn whoever_comes_or_goes_ends_the_tickets_of_a_party() {
    let (mut game, log, party) = in_party(PartyLayout::Current, &["bob", "ada"]);
    let ticket = |game: &mut TestGame, id: &str| {
        game.server_says(party_matchmaker_ticket("p1", id));
        game.update();
    };
    ticket(&mut game, "t1");
    ticket(&mut game, "t2");
    game.server_says(party_presences("p1", &["bob"], &[]));
    game.server_says(party_presences("p1", &[], &["nobody"]));
    game.update();
    assert_eq!(log.take(), ["+t1", "+t2"], "bob was there before");

    game.server_says(party_presences("p1", &["carol"], &[]));
    game.update();
    assert_eq!(log.take(), ["-t1", "-t2"]);
    ticket(&mut game, "t3");
    game.server_says(party_presences("p1", &[], &["carol"]));
    game.update();
    assert_eq!(log.take(), ["+t3", "-t3"]);

    ticket(&mut game, "t4");
    game.server_says(party_leader("p1", "ada"));
    game.update();
    assert_eq!(log.take(), ["+t4"], "a new leader changes nothing");
    assert_eq!(tickets_of(&game, party).len(), 1);
    game.server_says(party_closed("p1"));
    game.update();
    assert_eq!(log.take(), ["-t4"]);
    assert_eq!(tickets(&game), 0);
    let kinds: Vec<_> = game
        .sent()
        .into_iter()
        .filter_map(|sent| sent.message)
        .collect();
    let removed = kinds
        .iter()
        .any(|sent| matches!(sent, Message::PartyMatchmakerRemove(_)));
    assert!(!removed, "the server knows");
}

#[test]
fn who_leaves_a_party_ends_its_tickets_also_if_the_game_has_despawned_them() {
    let (mut game, log, _) = in_party(PartyLayout::Current, &["bob", "ada"]);
    let world = game.app.world_mut();
    let mut members = world.query::<(Entity, &Username, &MemberOf)>();
    let mut members = members.iter(world);
    let bob = members.find(|(_, name, _)| *name == "bob");
    let bob = bob.expect("a member").0;
    world.despawn(bob);
    game.server_says(party_matchmaker_ticket("p1", "t1"));
    game.server_says(party_presences("p1", &["bob"], &[]));
    game.update();
    assert_eq!(log.take(), ["+t1"], "for the server, bob was there before");
    game.server_says(party_presences("p1", &[], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["-t1"]);
    assert_eq!(tickets(&game), 0);
}

#[test]
fn despawning_a_partys_ticket_is_removing_it_and_leaving_is_enough() {
    let (mut game, _, party) = in_party(PartyLayout::Current, &["ada", "bob"]);
    let (first, asked) = add_party(&mut game, party);
    game.answer(&asked, party_matchmaker_ticket("p1", "t1"));
    let (_, asked) = add_party(&mut game, party);
    game.answer(&asked, party_matchmaker_ticket("p1", "t2"));
    game.update();
    game.commands(|c| c.entity(first).despawn());
    game.update();
    let removed = game.expect_sent(Kind::PartyMatchmakerRemove);
    assert_eq!(removed.message, party_removal("t1"));

    let (late, asked) = add_party(&mut game, party);
    game.commands(|c| c.entity(party).despawn());
    game.update();
    assert_eq!(tickets(&game), 0);
    game.answer(&asked, party_matchmaker_ticket("p1", "t3"));
    game.update();
    assert!(!is_alive(&game, late), "the party has no tickets any more");
    let sent: Vec<_> = game
        .sent()
        .into_iter()
        .filter_map(|sent| sent.message)
        .collect();
    let kinds: Vec<_> = sent.iter().map(Kind::of).collect();
    assert_eq!(kinds, [Kind::PartyLeave]);
}

#[test]
fn a_partys_ticket_that_the_server_does_not_know_is_none() {
    let (mut game, log, party) = in_party(PartyLayout::Current, &["bob", "ada"]);
    game.server_says(party_matchmaker_ticket("p1", "t1"));
    game.update();
    let ticket = tickets_of(&game, party)[0];
    for (text, expected) in [
        ("Error closing party: party leader only", 1),
        ("Error closing party: matchmaker ticket not found", 0),
    ] {
        game.commands(|c| c.nakama().remove_matchmaker_ticket(ticket).id());
        game.update();
        let asked = game.expect_sent(Kind::PartyMatchmakerRemove);
        game.refuse(&asked, 3, text);
        game.update();
        assert_eq!(tickets(&game), expected, "{text}");
    }
    assert_eq!(
        log.take()[1..2],
        ["RemoveMatchmakerTicket: Error closing party: party leader only (bad input)"]
    );
}
