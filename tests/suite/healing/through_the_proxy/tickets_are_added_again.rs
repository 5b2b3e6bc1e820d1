//! Scenarios 26 and 27: tickets of Ada, and of a party that she is in, when her line breaks.

use bevy_nakama::{
    healing::ReentryOutcome,
    matchmaker::{HoldReason, TicketOnHold},
};

use super::*;

/// What a player hears of tickets from now on.
fn hear_of_tickets(player: &mut Player) -> Log {
    let log = Log::default();
    let app = &mut player.game.app;
    let to = log.clone();
    app.add_observer(
        move |back: On<Reentered<MatchmakerTicket>>| match &back.outcome {
            ReentryOutcome::Lost(reason) => to.add(format!("lost: {reason}")),
            outcome => to.add(format!("{outcome:?}")),
        },
    );
    let to = log.clone();
    app.add_observer(move |matched: On<MatchmakerMatched>| {
        let users = matched.users.iter();
        let mut names: Vec<_> = users
            .map(|user| user.presence.username.to_string())
            .collect();
        names.sort();
        to.add(format!("matched: {}", names.join(" ")));
    });
    log
}

fn add_ticket(player: &mut Player, players: u32) -> Entity {
    let add = AddMatchmaker::players(players, players);
    let added = player
        .game
        .ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(add).id());
    added.expect("a ticket").entity
}

/// For a kind of match that nobody else wants.
fn add_other_ticket(player: &mut Player) -> Entity {
    let add = AddMatchmaker::players(2, 2)
        .query("+properties.mode:other")
        .string_property("mode", "other");
    let added = player
        .game
        .ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(add).id());
    added.expect("a ticket").entity
}

fn on_hold(player: &Player, ticket: Entity) -> Option<HoldReason> {
    let world = player.game.app.world();
    world.get::<TicketOnHold>(ticket).map(|it| it.why)
}

fn id(player: &Player, ticket: Entity) -> Option<TicketId> {
    player.game.app.world().get::<TicketId>(ticket).cloned()
}

#[test]
fn scenario_26_and_27_a_ghost_is_matched_in_ada_s_place_and_never_with_her() {
    let mut stage = Stage::new();
    let heard = hear_of_tickets(&mut stage.ada);
    let bob_heard = hear_of_tickets(&mut stage.bob);
    // One ticket is matched while nobody hears of it, the other is not.
    let gone = add_ticket(&mut stage.ada, 2);
    let kept = add_other_ticket(&mut stage.ada);
    let ids = [gone, kept].map(|ticket| id(&stage.ada, ticket));
    stage.proxy.add(Rule::half_open().for_open_connections());
    add_ticket(&mut stage.bob, 2);
    stage.until("bob's match with her ghost", |_| {
        (bob_heard.take() == ["matched: ada bob"]).then_some(())
    });
    let lost = Instant::now();
    stage.until_ada_hears("resumed");
    assert_eq!(heard.take(), [""; 0], "nothing is pretended");
    for ticket in [gone, kept] {
        assert_eq!(on_hold(&stage.ada, ticket), Some(HoldReason::OwnGhost));
    }
    // A game that does not wait gets a ticket, which is matched with that of its own ghost: nobody hears of that.
    let third = add_other_ticket(&mut stage.ada);
    let mut told = Vec::new();
    stage.until("the tickets to be added again", |stage| {
        told.extend(heard.take());
        let tickets = [gone, kept, third];
        (told.len() >= 3 && tickets.iter().all(|it| on_hold(&stage.ada, *it).is_none()))
            .then_some(())
    });
    println!("added again {:?} after the cut", lost.elapsed());
    assert!(told.iter().all(|it| it == "Changed"), "{told:?}");
    for (ticket, before) in [gone, kept].into_iter().zip(ids) {
        let now = id(&stage.ada, ticket);
        assert!(now.is_some() && now != before);
    }
    // Now they are matched with whoever is there.
    add_ticket(&mut stage.bob, 2);
    stage.until("a match of two", |_| {
        heard
            .take()
            .contains(&"matched: ada bob".to_owned())
            .then_some(())
    });
}

#[test]
fn scenario_26_after_a_reset_a_room_tells_that_nothing_is_to_wait_for() {
    let mut stage = Stage::new();
    let room = JoinChat::room("hall");
    let ada = &mut stage.ada.game;
    ada.ask::<JoinChat>(|nakama| nakama.join_chat(room).id())
        .expect("the room");
    let heard = hear_of_tickets(&mut stage.ada);
    let ticket = add_ticket(&mut stage.ada, 2);
    for _ in 0..3 {
        let before = id(&stage.ada, ticket);
        let begin = Instant::now();
        stage.ada_goes_away();
        stage.ada_comes_back();
        stage.until("the ticket", |_| {
            (heard.take() == ["Changed"]).then_some(())
        });
        assert!(begin.elapsed() < seconds(15));
        assert_ne!(id(&stage.ada, ticket), before);
    }
    let bob_heard = hear_of_tickets(&mut stage.bob);
    add_ticket(&mut stage.bob, 2);
    for log in [&heard, &bob_heard] {
        stage.until("a match", |_| {
            (log.take() == ["matched: ada bob"]).then_some(())
        });
    }
}

/// One of them creates an open party, and the others join it. Their parties, in that order.
fn party(stage: &mut Stage, ada_leads: bool) -> (Entity, Entity) {
    let Stage { ada, bob, .. } = stage;
    let (first, second) = if ada_leads { (ada, bob) } else { (bob, ada) };
    let create = CreateParty::open(4);
    let created = first
        .game
        .ask::<CreateParty>(|nakama| nakama.create_party(create).id());
    let one = created.expect("a party").entity;
    let world = first.game.app.world();
    let id = world.get::<PartyId>(one).expect("an id").clone();
    let join = second
        .game
        .ask::<JoinParty>(|nakama| nakama.join_party(id).id());
    let other = join.expect("a party").entity;
    let parties = if ada_leads {
        (one, other)
    } else {
        (other, one)
    };
    stage.until("both are members", |stage| {
        let count = |player: &Player, party| {
            let members = player.game.app.world().get::<PartyMembers>(party);
            members.map_or(0, |members| members.len())
        };
        (count(&stage.ada, parties.0) == 2 && count(&stage.bob, parties.1) == 2).then_some(())
    });
    parties
}

/// The tickets of both, after the leader has added the party.
fn add_party(stage: &mut Stage, parties: (Entity, Entity), ada_leads: bool) -> (Entity, Entity) {
    let add = AddMatchmaker::players(3, 3);
    let (leader, party) = if ada_leads {
        (&mut stage.ada, parties.0)
    } else {
        (&mut stage.bob, parties.1)
    };
    let added = leader
        .game
        .ask::<AddPartyToMatchmaker>(|nakama| nakama.add_party_to_matchmaker(party, add).id());
    added.expect("a ticket");
    stage.until("both have it", |stage| {
        let ada = Game::the::<MatchmakerTicket>(&mut stage.ada.game.app);
        ada.zip(Game::the::<MatchmakerTicket>(&mut stage.bob.game.app))
    })
}

/// Both have the same ticket again, with another id, and are matched with it.
fn have_a_new_ticket(
    stage: &mut Stage,
    tickets: (Entity, Entity),
    before: &Option<TicketId>,
    logs: [&Log; 2],
) {
    let now = stage.until("the same new ticket", |stage| {
        let (ada, bob) = (id(&stage.ada, tickets.0), id(&stage.bob, tickets.1));
        (ada == bob && ada != *before).then_some(ada)
    });
    assert!(now.is_some());
    for log in logs {
        assert_eq!(log.take(), ["Changed"]);
    }
}

#[test]
fn scenario_26_a_member_s_line_breaks_and_the_party_has_its_ticket_again() {
    let mut stage = Stage::new();
    let parties = party(&mut stage, false);
    let tickets = add_party(&mut stage, parties, false);
    let (heard, bob_heard) = (
        hear_of_tickets(&mut stage.ada),
        hear_of_tickets(&mut stage.bob),
    );
    for _ in 0..3 {
        let before = id(&stage.bob, tickets.1);
        stage.proxy.add(Rule::reset().for_open_connections());
        stage.until_ada_hears("resumed");
        have_a_new_ticket(&mut stage, tickets, &before, [&heard, &bob_heard]);
    }
    let mut cat = Player::new(&stage.direct(), "cat", NakamaSettings::default());
    add_ticket(&mut cat, 3);
    stage.others.push(cat);
    for log in [&heard, &bob_heard] {
        stage.until("a match of three", |_| {
            (log.take() == ["matched: ada bob cat"]).then_some(())
        });
    }
}

#[test]
fn scenario_26_a_member_s_line_is_silent_and_the_ticket_comes_when_the_ghost_is_gone() {
    let mut stage = Stage::new();
    let parties = party(&mut stage, false);
    let tickets = add_party(&mut stage, parties, false);
    let (heard, bob_heard) = (
        hear_of_tickets(&mut stage.ada),
        hear_of_tickets(&mut stage.bob),
    );
    let before = id(&stage.bob, tickets.1);
    stage.proxy.add(Rule::half_open().for_open_connections());
    stage.until_ada_hears("resumed");
    assert_eq!(on_hold(&stage.ada, tickets.0), Some(HoldReason::Members));
    stage.until("bob sees her twice", |stage| {
        (on_hold(&stage.bob, tickets.1) == Some(HoldReason::Members)).then_some(())
    });
    have_a_new_ticket(&mut stage, tickets, &before, [&heard, &bob_heard]);
}

#[test]
fn scenario_26_the_leader_s_line_breaks_and_whoever_gets_the_lead_hands_it_back() {
    let mut stage = Stage::new();
    let parties = party(&mut stage, true);
    let tickets = add_party(&mut stage, parties, true);
    let (heard, bob_heard) = (
        hear_of_tickets(&mut stage.ada),
        hear_of_tickets(&mut stage.bob),
    );
    // What a game may do that wants to keep its leader.
    stage.bob.game.app.add_observer(
        move |joined: On<Joined<Party>>, names: Query<&Username>, mut commands: Commands| {
            if names.get(joined.presence).is_ok_and(|name| *name == "ada") {
                commands.nakama().promote_party_member(joined.presence);
            }
        },
    );
    let before = id(&stage.bob, tickets.1);
    stage.proxy.add(Rule::reset().for_open_connections());
    stage.until_ada_hears("resumed");
    have_a_new_ticket(&mut stage, tickets, &before, [&heard, &bob_heard]);
}

#[test]
fn scenario_26_a_party_that_dies_with_its_server_takes_its_ticket_along_and_says_why() {
    let mut stage = Stage::new();
    let parties = party(&mut stage, true);
    let tickets = add_party(&mut stage, parties, true);
    let heard = hear_of_tickets(&mut stage.ada);
    stage.server_starts_again();
    stage.until_ada_hears("resumed");
    stage.until("the end of the ticket", |stage| {
        let world = stage.ada.game.app.world();
        world.get_entity(tickets.0).is_err().then_some(())
    });
    let told = heard.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("party not found"), "{told:?}");
}
