//! Status: which friends are online, and what they are doing.
//!
//! To follow users is a request ([`FollowUsers`]). From its answer on, each of them is an entity with [`FollowedUser`] and [`UserId`], and
//! with [`Username`] as soon as the server has told it. The sessions of a user (one for each device that is online) are presences,
//! related to the user by [`SessionOf`]. Each has a text of its own, [`UserStatus`]. A user who is offline has no session.
//!
//! ```no_run
//! # use bevy::prelude::*;
//! # use bevy_nakama::prelude::*;
//! fn follow(_: On<Connected>, mut commands: Commands) {
//!     let friends = FollowUsers::ids(["4c2ae592-b2a7-445e-98ec-697694478b1c"]).usernames(["cat"]);
//!     commands.nakama().follow(friends);
//!     commands.nakama().set_status(Some("in the lobby"));
//! }
//!
//! fn tell(
//!     news: On<Insert, UserStatus>,
//!     sessions: Query<(&Username, &UserStatus), Without<IsSelf>>,
//! ) {
//!     if let Ok((name, status)) = sessions.get(news.entity) {
//!         println!("{name}: {}", status.0);
//!     }
//! }
//!
//! fn bye(left: On<Left<FollowedUser>>) {
//!     if left.why.has_left() {
//!         println!("{} has closed the game on one device", left.info.username);
//!     }
//! }
//! # fn main() { App::new().add_observer(follow).add_observer(tell).add_observer(bye); }
//! ```
//!
//! | You want to know | Look at |
//! |---|---|
//! | who is online | `Query<.., (With<FollowedUser>, With<UserSessions>)>` |
//! | that a user comes online | [`Joined<FollowedUser>`](crate::presence::Joined), if [`PresenceIndex::count`] of the user is 1 |
//! | that a user goes offline | [`Left<FollowedUser>`](crate::presence::Left), if [`why.has_left()`](crate::presence::LeaveReason::has_left) and [`PresenceIndex::count`] of the user is 0 |
//! | that a device comes or goes | [`Joined<FollowedUser>`](crate::presence::Joined), [`Left<FollowedUser>`](crate::presence::Left) |
//! | a status | `On<Insert, UserStatus>` or `Changed<UserStatus>`: the first status, and each that differs from the last |
//!
//! A change of status keeps the session's entity. If a user sets the same text again, nothing changes here.
//!
//! # The local user
//!
//! The server reports to each socket the sessions of its own user, also those on other devices. So the local user is an entity like a
//! followed user, with [`IsSelf`]. The session of this connection has [`IsSelf`], too. The entity appears with the first session that the
//! server reports: right after [`Connected`](crate::connection::Connected) if the local user
//! [appears online](crate::connection::ConnectOptions::appear_online), which is the default, and otherwise with the first status that you
//! set. The server does not list sessions on other devices that were online before; they appear with their next change. Nor does it tell
//! which of them went offline while your connection was lost: those stay until the connection ends.
//!
//! You cannot unfollow the local user: if you despawn the entity, it comes back with the next thing that the server tells.
//!
//! You [set](crate::commands::NakamaCommands::set_status) the status of this connection's session only. The answer comes first, then the
//! change.
//!
//! # When they go
//!
//! When the server agrees that you unfollow a user, the user's entity goes, with its sessions. To despawn the entity is to unfollow, too:
//! see the [table](crate::presence#what-you-may-do-to-entities). All followed users go with the connection, and the next one begins
//! without any.
//!
//! If a follow is answered after its time was up, or after you have despawned its entity, the plugin unfollows those of its users whom
//! no other request follows. It can do so for the users that you have asked for by id, and for those whom the answer names.
//!
//! # What you cannot know
//!
//! * Whether a user exists. The server only answers with sessions that are online. If nobody has an id, its entity stays offline for ever.
//! * The id of a user whom you follow by name, while that user is offline. The server follows them, but the answer does not name them. They
//!   have no entity until they come online, and you cannot unfollow them before that. The server ignores a name that nobody has, even if
//!   somebody takes it later.
//! * Whether a user is offline or hidden: users who connect without appearing online have no session here.
//! * Which of the local user's sessions is this connection's, if the local user does not appear online. The plugin knows it from the first
//!   match, party or channel that you join, or from the first status that you set. If that session goes before, the reason is
//!   [`Left`](crate::presence::LeaveReason::Left) like another player's.
//! * What a user's last status was: the server does not store it. It goes with its session.

mod reentry;
mod requests;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;
use hashbrown::{HashMap, HashSet};

pub use self::requests::{FollowUsers, StatusRefusal, UnfollowUsers, UpdateStatus, UsersFollowed};
use crate::{
    connection::NakamaConnection,
    ecs::{naming::give_name, uncloned::Uncloned as _},
    mirror::{
        self, AreaAppExt as _, Context, ContextIndex, Detail, HasMembers, LifeCycle, Membership,
        Timing, Vocabulary, WaitsFor, on_pushed,
        presence::{IsSelf, PresenceIndex, SessionId, UserId, Username},
    },
    proto::{Message, UserPresence, realtime},
    request::{Area, Moment, Moments},
    transport::{People, Pushed},
};

/// Marks a user whom the local user follows, or the local user. It appears with the answer to [`FollowUsers`]. It goes when you unfollow
/// the user, or when the connection ends. To despawn the entity is to unfollow.
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::status"]
#[component(clone_behavior = Ignore, on_remove = mirror::leave_taken::<FollowedUser>)]
#[reflect(Component)]
pub struct FollowedUser;

/// Relates a session, which is a presence, to its user. It appears when the session comes online, or stops hiding. It goes when the
/// session goes offline, or hides.
///
/// **To hear which device comes and goes, observe [`Joined`](crate::presence::Joined) and [`Left`](crate::presence::Left)**:
/// `On<Remove, SessionOf>` also fires when you unfollow the user, or when the connection ends. An observer of `On<Add, …>` must not
/// [despawn the user](crate::presence#who-joins-and-who-leaves).
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::status"]
#[relationship(relationship_target = UserSessions)]
#[reflect(Component)]
pub struct SessionOf(pub Entity);

/// The sessions of a user, in the order in which they came online. It is absent while the user is offline.
#[derive(Component, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::status"]
#[relationship_target(relationship = SessionOf, linked_spawn)]
#[reflect(Component)]
pub struct UserSessions(Vec<Entity>);

/// The status that a session shows, at most 2048 bytes. It may be empty: then the session is online, and says nothing more. The plugin
/// inserts it anew when it changes.
///
/// Mirrors `UserPresence.status`.
#[derive(Clone, Component, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::status"]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(Component)]
pub struct UserStatus(pub String);

/// Finds the entity of a user whom the local user follows, or of the local user.
pub type FollowedUserIndex = ContextIndex<UserId>;

impl Context for FollowedUser {}

impl HasMembers for FollowedUser {}

impl Vocabulary for FollowedUser {
    type Id = UserId;
    type Marks = IsSelf;
    const AREA: Area = Area::Status;
    const NOUN: &'static str = "followed user";

    fn leave_message(world: &World, id: &UserId) -> Option<Message> {
        // Nobody can unfollow themselves.
        let is_own = mirror::is_own_user(world, id.as_str());
        (!is_own).then(|| unfollow_message([id]))
    }

    fn forget(world: &mut World, _: Entity, id: &UserId) {
        world.resource_mut::<StatusBook>().known.remove(id);
    }
}

impl Membership for SessionOf {
    type Place = FollowedUser;
    type Detail = UserStatus;
    type Marks = ();
}

impl Detail for UserStatus {
    fn of(presence: &UserPresence) -> Self {
        Self(presence.status.clone().unwrap_or_default())
    }

    fn read(known: &EntityRef<'_>) -> Self {
        known.get::<Self>().cloned().unwrap_or_default()
    }

    fn update(self, known: &mut EntityWorldMut<'_>) {
        if known.get::<Self>() != Some(&self) {
            known.insert(self);
        }
    }
}

/// What is known beside the users.
#[derive(Debug, Default, Resource)]
pub(crate) struct StatusBook {
    /// Names that the local user follows, and whose users the server has not told yet.
    names: HashSet<Username>,
    /// The names of users who are followed, as the server told them last.
    known: HashMap<UserId, Username>,
    /// What the session of this connection is about to show, for the time when it is not known which session that is.
    own: Vec<String>,
    /// The last status that the server has agreed to. The inner `None` means that the local user hides.
    shown: Option<Option<String>>,
    /// Whether a status that was set while the connection was lost is about to replace it.
    is_outdated: bool,
}

#[cfg(feature = "overlay")]
impl StatusBook {
    /// What the local user shows again if the connection is lost. `None` if the game has not set anything, or hides the local user.
    pub(crate) fn shown(&self) -> Option<&str> {
        self.shown.as_ref()?.as_deref()
    }

    /// The names that the local user follows and that the server has not told anything about, sorted.
    pub(crate) fn names_to_come(&self) -> Vec<Username> {
        let mut names: Vec<_> = self.names.iter().cloned().collect();
        names.sort();
        names
    }
}

/// When an event last reported a session. An answer to an earlier request may be older than that.
#[derive(Component)]
#[component(immutable, clone_behavior = Ignore)]
struct HeardAt(Moment);

fn unfollow_message<'a>(ids: impl IntoIterator<Item = &'a UserId>) -> Message {
    Message::StatusUnfollow(realtime::StatusUnfollow {
        user_ids: ids.into_iter().map(ToString::to_string).collect(),
    })
}

/// Sessions came online, went offline, or changed their status.
fn on_presence_event(
    world: &mut World,
    event: &mut realtime::StatusPresenceEvent,
    people: &mut People,
    timing: Timing,
) -> Result<(), WaitsFor> {
    let Some(user) = user_in(event) else {
        return Ok(());
    };
    let is_of_user = |who: &UserPresence| who.user_id == user;
    if event.joins.iter().chain(&event.leaves).all(is_of_user) {
        return on_event_of(world, &user, event, people, timing);
    }
    // A server sends an event for each user, but the protocol does not promise that.
    while let Some(user) = user_in(event) {
        let of_user = |who: &mut UserPresence| who.user_id == user;
        let part = Message::StatusPresenceEvent(realtime::StatusPresenceEvent {
            joins: event.joins.extract_if(.., of_user).collect(),
            leaves: event.leaves.extract_if(.., of_user).collect(),
        });
        mirror::dispatch(world, Pushed::Message(Box::new(part.into())), timing);
    }
    Ok(())
}

fn user_in(event: &realtime::StatusPresenceEvent) -> Option<String> {
    let mut who = event.joins.iter().chain(&event.leaves);
    who.next().map(|who| who.user_id.clone())
}

fn on_event_of(
    world: &mut World,
    user: &str,
    event: &realtime::StatusPresenceEvent,
    people: &mut People,
    timing: Timing,
) -> Result<(), WaitsFor> {
    let who = event.joins.iter().chain(&event.leaves);
    mirror::wait_for_answer(world, timing, Area::Status, user, who)?;
    if mirror::is_own_user(world, user) {
        learn_own_session(world, event);
    }
    if is_uncertain(world, user) {
        return Err(WaitsFor::context(Area::Status, user));
    }
    let entity =
        entity_for(world, user, event).ok_or_else(|| WaitsFor::context(Area::Status, user))?;
    mirror::on_presences::<SessionOf>(world, entity, &event.joins, &event.leaves, people);
    let heard_at = world.resource::<Moments>().now();
    let index = world.resource::<PresenceIndex>();
    let heard: Vec<_> = event
        .joins
        .iter()
        .filter_map(|who| index.get(entity, &SessionId::from(who.session_id.as_str())))
        .collect();
    for session in heard {
        if let Ok(mut session) = world.get_entity_mut(session) {
            session.insert(HeardAt(heard_at));
        }
    }
    Ok(())
}

/// Whether a user was followed before the connection was lost, and the server has not listed their sessions since.
fn is_uncertain(world: &World, user: &str) -> bool {
    let known = world
        .resource::<FollowedUserIndex>()
        .get(&UserId::from(user));
    known.is_some_and(|user| world.resource::<PresenceIndex>().awaits_snapshot(user))
}

/// The user of an event: a followed user, the local user, or a user who is followed by name and heard of for the first time.
fn entity_for(
    world: &mut World,
    user: &str,
    event: &realtime::StatusPresenceEvent,
) -> Option<Entity> {
    let id = UserId::from(user);
    let known = world.resource::<FollowedUserIndex>().get(&id);
    let Some(first) = event.joins.first() else {
        return known;
    };
    let name = Username::from(first.username.as_str());
    let is_wanted = known.is_some()
        || mirror::is_own_user(world, user)
        || world.resource::<StatusBook>().names.contains(&name);
    if is_wanted {
        become_user(world, &id, Some(&name))
    } else {
        None
    }
}

/// The entity of a user; a new entity if the user has none. `None` if the game unfollowed them at once.
fn become_user(world: &mut World, id: &UserId, name: Option<&Username>) -> Option<Entity> {
    if let Some(name) = name {
        let mut book = world.resource_mut::<StatusBook>();
        book.names.remove(name);
        book.known.insert(id.clone(), name.clone());
    }
    let known = world.resource::<FollowedUserIndex>().get(id);
    let user = known.unwrap_or_else(|| {
        let user = world.spawn_empty().id();
        if let Some(name) = name {
            world.entity_mut(user).insert(name.clone());
        }
        if mirror::is_own_user(world, id.as_str()) {
            world.entity_mut(user).insert(IsSelf);
        }
        mirror::become_known::<FollowedUser>(world, user, id, (FollowedUser, id.clone()));
        user
    });
    if let Some(name) = name {
        let mut entity = world.get_entity_mut(user).ok()?;
        if entity.get::<Username>() != Some(name) {
            entity.insert(name.clone());
        }
        give_name(world, user, format!("{} {name}", FollowedUser::NOUN));
    }
    mirror::is_in::<FollowedUser>(world, user).then_some(user)
}

/// The local user comes online somewhere. If the session shows what this connection's session was about to show, it is that session.
fn learn_own_session(world: &mut World, event: &realtime::StatusPresenceEvent) {
    let index = world.resource::<PresenceIndex>();
    let book = world.resource::<StatusBook>();
    if index.own_session().is_some() {
        return;
    }
    let is_change = |who: &UserPresence| {
        let mut leaves = event.leaves.iter();
        leaves.any(|gone| gone.session_id == who.session_id)
    };
    let mut joins = event.joins.iter();
    let is_shown = |who: &UserPresence| {
        let status = who.status.as_ref();
        status.is_some_and(|status| book.own.contains(status))
    };
    let own = joins.find(|who| is_shown(who) && !is_change(who));
    if let Some(own) = own {
        let session = SessionId::from(own.session_id.as_str());
        world.resource_mut::<StatusBook>().own.clear();
        mirror::set_own_session(world, &session);
    }
}

/// Followed users, their sessions and statuses.
pub(crate) struct StatusPlugin;

impl Plugin for StatusPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<FollowedUserIndex>()
            .init_resource::<StatusBook>()
            .register_type::<(FollowedUserIndex, FollowedUser)>()
            .register_type::<(SessionOf, UserSessions, UserStatus)>()
            .add_life_cycle(LifeCycle {
                on_opened,
                on_lost: mirror::make_stale::<FollowedUser>,
                reenter: reentry::reenter,
                on_closed: |world| {
                    mirror::clear::<FollowedUser>(world);
                    *world.resource_mut::<StatusBook>() = StatusBook::default();
                },
            })
            .handle_joins(|world| {
                let ids = mirror::take_unwanted::<FollowedUser>(world);
                requests::unfollow_unwanted(world, ids);
            });
        on_pushed!(app: StatusPresenceEvent => on_presence_event,);
    }
}

/// If the local user appears online, the first thing that the server tells is the session of this connection.
fn on_opened(world: &mut World) {
    let appears_online = world.resource::<NakamaConnection>().appears_online();
    let own = appears_online.then(String::new);
    world.resource_mut::<StatusBook>().own = own.into_iter().collect();
}
