//! Tells the game who joined and who left.

use std::{fmt, marker::PhantomData, sync::Arc};

use bevy_ecs::{prelude::*, reflect::ReflectComponent};
use bevy_reflect::Reflect;

use super::{
    context::{Context, HasMembers},
    ids::PresenceInfo,
    returning::ReentryOutcome,
};

/// Somebody is in a match, party, channel or stream now. It is an event of that entity, its *context*.
///
/// `Joined<Match>` tells you of matches only, `Joined<Party>` of parties, and so on. `Joined<FollowedUser>` tells you that a session of
/// a user whom you follow came online.
///
/// The event comes when the presence has all its components, except for [`PartyLeader`](crate::party::PartyLeader), which comes a moment
/// later: for that, observe `On<Add, PartyLeader>`. You may despawn either entity in an observer.
///
/// Those who are there already are told *before* the answer to the request ([`Replied`](crate::request::Replied)). If an observer is for
/// one match only, put it on the entity that [`join_match`](crate::commands::NakamaCommands::join_match) returns. An observer that you add
/// when the answer comes misses them.
///
/// For each player who joined, [`Left`] comes later: one of each for each presence, which is one for each
/// [`SessionId`](super::presence::SessionId) unless your game [adopts](crate::healing::AdoptReconnecting) members who reconnect. The local user
/// gets both, too: look for [`IsSelf`](super::presence::IsSelf). Another session of the local user, such as their phone, is like any other
/// player.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_nakama::prelude::*;
/// fn greet(joined: On<Joined<Match>>, others: Query<&Username, Without<IsSelf>>) {
///     let Ok(name) = others.get(joined.presence) else { return };
///     match joined.how {
///         JoinedAs::Present => println!("{name} was here before us"),
///         JoinedAs::Arrived => println!("{name} has joined"),
///         JoinedAs::WhileAway => println!("{name} joined while the connection was lost"),
///     }
/// }
/// ```
#[derive(EntityEvent)]
pub struct Joined<C: HasMembers> {
    /// The match, party, channel or stream; the user, if this is a session of a followed user.
    #[event_target]
    pub context: Entity,
    /// Who joined: an entity with [`Presence`](super::presence::Presence), [`UserId`](super::presence::UserId),
    /// [`Username`](super::presence::Username) and more. If an observer of `On<Add, …>` has despawned it, it is gone already.
    pub presence: Entity,
    /// Whether they were there before the local user. In a [stream](crate::stream), everybody has
    /// [`Arrived`](JoinedAs::Arrived): the server does not tell who was there before.
    pub how: JoinedAs,
    kind: PhantomData<fn() -> C>,
}

/// You do not see somebody in a match, party, channel or stream any more: they left, or the local user is out. [`why`](Self::why) says
/// which. It is an event of that entity, its *context*.
///
/// This is the event for "your opponent has left": ask [`why.has_left()`](LeaveReason::has_left). `On<Remove, PresentIn>` cannot tell you:
/// it also fires for everybody who *stays* when the local user leaves.
///
/// Both entities still have everything, and are still related. The presence is out of the
/// [`PresenceIndex`](super::presence::PresenceIndex) already.
///
/// What your game has despawned itself is gone, so the event also has [`info`](Self::info). If it was the presence, you hear of it when the
/// player really leaves. If it was the context, this event comes for everybody in it, with [`LeaveReason::YouLeft`]. Observers of the
/// context's entity are gone with it by then, and observers of the app hear it. Therefore use `commands.get_entity(left.presence)`, or
/// `try_insert`, if you change an entity here.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_nakama::prelude::*;
/// fn bye(left: On<Left<Match>>) {
///     let name = &left.info.username;
///     match left.why {
///         LeaveReason::Left | LeaveReason::Kicked => println!("{name} has left"),
///         LeaveReason::WhileAway => println!("{name} left while the connection was lost"),
///         LeaveReason::YouLeft | LeaveReason::Disconnected => {} // the local user is out
///     }
/// }
/// ```
#[derive(EntityEvent)]
pub struct Left<C: HasMembers> {
    /// The match, party, channel or stream; the user, if this is a session of a followed user.
    #[event_target]
    pub context: Entity,
    /// Who left.
    pub presence: Entity,
    /// Their user id, session id and username.
    pub info: Arc<PresenceInfo>,
    /// Why.
    pub why: LeaveReason,
    kind: PhantomData<fn() -> C>,
}

/// How somebody came into a match, party, channel or stream. Presences keep it as a component.
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::presence"]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(Component)]
pub enum JoinedAs {
    /// They were there when the local user joined. The local user, too, is `Present`.
    Present,
    /// They joined later. In a stream: the server has reported them since.
    Arrived,
    /// They joined while the connection was lost.
    WhileAway,
}

/// Why you do not see somebody in a match, party, channel or stream any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeaveReason {
    /// They left, or their connection ended. The server does not say which.
    Left,
    /// The local user removed them from the party, with [`kick_from_party`](crate::commands::NakamaCommands::kick_from_party). If
    /// another leader removes a member, the server only says that the member left.
    Kicked,
    /// They left while the connection was lost.
    WhileAway,
    /// The local user is out. They have left, or somebody has removed them, or the match or party was closed; the server does not say
    /// which. Or they have unfollowed the user. Everybody who was there gets this reason, though the others may well be there still.
    ///
    /// Only the local user's own presence gets it if they hide: with [`set_status`](crate::commands::NakamaCommands::set_status) of
    /// `None`, or in a stream. If your game despawns a [stream](crate::stream), everybody in it gets it, though the local user stays in it.
    YouLeft,
    /// The connection ended. Everybody who was there gets this reason, though the others may well be there still.
    Disconnected,
}

impl LeaveReason {
    /// Whether the player is really gone: [`Left`](Self::Left), [`Kicked`](Self::Kicked) or [`WhileAway`](Self::WhileAway). Otherwise
    /// it is the local user who is out.
    #[must_use]
    pub fn has_left(self) -> bool {
        matches!(self, Self::Left | Self::Kicked | Self::WhileAway)
    }
}

impl<C: HasMembers> fmt::Debug for Joined<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined")
            .field("context", &self.context)
            .field("presence", &self.presence)
            .field("how", &self.how)
            .finish()
    }
}

impl<C: HasMembers> fmt::Debug for Left<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Left")
            .field("context", &self.context)
            .field("presence", &self.presence)
            .field("info", &self.info)
            .field("why", &self.why)
            .finish()
    }
}

/// Tells that somebody joined, and lets the observers' commands do their work.
pub(super) fn tell_joined<C: HasMembers>(
    world: &mut World,
    context: Entity,
    presence: Entity,
    how: JoinedAs,
) {
    world.trigger(Joined::<C> {
        context,
        presence,
        how,
        kind: PhantomData,
    });
    world.flush();
}

/// Tells that somebody left, and lets the observers' commands do their work.
pub(super) fn tell_left<C: HasMembers>(
    world: &mut World,
    context: Entity,
    presence: Entity,
    info: Arc<PresenceInfo>,
    why: LeaveReason,
) {
    world.trigger(Left::<C> {
        context,
        presence,
        info,
        why,
        kind: PhantomData,
    });
    world.flush();
}

/// The connection was lost and is back, and this is what came of something that the local user was in. It is an event of that entity.
///
/// `Reentered<Match>` tells you of matches only, `Reentered<Party>` of parties, and so on. It comes after everybody who joined or left
/// meanwhile, and before [`Connected`](crate::connection::Connected). Something that cannot be entered for 5 s does not hold up
/// `Connected` any longer, and comes later.
///
/// If it is [`Lost`](ReentryOutcome::Lost), the entity still has everything. Right after it, everybody gets [`Left`] with
/// [`Disconnected`](LeaveReason::Disconnected), and the entity goes.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_nakama::{healing::*, prelude::*};
/// fn tell(back: On<Reentered<Match>>) {
///     if let ReentryOutcome::Lost(reason) = &back.outcome {
///         println!("the match is over: {reason}");
///     }
/// }
/// # App::new().add_observer(tell);
/// ```
#[derive(EntityEvent)]
pub struct Reentered<C: Context> {
    /// The match, party, channel, ticket, stream or followed user.
    #[event_target]
    pub context: Entity,
    /// What came of it.
    pub outcome: ReentryOutcome,
    kind: PhantomData<fn() -> C>,
}

impl<C: Context> fmt::Debug for Reentered<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reentered")
            .field("context", &self.context)
            .field("outcome", &self.outcome)
            .finish()
    }
}

/// Tells what came of something that the local user was in.
pub(super) fn tell_reentered<C: Context>(
    world: &mut World,
    context: Entity,
    outcome: ReentryOutcome,
) {
    world.trigger(Reentered::<C> {
        context,
        outcome,
        kind: PhantomData,
    });
    world.flush();
}
