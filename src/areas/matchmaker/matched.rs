//! What the matchmaker has found.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bevy_ecs::prelude::*;

use super::{
    MatchmakerTicket, TicketBook, TicketIndex, hold,
    party_tickets::{becomes_known, party_of},
    reentry,
};
use crate::{
    ecs::departure::Transient,
    mirror::{
        self, Timing, Vocabulary as _, WaitsFor, all_go,
        presence::{JoinWith, LeaveReason, MatchId, PartyId, PresenceInfo, TicketId},
    },
    proto::realtime::{self, matchmaker_matched::Id},
    request::{Area, Requests},
    transport::People,
};

/// How long a match token is good.
const TOKEN_LIFE: Duration = Duration::from_secs(30);

/// The matchmaker has found a match. An event of the ticket's entity, triggered in
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive). The entity keeps its components until it is despawned in `Last` of
/// this frame.
///
/// The local user is not in the match yet: join it with [`join_match(&matched.join)`](crate::commands::NakamaCommands::join_match). No
/// player has to join, so some may never come.
///
/// Mirrors `MatchmakerMatched`.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use bevy_ecs::prelude::*;
/// fn play(matched: On<MatchmakerMatched>, mut commands: Commands) {
///     commands.nakama().join_match(&matched.join);
/// }
/// ```
#[derive(Clone, Debug, EntityEvent)]
#[non_exhaustive]
pub struct MatchmakerMatched {
    /// The ticket.
    #[event_target]
    pub ticket: Entity,
    /// Its id.
    pub ticket_id: TicketId,
    /// How to join: a token for a relayed match, or the id of an authoritative match that code on the server has made.
    pub join: JoinWith,
    /// Everybody who was matched, the local user included. The order means nothing, but all players get the same.
    pub users: Vec<MatchedUser>,
    /// When it arrived, in time since the app's start (`Time<Real>`): the beginning of the frame that read it, even if it
    /// had to wait for the ticket's answer.
    pub received_at: Duration,
}

/// A player who was matched. Mirrors `MatchmakerMatched.MatchmakerUser`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MatchedUser {
    /// Who it is. They have the same session id in the match.
    pub presence: Arc<PresenceInfo>,
    /// Their party, if they came with a party. Its members share a ticket, so they have the same properties.
    pub party_id: Option<PartyId>,
    /// The texts of their ticket, see [`string_property`](super::AddMatchmaker::string_property).
    pub string_properties: BTreeMap<String, String>,
    /// The numbers of their ticket, see [`numeric_property`](super::AddMatchmaker::numeric_property).
    pub numeric_properties: BTreeMap<String, f64>,
    /// Whether it is the local user, on this connection.
    pub is_self: bool,
}

impl MatchmakerMatched {
    /// When the token ends, in `Time<Real>`: 30 s after its arrival. The server counts from a little earlier, so do not wait until the last
    /// moment. `None` if you join by an id, which does not end.
    ///
    /// A player who has joined can tell the others the match's id, which stays valid.
    #[must_use]
    pub fn token_expires_at(&self) -> Option<Duration> {
        matches!(self.join, JoinWith::Token(_)).then(|| self.received_at.saturating_add(TOKEN_LIFE))
    }

    /// Whether the token has not ended yet at this time (`Time<Real>`).
    #[must_use]
    pub fn is_token_valid(&self, now: Duration) -> bool {
        self.token_expires_at().is_none_or(|end| now < end)
    }

    /// The local user among those who were matched.
    #[must_use]
    pub fn me(&self) -> Option<&MatchedUser> {
        self.users.iter().find(|user| user.is_self)
    }
}

/// The matchmaker has found a match.
pub(super) fn on_matched(
    world: &mut World,
    matched: &mut realtime::MatchmakerMatched,
    people: &mut People,
    timing: Timing,
) -> Result<(), WaitsFor> {
    let ticket_id = TicketId::from(matched.ticket.as_str());
    let my_party = matched.self_.as_ref().map(|me| me.party_id.as_str());
    let my_party = my_party.filter(|id| !id.is_empty()).map(PartyId::from);
    let Some(ticket) = ticket_of(world, &ticket_id, my_party.as_ref()) else {
        let area = my_party.map_or(Area::Ticket, |_| Area::PartyTicket);
        return Err(WaitsFor::context(area, ticket_id.as_str()));
    };
    if my_party.is_none() && is_with_own_ghost(world, matched) {
        log::debug!("the ticket {ticket_id} was matched with the local user's old session");
        world.resource_mut::<TicketBook>().use_up(&ticket_id);
        hold::drops(world, ticket);
        reentry::add_again(world, ticket);
        return Ok(());
    }
    use_up(world, ticket, &ticket_id);
    // An observer of the new ticket may have despawned it.
    if let Ok(mut ticket) = world.get_entity_mut(ticket) {
        ticket.insert(Transient);
    }
    let Some(join) = way_to_join(matched) else {
        log::warn!(
            "the matchmaker reported a match without a token or an id, which nobody can join"
        );
        return Ok(());
    };
    world.trigger(MatchmakerMatched {
        ticket,
        ticket_id,
        join,
        users: users_of(matched, people),
        received_at: timing.at,
    });
    Ok(())
}

/// The ticket that was matched. The server sends a party's ticket and its match from different tasks, so members who do not lead the
/// party may get the match first.
fn ticket_of(world: &mut World, id: &TicketId, party: Option<&PartyId>) -> Option<Entity> {
    let known = world.resource::<TicketIndex>().get(id);
    if known.is_some() || world.resource::<TicketBook>().is_used_up(id) {
        return known;
    }
    if world.resource::<Requests>().is_joining(Area::PartyTicket) {
        return None;
    }
    let party = party_of(world, party?)?;
    Some(becomes_known(world, party, id))
}

/// Whether one of those who were matched is an old session of the local user. Nobody is there.
fn is_with_own_ghost(world: &World, matched: &realtime::MatchmakerMatched) -> bool {
    let mut users = matched
        .users
        .iter()
        .filter_map(|user| user.presence.as_ref());
    users.any(|presence| mirror::is_own_ghost(world, &presence.session_id))
}

/// A ticket has been matched, and cannot be removed any more.
fn use_up(world: &mut World, ticket: Entity, id: &TicketId) {
    world.resource_mut::<TicketIndex>().remove(ticket);
    MatchmakerTicket::forget(world, ticket, id);
    all_go(world, ticket, LeaveReason::YouLeft); // nobody
    world.resource_mut::<TicketBook>().use_up(id);
}

fn way_to_join(matched: &realtime::MatchmakerMatched) -> Option<JoinWith> {
    match matched.id.as_ref()? {
        Id::MatchId(id) => Some(JoinWith::Id(MatchId::from(id.as_str()))),
        Id::Token(token) => Some(JoinWith::Token(token.as_str().into())),
    }
}

fn users_of(matched: &realtime::MatchmakerMatched, people: &mut People) -> Vec<MatchedUser> {
    let me = matched.self_.as_ref().and_then(|me| me.presence.as_ref());
    let users = matched.users.iter().filter_map(|user| {
        let presence = user.presence.as_ref()?;
        let party_id = Some(user.party_id.as_str()).filter(|id| !id.is_empty());
        Some(MatchedUser {
            presence: people.info(presence),
            party_id: party_id.map(PartyId::from),
            string_properties: user.string_properties.clone(),
            numeric_properties: user.numeric_properties.clone(),
            is_self: me.is_some_and(|me| me.session_id == presence.session_id),
        })
    });
    users.collect()
}
