//! Vocabulary of the areas: ids, and who is where.
//!
//! Whoever is in a match, party, channel or stream is an entity of their own, related to it: a *presence*. Somebody who is in
//! two matches is two entities, and so is a user who is there from two devices. The sessions of a user who is followed are
//! presences, too. A presence carries [`UserId`], [`SessionId`], [`Username`], [`Presence`], [`JoinedAs`] and a `Name`, all
//! from the moment it is spawned.
//!
//! Whoever leaves is out of all queries and indexes at once. The entity lives on a little longer, marked with [`Departed`], because
//! messages may name it.
//!
//! The plugin alone knows which entity is whose presence: [`PresenceIndex`]. If you clone a presence, as a ghost image or a portrait,
//! the clone has its ids and its name and whatever your game has put there, but it is nobody's presence, and it stays when the player
//! leaves. If you despawn a presence, or take [`Presence`] from it, you have no entity for that player any more; the player is still
//! there. The ids on an entity are for you to read: without them, everything works as before.
//!
//! Ids are compared as the server compares them: the UUIDs in them may be typed in capitals. The name of a room, or of a server's node
//! behind the dot, is what it is.

use std::sync::Arc;

use bevy_ecs::{
    lifecycle::HookContext, prelude::*, reflect::ReflectComponent, world::DeferredWorld,
};
use bevy_reflect::{Reflect, ReflectDeserialize, ReflectSerialize, impl_reflect_opaque};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use super::{
    ids::{
        ChannelId, MatchId, MessageId, PartyId, PresenceInfo, Secret, SessionId, TicketId, UserId,
        Username,
    },
    roster::PresenceIndex,
};
pub use crate::ecs::departure::Departed;
use crate::proto::UserPresence;

/// Who this presence is, and where. Its copies of the ids are also components of their own.
///
/// Only the plugin makes presences. An entity that your game puts a copy of this on is none.
#[derive(Clone, Component, Debug, Reflect)]
#[type_path = "bevy_nakama::presence"]
#[component(immutable, clone_behavior = Ignore, on_discard = discard)]
#[reflect(Component)]
pub struct Presence {
    context: Entity,
    info: Shared,
}

/// Who somebody is, shared with all messages that name them.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Shared(Arc<PresenceInfo>);

impl_reflect_opaque!((in bevy_nakama::presence) Shared(
    Clone, Debug, Hash, PartialEq, Serialize, Deserialize
));

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PresenceInfo {
            user_id,
            session_id,
            username,
        } = &*self.0;
        (user_id, session_id, username).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (user_id, session_id, username) = Deserialize::deserialize(deserializer)?;
        Ok(Self(Arc::new(PresenceInfo {
            user_id,
            session_id,
            username,
        })))
    }
}

impl Presence {
    pub(super) fn new(context: Entity, info: Arc<PresenceInfo>) -> Self {
        let info = Shared(info);
        Self { context, info }
    }

    /// The match, party, channel or stream, or the user whose session it is.
    #[must_use]
    pub fn context(&self) -> Entity {
        self.context
    }

    /// As the server wants it named.
    pub(crate) fn to_proto(&self) -> UserPresence {
        UserPresence {
            user_id: self.info().user_id.to_string(),
            session_id: self.info().session_id.to_string(),
            username: self.info().username.to_string(),
            ..Default::default()
        }
    }

    /// User, session and name.
    #[must_use]
    pub fn info(&self) -> &Arc<PresenceInfo> {
        &self.info.0
    }
}

/// The presence that an entity is, if the plugin made it.
pub(crate) fn presence(world: &World, entity: Entity) -> Option<&Presence> {
    let presence = world.get::<Presence>(entity)?;
    let index = world.resource::<PresenceIndex>();
    let known = index.get(presence.context, &presence.info().session_id);
    (known == Some(entity)).then_some(presence)
}

/// Hook: an entity loses what describes it as a presence, or gets another description. If the game did that, it does not want the
/// presence any more.
fn discard(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    let Some(Presence { context, info }) = world.get::<Presence>(entity).cloned() else {
        return;
    };
    let Some(mut index) = world.get_resource_mut::<PresenceIndex>() else {
        return;
    };
    let PresenceInfo {
        user_id,
        session_id,
        ..
    } = &*info.0;
    let dismissed = index
        .bypass_change_detection()
        .discard(context, session_id, user_id, entity);
    if let Some(dismiss) = dismissed {
        index.set_changed();
        world
            .commands()
            .queue(move |world: &mut World| dismiss.0(world, entity));
    }
}

/// How a presence came into the world.
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::presence"]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(Component)]
pub enum JoinedAs {
    /// It was there when the local user joined, or it is the local user.
    Present,
    /// It joined later.
    Arrived,
}

/// Marks the presence of the local user, and [the user](crate::status) that it is.
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::presence"]
#[component(clone_behavior = Ignore)]
#[reflect(Component)]
pub struct IsSelf;

/// Marks an entity that asks to become a match, a party, a channel or a ticket. It goes with the answer.
///
/// If you despawn the entity, you withdraw the request: if it succeeds after all, the plugin leaves again.
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::presence"]
#[component(clone_behavior = Ignore)]
#[reflect(Component)]
pub struct Joining;

/// How to join a match that the matchmaker found, or that another player told the id of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JoinWith {
    /// A token of the matchmaker, for a relayed match that need not exist yet. It is good for 30 s, any number of
    /// times, and for everybody who has it; so its `Debug` does not show it.
    Token(Secret),
    /// The id of a match.
    Id(MatchId),
}

/// Who sent something.
///
/// If somebody says something and leaves right after it, their entity is still alive when you read it, and marked with
/// [`Departed`]: as long as a [`MessageReader`] can read the message, commands on [`entity`](Self::entity) work, unless your game
/// has despawned it. The same goes for the message's context.
#[derive(Clone, Debug, PartialEq)]
pub struct Sender {
    /// The sender's presence. `None` if it was not in the world when the message arrived: the sender had left, their join had not
    /// arrived in time, or your game had despawned their presence.
    pub entity: Option<Entity>,
    /// Who it is, known in any case.
    pub presence: Arc<PresenceInfo>,
}
