//! The matchmaker: tickets, the matches that they lead to, and how messages may cross.

mod a_party_is_matched_together;
mod a_request_becomes_a_ticket;
mod a_ticket_is_removed;
mod a_ticket_leads_to_a_match;
mod the_tickets_of_a_party_end;

use crate::common::{
    log::Log,
    steps::{create_party, log_replies},
};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{
        Envelope, Kind, Message, PartyLayout,
        realtime::{MatchmakerRemove, PartyMatchmakerRemove},
    },
    testing::*,
};

/// What a game notices, line by line.
fn watched(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    log_replies::<AddMatchmaker>(&mut game, &log, AddMatchmaker::NAME);
    log_replies::<AddPartyToMatchmaker>(&mut game, &log, AddPartyToMatchmaker::NAME);
    log_replies::<RemoveMatchmakerTicket>(&mut game, &log, RemoveMatchmakerTicket::NAME);
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

/// A game in a party, as `ada`. The first member leads it.
fn in_party(layout: PartyLayout, members: &[&str]) -> (TestGame, Log, Entity) {
    let (mut game, log) = watched(TestGame::connected());
    game.server_writes(layout);
    let answer = party_joined("p1", "ada", members);
    let entity = create_party(&mut game, CreateParty::open(8), answer);
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
