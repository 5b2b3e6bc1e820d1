//! Joining a party, and waiting until its leader accepts.

use std::time::Duration;

use bevy_ecs::{lifecycle::HookContext, prelude::*, world::DeferredWorld};
use bevy_time::{Real, Time};
use hashbrown::{HashMap, HashSet};

use super::{Party, PartyIndex, PartyRefusal, PendingApproval, await_party, reentry};
use crate::{
    commands::NakamaCommands,
    ecs::departure::Transient,
    error::ServerError,
    mirror::{
        self, Item,
        early::{self, EarlyArrivals},
        healing::Stale,
        presence::{Joining, PartyId},
    },
    proto::{Message, realtime},
    request::{Area, Consent, Outcome, SocketRequest, no_message, request},
    transport::Received,
};

/// How long it may take to join an open party. After that, the party is closed, and its leader has to accept.
const OPEN_PARTY: Duration = Duration::from_secs(1);

/// Joins a party, or asks to. Mirrors `PartyJoin`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JoinParty {
    id: PartyId,
    /// Whether the server has a request of the local user already. It may be one of another session, which is in the way.
    is_blocked: bool,
}

/// The local user is asking. They are not in the party yet, see [Joining](super#joining).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PartyJoinRequested {
    /// The entity that is or becomes the party: the request's own entity, or an older entity if the local user was in that party before,
    /// or had asked to join it.
    pub entity: Entity,
}

impl<T: Into<PartyId>> From<T> for JoinParty {
    fn from(id: T) -> Self {
        Self {
            id: id.into(),
            is_blocked: false,
        }
    }
}

request!(JoinParty -> PartyJoinRequested, PartyRefusal);

impl SocketRequest for JoinParty {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Party);

    fn to_message(&self) -> Message {
        Message::PartyJoin(realtime::PartyJoin {
            party_id: self.id.to_string(),
        })
    }

    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self> {
        let Consent { entity, reply, .. } = consent;
        no_message(reply)?;
        let asking = world.resource::<PartyAsks>().asking.get(&self.id).copied();
        let party = note_needless(world, &self.id);
        if let (Some(asking), None, false) = (asking, party, self.is_blocked) {
            mirror::ask_no_more(world, asking); // the server has taken this request
        }
        if let Some(known) = party.or(asking) {
            let mut asking = world.entity_mut(entity);
            asking.insert(Transient);
            mirror::joins_no_more(&mut asking);
            return Ok(PartyJoinRequested { entity: known });
        }
        let since = world.resource::<Time<Real>>().elapsed();
        world
            .resource_mut::<PartyAsks>()
            .add(self.id.clone(), entity);
        await_party(world, &self.id);
        world.entity_mut(entity).insert(Asking {
            id: self.id,
            since,
            item: None,
        });
        if self.is_blocked {
            world.entity_mut(entity).insert(PendingApproval);
            reentry::ask_until_heard(world, entity);
        }
        Ok(PartyJoinRequested { entity })
    }

    fn stands_already(&mut self, error: &ServerError) -> bool {
        self.is_blocked = matches!(error.clone().into(), PartyRefusal::AlreadyAsked(_));
        self.is_blocked
    }

    fn take_back(self, world: &mut World, _: Option<Received>) {
        note_needless(world, &self.id);
        leave_unwanted(world, &self.id);
    }
}

/// The server has taken a join request. If the local user is in that party, and the party is closed, the server keeps the request, and the
/// leader may accept it when the local user has left. Returns the party that the local user is in.
fn note_needless(world: &mut World, id: &PartyId) -> Option<Entity> {
    let party = world.resource::<PartyIndex>().get(id)?;
    may_be_needless(world, id);
    Some(party)
}

/// The server has taken a join request of somebody who may be in that party.
pub(super) fn may_be_needless(world: &mut World, id: &PartyId) {
    let mut asks = world.resource_mut::<PartyAsks>();
    asks.needless.insert(id.clone());
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Joins a party, or asks its leader to accept the local user. Give it the [id](PartyId) of the party, as it is or as text.
    ///
    /// The returned entity becomes the party when the local user is in it. The answer, [`Replied<JoinParty>`](crate::request::Replied),
    /// only means that the server took the request, or has one of the local user already.
    ///
    /// To withdraw the request, despawn the entity. The server keeps the request, but if the leader accepts it, the plugin leaves again.
    /// You can ask again later.
    pub fn join_party(self, request: impl Into<JoinParty>) -> EntityCommands<'a> {
        let request = request.into();
        self.request_with(move |world, entity| mirror::ask_to_join(world, entity, request))
    }
}

/// Joins that wait for a leader, and joins that nobody wants any more and that the server may still have.
#[derive(Default, Resource)]
pub(crate) struct PartyAsks {
    asking: HashMap<PartyId, Entity>,
    withdrawn: HashSet<PartyId>,
    /// Parties that the local user was in when they asked to join them.
    needless: HashSet<PartyId>,
}

impl PartyAsks {
    /// The server let the local user in: the entity that asked.
    pub(super) fn let_in(&mut self, id: &PartyId) -> Option<Entity> {
        self.asking.remove(id)
    }

    /// The local user asks to join a party.
    pub(super) fn add(&mut self, id: PartyId, entity: Entity) {
        self.withdrawn.remove(&id);
        self.asking.insert(id, entity);
    }

    /// All that wait for a leader, oldest first.
    pub(super) fn everybody(&self) -> Vec<Entity> {
        let mut everybody: Vec<_> = self.asking.values().copied().collect();
        everybody.sort_unstable_by_key(|entity| entity.index_u32());
        everybody
    }

    /// The local user has another session. What the one before has asked for does not count for it.
    pub(super) fn forget_withdrawn(&mut self) {
        self.withdrawn.clear();
        self.needless.clear();
    }

    /// The local user is out of a party.
    pub(super) fn has_left(&mut self, id: &PartyId) {
        if self.needless.remove(id) {
            self.withdrawn.insert(id.clone());
        }
    }

    /// Whether the local user asked for this once, and does not any more.
    pub(super) fn was_withdrawn(&mut self, id: &PartyId) -> bool {
        self.withdrawn.remove(id)
    }
}

/// On an entity whose join the server has taken.
#[derive(Component)]
#[component(immutable, clone_behavior = Ignore, on_remove = withdraw)]
#[doc(hidden)]
pub struct Asking {
    id: PartyId,
    since: Duration,
    /// What waits for the party after a loss of the connection, if it is likely to come at once.
    item: Option<Item>,
}

impl Asking {
    /// After a loss of the connection.
    pub(super) fn again(id: PartyId, since: Duration, item: Option<Item>) -> Self {
        Self { id, since, item }
    }

    /// What it asked to join.
    pub(crate) fn id(&self) -> &PartyId {
        &self.id
    }

    /// What waits for the party.
    pub(super) fn into_item(self) -> Option<Item> {
        self.item
    }
}

/// Hook: the game despawned a join that was waiting, or cleared its entity. The server has no way to take back a request, so if the
/// leader accepts it, the plugin leaves.
fn withdraw(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    let asking = world.get::<Asking>(entity);
    let Some((id, item)) = asking.map(|asking| (asking.id.clone(), asking.item)) else {
        return;
    };
    let Some(mut asks) = world.get_resource_mut::<PartyAsks>() else {
        return;
    };
    if asks.asking.get(&id) == Some(&entity) {
        asks.asking.remove(&id);
        asks.withdrawn.insert(id.clone());
        world.commands().queue(move |world: &mut World| {
            take_back(world, &id);
            if let Some(item) = item {
                item.done(world);
            }
        });
    }
}

/// A join has its answer. Leaves what nobody wants.
pub(super) fn on_join_answered(world: &mut World) {
    for id in mirror::take_unwanted::<Party>(world) {
        leave_unwanted(world, &id);
    }
}

/// Nobody waits for a party any more, unless another request does.
pub(super) fn leave_unwanted(world: &mut World, id: &PartyId) {
    let is_asked_for = world.resource::<PartyAsks>().asking.contains_key(id);
    let is_wanted = is_asked_for || world.resource::<PartyIndex>().get(id).is_some();
    if !is_wanted && !early::put_off_leaving(world, Area::Party, id.as_str()) {
        let mut asks = world.resource_mut::<PartyAsks>();
        asks.withdrawn.insert(id.clone());
        take_back(world, id);
    }
}

fn take_back(world: &mut World, id: &PartyId) {
    world
        .resource_mut::<EarlyArrivals>()
        .forget_context(Area::Party, id.as_str());
    mirror::send_leave::<Party>(world, id);
}

/// In `PreUpdate`: marks joins that wait for a leader.
pub(crate) fn mark_pending_approval(world: &mut World) {
    let now = world.resource::<Time<Real>>().elapsed();
    let asks = world.resource::<PartyAsks>();
    // By entity and not by a query, because a game may have disabled them.
    let waits = |entity: &Entity| {
        let entity = world.get_entity(*entity).ok()?;
        let asking = entity.get::<Asking>()?;
        let is_new = now.saturating_sub(asking.since) >= OPEN_PARTY
            && (entity.contains::<Joining>() || entity.contains::<Stale>())
            && !entity.contains::<PendingApproval>();
        is_new.then_some(entity.id())
    };
    let waiting: Vec<_> = asks.asking.values().filter_map(waits).collect();
    for entity in waiting {
        // Observers of the one before may have despawned it.
        if let Ok(mut entity) = world.get_entity_mut(entity) {
            entity.insert(PendingApproval);
        }
        // An observer of that may have despawned it, too.
        let asking = world.get::<Asking>(entity);
        if let Some(Asking {
            id,
            since,
            item: Some(item),
        }) = asking
        {
            let (item, asking) = (*item, Asking::again(id.clone(), *since, None));
            world.entity_mut(entity).insert(asking);
            item.done(world);
        }
    }
}

/// The local user does not ask any more, and has not withdrawn anything.
pub(super) fn asks_no_more(world: &mut World, entity: Entity) {
    let Some(id) = world.get::<Asking>(entity).map(|asking| asking.id.clone()) else {
        return;
    };
    world.resource_mut::<PartyAsks>().asking.remove(&id);
    world
        .resource_mut::<EarlyArrivals>()
        .forget_context(Area::Party, id.as_str());
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.remove::<(Asking, PendingApproval)>();
    }
}

/// The connection is gone, and all open requests with it.
pub(super) fn clear_asks(world: &mut World) {
    let asks = std::mem::take(&mut *world.resource_mut::<PartyAsks>());
    for entity in asks.asking.into_values() {
        if !mirror::is_in::<Party>(world, entity) {
            world.despawn(entity);
        }
    }
}
