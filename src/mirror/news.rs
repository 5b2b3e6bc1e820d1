//! Tells the game who joined and who left.

use std::{fmt, marker::PhantomData, sync::Arc};

use bevy_ecs::{prelude::*, reflect::ReflectComponent};
use bevy_reflect::Reflect;

use super::{context::Context, ids::PresenceInfo};

/// Somebody is in a match, party, channel or stream now. It is an event of that entity, its *context*.
///
/// `Joined<Match>` tells you of matches only, `Joined<Party>` of parties, and so on. `Joined<FollowedUser>` tells you that a session of
/// a user whom you follow came online.
///
/// The event comes when the presence has all its components. You may despawn either entity in an observer.
///
/// Each player who is told to have joined is told to have [`Left`], once for each [`SessionId`](super::presence::SessionId). The local
/// user is told like everybody else: look for [`IsSelf`](super::presence::IsSelf).
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
pub struct Joined<C: Context> {
    /// The match, party, channel or stream; the user, if this is a session of a followed user.
    #[event_target]
    pub context: Entity,
    /// Who joined: an entity with [`Presence`](super::presence::Presence), [`UserId`](super::presence::UserId),
    /// [`Username`](super::presence::Username) and more. If an observer of `On<Add, …>` has despawned it, it is gone already.
    pub presence: Entity,
    /// Whether they were there before the local user.
    pub how: JoinedAs,
    kind: PhantomData<fn() -> C>,
}

/// Somebody is not in a match, party, channel or stream any more. It is an event of that entity, its *context*.
///
/// This is the event for "your opponent has left": [`why`](Self::why) tells it apart from the local user's own leave and from the end of
/// the connection. `On<Remove, PresentIn>` does not: it also fires for everybody who *stays* when the local user leaves.
///
/// Both entities still have everything, and are still related. The presence is out of the
/// [`PresenceIndex`](super::presence::PresenceIndex) already. What your game has despawned itself is gone: if it was the presence, you
/// hear of it when the player really leaves. So the event also has [`info`](Self::info).
///
/// If your game despawns the context, everybody in it is told to have left, with [`LeaveReason::YouLeft`]. Observers of the context's
/// entity are gone with it by then; observers of the app hear it.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_nakama::prelude::*;
/// fn bye(left: On<Left<Match>>) {
///     let name = &left.info.username;
///     match left.why {
///         LeaveReason::Left | LeaveReason::Kicked => println!("{name} has left"),
///         LeaveReason::WhileAway => println!("{name} left while the connection was lost"),
///         LeaveReason::YouLeft | LeaveReason::Disconnected => {} // they stay, and the local user is out
///     }
/// }
/// ```
#[derive(EntityEvent)]
pub struct Left<C: Context> {
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
    /// They joined later.
    Arrived,
    /// They joined while the connection was lost. Connections do not heal yet, so you do not meet it yet.
    WhileAway,
}

/// Why somebody is not in a match, party, channel or stream any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeaveReason {
    /// They left, or their connection ended. The server does not say which.
    Left,
    /// The local user removed them from the party, with [`kick_from_party`](crate::commands::NakamaCommands::kick_from_party). Of others
    /// who are kicked, the server only says that they left.
    Kicked,
    /// They left while the connection was lost. Connections do not heal yet, so you do not meet it yet.
    WhileAway,
    /// The local user is out: they left, were removed, or it was closed; or the local user has unfollowed the user. Everybody who was
    /// there gets this reason. The others have not left: they may well be there still.
    YouLeft,
    /// The connection ended. Everybody who was there gets this reason. The others have not left: they may well be there still.
    Disconnected,
}

impl<C: Context> fmt::Debug for Joined<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined")
            .field("context", &self.context)
            .field("presence", &self.presence)
            .field("how", &self.how)
            .finish()
    }
}

impl<C: Context> fmt::Debug for Left<C> {
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
pub(super) fn tell_joined<C: Context>(
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
pub(super) fn tell_left<C: Context>(
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
