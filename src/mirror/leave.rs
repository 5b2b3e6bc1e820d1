//! The local user leaves: by a request, by what the game does to an entity, because the server says so, or with the connection.

use std::fmt;

use bevy_ecs::{lifecycle::HookContext, prelude::*, world::DeferredWorld};

use super::{
    context::{Context, Entry, Leavable, id_of},
    early::{self, EarlyArrivals},
    index::ContextIndex,
    news::LeaveReason,
    presence::Joining,
    reconcile::all_go,
};
use crate::{
    connection::{self, NakamaConnection},
    ecs::sealed::Sealed,
    error::ServerError,
    proto::Message,
    request::{
        Acknowledged, Area, Request, Requests, WhenLost, refuse_wrong_entity, send_then,
        settle_at_once, submit,
    },
};

/// Leaves a match, a party, a channel or the matchmaker. When the server agrees, the entity goes.
///
/// Each kind has a name of its own for it: [`LeaveMatch`](crate::matches::LeaveMatch), [`LeaveParty`](crate::party::LeaveParty),
/// [`LeaveChat`](crate::chat::LeaveChat), [`RemoveMatchmakerTicket`](crate::matchmaker::RemoveMatchmakerTicket).
pub struct Leave<C: Leavable> {
    id: C::Id,
    message: Message,
}

impl<C: Leavable> Clone for Leave<C> {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            message: self.message.clone(),
        }
    }
}

impl<C: Leavable> fmt::Debug for Leave<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(C::LEAVE).field(&self.id).finish()
    }
}

impl<C: Leavable> PartialEq for Leave<C> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<C: Leavable> Eq for Leave<C> {}

impl<C: Leavable> Sealed for Leave<C> {}

impl<C: Leavable> Request for Leave<C> {
    type Reply = ();
    type Refusal = C::Refusal;
    const NAME: &'static str = C::LEAVE;
}

impl<C: Leavable> Acknowledged for Leave<C> {
    const WHEN_LOST: WhenLost = WhenLost::IsDone;

    fn to_message(&self) -> Message {
        self.message.clone()
    }

    fn done(self, world: &mut World) {
        remove::<C>(world, &self.id);
    }

    fn refused(self, world: &mut World, error: ServerError) -> C::Refusal {
        C::leave_refused(world, &self.id, error)
    }
}

/// What an entity that is [`Joining`] is to become.
#[derive(Component)]
#[component(clone_behavior = Ignore)]
pub(super) struct JoinsArea(pub(super) Area);

/// Makes a request that leaves something. If `about` is still joining it, that is withdrawn: the entity goes at once, and the plugin
/// leaves should the server agree to the join.
pub(crate) fn ask_to_leave<C: Leavable>(world: &mut World, entity: Entity, about: Entity) {
    if withdraw::<C>(world, about) {
        return settle_at_once::<Leave<C>>(world, entity, Ok(()));
    }
    let id = id_of::<C>(world, about);
    let request = id.and_then(|id| {
        let message = C::leave_message(world, &id)?;
        Some(Leave::<C> { id, message })
    });
    match request {
        Some(request) => submit(world, entity, request),
        None => refuse_wrong_entity::<Leave<C>>(world, entity, C::NOUN),
    }
}

/// Withdraws a join that has not brought what it asked for. Returns whether the entity is such a join.
fn withdraw<C: Context>(world: &mut World, joining: Entity) -> bool {
    let Ok(entity) = world.get_entity_mut(joining) else {
        return false;
    };
    let joins = entity.get::<JoinsArea>();
    let is_one = joins.is_some_and(|joins| C::is_joined_by(joins.0));
    if is_one {
        entity.despawn();
    }
    is_one
}

/// A join has its answer.
pub(crate) fn joins_no_more(joining: &mut EntityWorldMut<'_>) {
    joining.remove::<(Joining, JoinsArea)>();
}

/// The local user is in something that the game does not ask for any more. Leaves it, unless another request has joined it or may still
/// join it.
pub(crate) fn leave_unwanted<C: Context>(world: &mut World, id: &C::Id) {
    let is_wanted = world.resource::<ContextIndex<C::Id>>().get(id).is_some();
    if !is_wanted && !early::put_off_leaving(world, C::AREA, &id.to_string()) {
        send_leave::<C>(world, id);
    }
}

/// Leaves what a request has joined that nobody waits for any more.
pub(crate) fn leave_entered<C: Context, E>(world: &mut World, entry: Result<Entry<C>, E>) {
    if let Ok(entry) = entry {
        leave_unwanted::<C>(world, &entry.id);
    }
}

/// A join has its answer. Leaves what nobody wants.
pub(crate) fn on_join_answered<C: Context<Id: for<'a> From<&'a str>>>(world: &mut World) {
    for id in take_unwanted::<C>(world) {
        leave_unwanted::<C>(world, &id);
    }
}

/// What may be unwanted, as soon as no join of the kind is open.
pub(crate) fn take_unwanted<C: Context<Id: for<'a> From<&'a str>>>(
    world: &mut World,
) -> Vec<C::Id> {
    if world.resource::<Requests>().is_joining(C::AREA) {
        return Vec::new();
    }
    let unwanted = world.resource_mut::<EarlyArrivals>().take_unwanted(C::AREA);
    unwanted.iter().map(|id| C::Id::from(&**id)).collect()
}

/// Leaves something that has no entity, or has lost it.
///
/// The server works in order, so its answer says that the local user is out. If an earlier join has brought an entity meanwhile,
/// that entity goes.
pub(crate) fn send_leave<C: Context>(world: &mut World, id: &C::Id) {
    if let Some(message) = C::leave_message(world, id) {
        let id = id.clone();
        send_then(world, message, move |world| remove::<C>(world, &id));
    }
}

/// Hook: an entity loses what makes it something that the local user is in, or is despawned. If the game did that, the local user
/// leaves.
pub(crate) fn leave_taken<C: Context>(
    mut world: DeferredWorld,
    HookContext { entity, .. }: HookContext,
) {
    let index = world.get_resource_mut::<ContextIndex<C::Id>>();
    // What the plugin removes is not in the index any more.
    let Some(mut index) = index.filter(|index| index.id_of(entity).is_some()) else {
        return;
    };
    if let Some(id) = index.remove(entity) {
        world.commands().queue(move |world: &mut World| {
            send_leave::<C>(world, &id);
            is_out::<C>(world, entity, &id, LeaveReason::YouLeft);
        });
    }
}

/// The local user is out of something, and so is everybody in it.
pub(crate) fn remove<C: Context>(world: &mut World, id: &C::Id) {
    remove_because::<C>(world, id, LeaveReason::YouLeft);
}

fn remove_because<C: Context>(world: &mut World, id: &C::Id, why: LeaveReason) {
    let mut index = world.resource_mut::<ContextIndex<C::Id>>();
    if let Some(entity) = index.get(id) {
        index.remove(entity);
        is_out::<C>(world, entity, id, why);
    }
}

/// The local user is out of everything of a kind: the connection is gone.
pub(crate) fn clear<C: Context>(world: &mut World) {
    let index = world.resource::<ContextIndex<C::Id>>();
    let ids: Vec<_> = index.iter().map(|(id, _)| id.clone()).collect();
    for id in ids {
        remove_because::<C>(world, &id, LeaveReason::Disconnected);
    }
}

/// The connection was lost, and the local user could not enter something again.
pub(super) fn lose<C: Context>(world: &mut World, id: &C::Id) {
    remove_because::<C>(world, id, LeaveReason::Disconnected);
}

fn is_out<C: Context>(world: &mut World, entity: Entity, id: &C::Id, why: LeaveReason) {
    if world.resource::<NakamaConnection>().is_lost() {
        connection::forget_waiting_data(world, entity);
    }
    all_go(world, entity, why);
    C::go(world, entity);
    world
        .resource_mut::<EarlyArrivals>()
        .context_is_gone(entity);
    C::forget(world, entity, id);
}
