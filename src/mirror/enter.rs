//! The local user comes into something: a request becomes it, and everybody who is there appears.

use bevy_ecs::prelude::*;
use hashbrown::Equivalent;

use super::{
    context::{Context, Entry, Vocabulary as _, id_of, is_in},
    early::{self, EarlyArrivals, Timing, WaitsFor},
    ids::SessionId,
    index::ContextIndex,
    leave::{JoinsArea, joins_no_more, send_leave},
    member::Membership,
    own_session,
    presence::{Joining, PresenceIndex},
    reconcile, snapshot,
};
use crate::{
    ecs::{departure::Transient, naming::name_for},
    proto::UserPresence,
    request::{Area, Moment, Mover, Request, SocketRequest, refuse_wrong_entity, submit},
    transport::{People, canonical},
};

/// Makes a request that joins something, on the entity that is to become it.
pub(crate) fn ask_to_join<R: SocketRequest>(world: &mut World, entity: Entity, request: R) {
    if let (Ok(mut entity), Some(area)) = (world.get_entity_mut(entity), R::JOINS) {
        entity.insert((Joining, JoinsArea(area)));
    }
    submit(world, entity, request);
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

/// A request that created something or joined it has brought the local user in. Returns its entity: the one that asked, or an older
/// one that is the same thing already.
pub(crate) fn enter<M: Membership<Detail = (), Place: Context<Id: Component>>>(
    world: &mut World,
    asking: Entity,
    entry: Entry<M::Place>,
    since: Moment,
) -> Entity {
    let Entry {
        id,
        state,
        everybody,
    } = entry;
    let entity = become_context(world, asking, &id, state, id.clone());
    if is_in::<M::Place>(world, entity) {
        let everybody = everybody.into_iter();
        let everybody = everybody.map(|(info, is_self)| (info, (), is_self));
        snapshot::apply_snapshot::<M>(world, entity, everybody, since);
        world
            .resource_mut::<EarlyArrivals>()
            .context_is_known(M::Place::AREA, &id.to_string());
    }
    entity
}

/// The entity that asked becomes what has this id. If an older entity is it already, this returns the older entity, and the one that
/// asked goes. An observer may despawn the entity at any of these steps; that is leaving.
pub(crate) fn become_context<C: Context>(
    world: &mut World,
    asking: Entity,
    id: &C::Id,
    state: C,
    besides: impl Bundle,
) -> Entity {
    let known = world.resource::<ContextIndex<C::Id>>().get(id);
    if let Ok(mut asking) = world.get_entity_mut(asking) {
        if known.is_some_and(|known| known != asking.id()) {
            asking.insert(Transient);
        }
        joins_no_more(&mut asking);
    }
    match known {
        None => become_known::<C>(world, asking, id, (state, besides)),
        Some(known) => {
            if world.get::<C>(known).is_some_and(|before| *before != state) {
                world.entity_mut(known).insert(state);
            }
        }
    }
    known.unwrap_or(asking)
}

/// An entity becomes what has this id.
pub(crate) fn become_known<C: Context>(
    world: &mut World,
    mirror: Entity,
    id: &C::Id,
    what: impl Bundle,
) {
    let Ok(entity) = world.get_entity_mut(mirror) else {
        // An observer despawned it.
        send_leave::<C>(world, id);
        return C::forget(world, mirror, id);
    };
    let name = name_for(&entity, format!("{} {id}", C::NOUN));
    let mut index = world.resource_mut::<ContextIndex<C::Id>>();
    index.insert(id, mirror);
    // Inserts all at once. From now on, to despawn the entity is to leave.
    let mut mirror = world.entity_mut(mirror);
    match name {
        Some(name) => mirror.insert((name, what)),
        None => mirror.insert(what),
    };
}

/// The entity that a pushed message is about. An answer may still name what the local user is not in.
pub(crate) fn context_of<C: Context>(world: &World, id: &str) -> Result<Entity, WaitsFor>
where
    str: Equivalent<C::Id>,
{
    let found = world
        .resource::<ContextIndex<C::Id>>()
        .find(&*canonical(id));
    // After a loss, the answer to the join says who is there, and events change that.
    let index = world.resource::<PresenceIndex>();
    let found = found.filter(|context| !index.awaits_snapshot(*context));
    found.ok_or_else(|| WaitsFor::context(C::AREA, id))
}

/// Where data with this id goes. Quicker for the id that was looked up last.
pub(crate) fn find_again<C: Context>(world: &mut World, id: &C::Id) -> Result<Entity, WaitsFor> {
    let mut index = world.resource_mut::<ContextIndex<C::Id>>();
    let found = index.bypass_change_detection().find_again(id);
    let index = world.resource::<PresenceIndex>();
    let found = found.filter(|context| !index.awaits_snapshot(*context));
    found.ok_or_else(|| WaitsFor::context(C::AREA, &id.to_string()))
}

/// If an open request causes an event about these people, the event waits for the answer.
pub(crate) fn wait_for_answer<'a>(
    world: &World,
    timing: Timing,
    area: Area,
    id: &str,
    who: impl IntoIterator<Item = &'a UserPresence>,
) -> Result<(), WaitsFor> {
    let who = who.into_iter().map(|who| Mover {
        session: &who.session_id,
        is_self: own_session::is_self(world, who),
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
    reconcile::apply_event::<M>(world, context, joins, leaves, people);
    let mut early = world.resource_mut::<EarlyArrivals>();
    if early.len() > 0 {
        for known in joins.iter().chain(leaves) {
            let session = SessionId::from(known.session_id.as_str());
            early.session_is_known(context, &session);
        }
    }
}
