//! Who is where: presences, joins and leaves, and ids.
//!
//! Everybody in a match, party, chat channel or stream is an entity of their own, related to it: a *presence*. Somebody who is in
//! two matches is two entities, and so is a user who is there from two devices. The sessions of a user whom you follow are presences,
//! too. A presence has [`UserId`], [`SessionId`], [`Username`], [`Presence`], [`JoinedAs`] and a `Name` from the moment it is spawned.
//!
//! # Who joins and who leaves
//!
//! [`Joined`] and [`Left`] are events of the match, party, channel, stream or followed user:
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_nakama::prelude::*;
//! fn greet(joined: On<Joined<Match>>, names: Query<&Username, Without<IsSelf>>) {
//!     if let Ok(name) = names.get(joined.presence) {
//!         println!("{name} is here ({:?})", joined.how);
//!     }
//! }
//!
//! fn bye(left: On<Left<Match>>) {
//!     if left.why.has_left() {
//!         println!("{} has left", left.info.username);
//!     }
//! }
//! # App::new().add_observer(greet).add_observer(bye);
//! ```
//!
//! Use them rather than `On<Add, PresentIn>` and `On<Remove, PresentIn>`. Those tell you about components, not about players:
//! `On<Remove, PresentIn>` also fires for everybody who *stays* when the local user leaves or the connection ends.
//!
//! In an observer of `On<Add, …>` or `On<Insert, …>` of anything on a presence, do not despawn what the presence is in: Bevy 0.19 would end
//! the program, because the relationship is not complete yet. In an observer of [`Joined`] you may.
//!
//! A player who has left is out of all queries and indexes at once. The entity lives on a little longer, marked with [`Departed`],
//! because messages may name it.
//!
//! # What you may do to entities
//!
//! The plugin alone knows which entity is what: [`PresenceIndex`] and the [indexes](crate::mirror::ContextIndex) of each area tell you.
//! Whatever your game does to the entities, the plugin keeps on working. This is what it means:
//!
//! | You despawn | or remove from it | What it means |
//! |---|---|---|
//! | a presence | [`Presence`] | You have no entity for that player any more. The player is still there, and [`Left`] comes when they really leave. If the server reports them again before that, they get a new entity, without [`Joined`]. |
//! | a match, a party, a chat channel | [`Match`](crate::matches::Match), [`Party`](crate::party::Party), [`ChatChannel`](crate::chat::ChatChannel) | The local user leaves. Everybody in it gets [`Left`] with [`LeaveReason::YouLeft`]. |
//! | a matchmaker ticket | [`MatchmakerTicket`](crate::matchmaker::MatchmakerTicket) | The ticket is removed from the matchmaker. |
//! | a followed user | [`FollowedUser`](crate::status::FollowedUser) | You unfollow the user, whose sessions get [`Left`] with [`LeaveReason::YouLeft`]. The local user's own entity comes back with the next thing that the server tells about them. |
//! | a stream | [`Stream`](crate::stream::Stream) | The local user stays in it: only code on the server can end that. Everybody in it gets [`Left`] with [`LeaveReason::YouLeft`]. The stream comes back as a new entity with the next event or data. |
//! | an entity that is [`Joining`] | | You withdraw the request. If it succeeds after all, the plugin leaves again. |
//! | the entity of another request | | Observers of that entity are gone, so they hear no answer. What the server does stays done; only a follow is undone. |
//! | somebody who [asks to join](crate::party::PartyJoinRequester) a party | | The server still has the join request. If the player asks again, they get a new entity. |
//!
//! Nothing happens if you remove an id, a name or a relationship ([`UserId`], [`MatchId`], [`PresentIn`](crate::matches::PresentIn), …):
//! they are there for you to read. If you clone an entity, the clone has the ids, the name and whatever your game has put there. It is
//! nobody's presence and no match, and it stays when the player leaves.
//!
//! # Ids
//!
//! Ids are compared as the server compares them: UUIDs may be typed in capitals. The name of a room, and the name of a server's node
//! behind the dot, are compared as they are.

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
    news::{Joined, JoinedAs, LeaveReason, Left},
    roster::PresenceIndex,
};
pub use crate::ecs::departure::Departed;
use crate::proto::UserPresence;

/// Who this presence is, and where. The ids are components of their own, too.
///
/// Only the plugin makes presences. If your game puts a copy of this component on another entity, that does not make it a presence.
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

    /// The match, party, channel or stream. The user, if this is a session of a followed user.
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
    let dismissed = index
        .bypass_change_detection()
        .discard(context, entity, &info.0);
    if let Some(dismiss) = dismissed {
        index.set_changed();
        world
            .commands()
            .queue(move |world: &mut World| (dismiss.take)(world, entity));
    }
}

/// Marks the presence of the local user, and the local user's own entity among the [followed users](crate::status).
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::presence"]
#[component(clone_behavior = Ignore)]
#[reflect(Component)]
pub struct IsSelf;

/// Marks an entity that asks to become a match, a party, a channel or a ticket. It goes with the answer.
///
/// To withdraw the request, despawn the entity. If the request succeeds after all, the plugin leaves again.
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::presence"]
#[component(clone_behavior = Ignore)]
#[reflect(Component)]
pub struct Joining;

/// How to join a match that the matchmaker has found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JoinWith {
    /// A token of the matchmaker, for a relayed match that need not exist yet. It is good for 30 s, any number of times, and for
    /// everybody who has it. So its `Debug` does not show it.
    Token(Secret),
    /// The id of a match.
    Id(MatchId),
}

/// Who sent something.
///
/// If a player says something and leaves right after it, the entity is still alive when you read the message, and marked with
/// [`Departed`]. Commands on [`entity`](Self::entity) work as long as a [`MessageReader`] can read the message, unless your game has
/// despawned the entity. The same goes for the message's context.
#[derive(Clone, Debug, PartialEq)]
pub struct Sender {
    /// The sender's presence. `None` if it was not in the world when the message arrived: the sender had left, their join had not
    /// arrived in time, or your game had despawned the presence.
    pub entity: Option<Entity>,
    /// Who it is. You always know that.
    pub presence: Arc<PresenceInfo>,
}
