//! The tickets of parties.
//!
//! The server drops a party's ticket as soon as a member comes or goes, and does not report that. If a member may come back, the ticket waits:
//! when exactly the same users are there again, the leader's game adds it anew, and the others take the new one for the old one.

use std::time::Duration;

use bevy_ecs::{entity_disabling::Disabled, prelude::*, query::Allow};

use super::{
    HoldReason, MatchmakerRefusal, MatchmakerTicket, TicketBook, TicketIndex, become_ticket,
    book::PartyTicket,
    hold::{drops, give_up, hold, is_away, now, on_hold, release},
    reentry::{id_in, is_added},
    remove_message,
    requests::party_message,
};
use crate::{
    error::ServerError,
    mirror::{
        self, ContextIndex, LastReentry, LeaderSession, LossReason, MembersChanged, ReentryOutcome,
        ReentryPolicy, Timing, WaitsFor,
        presence::{Departed, PartyId, PresenceIndex, SessionId, TicketId, UserId},
    },
    proto::realtime,
    request::{Area, send_then},
    transport::People,
};

/// How long a member may take to come back. The server has dropped their old session by then.
const RETURN: Duration = Duration::from_secs(30);

/// The leader of a party that the local user is in has added it.
pub(super) fn on_party_ticket(
    world: &mut World,
    pushed: &mut realtime::PartyMatchmakerTicket,
    _: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let id = TicketId::from(pushed.ticket.as_str());
    let is_known = world.resource::<TicketIndex>().get(&id).is_some()
        || world.resource::<TicketBook>().is_used_up(&id);
    if !is_known {
        let party = PartyId::from(pushed.party_id.as_str());
        let party = party_of(world, &party)
            .ok_or_else(|| WaitsFor::context(Area::Party, party.as_str()))?;
        becomes_known(world, party, &id);
    }
    Ok(())
}

/// A party has a ticket that somebody else has asked for. If exactly one of the party's tickets waits for its leader, it is that.
pub(super) fn becomes_known(world: &mut World, party: Entity, id: &TicketId) -> Entity {
    let waiting = world.resource::<TicketBook>().tickets_of(party);
    let waiting = waiting.iter().filter_map(|ticket| {
        let entity = world.resource::<TicketIndex>().get(&ticket.id)?;
        let asked = world.get::<MatchmakerTicket>(entity)?.request.as_ref();
        (is_away(world, entity) && asked.is_none()).then(|| (entity, ticket.id.clone()))
    });
    let waiting: Vec<_> = waiting.collect();
    let [(entity, old)] = &waiting[..] else {
        let ticket = world.spawn_empty().id();
        return become_ticket(world, ticket, id, None, Some(party));
    };
    is_back(world, *entity, party, old, id);
    *entity
}

/// The server has a party's ticket again.
fn is_back(world: &mut World, ticket: Entity, party: Entity, old: &TicketId, id: &TicketId) {
    let new = party_ticket(world, party, id);
    world.resource_mut::<TicketBook>().replace(old, new);
    is_added(world, ticket, Area::PartyTicket, id);
}

/// The party with this id, if the local user is in it and its members are known.
pub(super) fn party_of(world: &World, id: &PartyId) -> Option<Entity> {
    let party = world.resource::<ContextIndex<PartyId>>().get(id)?;
    let index = world.resource::<PresenceIndex>();
    (!index.awaits_snapshot(party)).then_some(party)
}

/// The id of a party that the local user is in.
pub(super) fn party_id(world: &World, party: Entity) -> Option<PartyId> {
    let index = world.resource::<ContextIndex<PartyId>>();
    index.id_of(party).cloned()
}

/// Whoever is in a party for the server, but for the local user's own ghosts.
fn members_of(world: &World, party: Entity) -> Vec<(UserId, SessionId)> {
    world.resource::<PresenceIndex>().everybody(party)
}

/// The ticket that the server has just given to a party.
pub(super) fn party_ticket(world: &World, party: Entity, id: &TicketId) -> PartyTicket {
    PartyTicket {
        id: id.clone(),
        party,
        members: members_of(world, party),
        own_ghosts: world.resource::<PresenceIndex>().own_ghosts(party),
    }
}

/// The connection was lost and is back, and the party may be, too.
pub(super) fn await_party(world: &mut World, ticket: Entity) {
    hold(world, ticket, HoldReason::Party, None);
}

/// Observer: somebody came to a party or left it.
pub(super) fn on_members_changed(changed: On<MembersChanged>, mut commands: Commands) {
    let (party, is_kick) = (changed.context, changed.is_kick);
    commands.queue(move |world: &mut World| look_again(world, party, is_kick));
}

/// Observer: a party has a leader.
pub(super) fn on_leader(led: On<Insert, LeaderSession>, mut commands: Commands) {
    let party = led.entity;
    commands.queue(move |world: &mut World| look_again(world, party, false));
}

/// Observer: it is known what came of a party when the connection was lost. If it is lost, its tickets are, for the same reason.
pub(super) fn on_reentered(
    known: On<Insert, LastReentry>,
    outcomes: Query<&LastReentry, Allow<Disabled>>,
    mut commands: Commands,
) {
    let party = known.entity;
    let Ok(LastReentry(outcome)) = outcomes.get(party) else {
        return;
    };
    let outcome = outcome.clone();
    commands.queue(move |world: &mut World| match outcome {
        ReentryOutcome::Lost(reason) => {
            for ticket in world.resource::<TicketBook>().tickets_of(party) {
                if let Some(ticket) = world.resource::<TicketIndex>().get(&ticket.id) {
                    mirror::is_lost::<MatchmakerTicket>(world, ticket, reason.clone());
                }
            }
        }
        _ => look_again(world, party, false),
    });
}

/// Observer: the local user is out of a party, and its tickets are gone. (Where the game despawns a party, the relationship sees to it.)
pub(super) fn on_departed(gone: On<Add, Departed>, book: Res<TicketBook>, mut commands: Commands) {
    for ticket in book.tickets_of(gone.entity) {
        commands
            .queue(move |world: &mut World| mirror::remove::<MatchmakerTicket>(world, &ticket.id));
    }
}

/// Something about a party has changed.
fn look_again(world: &mut World, party: Entity, is_kick: bool) {
    let index = world.resource::<PresenceIndex>();
    if party_id(world, party).is_none() || index.awaits_snapshot(party) {
        return;
    }
    for ticket in world.resource::<TicketBook>().tickets_of(party) {
        if let Some(entity) = world.resource::<TicketIndex>().get(&ticket.id) {
            judge(world, entity, &ticket, is_kick);
        }
    }
}

/// Decides what becomes of the ticket of a party.
fn judge(world: &mut World, entity: Entity, ticket: &PartyTicket, is_kick: bool) {
    let members = members_of(world, ticket.party);
    let own_ghosts = world.resource::<PresenceIndex>().own_ghosts(ticket.party);
    let is_away = is_away(world, entity);
    if !is_away && members == ticket.members && own_ghosts == ticket.own_ghosts {
        return; // the server has it
    }
    let is_over = is_kick
        || ticket.has_newcomer(&members)
        || mirror::policy(world, entity) == ReentryPolicy::Drop;
    match (is_over, is_away) {
        (true, false) => return give_up(world, entity),
        (true, true) => {
            let reason = LossReason::MembersChanged;
            return mirror::is_lost::<MatchmakerTicket>(world, entity, reason);
        }
        (false, true) if on_hold(world, entity).is_none() => return, // it is being added
        (false, _) => {}
    }
    let are_all_there = ticket.has_same_users(&members) && own_ghosts == 0;
    if !are_all_there {
        return wait(world, entity, HoldReason::Members);
    }
    let request = world.get::<MatchmakerTicket>(entity);
    let has_asked = request.is_some_and(|ticket| ticket.request.is_some());
    if has_asked && mirror::is_led_by_self(world, ticket.party) {
        drops(world, entity);
        ask(world, entity, ticket.party);
    } else {
        wait(world, entity, HoldReason::Leader);
    }
}

/// A ticket waits for a member or for the leader.
fn wait(world: &mut World, ticket: Entity, why: HoldReason) {
    // The time counts from when the members changed last.
    let until = match on_hold(world, ticket) {
        Some(before) if before.why == why && why == HoldReason::Leader => before.until,
        _ => None,
    };
    let until = until.unwrap_or_else(|| now(world) + RETURN);
    hold(world, ticket, why, Some(until));
    let left = until.saturating_sub(now(world));
    mirror::ask_later(world, ticket, left, None, on_time);
}

/// The time of a ticket that waits may be over.
fn on_time(world: &mut World, ticket: Entity) {
    let Some(on_hold) = on_hold(world, ticket).filter(|_| is_away(world, ticket)) else {
        return;
    };
    if on_hold.until.is_none_or(|until| now(world) < until) {
        return; // it waits for something else by now
    }
    let request = world.get::<MatchmakerTicket>(ticket);
    let has_asked = request.is_some_and(|ticket| ticket.request.is_some());
    let reason = match on_hold.why {
        HoldReason::Leader if has_asked => LossReason::NotLeader,
        _ => LossReason::MembersChanged,
    };
    mirror::is_lost::<MatchmakerTicket>(world, ticket, reason);
}

/// Adds a party again. Its ticket gets another id.
fn ask(world: &mut World, ticket: Entity, party: Entity) {
    let request = world.get::<MatchmakerTicket>(ticket);
    let request = request.and_then(|ticket| ticket.request.clone());
    let (Some(request), Some(id_of_party)) = (request, party_id(world, party)) else {
        return;
    };
    release(world, ticket);
    let asked_with = members_of(world, party);
    let message = party_message(&request, &id_of_party);
    let hear = move |world: &mut World, answer| {
        let id = match id_in(answer) {
            Ok(id) => id,
            // An event that says so is on its way.
            Err(LossReason::Refused(error)) if is_not_leader(&error) => {
                if is_away(world, ticket) {
                    wait(world, ticket, HoldReason::Leader);
                }
                return;
            }
            Err(reason) => return mirror::is_lost::<MatchmakerTicket>(world, ticket, reason),
        };
        let old = mirror::id_of::<MatchmakerTicket>(world, ticket);
        let old = old.filter(|_| is_away(world, ticket));
        match old {
            Some(old) if members_of(world, party) == asked_with => {
                is_back(world, ticket, party, &old, &id);
            }
            // Somebody came or went meanwhile: it is a ticket for others than were asked for, or the server has dropped it.
            _ => {
                send_then(world, remove_message(&id, Some(&id_of_party)), |_| {});
                if is_away(world, ticket) {
                    wait(world, ticket, HoldReason::Members);
                }
                look_again(world, party, false);
            }
        }
    };
    mirror::ask_joining(world, Area::PartyTicket, message, hear);
}

fn is_not_leader(error: &ServerError) -> bool {
    let refusal = MatchmakerRefusal::from(error.clone());
    matches!(refusal, MatchmakerRefusal::NotLeader(_))
}
