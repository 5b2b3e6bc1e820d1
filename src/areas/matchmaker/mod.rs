//! The matchmaker: finds others to play with.
//!
//! To look for others is a request whose entity *becomes* the ticket: it gets [`MatchmakerTicket`] and [`TicketId`]. It stays
//! until the server has found a match. Then you get a [`MatchmakerMatched`] on it, and it goes in `Last` of that frame.
//! Join the match like any other, with what the event brings:
//!
//! ```
//! # use bevy_nakama::prelude::*;
//! # use bevy_ecs::prelude::*;
//! fn look(_: On<Connected>, mut commands: Commands) {
//!     let request = AddMatchmaker::players(2, 4)
//!         .query("+properties.mode:duel")
//!         .string_property("mode", "duel");
//!     commands.nakama().add_matchmaker(request);
//! }
//!
//! fn play(matched: On<MatchmakerMatched>, mut commands: Commands) {
//!     commands.nakama().join_match(&matched.join);
//! }
//!
//! fn give_up(mut commands: Commands, tickets: Query<Entity, With<MatchmakerTicket>>) {
//!     for ticket in &tickets {
//!         commands.nakama().remove_matchmaker_ticket(ticket); // or: commands.entity(ticket).despawn();
//!     }
//! }
//! ```
//!
//! A query is about the properties of the others. By default, a server checks one side only (its setting
//! `matchmaker.rev_precision`): the query of the ticket that finds another. So a player may be matched with somebody that their own
//! query rules out. To avoid that, let your queries ask for the same properties that your tickets have.
//!
//! # Parties
//!
//! The leader adds a party with [`add_party_to_matchmaker`](crate::commands::NakamaCommands::add_party_to_matchmaker). Its
//! ticket is related to the party by [`TicketOf`]; every member has one, the others without knowing what was asked for.
//! All are matched together, and each gets the event and joins by themselves.
//!
//! A ticket of a party ends as soon as somebody comes or goes. The server does not tell, but the plugin knows it from the members:
//! the ticket's entity goes together with that change, and with the party itself. The leader may add the party again.
//!
//! # What cannot be known
//!
//! * That a leader removed the party's ticket: the other members are not told. Theirs stays until the members change.
//! * How long it takes, or how many are looking. A ticket that nobody fits waits for as long as the connection lasts.
//! * Whether those who were matched will come. Start without them after a while.
//! * Why a ticket was refused with [`MatchmakerRefusal::NotAdded`].
//!
//! # Limits
//!
//! Three tickets for each connection, and three for each party (a setting of the server). Tickets end with their connection.
//! If you remove a ticket in the moment in which it is matched, its entity is gone, and the plugin drops the news of the match.

mod matched;
mod refusal;
mod requests;

use std::{collections::VecDeque, time::Duration};

use bevy_ecs::{
    entity_disabling::Disabled, lifecycle::HookContext, prelude::*, query::Allow,
    relationship::RelationshipTarget, world::DeferredWorld,
};
use bevy_reflect::Reflect;
use bevy_time::{Real, Time};
use hashbrown::HashMap;

pub(crate) use self::matched::on_matched;
pub use self::{
    matched::{MatchedUser, MatchmakerMatched},
    refusal::MatchmakerRefusal,
    requests::{AddMatchmaker, AddPartyToMatchmaker, MatchmakerAdded, RemoveMatchmakerTicket},
};
use crate::{
    ecs::{departure::Transient, naming::name_for},
    mirror::{
        early::{EarlyArrivals, Held},
        presence::{Departed, Joining, PartyId, TicketId, party_id, party_of},
        {self},
    },
    proto::{Message, realtime},
    request::Area,
    transport::Received,
};

/// A ticket: the local user is looking for others to play with. Appears with the answer to
/// [`add_matchmaker`](crate::commands::NakamaCommands::add_matchmaker), or when the leader of the local user's party has added it. Goes in
/// `Last` of the frame of its [`MatchmakerMatched`]; before that if it is removed, if the members of its party change, or
/// the connection ends.
///
/// Mirrors `MatchmakerTicket` and `PartyMatchmakerTicket`.
#[derive(Clone, Component, Debug, PartialEq, Reflect)]
#[type_path = "bevy_nakama::matchmaker"]
#[component(on_despawn = remove_despawned)]
#[reflect(Component)]
#[non_exhaustive]
pub struct MatchmakerTicket {
    /// What was asked for. `None` if the leader of the local user's party asked: the server does not tell.
    pub request: Option<AddMatchmaker>,
    /// Since when, in time since the app's start (`Time<Real>`).
    pub since: Duration,
}

/// Relates a ticket to the party that it is for. A ticket of the local user alone has none.
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::matchmaker"]
#[relationship(relationship_target = PartyTickets)]
#[reflect(Component)]
pub struct TicketOf(pub Entity);

/// The tickets of a party, oldest first. They go with it.
#[derive(Component, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::matchmaker"]
#[relationship_target(relationship = TicketOf, linked_spawn)]
#[reflect(Component)]
pub struct PartyTickets(Vec<Entity>);

/// Finds the entity of a ticket by its id.
#[derive(Debug, Default, Resource)]
pub struct TicketIndex {
    by_id: HashMap<TicketId, Entity>,
    /// Those that were matched last.
    used: VecDeque<TicketId>,
}

/// How many matched tickets are remembered.
const USED: usize = 16;

impl TicketIndex {
    /// The entity, if there is such a ticket.
    #[must_use]
    pub fn get(&self, id: &TicketId) -> Option<Entity> {
        self.by_id.get(id).copied()
    }

    /// All tickets, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&TicketId, Entity)> {
        self.by_id.iter().map(|(id, entity)| (id, *entity))
    }

    /// It has been matched, and cannot be removed any more.
    fn use_up(&mut self, id: &TicketId) {
        self.by_id.remove(id);
        self.used.truncate(USED - 1);
        self.used.push_front(id.clone());
    }

    fn is_used_up(&self, id: &TicketId) -> bool {
        self.used.contains(id)
    }
}

/// There is a ticket: the entity that asked becomes it, unless another one is it already; then that one is returned, and
/// the one that asked goes. A match that was held for it becomes ready.
fn become_ticket(
    world: &mut World,
    asking: Entity,
    id: &TicketId,
    request: Option<AddMatchmaker>,
    party: Option<Entity>,
) -> Entity {
    let since = world.resource::<Time<Real>>().elapsed();
    let known = world.resource::<TicketIndex>().get(id);
    let ticket = known.unwrap_or(asking);
    if let Ok(mut asking) = world.get_entity_mut(asking) {
        asking.remove::<Joining>();
        if ticket != asking.id() {
            asking.insert(Transient);
        }
    }
    let Ok(entity) = world.get_entity_mut(ticket) else {
        // An observer despawned it.
        remove_from_server(world, id, party);
        return ticket;
    };
    let name = name_for(&entity, format!("matchmaker ticket {id}"));
    let mut index = world.resource_mut::<TicketIndex>();
    index.by_id.insert(id.clone(), ticket);
    // All at once: whoever despawns it from now on despawns the ticket.
    let bundle = (MatchmakerTicket { request, since }, id.clone());
    let mut entity = world.entity_mut(ticket);
    match (name, party) {
        (Some(name), Some(party)) => entity.insert((name, bundle, TicketOf(party))),
        (Some(name), None) => entity.insert((name, bundle)),
        (None, Some(party)) => entity.insert((bundle, TicketOf(party))),
        (None, None) => entity.insert(bundle),
    };
    let area = party.map_or(Area::Ticket, |_| Area::PartyTicket);
    let mut early = world.resource_mut::<EarlyArrivals>();
    early.context_is_known(area, id.as_str());
    ticket
}

/// The leader of a party that the local user is in has added it.
pub(crate) fn on_party_ticket(world: &mut World, pushed: realtime::PartyMatchmakerTicket) {
    let id = TicketId::from(pushed.ticket.as_str());
    let index = world.resource::<TicketIndex>();
    if index.get(&id).is_some() || index.is_used_up(&id) {
        return;
    }
    let party = PartyId::from(pushed.party_id.as_str());
    if let Some(party) = party_of(world, &party) {
        let ticket = world.spawn_empty().id();
        become_ticket(world, ticket, &id, None, Some(party));
    } else {
        let held = Received::from(Message::PartyMatchmakerTicket(pushed));
        let held = Held::Pushed(Box::new(held));
        mirror::hold(world, Area::Party, party.as_str(), held);
    }
}

/// Somebody came to a party or left it: the server has dropped its tickets.
pub(crate) fn on_members_changed(world: &mut World, party: Entity) {
    let tickets = world.get::<PartyTickets>(party);
    let tickets: Vec<_> = tickets
        .into_iter()
        .flat_map(RelationshipTarget::iter)
        .filter_map(|ticket| world.get::<TicketId>(ticket).cloned())
        .collect();
    for id in tickets {
        remove(world, &id);
    }
}

/// The connection is gone, and its tickets with it.
pub(crate) fn clear(world: &mut World) {
    let mut index = world.resource_mut::<TicketIndex>();
    index.bypass_change_detection().used.clear();
    if index.by_id.is_empty() {
        return;
    }
    for ticket in std::mem::take(&mut index.by_id).into_values() {
        world.despawn(ticket);
    }
}

/// Despawns a ticket that the server has dropped.
fn remove(world: &mut World, id: &TicketId) {
    if let Some(ticket) = world.resource::<TicketIndex>().get(id) {
        world.resource_mut::<TicketIndex>().by_id.remove(id);
        world.despawn(ticket);
    }
}

/// Observer: the local user is out of a party, and its tickets are gone. (Where the game despawns a party, the relationship sees to it.)
pub(crate) fn on_departed(
    gone: On<Add, Departed>,
    parties: Query<(), (With<PartyTickets>, Allow<Disabled>)>,
    mut commands: Commands,
) {
    let party = gone.entity;
    if parties.contains(party) {
        commands.queue(move |world: &mut World| on_members_changed(world, party));
    }
}

/// The message that removes a ticket.
fn remove_message(id: &TicketId, party: Option<&PartyId>) -> Message {
    let ticket = id.to_string();
    match party {
        None => Message::MatchmakerRemove(realtime::MatchmakerRemove { ticket }),
        Some(party) => Message::PartyMatchmakerRemove(realtime::PartyMatchmakerRemove {
            party_id: party.to_string(),
            ticket,
        }),
    }
}

/// Hook: the game despawned a ticket. That is removing it.
fn remove_despawned(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    let Some(id) = world.get::<TicketId>(entity).cloned() else {
        return;
    };
    let party = world.get::<TicketOf>(entity).map(|ticket| ticket.0);
    let Some(mut index) = world.get_resource_mut::<TicketIndex>() else {
        return;
    };
    if index.get(&id) != Some(entity) {
        return; // the plugin's own doing
    }
    index.by_id.remove(&id);
    world
        .commands()
        .queue(move |world: &mut World| remove_from_server(world, &id, party));
}

/// Nobody wants a ticket any more.
fn remove_from_server(world: &mut World, id: &TicketId, party: Option<Entity>) {
    match party.map(|party| party_id(world, party)) {
        Some(None) => {} // it is gone, and its tickets with it
        Some(Some(party)) => requests::send_remove(world, id, Some(&party)),
        None => requests::send_remove(world, id, None),
    }
}
