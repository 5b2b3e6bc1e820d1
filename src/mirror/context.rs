//! What matches, parties, channels, tickets, streams and followed users have in common: the local user is in them.

use std::{error::Error, sync::Arc};

use bevy_ecs::prelude::*;

use super::{
    ids::PresenceInfo,
    index::{ContextId, ContextIndex},
    returning::{ReentryPolicy, Stale},
};
use crate::{ecs::departure::depart, error::ServerError, proto::Message, request::Area};

/// A kind of thing that the local user can be in: [`Match`](crate::matches::Match), [`Party`](crate::party::Party),
/// [`ChatChannel`](crate::chat::ChatChannel), [`MatchmakerTicket`](crate::matchmaker::MatchmakerTicket),
/// [`Stream`](crate::stream::Stream). [`FollowedUser`](crate::status::FollowedUser) counts as well: the local user is among the
/// followers.
///
/// To despawn the entity, or to remove the component from it, is to leave: see the
/// [table](crate::presence#what-you-may-do-to-entities). You need not implement this trait.
pub trait Context: Component + PartialEq + Vocabulary {}

/// A [`Context`] with people in it, who [join](crate::presence::Joined) and [leave](crate::presence::Left): all but
/// [`MatchmakerTicket`](crate::matchmaker::MatchmakerTicket). You need not implement it.
pub trait HasMembers: Context {}

/// A [`Context`] that a request leaves: [`Match`](crate::matches::Match), [`Party`](crate::party::Party),
/// [`ChatChannel`](crate::chat::ChatChannel), [`MatchmakerTicket`](crate::matchmaker::MatchmakerTicket). You need not implement it.
pub trait Leavable: Context {
    /// How the server refuses to let the local user out.
    type Refusal: Error + Clone + From<ServerError> + Send + Sync + 'static;
    /// The name of the request.
    const LEAVE: &'static str;

    /// The server did not let the local user out.
    #[doc(hidden)]
    fn leave_refused(_world: &mut World, _id: &Self::Id, error: ServerError) -> Self::Refusal {
        error.into()
    }
}

/// What the plugin needs to know about a [`Context`].
pub trait Vocabulary: Component + Sized {
    /// Its id.
    type Id: ContextId;
    /// The components that also go when the local user is out of it.
    type Marks: Bundle;
    /// The area of the requests that join it.
    const AREA: Area;
    /// Its noun, in names and errors.
    const NOUN: &'static str;

    /// Whether a request of this area may become it.
    fn is_joined_by(area: Area) -> bool {
        area == Self::AREA
    }

    /// Whether its list of members has all of the local user's own sessions that the server has.
    fn lists_own_sessions(_world: &World, _entity: Entity) -> bool {
        false // somebody else may have removed one of them
    }

    /// The message that leaves it. `None` if no message does.
    fn leave_message(world: &World, id: &Self::Id) -> Option<Message>;

    /// The local user is out of it. Forgets what else belongs to it.
    fn forget(_world: &mut World, _entity: Entity, _id: &Self::Id) {}

    /// The local user is out of it: its entity goes.
    fn go(world: &mut World, entity: Entity) {
        depart::<(Self, Self::Marks, Stale, ReentryPolicy)>(world, entity);
    }
}

/// What an answer or a pushed message says about something that the local user is in.
pub(crate) struct Entry<C: Context> {
    pub(crate) id: C::Id,
    pub(crate) state: C,
    /// Everybody in it, and whether that is the local user.
    pub(crate) everybody: Vec<(Arc<PresenceInfo>, bool)>,
}

/// Whether the local user is in this. An observer of what the plugin did last may have left.
pub(crate) fn is_in<C: Context>(world: &World, entity: Entity) -> bool {
    let index = world.resource::<ContextIndex<C::Id>>();
    index.id_of(entity).is_some()
}

/// The id of what the local user is in.
pub(crate) fn id_of<C: Context>(world: &World, entity: Entity) -> Option<C::Id> {
    let index = world.resource::<ContextIndex<C::Id>>();
    index.id_of(entity).cloned()
}
