//! How the local user comes back into a party, or asks to join it once more, after a loss of the connection.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{
    Asking, Party, PartyAsks, PartyLeader, PartyRefusal, PendingApproval, asking, await_party,
    joining, look_up,
};
use crate::{
    mirror::{
        self, Item, LossReason, ReentryOutcome, ReentryPolicy,
        presence::{IsSelf, PartyId, PresenceIndex},
    },
    proto::{Message, realtime},
    request::{RequestError, Unconfirmed},
    transport::Failure,
};

/// How long it takes until a party is asked once more.
const AGAIN: Duration = Duration::from_secs(3);

/// How long the server may keep the local user's old session, which takes a place in the party.
const GHOST: Duration = Duration::from_secs(30);

/// The connection is lost.
pub(super) fn on_lost(world: &mut World) {
    mirror::make_stale::<Party>(world);
    for (party, _) in mirror::stale_contexts::<Party>(world) {
        joining::asks_no_more(world, party); // the server has forgotten it
        look_up::forget(world, party);
    }
    world.resource_mut::<PartyAsks>().forget_withdrawn();
}

/// The connection is back.
pub(super) fn reenter(world: &mut World) {
    world.resource_mut::<PartyAsks>().forget_withdrawn();
    let parties = mirror::stale_contexts::<Party>(world);
    let parties: Vec<_> = parties.into_iter().map(|(party, _)| party).collect();
    let mut askers = world.resource::<PartyAsks>().everybody();
    askers.retain(|asker| !parties.contains(asker));
    for party in parties {
        if mirror::policy(world, party) == ReentryPolicy::Drop {
            is_lost(world, party, LossReason::Policy);
        } else {
            ask(world, party);
        }
    }
    for asker in askers {
        ask(world, asker);
    }
}

/// Asks to join a party once more. `entity` is the party, or has asked to join it before.
fn ask(world: &mut World, entity: Entity) {
    let asking = || Some(world.get::<Asking>(entity)?.id().clone());
    let Some(id) = mirror::id_of::<Party>(world, entity).or_else(asking) else {
        return;
    };
    if is_member(world, entity) {
        return;
    }
    await_party(world, &id);
    let message = Message::PartyJoin(realtime::PartyJoin {
        party_id: id.to_string(),
    });
    mirror::ask(world, message, move |world, answer| {
        let party = id.clone();
        if matches!(answer, Ok(None)) {
            // The leader may have accepted before, and the server keeps what a member of a closed party asks for.
            joining::may_be_needless(world, &party);
        }
        if is_member(world, entity) {
            return;
        }
        if !is_wanted(world, entity) {
            if !matches!(answer, Err(Unconfirmed::Refused(_))) {
                joining::leave_unwanted(world, &party);
            }
            return;
        }
        let reason = match answer {
            Ok(None) => return is_asking(world, entity, id),
            Ok(Some(_)) | Err(Unconfirmed::Unexpected) => {
                LossReason::NoAnswer("something else".into())
            }
            Err(Unconfirmed::Refused(error)) => match PartyRefusal::from(error.clone()) {
                // The join request of the local user's old session: the leader's answer to it takes it out of the way.
                PartyRefusal::AlreadyAsked(_) => {
                    wait_for_leader(world, entity, id, None);
                    return mirror::ask_later(world, entity, AGAIN, None, ask);
                }
                // Of an asker, the request stands. A member has lost their place once their ghost is gone.
                PartyRefusal::Full(_) | PartyRefusal::RequestsFull(_)
                    if mirror::time_since_reopened(world) < GHOST
                        || is_waiting(world, entity) && !mirror::is_in::<Party>(world, entity) =>
                {
                    return mirror::ask_later(world, entity, AGAIN, None, ask);
                }
                _ => LossReason::Refused(error),
            },
            // The line may be dead, and nobody has noticed yet.
            Err(Unconfirmed::Failed(Failure::Timeout { .. })) if is_waiting(world, entity) => {
                return mirror::ask_later(world, entity, AGAIN, None, ask);
            }
            Err(Unconfirmed::Failed(failure)) => {
                let error: RequestError = failure.into();
                LossReason::NoAnswer(error.to_string())
            }
        };
        let may_be_in = matches!(reason, LossReason::NoAnswer(_));
        is_lost(world, entity, reason);
        if may_be_in {
            joining::leave_unwanted(world, &party); // the server may let the local user in later
        }
    });
}

/// Whether an entity is a party that the local user is in.
fn is_member(world: &World, entity: Entity) -> bool {
    let awaits = world.resource::<PresenceIndex>().awaits_snapshot(entity);
    mirror::is_in::<Party>(world, entity) && !awaits
}

/// Whether an entity is a party, or asks for one.
fn is_wanted(world: &World, entity: Entity) -> bool {
    mirror::is_in::<Party>(world, entity) || world.get::<Asking>(entity).is_some()
}

/// Whether an entity waits for a leader.
fn is_waiting(world: &World, entity: Entity) -> bool {
    world.get::<PendingApproval>(entity).is_some()
}

/// The server took the request. The party itself follows: at once, or when its leader has accepted the local user.
fn is_asking(world: &mut World, entity: Entity, id: PartyId) {
    if !mirror::is_in::<Party>(world, entity) {
        return;
    }
    if mirror::is_led_by_ghost(world, entity) {
        mirror::ask_later(world, entity, GHOST, None, ask_whether_it_is_gone);
    }
    let is_open = world.get::<Party>(entity).is_some_and(|party| party.open);
    let item = is_open.then(|| Item::new(world));
    wait_for_leader(world, entity, id, item);
}

/// The local user's old session led the party. If nobody else was in it, the party has ended with that session, and the server says nothing.
fn ask_whether_it_is_gone(world: &mut World, entity: Entity) {
    let id = mirror::id_of::<Party>(world, entity);
    let Some(id) = id.filter(|_| world.get::<Asking>(entity).is_some()) else {
        return;
    };
    let message = Message::PartyJoin(realtime::PartyJoin {
        party_id: id.to_string(),
    });
    mirror::ask(world, message, move |world, answer| {
        if let Err(Unconfirmed::Refused(error)) = answer
            && let PartyRefusal::NotFound(error) = error.into()
        {
            is_lost(world, entity, LossReason::Refused(error));
        }
    });
}

/// The server has a request of the local user already. If it is one of an earlier session or another device, it is in the way.
pub(super) fn ask_until_heard(world: &mut World, asking: Entity) {
    mirror::ask_later(world, asking, AGAIN, None, ask);
}

/// The local user is an asker. An open party is likely to come at once: then `item` waits for it.
fn wait_for_leader(world: &mut World, entity: Entity, id: PartyId, item: Option<Item>) {
    let since = world.resource::<Time<Real>>().elapsed();
    let Ok(mut asking) = world.get_entity_mut(entity) else {
        return;
    };
    asking.insert(Asking::again(id.clone(), since, item));
    if item.is_some() {
        asking.remove::<PendingApproval>();
    } else if !asking.contains::<PendingApproval>() {
        asking.insert(PendingApproval);
    }
    world.resource_mut::<PartyAsks>().add(id, entity);
}

/// What a party was like.
pub(super) struct Before {
    pub(super) party: Option<Party>,
    /// Whether the local user led it.
    is_led: bool,
}

pub(super) fn before(world: &World, party: Entity) -> Before {
    let members = world.resource::<PresenceIndex>().members(party);
    let mut members = members.into_iter();
    Before {
        party: world.get::<Party>(party).cloned(),
        is_led: members.any(|member| {
            let is_self = world.get::<IsSelf>(member).is_some();
            is_self && world.get::<PartyLeader>(member).is_some()
        }),
    }
}

/// The local user is in a party again, which was like this before.
pub(super) fn is_back(world: &mut World, party: Entity, before: &Before) {
    let is_same = world.get::<Party>(party) == before.party.as_ref();
    let has_lost_lead = before.is_led && !mirror::is_led_by_self(world, party);
    let outcome = if is_same && !has_lost_lead {
        ReentryOutcome::Restored
    } else {
        ReentryOutcome::Changed
    };
    mirror::is_restored::<Party>(world, party, outcome);
    if mirror::is_led_by_self(world, party) {
        asking::list_again(world, party);
    } else {
        asking::forget_all(world, party);
    }
    look_up::look_up_soon(world, party);
}

/// The local user is neither in the party nor among those who ask.
fn is_lost(world: &mut World, entity: Entity, reason: LossReason) {
    joining::asks_no_more(world, entity);
    if mirror::is_in::<Party>(world, entity) {
        mirror::is_lost::<Party>(world, entity, reason);
    } else {
        mirror::never_came::<Party>(world, entity, reason);
    }
}
