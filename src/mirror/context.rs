//! What matches, parties and channels have in common: an entity for each that the local user is in, found by its id. Followed users
//! are found like that, too.

use std::{borrow::Borrow, fmt, hash::Hash, marker::PhantomData, sync::Arc};

use bevy_ecs::{component::Mutable, lifecycle::HookContext, prelude::*, world::DeferredWorld};
use bevy_time::{Real, Time};
use hashbrown::HashMap;

use crate::{
    ecs::{
        departure::{Transient, depart},
        naming::name_for,
    },
    mirror::{
        early::{self, EarlyArrivals, Held, hold},
        presence::{self, Detail as _, Joining, Membership, PresenceInfo},
    },
    proto::{Message, UserPresence},
    request::{
        Area, Moment, Mover, Request, Requests, SocketRequest, refuse_wrong_entity, send_then,
        settle_at_once, submit,
    },
    transport::{People, Received, canonical},
};

/// A kind of thing that the local user can be in: [`Match`](crate::matches::Match), [`Party`](crate::party::Party) or
/// [`ChatChannel`](crate::chat::ChatChannel). [`FollowedUser`](crate::status::FollowedUser) is one, too: the local
/// user is among the followers.
pub trait Context: Component<Mutability = Mutable> + PartialEq + ContextVocabulary {}

/// What the plugin needs to know about a [`Context`].
#[doc(hidden)]
pub trait ContextVocabulary: Sized {
    type Id: Component + Clone + fmt::Debug + fmt::Display + AsRef<str> + Borrow<str> + Eq + Hash;
    type Member: Membership;
    /// What else goes when one is out of it.
    type Marks: Bundle;
    const AREA: Area;
    /// What it is called, in names and errors.
    const NOUN: &'static str;

    /// The message that leaves it.
    fn leave_message(id: &Self::Id) -> Message;

    /// Whether despawning it is leaving.
    fn is_left_by_despawn(_world: &World, _id: &Self::Id) -> bool {
        true
    }

    /// Leaves those of them that nobody wants.
    fn leave_unwanted(world: &mut World, ids: Vec<Box<str>>);

    /// It is no more; forgets what else belongs to it.
    fn forget(_world: &mut World, _entity: Entity, _id: &Self::Id) {}
}

/// Finds the entity of a match, party, channel or followed user by its id.
#[derive(Debug, Resource)]
pub struct ContextIndex<C: Context> {
    by_id: HashMap<C::Id, Entity>,
    /// Messages come in runs, most of the time for the same one.
    last: Option<(C::Id, Entity)>,
    kind: PhantomData<fn() -> C>,
}

impl<C: Context> Default for ContextIndex<C> {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
            last: None,
            kind: PhantomData,
        }
    }
}

impl<C: Context> ContextIndex<C> {
    /// The entity, if the local user is in it.
    #[must_use]
    pub fn get(&self, id: &C::Id) -> Option<Entity> {
        self.by_id.get(id).copied()
    }

    /// Everything that the local user is in, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&C::Id, Entity)> {
        self.by_id.iter().map(|(id, entity)| (id, *entity))
    }

    /// As [`get`](Self::get), for an id as text.
    pub(crate) fn find(&self, id: &str) -> Option<Entity> {
        self.by_id.get(&*canonical(id)).copied()
    }

    /// As [`get`](Self::get), but quicker for what was asked for last.
    fn get_again(&mut self, id: &C::Id) -> Option<Entity> {
        if let Some((last, entity)) = &self.last
            && std::ptr::eq(last.as_ref(), id.as_ref())
        {
            return Some(*entity);
        }
        let entity = self.get(id)?;
        self.last = Some((id.clone(), entity));
        Some(entity)
    }

    fn remove(&mut self, id: &C::Id) {
        self.last = None;
        self.by_id.remove(id);
    }
}

/// What an entity that is [`Joining`] is to become.
#[derive(Component)]
struct JoinsArea(Area);

/// Makes a request that joins something, on the entity that is to become it.
pub(crate) fn ask_to_join<R: SocketRequest>(world: &mut World, entity: Entity, request: R) {
    if let (Ok(mut entity), Some(area)) = (world.get_entity_mut(entity), R::JOINS) {
        entity.insert((Joining, JoinsArea(area)));
    }
    submit(world, entity, request);
}

/// Makes a request that leaves something. If `about` is still joining it, that is withdrawn: the entity goes at once, and the plugin
/// leaves should the server agree to the join.
pub(crate) fn ask_to_leave<C: Context, R: SocketRequest<Reply = ()>>(
    world: &mut World,
    entity: Entity,
    about: Entity,
    request: impl FnOnce(C::Id) -> R,
) {
    if withdraw(world, about, &[C::AREA]) {
        settle_at_once::<R>(world, entity, Ok(()));
    } else {
        ask_about::<C, R>(world, entity, about, request);
    }
}

/// Withdraws a join that has not brought what it asked for. Whether the entity is one.
pub(crate) fn withdraw(world: &mut World, joining: Entity, areas: &[Area]) -> bool {
    let Ok(entity) = world.get_entity_mut(joining) else {
        return false;
    };
    let joins = entity
        .get::<JoinsArea>()
        .filter(|_| entity.contains::<Joining>());
    let is_one = joins.is_some_and(|joins| areas.contains(&joins.0));
    if is_one {
        entity.despawn();
    }
    is_one
}

/// Makes a request about something that the local user is in; refuses it if `about` is no such thing.
pub(crate) fn ask_about<C: Context, R: SocketRequest>(
    world: &mut World,
    entity: Entity,
    about: Entity,
    request: impl FnOnce(C::Id) -> R,
) {
    match id_of::<C>(world, about) {
        Some(id) => submit(world, entity, request(id)),
        None => refuse_for::<C, R>(world, entity),
    }
}

/// Refuses a request because its entity is not what it should be.
pub(crate) fn refuse_for<C: Context, R: Request>(world: &mut World, entity: Entity) {
    refuse_wrong_entity::<R>(world, entity, C::NOUN);
}

/// The id of what the local user is in.
pub(crate) fn id_of<C: Context>(world: &World, entity: Entity) -> Option<C::Id> {
    let entity = world
        .get_entity(entity)
        .ok()
        .filter(|it| it.contains::<C>())?;
    entity.get::<C::Id>().cloned()
}

/// The local user is in something: the entity that asked becomes it, unless another one is it already; then that one is returned, and
/// the one that asked goes. Held frames for it become ready.
pub(crate) fn become_context<C: Context>(
    world: &mut World,
    asking: Entity,
    id: &C::Id,
    state: impl FnOnce(Option<&C>) -> C,
    everybody: impl IntoIterator<Item = (Arc<PresenceInfo>, bool)>,
    since: Moment,
) -> Entity
where
    C::Member: Membership<Detail = ()>,
{
    let known = world.resource::<ContextIndex<C>>().get(id);
    let mirror = known.unwrap_or(asking);
    let state = state(world.get::<C>(mirror));
    if let Ok(mut asking) = world.get_entity_mut(asking) {
        if known.is_some_and(|known| known != asking.id()) {
            asking.insert(Transient);
        }
        asking.remove::<Joining>();
    }
    // Observers may despawn it at any of these steps; that is leaving.
    if world.get_entity(mirror).is_err() {
        if known.is_none() {
            send_leave::<C>(world, id.clone());
        }
        return mirror;
    }
    if known.is_none() {
        become_known(world, mirror, id, state);
    } else if world.get::<C>(mirror) != Some(&state) {
        world.entity_mut(mirror).insert(state);
    }
    if world.get_entity(mirror).is_err() {
        return mirror;
    }
    let everybody = everybody
        .into_iter()
        .map(|(info, is_self)| (info, (), is_self));
    presence::apply_snapshot::<C::Member>(world, mirror, everybody, since);
    world
        .resource_mut::<EarlyArrivals>()
        .context_is_known(C::AREA, id.as_ref());
    mirror
}

/// An entity becomes what has this id.
pub(crate) fn become_known<C: Context>(world: &mut World, mirror: Entity, id: &C::Id, state: C) {
    let Ok(entity) = world.get_entity_mut(mirror) else {
        return send_leave::<C>(world, id.clone()); // an observer despawned it
    };
    let name = name_for(&entity, format!("{} {id}", C::NOUN));
    world
        .resource_mut::<ContextIndex<C>>()
        .by_id
        .insert(id.clone(), mirror);
    // All at once: whoever despawns it from now on despawns what has this id.
    let mut mirror = world.entity_mut(mirror);
    match name {
        Some(name) => mirror.insert((name, state, id.clone())),
        None => mirror.insert((state, id.clone())),
    };
}

/// We are in something that nobody asked for any more. If another request joined it, too, it is wanted; as long as one has no
/// answer, it may be.
pub(crate) fn leave_unwanted<C: Context>(world: &mut World, id: &C::Id) {
    let is_wanted = world.resource::<ContextIndex<C>>().get(id).is_some();
    if !is_wanted && !early::put_off_leaving(world, C::AREA, id.as_ref()) {
        send_leave::<C>(world, id.clone());
    }
}

/// A join has its answer: leaves what turns out to be unwanted.
pub(crate) fn on_join_answered<C: Context>(world: &mut World) {
    if !world.resource::<Requests>().is_joining(C::AREA) {
        let unwanted = world.resource_mut::<EarlyArrivals>().take_unwanted(C::AREA);
        if !unwanted.is_empty() {
            C::leave_unwanted(world, unwanted);
        }
    }
}

/// Leaves something that is no mirror, or not any more.
///
/// The server works in order, and the answer says that we are out: if a join from before has brought an entity
/// meanwhile, that goes.
pub(crate) fn send_leave<C: Context>(world: &mut World, id: C::Id) {
    let message = C::leave_message(&id);
    send_then(world, message, move |world| remove::<C>(world, &id));
}

/// Hook: the game despawned something that it was in. That is leaving.
pub(crate) fn leave_despawned<C: Context>(
    mut world: DeferredWorld,
    HookContext { entity, .. }: HookContext,
) {
    let Some(id) = world.get::<C::Id>(entity).cloned() else {
        return;
    };
    let Some(mut index) = world.get_resource_mut::<ContextIndex<C>>() else {
        return;
    };
    if index.get(&id) != Some(entity) {
        return; // the plugin's own doing
    }
    index.remove(&id);
    world.commands().queue(move |world: &mut World| {
        forget::<C>(world, entity, &id);
        if C::is_left_by_despawn(world, &id) {
            send_leave::<C>(world, id);
        }
    });
}

/// We are out of something, and so is everybody in it.
pub(crate) fn remove<C: Context>(world: &mut World, id: &C::Id) {
    if let Some(entity) = world.resource::<ContextIndex<C>>().get(id) {
        world.resource_mut::<ContextIndex<C>>().remove(id);
        presence::all_go::<C::Member>(world, entity);
        depart::<(C, C::Marks)>(world, entity);
        forget::<C>(world, entity, id);
    }
}

/// We are out of everything of a kind: the connection is gone.
pub(crate) fn clear<C: Context>(world: &mut World) {
    let ids: Vec<_> = world
        .resource::<ContextIndex<C>>()
        .by_id
        .keys()
        .cloned()
        .collect();
    for id in ids {
        remove::<C>(world, &id);
    }
}

fn forget<C: Context>(world: &mut World, entity: Entity, id: &C::Id) {
    presence::forget(world, entity);
    world
        .resource_mut::<EarlyArrivals>()
        .context_is_gone(entity);
    C::forget(world, entity, id);
}

/// The entity that a pushed message is about. What the local user is not in may still have to be answered.
pub(crate) fn context_of<C: Context>(world: &World, id: &str) -> Result<Entity, WaitsFor> {
    let found = world.resource::<ContextIndex<C>>().find(id);
    found.ok_or_else(|| WaitsFor::context(C::AREA, id))
}

/// Where data with this id goes. Quicker for the id that was asked for last.
pub(crate) fn find_again<C: Context>(world: &mut World, id: &C::Id) -> Result<Entity, WaitsFor> {
    let mut index = world.resource_mut::<ContextIndex<C>>();
    let found = index.bypass_change_detection().get_again(id);
    found.ok_or_else(|| WaitsFor::context(C::AREA, id.as_ref()))
}

/// An event about these people waits for an answer that is still to come, if a request brings it about.
pub(crate) fn wait_for_answer<'a>(
    world: &World,
    timing: Timing,
    area: Area,
    id: &str,
    who: impl IntoIterator<Item = &'a UserPresence>,
) -> Result<(), WaitsFor> {
    let who = who.into_iter().map(|who| Mover {
        session: &who.session_id,
        is_self: presence::is_self(world, who),
    });
    early::wait_for_answer(world, timing, area, id, who)
}

/// Somebody joined or left.
pub(crate) fn on_presences<M: Membership>(
    world: &mut World,
    context: Entity,
    joins: &[UserPresence],
    leaves: &[UserPresence],
    people: &mut People,
) {
    let infos = people.infos(joins);
    let leaves = people.infos(leaves);
    let details = joins.iter().map(M::Detail::of);
    let joins = infos.iter().cloned().zip(details).collect();
    presence::apply_event::<M>(world, context, joins, &leaves);
    let mut early = world.resource_mut::<EarlyArrivals>();
    for known in infos.iter().chain(&leaves) {
        early.session_is_known(context, &known.session_id);
    }
}
