//! What the plugin knows about tickets beside their components.

use std::collections::VecDeque;

use bevy_ecs::prelude::*;

use crate::mirror::presence::{SessionId, TicketId, UserId};

/// How many matched tickets are remembered.
const USED: usize = 16;

/// What the plugin knows about tickets beside their components.
#[derive(Default, Resource)]
pub(crate) struct TicketBook {
    /// The tickets of parties, oldest first.
    of_parties: Vec<PartyTicket>,
    /// The tickets that were matched last.
    used: VecDeque<TicketId>,
}

/// The ticket of a party.
#[derive(Clone)]
pub(super) struct PartyTicket {
    pub(super) id: TicketId,
    pub(super) party: Entity,
    /// Whoever was in the party when the ticket came, by user and session, sorted.
    pub(super) members: Vec<(UserId, SessionId)>,
    /// How many old sessions of the local user were in it, too.
    pub(super) own_ghosts: usize,
}

impl PartyTicket {
    /// Whether the same users are there, whatever their sessions, and no more of these: somebody who was there twice had a ghost, which may
    /// be gone by now.
    pub(super) fn has_same_users(&self, now: &[(UserId, SessionId)]) -> bool {
        let is_there = |user: &UserId| now.iter().any(|(member, _)| member == user);
        now.len() <= self.members.len()
            && !self.has_newcomer(now)
            && self.members.iter().all(|(user, _)| is_there(user))
    }

    /// Whether somebody is there who was not there before.
    pub(super) fn has_newcomer(&self, now: &[(UserId, SessionId)]) -> bool {
        let was_there = |user: &UserId| self.members.iter().any(|(member, _)| member == user);
        now.iter().any(|(user, _)| !was_there(user))
    }
}

impl TicketBook {
    /// A party has a ticket. A ticket that is known stays as it is.
    pub(super) fn add(&mut self, ticket: PartyTicket) {
        if self.party_of(&ticket.id).is_none() {
            self.of_parties.push(ticket);
        }
    }

    /// A ticket is no more.
    pub(super) fn forget(&mut self, id: &TicketId) {
        self.of_parties.retain(|ticket| ticket.id != *id);
    }

    /// The party of the ticket with this id, if it is that of a party.
    pub(super) fn party_of(&self, id: &TicketId) -> Option<Entity> {
        let mut all = self.of_parties.iter();
        all.find(|ticket| ticket.id == *id).map(|it| it.party)
    }

    /// The tickets of a party.
    pub(super) fn tickets_of(&self, party: Entity) -> Vec<PartyTicket> {
        let all = self.of_parties.iter();
        all.filter(|ticket| ticket.party == party)
            .cloned()
            .collect()
    }

    /// The server has a ticket again, with another id.
    pub(super) fn replace(&mut self, old: &TicketId, new: PartyTicket) {
        let mut all = self.of_parties.iter_mut();
        if let Some(ticket) = all.find(|ticket| ticket.id == *old) {
            *ticket = new;
        }
    }

    /// A ticket was matched.
    pub(super) fn use_up(&mut self, id: &TicketId) {
        self.used.truncate(USED - 1);
        self.used.push_front(id.clone());
    }

    pub(super) fn is_used_up(&self, id: &TicketId) -> bool {
        self.used.contains(id)
    }
}
