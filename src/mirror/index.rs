//! Which entity has an id, and which id an entity has. Only the plugin says so, and no component that a game may take away.

use std::{borrow::Cow, fmt, hash::Hash};

use bevy_ecs::{entity::EntityHashMap, prelude::*, reflect::ReflectResource};
use bevy_reflect::{FromReflect, GetTypeRegistration, Reflect, TypePath, Typed};
use hashbrown::{Equivalent, HashMap};

use super::ids::{ChannelId, MatchId, PartyId, TicketId, UserId};

/// The id of something that the local user can be in. You need not implement it.
pub trait ContextId:
    Clone
    + fmt::Debug
    + fmt::Display
    + Eq
    + FromReflect
    + GetTypeRegistration
    + Hash
    + Send
    + Sync
    + TypePath
    + Typed
    + sealed::Sealed
{
    /// The id as the server writes it.
    #[doc(hidden)]
    fn canonical(&self) -> Cow<'_, Self> {
        Cow::Borrowed(self)
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

macro_rules! context_ids {
    ($($Id:ident)*) => {$(
        impl sealed::Sealed for $Id {}

        impl ContextId for $Id {}
    )*};
}

context_ids!(MatchId PartyId ChannelId TicketId UserId);

/// Finds the entity of a match, party, channel, ticket, stream or followed user by its id.
///
/// Each kind has an index of its own: [`MatchIndex`](crate::matches::MatchIndex), [`PartyIndex`](crate::party::PartyIndex),
/// [`ChatIndex`](crate::chat::ChatIndex), [`TicketIndex`](crate::matchmaker::TicketIndex),
/// [`StreamIndex`](crate::stream::StreamIndex) and [`FollowedUserIndex`](crate::status::FollowedUserIndex).
#[derive(Debug, Reflect, Resource)]
#[type_path = "bevy_nakama::mirror"]
#[reflect(Resource)]
pub struct ContextIndex<I: ContextId> {
    ids: EntityHashMap<I>,
    #[reflect(ignore)]
    entities: HashMap<I, Entity>,
    /// Messages come in runs, most of the time for the same one.
    #[reflect(ignore)]
    last: Option<(I, Entity)>,
}

impl<I: ContextId> Default for ContextIndex<I> {
    fn default() -> Self {
        Self {
            ids: EntityHashMap::default(),
            entities: HashMap::new(),
            last: None,
        }
    }
}

impl<I: ContextId> ContextIndex<I> {
    /// The entity, if the local user is in it.
    #[must_use]
    pub fn get(&self, id: &I) -> Option<Entity> {
        self.find(&*id.canonical())
    }

    /// Everything that the local user is in, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&I, Entity)> {
        self.ids.iter().map(|(entity, id)| (id, *entity))
    }

    /// The id of an entity, if the local user is in it.
    pub(crate) fn id_of(&self, entity: Entity) -> Option<&I> {
        self.ids.get(&entity)
    }

    /// As [`get`](Self::get), for an id in another form, as the server writes it.
    pub(crate) fn find<Q: Equivalent<I> + Hash + ?Sized>(&self, id: &Q) -> Option<Entity> {
        self.entities.get(id).copied()
    }

    /// As [`get`](Self::get), but quicker for what you asked for last.
    pub(super) fn find_again(&mut self, id: &I) -> Option<Entity> {
        if let Some((last, entity)) = &self.last
            && last == id
        {
            return Some(*entity);
        }
        let entity = self.find(id)?;
        self.last = Some((id.clone(), entity));
        Some(entity)
    }

    pub(super) fn insert(&mut self, id: &I, entity: Entity) {
        self.ids.insert(entity, id.clone());
        self.entities.insert(id.clone(), entity);
    }

    pub(crate) fn remove(&mut self, entity: Entity) -> Option<I> {
        let id = self.ids.remove(&entity)?;
        self.entities.remove(&id);
        self.last = None;
        Some(id)
    }
}
