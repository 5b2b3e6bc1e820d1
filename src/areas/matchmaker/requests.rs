//! Requests of the matchmaker.

use std::collections::BTreeMap;

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;

use super::{
    MatchmakerRefusal, MatchmakerTicket, become_ticket, hold, party_tickets::party_id,
    remove_message,
};
use crate::{
    commands::NakamaCommands,
    error::ServerError,
    mirror::{
        self, Leave,
        presence::{PartyId, TicketId},
    },
    proto::{Message, realtime},
    request::{
        Area, Consent, Outcome, RequestError, SocketRequest, refuse_wrong_entity, request,
        send_then, settle_at_once, unexpected,
    },
    transport::Received,
};

/// Looks for others to play with. Mirrors `MatchmakerAdd`, and for a party `PartyMatchmakerAdd`.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// let duel = AddMatchmaker::players(2, 2)
///     .query("+properties.mode:duel +properties.rank:>=10")
///     .string_property("mode", "duel")
///     .numeric_property("rank", 12.0);
/// ```
#[derive(Clone, Debug, PartialEq, Reflect)]
#[type_path = "bevy_nakama::matchmaker"]
pub struct AddMatchmaker {
    /// The least number of players, the local user (or the party) included: 2 or more.
    pub min_count: u32,
    /// The greatest number of players.
    pub max_count: u32,
    /// The number of players is a multiple of this number, which must divide both counts. `None` is 1.
    pub count_multiple: Option<u32>,
    /// Which properties the others must have; `*` if that does not matter.
    pub query: String,
    /// The local user's properties, as texts.
    pub string_properties: BTreeMap<String, String>,
    /// The local user's properties, as numbers.
    pub numeric_properties: BTreeMap<String, f64>,
}

impl AddMatchmaker {
    /// At least `min_count` and at most `max_count` players, the local user (or the party) included. Without a [`query`](Self::query), it
    /// does not matter who they are.
    ///
    /// The server looks for `max_count` players. It waits for a while (two intervals of 15 s, by default) before it takes fewer.
    #[must_use]
    pub fn players(min_count: u32, max_count: u32) -> Self {
        Self {
            min_count,
            max_count,
            count_multiple: None,
            query: "*".to_owned(),
            string_properties: BTreeMap::new(),
            numeric_properties: BTreeMap::new(),
        }
    }

    /// Only a multiple of this number of players, for example for teams.
    #[must_use]
    pub fn count_multiple(mut self, multiple: u32) -> Self {
        self.count_multiple = Some(multiple);
        self
    }

    /// Which properties the others must have: `+properties.region:europe +properties.rank:>=10`.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// A text that the queries of others can ask for, and that they see when they are matched.
    #[must_use]
    pub fn string_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.string_properties.insert(name.into(), value.into());
        self
    }

    /// A number that the queries of others can ask for, and that they see when they are matched.
    #[must_use]
    pub fn numeric_property(mut self, name: impl Into<String>, value: f64) -> Self {
        self.numeric_properties.insert(name.into(), value);
        self
    }
}

/// The matchmaker has a ticket of the local user or of their party.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MatchmakerAdded {
    /// The ticket: the request's own entity.
    pub entity: Entity,
}

fn to_count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

request!(AddMatchmaker -> MatchmakerAdded, MatchmakerRefusal);

impl SocketRequest for AddMatchmaker {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Ticket);

    fn to_message(&self) -> Message {
        let Self {
            min_count,
            max_count,
            count_multiple,
            query,
            string_properties,
            numeric_properties,
        } = self.clone();
        Message::MatchmakerAdd(realtime::MatchmakerAdd {
            min_count: to_count(min_count),
            max_count: to_count(max_count),
            query,
            string_properties,
            numeric_properties,
            count_multiple: count_multiple.map(to_count),
        })
    }

    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self> {
        let id = ticket_in(consent.reply)?;
        let entity = become_ticket(world, consent.entity, &id, Some(self), None);
        Ok(MatchmakerAdded { entity })
    }

    fn refused(self, _: &mut World, error: ServerError) -> MatchmakerRefusal {
        MatchmakerRefusal::of(self.query, error)
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        take_back(world, reply, None);
    }
}

/// The message that adds a party.
pub(super) fn party_message(add: &AddMatchmaker, party: &PartyId) -> Message {
    let AddMatchmaker {
        min_count,
        max_count,
        count_multiple,
        query,
        string_properties,
        numeric_properties,
    } = add.clone();
    Message::PartyMatchmakerAdd(realtime::PartyMatchmakerAdd {
        party_id: party.to_string(),
        min_count: to_count(min_count),
        max_count: to_count(max_count),
        query,
        count_multiple: count_multiple.map(to_count),
        string_properties,
        numeric_properties,
    })
}

/// Looks for others to play with a party. Only its leader may do this. Made by
/// [`add_party_to_matchmaker`](NakamaCommands::add_party_to_matchmaker). Mirrors `PartyMatchmakerAdd`.
#[derive(Clone, Debug, PartialEq)]
pub struct AddPartyToMatchmaker {
    party: Entity,
    id: PartyId,
    add: AddMatchmaker,
}

request!(AddPartyToMatchmaker -> MatchmakerAdded, MatchmakerRefusal);

impl SocketRequest for AddPartyToMatchmaker {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::PartyTicket);

    fn to_message(&self) -> Message {
        party_message(&self.add, &self.id)
    }

    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self> {
        let id = ticket_in(consent.reply)?;
        if party_id(world, self.party).as_ref() != Some(&self.id) {
            // The local user has left the party meanwhile, so it has no ticket any more.
            return Err(RequestError::Withdrawn);
        }
        let entity = become_ticket(world, consent.entity, &id, Some(self.add), Some(self.party));
        Ok(MatchmakerAdded { entity })
    }

    fn refused(self, world: &mut World, error: ServerError) -> MatchmakerRefusal {
        MatchmakerRefusal::of(self.add.query, error).for_leader(world, self.party)
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        take_back(world, reply, Some(&self.id));
    }
}

/// The ticket that an answer brings.
pub(super) fn ticket_in(
    reply: Option<Received>,
) -> Result<TicketId, RequestError<MatchmakerRefusal>> {
    match reply {
        Some(Received {
            message: Message::MatchmakerTicket(ticket),
            ..
        }) => Ok(ticket.ticket.into()),
        Some(Received {
            message: Message::PartyMatchmakerTicket(ticket),
            ..
        }) => Ok(ticket.ticket.into()),
        other => Err(unexpected(other)),
    }
}

/// Stops looking for others. The ticket's entity is despawned when the server agrees. Made by
/// [`remove_matchmaker_ticket`](NakamaCommands::remove_matchmaker_ticket). Mirrors `MatchmakerRemove` and
/// `PartyMatchmakerRemove`.
pub type RemoveMatchmakerTicket = Leave<MatchmakerTicket>;

/// Removes a ticket that has no entity. The server may not have it any more.
fn take_back(world: &mut World, reply: Option<Received>, party: Option<&PartyId>) {
    if let Ok(id) = ticket_in(reply) {
        send_then(world, remove_message(&id, party), |_| {});
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Looks for others to play with. The returned entity becomes the [`MatchmakerTicket`], see
    /// [`Replied<AddMatchmaker>`](crate::request::Replied). When the server has found a match,
    /// [`MatchmakerMatched`](super::MatchmakerMatched) fires on it.
    ///
    /// To stop looking, despawn the entity. That works before the answer, too.
    ///
    /// ```
    /// # use bevy_nakama::prelude::*;
    /// # use bevy_ecs::prelude::*;
    /// fn find_a_duel(_: On<Connected>, mut commands: Commands) {
    ///     let duel = AddMatchmaker::players(2, 2).query("+properties.mode:duel").string_property("mode", "duel");
    ///     commands.nakama().add_matchmaker(duel).observe(|matched: On<MatchmakerMatched>, mut commands: Commands| {
    ///         commands.nakama().join_match(&matched.join);
    ///     });
    /// }
    /// ```
    pub fn add_matchmaker(self, request: AddMatchmaker) -> EntityCommands<'a> {
        self.request_with(move |world, entity| mirror::ask_to_join(world, entity, request))
    }

    /// Looks for others to play with a party. Only its leader may do this. The returned entity becomes the [`MatchmakerTicket`], related to
    /// the party by [`TicketOf`](super::TicketOf), see [`Replied<AddPartyToMatchmaker>`](crate::request::Replied). The other members get
    /// such an entity, too, and the whole party is matched together.
    ///
    /// Count all players: a party of three that looks for one more asks for `AddMatchmaker::players(4, 4)`. A party with more members than
    /// `max_count` is never matched.
    pub fn add_party_to_matchmaker(
        self,
        party: Entity,
        request: AddMatchmaker,
    ) -> EntityCommands<'a> {
        self.request_with(move |world, entity| match party_id(world, party) {
            Some(id) => {
                let request = AddPartyToMatchmaker {
                    party,
                    id,
                    add: request,
                };
                mirror::ask_to_join(world, entity, request);
            }
            None => refuse_wrong_entity::<AddPartyToMatchmaker>(world, entity, "party"),
        })
    }

    /// Stops looking for others: the answer is a [`Replied<RemoveMatchmakerTicket>`](crate::request::Replied) on the returned entity. Only
    /// the leader can remove a party's ticket. If the ticket is still [`Joining`](crate::presence::Joining), the plugin withdraws it and
    /// despawns its entity at once.
    ///
    /// If the answer does not matter to you, despawn the ticket's entity instead.
    pub fn remove_matchmaker_ticket(self, ticket: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            if hold::is_away(world, ticket) {
                hold::give_up(world, ticket);
                return settle_at_once::<RemoveMatchmakerTicket>(world, entity, Ok(()));
            }
            mirror::ask_to_leave::<MatchmakerTicket>(world, entity, ticket);
        })
    }
}
