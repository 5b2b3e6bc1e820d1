//! The matchmaker: finds others to play with.
//!
//! [`add_matchmaker`](crate::commands::NakamaCommands::add_matchmaker) returns an entity. With the server's answer it *becomes* the ticket:
//! it gets [`MatchmakerTicket`] and [`TicketId`]. When the server has found a match, [`MatchmakerMatched`] fires on it, and the entity is
//! despawned in `Last` of that frame. Join the match with what the event brings:
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
//! A query says which properties the others must have. By default, the server checks one side only (its setting
//! `matchmaker.rev_precision`): the query of the ticket that finds another. So a player can be matched with somebody whom their own
//! query rules out. To avoid that, let your queries ask for the same properties that your tickets have.
//!
//! # Parties
//!
//! The leader adds a party with [`add_party_to_matchmaker`](crate::commands::NakamaCommands::add_party_to_matchmaker). Then every member
//! has an entity for the party's ticket, related to the party by [`TicketOf`]. Only the leader's entity knows what was asked for. The
//! whole party is matched together: each member gets the event, and each joins the match by themselves.
//!
//! A party's ticket ends as soon as a member joins or leaves. The server does not report that, but the plugin sees the members change,
//! and despawns the ticket's entity at that moment. It does the same when the party ends. The leader can add the party again.
//!
//! # What cannot be known
//!
//! * Whether the leader has removed the party's ticket. The server does not tell the other members, so their ticket stays until the
//!   members change.
//! * How long the search takes, and how many players are searching. A ticket that fits nobody waits as long as the connection lasts.
//! * Whether the players who were matched will join. Start without them after a while.
//! * Why the server refused a ticket with [`MatchmakerRefusal::NotAdded`].
//!
//! # Limits
//!
//! Each connection can have three tickets, and so can each party (a setting of the server). Tickets end with their connection. If the
//! server matches a ticket at the moment at which you remove it, you do not get the match: its entity is gone already.

mod matched;
mod reentry;
mod refusal;
mod requests;

use std::{collections::VecDeque, time::Duration};

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;
use bevy_time::{Real, Time};

pub use self::{
    matched::{MatchedUser, MatchmakerMatched},
    refusal::MatchmakerRefusal,
    requests::{AddMatchmaker, AddPartyToMatchmaker, MatchmakerAdded, RemoveMatchmakerTicket},
};
use crate::{
    ecs::uncloned::Uncloned as _,
    error::ServerError,
    mirror::{
        self, AreaAppExt as _, Context, ContextIndex, Leavable, LifeCycle, MembersChanged, NOTHING,
        ReentryPolicy, Timing, Vocabulary, WaitsFor, become_context,
        early::EarlyArrivals,
        on_pushed,
        presence::{Departed, PartyId, TicketId},
    },
    proto::{Message, realtime},
    request::Area,
    transport::People,
};

/// A ticket: the local user is looking for others to play with.
///
/// It appears with the answer to [`add_matchmaker`](crate::commands::NakamaCommands::add_matchmaker), or when the leader adds the local
/// user's party. The entity is despawned in `Last` of the frame of its [`MatchmakerMatched`], or earlier: when you remove the ticket,
/// when the members of its party change, or when the connection ends.
///
/// Mirrors `MatchmakerTicket` and `PartyMatchmakerTicket`.
#[derive(Clone, Component, Debug, PartialEq, Reflect)]
#[type_path = "bevy_nakama::matchmaker"]
#[component(clone_behavior = Ignore, on_remove = mirror::leave_taken::<MatchmakerTicket>)]
#[reflect(Component)]
#[non_exhaustive]
pub struct MatchmakerTicket {
    /// What was asked for. `None` if the leader of the local user's party asked, because the server does not tell the others.
    pub request: Option<AddMatchmaker>,
    /// Since when, in time since the app's start (`Time<Real>`).
    pub since: Duration,
}

/// Relates a party's ticket to the party. The ticket of a single player does not have it.
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::matchmaker"]
#[relationship(relationship_target = PartyTickets)]
#[reflect(Component)]
pub struct TicketOf(pub Entity);

/// The tickets of a party, oldest first. They are despawned with the party.
#[derive(Component, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::matchmaker"]
#[relationship_target(relationship = TicketOf, linked_spawn)]
#[reflect(Component)]
pub struct PartyTickets(Vec<Entity>);

/// Finds the entity of a ticket by its id.
pub type TicketIndex = ContextIndex<TicketId>;

/// What the plugin knows about tickets beside their components.
#[derive(Default, Resource)]
pub(crate) struct TicketBook {
    /// The party of each party ticket, oldest first.
    parties: Vec<(TicketId, Entity)>,
    /// The tickets that were matched last.
    used: VecDeque<TicketId>,
}

/// How many matched tickets are remembered.
const USED: usize = 16;

impl TicketBook {
    fn party_of(&self, id: &TicketId) -> Option<Entity> {
        let mut parties = self.parties.iter();
        let (_, party) = parties.find(|(ticket, _)| ticket == id)?;
        Some(*party)
    }

    fn is_used_up(&self, id: &TicketId) -> bool {
        self.used.contains(id)
    }
}

impl Context for MatchmakerTicket {}

impl Leavable for MatchmakerTicket {
    type Refusal = MatchmakerRefusal;
    const LEAVE: &'static str = "RemoveMatchmakerTicket";

    fn leave_refused(world: &mut World, id: &TicketId, error: ServerError) -> MatchmakerRefusal {
        let refusal = MatchmakerRefusal::from(error);
        // For the local user's own ticket, it means that the match is under way.
        let Some(party) = world.resource::<TicketBook>().party_of(id) else {
            return refusal;
        };
        if matches!(refusal, MatchmakerRefusal::TicketNotFound(_)) {
            mirror::remove::<Self>(world, id);
        }
        refusal.to_leader(world, party)
    }
}

impl Vocabulary for MatchmakerTicket {
    type Id = TicketId;
    type Marks = TicketOf;
    const AREA: Area = Area::Ticket;
    const NOUN: &'static str = "matchmaker ticket";

    fn is_joined_by(area: Area) -> bool {
        matches!(area, Area::Ticket | Area::PartyTicket)
    }

    fn leave_message(world: &World, id: &TicketId) -> Option<Message> {
        match world.resource::<TicketBook>().party_of(id) {
            None => Some(remove_message(id, None)),
            // If the party is gone, its tickets are, too.
            Some(party) => Some(remove_message(id, Some(&party_id(world, party)?))),
        }
    }

    fn forget(world: &mut World, _: Entity, id: &TicketId) {
        let mut book = world.resource_mut::<TicketBook>();
        book.parties.retain(|(ticket, _)| ticket != id);
    }

    /// No message names a ticket, so it can go at once.
    fn go(world: &mut World, entity: Entity) {
        if let Ok(entity) = world.get_entity_mut(entity) {
            entity.despawn();
        }
    }
}

/// There is a ticket. The entity that asked becomes it. If an older entity is that ticket already, this returns the older entity, and
/// the one that asked goes. A match that was held for the ticket becomes ready.
fn become_ticket(
    world: &mut World,
    asking: Entity,
    id: &TicketId,
    request: Option<AddMatchmaker>,
    party: Option<Entity>,
) -> Entity {
    let since = world.resource::<Time<Real>>().elapsed();
    let ticket = MatchmakerTicket { request, since };
    let (area, entity) = match party {
        None => {
            let entity = become_context(world, asking, id, ticket, id.clone());
            (Area::Ticket, entity)
        }
        Some(party) => {
            let mut book = world.resource_mut::<TicketBook>();
            if book.party_of(id).is_none() {
                book.parties.push((id.clone(), party));
            }
            let besides = (id.clone(), TicketOf(party));
            let entity = become_context(world, asking, id, ticket, besides);
            (Area::PartyTicket, entity)
        }
    };
    let mut early = world.resource_mut::<EarlyArrivals>();
    early.context_is_known(area, id.as_str());
    if mirror::is_in::<MatchmakerTicket>(world, entity) {
        mirror::default_policy(world, entity, ReentryPolicy::Rejoin);
    }
    entity
}

/// The leader of a party that the local user is in has added it.
fn on_party_ticket(
    world: &mut World,
    pushed: &mut realtime::PartyMatchmakerTicket,
    _: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let id = TicketId::from(pushed.ticket.as_str());
    let is_known = world.resource::<TicketIndex>().get(&id).is_some()
        || world.resource::<TicketBook>().is_used_up(&id);
    if !is_known {
        let id_of_party = PartyId::from(pushed.party_id.as_str());
        let party = party_of(world, &id_of_party)
            .ok_or_else(|| WaitsFor::context(Area::Party, id_of_party.as_str()))?;
        let ticket = world.spawn_empty().id();
        become_ticket(world, ticket, &id, None, Some(party));
    }
    Ok(())
}

/// The party with this id, if the local user is in it.
fn party_of(world: &World, id: &PartyId) -> Option<Entity> {
    world.resource::<ContextIndex<PartyId>>().get(id)
}

/// The id of a party that the local user is in.
fn party_id(world: &World, party: Entity) -> Option<PartyId> {
    let index = world.resource::<ContextIndex<PartyId>>();
    index.id_of(party).cloned()
}

/// Somebody came to a party or left it: the server has dropped its tickets.
fn on_members_changed(world: &mut World, party: Entity) {
    let book = world.resource::<TicketBook>();
    let parties = book.parties.iter();
    let tickets: Vec<_> = parties
        .filter(|(_, of)| *of == party)
        .map(|(ticket, _)| ticket.clone())
        .collect();
    for id in tickets {
        mirror::remove::<MatchmakerTicket>(world, &id);
    }
}

/// Observer: the local user is out of a party, and its tickets are gone. (Where the game despawns a party, the relationship sees to it.)
fn on_departed(gone: On<Add, Departed>, book: Res<TicketBook>, mut commands: Commands) {
    let party = gone.entity;
    if book.parties.iter().any(|(_, of)| *of == party) {
        commands.queue(move |world: &mut World| on_members_changed(world, party));
    }
}

/// The matchmaker, and its tickets.
pub(crate) struct MatchmakerPlugin;

impl Plugin for MatchmakerPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<TicketIndex>()
            .init_resource::<TicketBook>()
            .register_type::<(TicketIndex, MatchmakerTicket, AddMatchmaker)>()
            .register_type::<(TicketOf, PartyTickets, TicketId)>()
            .add_life_cycle(LifeCycle {
                on_opened: NOTHING,
                on_lost: mirror::make_stale::<MatchmakerTicket>,
                reenter: reentry::reenter,
                on_closed,
            })
            .add_observer(on_departed)
            .add_observer(|changed: On<MembersChanged>, mut commands: Commands| {
                let party = changed.context;
                commands.queue(move |world: &mut World| on_members_changed(world, party));
            });
        on_pushed!(app:
            MatchmakerMatched => matched::on_matched,
            PartyMatchmakerTicket => on_party_ticket,
        );
    }
}

fn on_closed(world: &mut World) {
    mirror::clear::<MatchmakerTicket>(world);
    *world.resource_mut::<TicketBook>() = TicketBook::default();
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
