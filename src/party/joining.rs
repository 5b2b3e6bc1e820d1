//! Joining a party, and waiting to be let in.

use std::time::Duration;

use bevy_ecs::{lifecycle::HookContext, prelude::*, world::DeferredWorld};
use bevy_time::{Real, Time};
use hashbrown::{HashMap, HashSet};

use super::{Party, PartyIndex, PartyRefusal, PendingApproval, await_party};
use crate::{
    commands::NakamaCommands,
    early::{Area, EarlyArrivals},
    mirror,
    presence::{Joining, Moment, PartyId},
    proto::{Message, realtime},
    request::{Outcome, Request, SocketRequest, Transient, no_message},
    transport::Received,
};

/// How long an open party may take to let a user in. After that, its leader is being asked.
const OPEN_PARTY: Duration = Duration::from_secs(1);

/// Joins a party, or asks to. Mirrors `PartyJoin`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JoinParty {
    id: PartyId,
}

/// The server took the request. The local user is not in the party yet, see [the module](super).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PartyJoinTaken {
    /// What is or becomes the party: the request's own entity, or an older entity if the local user was in that party, or
    /// had asked to join it, already.
    pub entity: Entity,
}

impl Request for JoinParty {
    type Reply = PartyJoinTaken;
    type Refusal = PartyRefusal;
    const NAME: &'static str = "JoinParty";
}

impl SocketRequest for JoinParty {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Party);

    fn to_message(&self) -> Message {
        Message::PartyJoin(realtime::PartyJoin {
            party_id: self.id.to_string(),
        })
    }

    fn succeed(
        self,
        world: &mut World,
        entity: Entity,
        _: Moment,
        reply: Option<Received>,
    ) -> Outcome<Self> {
        no_message(reply)?;
        let mut parties = world.resource::<PartyIndex>().iter();
        let known = parties
            .find(|(id, _)| key(id) == key(&self.id))
            .map(|(_, entity)| entity);
        drop(parties);
        let known = known.or_else(|| {
            world
                .resource::<PartyAsks>()
                .asking
                .get(&key(&self.id))
                .copied()
        });
        if let Some(known) = known {
            world
                .entity_mut(entity)
                .insert(Transient)
                .remove::<Joining>();
            return Ok(PartyJoinTaken { entity: known });
        }
        let since = world.resource::<Time<Real>>().elapsed();
        let mut asks = world.resource_mut::<PartyAsks>();
        asks.withdrawn.remove(&key(&self.id));
        asks.asking.insert(key(&self.id), entity);
        await_party(world, &self.id);
        world
            .entity_mut(entity)
            .insert(Asking { id: self.id, since });
        Ok(PartyJoinTaken { entity })
    }

    fn take_back(self, world: &mut World, _: Option<Received>) {
        leave_unwanted(world, &self.id);
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Joins a party, or asks its leader to. The returned entity becomes the party once the local user is let in; the answer,
    /// [`Replied<JoinParty>`](crate::request::Replied), means that the server took the request.
    ///
    /// Despawning the entity meanwhile withdraws the request. The server keeps it, but if the leader accepts it, the
    /// plugin leaves again.
    pub fn join_party(self, id: impl Into<PartyId>) -> EntityCommands<'a> {
        let request = JoinParty { id: id.into() };
        self.request_with(move |world, entity| mirror::ask_to_join(world, entity, request))
    }
}

/// Joins that wait for a leader, and joins that were withdrawn while they did.
#[derive(Default, Resource)]
pub(crate) struct PartyAsks {
    /// By id in lower case: ids are asked for as people write them, and answered as the server does.
    asking: HashMap<String, Entity>,
    withdrawn: HashSet<String>,
}

impl PartyAsks {
    /// The server let us in: the entity that asked.
    pub(super) fn let_in(&mut self, id: &PartyId) -> Option<Entity> {
        self.asking.remove(&key(id))
    }

    /// Whether we asked for this once, and not any more.
    pub(super) fn was_withdrawn(&mut self, id: &PartyId) -> bool {
        self.withdrawn.remove(&key(id))
    }
}

fn key(id: &PartyId) -> String {
    id.as_str().to_ascii_lowercase()
}

/// On an entity whose join the server has taken.
#[derive(Component)]
#[component(immutable, on_despawn = withdraw)]
pub(crate) struct Asking {
    id: PartyId,
    since: Duration,
}

#[cfg(feature = "overlay")]
impl Asking {
    /// What it asked to join.
    pub(crate) fn id(&self) -> &PartyId {
        &self.id
    }
}

/// Hook: the game despawned a join that was waiting. The server has no way to take back a request, so if the leader
/// accepts it, we leave.
fn withdraw(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    let Some(id) = world.get::<Asking>(entity).map(|asking| asking.id.clone()) else {
        return;
    };
    let Some(mut asks) = world.get_resource_mut::<PartyAsks>() else {
        return;
    };
    if asks.asking.get(&key(&id)) == Some(&entity) {
        asks.asking.remove(&key(&id));
        asks.withdrawn.insert(key(&id));
        world
            .commands()
            .queue(move |world: &mut World| take_back(world, &id));
    }
}

/// Nobody waits for a party any more, unless another request does.
pub(super) fn leave_unwanted(world: &mut World, id: &PartyId) {
    let is_asked_for = world.resource::<PartyAsks>().asking.contains_key(&key(id));
    let is_wanted = is_asked_for || world.resource::<PartyIndex>().get(id).is_some();
    let mut early = world.resource_mut::<EarlyArrivals>();
    if !is_wanted && !early.put_off_leaving(Area::Party, id.as_str()) {
        let mut asks = world.resource_mut::<PartyAsks>();
        asks.withdrawn.insert(key(id));
        take_back(world, id);
    }
}

fn take_back(world: &mut World, id: &PartyId) {
    world
        .resource_mut::<EarlyArrivals>()
        .no_longer_await(Area::Party, id.as_str());
    mirror::send_leave::<Party>(world, id.clone());
}

/// In `PreUpdate`: marks joins that wait for a leader.
pub(crate) fn mark_pending_approval(
    mut commands: Commands,
    time: Res<Time<Real>>,
    asking: Query<(Entity, &Asking), (With<Joining>, Without<PendingApproval>)>,
) {
    for (entity, asking) in &asking {
        if time.elapsed().saturating_sub(asking.since) >= OPEN_PARTY {
            commands.entity(entity).try_insert(PendingApproval);
        }
    }
}

/// The connection is gone, and with it what was asked.
pub(super) fn clear_asks(world: &mut World) {
    let asks = std::mem::take(&mut *world.resource_mut::<PartyAsks>());
    for entity in asks.asking.into_values() {
        world.despawn(entity);
    }
}
