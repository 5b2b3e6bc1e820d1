//! The matchmaker's tickets.

use bevy_ecs::{entity_disabling::Disabled, prelude::*, query::Allow};
use bevy_time::{Real, Time};

use crate::{
    areas::matchmaker::{
        AddMatchmaker, AddPartyToMatchmaker, HoldReason, MatchmakerTicket, TicketIndex, TicketOf,
        TicketOnHold,
    },
    mirror::{
        ContextIndex,
        presence::{Joining, PartyId},
    },
    overlay::{
        OverlayView, secrets,
        view::{TicketAskView, TicketHoldView, TicketView},
    },
    request::{PendingRequest, Request},
};

/// In `PostUpdate`: brings the tickets up to date.
pub(in crate::overlay) fn collect_tickets(
    time: Res<Time<Real>>,
    mut view: ResMut<OverlayView>,
    ids: Res<TicketIndex>,
    party_ids: Res<ContextIndex<PartyId>>,
    tickets: Query<
        (
            Entity,
            &MatchmakerTicket,
            Option<&TicketOf>,
            Option<&TicketOnHold>,
        ),
        Allow<Disabled>,
    >,
    asking: Query<(Entity, &PendingRequest), (With<Joining>, Allow<Disabled>)>,
) {
    let now = time.elapsed();
    let view = &mut view.tickets;
    view.clear();
    view.extend(tickets.iter().map(|(entity, ticket, of, on_hold)| {
        let party = of.and_then(|of| party_ids.id_of(of.0));
        TicketView {
            entity,
            id: ids.id_of(entity).map(ToString::to_string),
            party_id: party.map(ToString::to_string),
            age: now.saturating_sub(ticket.since),
            asked: ticket.request.as_ref().map(asked),
            on_hold: on_hold.map(|on_hold| TicketHoldView {
                why: reason(on_hold.why),
                left: on_hold.until.map(|until| until.saturating_sub(now)),
            }),
        }
    }));
    let names = [AddMatchmaker::NAME, AddPartyToMatchmaker::NAME];
    let asking = asking
        .iter()
        .filter(|(_, asks)| names.contains(&&*asks.name));
    view.extend(asking.map(|(entity, asks)| TicketView {
        entity,
        id: None,
        party_id: None,
        age: now.saturating_sub(asks.since),
        asked: None,
        on_hold: None,
    }));
    view.sort_by(|a, b| {
        let order = |ticket: &TicketView| (ticket.id.is_none(), std::cmp::Reverse(ticket.age));
        order(a).cmp(&order(b)).then_with(|| a.id.cmp(&b.id))
    });
}

fn reason(why: HoldReason) -> &'static str {
    match why {
        HoldReason::OwnGhost => "the server may still have the old session",
        HoldReason::Party => "the local user is not back in the party",
        HoldReason::Members => "the members are not the same",
        HoldReason::Leader => "the leader has to add the party again",
    }
}

fn asked(request: &AddMatchmaker) -> TicketAskView {
    let texts = request.string_properties.iter();
    let texts = texts.map(|(name, value)| (name.clone(), secrets::unless_secret(name, value)));
    let numbers = request.numeric_properties.iter();
    let numbers = numbers.map(|(name, value)| (name.clone(), secrets::unless_secret(name, value)));
    TicketAskView {
        min_count: request.min_count,
        max_count: request.max_count,
        count_multiple: request.count_multiple,
        query: request.query.clone(),
        properties: texts.chain(numbers).collect(),
    }
}
