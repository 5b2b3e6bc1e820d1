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
//! A party's ticket ends as soon as a member joins or leaves. The server does not report that, but the plugin sees the members change. If
//! somebody new joins, or the local user has removed a member, it despawns the ticket's entity at that moment. If a member leaves, they may
//! have lost the connection: the ticket waits for them for 30 s, and is added again when they are back, see
//! [healing](crate::healing#matchmaker-tickets). When the party ends, its tickets do.
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
//! Each connection can have three tickets, those of its parties included, and so can each party (a setting of the server). Tickets end with
//! their connection. If it was lost, the plugin [adds them again](crate::healing#matchmaker-tickets). If the server matches a ticket at the
//! moment at which you remove it, you do not get the match: its entity is gone already.

mod book;
mod hold;
mod matched;
mod party_tickets;
mod reentry;
mod refusal;
mod requests;

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;
use bevy_time::{Real, Time};

pub(crate) use self::book::TicketBook;
use self::party_tickets::{party_id, party_ticket};
pub use self::{
    hold::{HoldReason, TicketOnHold},
    matched::{MatchedUser, MatchmakerMatched},
    refusal::MatchmakerRefusal,
    requests::{AddMatchmaker, AddPartyToMatchmaker, MatchmakerAdded, RemoveMatchmakerTicket},
};
use crate::{
    ecs::uncloned::Uncloned as _,
    error::ServerError,
    mirror::{
        self, AreaAppExt as _, Context, ContextIndex, Leavable, LifeCycle, NOTHING, ReentryPolicy,
        Vocabulary, become_context,
        early::EarlyArrivals,
        on_pushed,
        presence::{PartyId, TicketId},
    },
    proto::{Message, realtime},
    request::Area,
};

/// A ticket: the local user is looking for others to play with.
///
/// It appears with the answer to [`add_matchmaker`](crate::commands::NakamaCommands::add_matchmaker), or when the leader adds the local
/// user's party. The entity is despawned in `Last` of the frame of its [`MatchmakerMatched`], or earlier: when you remove the ticket,
/// when the members of its party change for good, or when the connection ends.
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
        refusal.for_leader(world, party)
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
        world.resource_mut::<TicketBook>().forget(id);
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
            let of_party = party_ticket(world, party, id);
            world.resource_mut::<TicketBook>().add(of_party);
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

/// The matchmaker, and its tickets.
pub(crate) struct MatchmakerPlugin;

impl Plugin for MatchmakerPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<TicketIndex>()
            .init_resource::<TicketBook>()
            .register_type::<(TicketIndex, MatchmakerTicket, AddMatchmaker)>()
            .register_type::<(TicketOf, PartyTickets, TicketId, TicketOnHold)>()
            .add_life_cycle(LifeCycle {
                on_opened: NOTHING,
                on_lost,
                reenter: reentry::reenter,
                on_closed,
            })
            .add_observer(reentry::on_ghost_ended)
            .add_observer(party_tickets::on_departed)
            .add_observer(party_tickets::on_leader)
            .add_observer(party_tickets::on_members_changed)
            .add_observer(party_tickets::on_reentered);
        on_pushed!(app:
            MatchmakerMatched => matched::on_matched,
            PartyMatchmakerTicket => party_tickets::on_party_ticket,
        );
    }
}

/// The server drops all tickets, or will.
fn on_lost(world: &mut World) {
    mirror::make_stale::<MatchmakerTicket>(world);
    for (ticket, _) in mirror::stale_contexts::<MatchmakerTicket>(world) {
        hold::release(world, ticket);
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
