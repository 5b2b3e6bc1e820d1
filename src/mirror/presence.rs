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
//! Ids are compared as the server compares them: the UUIDs in them may be typed in capitals. The name of a room, or of a server's node
//! behind the dot, is what it is.

use std::{collections::VecDeque, sync::Arc};

use bevy_ecs::{
    component::{Immutable, StorageType},
    entity::EntityHashMap,
    lifecycle::HookContext,
    prelude::*,
    reflect::ReflectComponent,
    relationship::{Relationship, RelationshipTarget},
    world::DeferredWorld,
};
use bevy_reflect::{Reflect, ReflectDeserialize, ReflectSerialize, impl_reflect_opaque};
use hashbrown::{HashMap, HashSet};

pub use crate::ecs::departure::Departed;
use crate::{
    connection::NakamaConnection,
    ecs::departure::depart,
    proto::UserPresence,
    request::{Moment, Moments},
    transport::canonical,
};

pub use crate::transport::{
    ChannelId, MatchId, MessageId, PartyId, PresenceInfo, Secret, SessionId, TicketId, UserId,
    Username,
};

macro_rules! id_components {
    ($($Id:ident)*) => {$(
        impl Component for $Id {
            const STORAGE_TYPE: StorageType = StorageType::Table;
            type Mutability = Immutable;
        }

        impl_reflect_opaque!((in bevy_nakama::presence) $Id(
            Clone, Debug, Hash, PartialEq, Component, Serialize, Deserialize
        ));
    )*};
}

id_components!(UserId SessionId Username MatchId PartyId ChannelId TicketId);

/// Who this presence is, and where. Its copies of the ids are also components of their own.
#[derive(Clone, Component, Debug)]
#[component(immutable, on_insert = index, on_discard = unindex)]
pub struct Presence {
    context: Entity,
    info: Arc<PresenceInfo>,
}

impl Presence {
    /// The match, party, channel or stream, or the user whose session it is.
    #[must_use]
    pub fn context(&self) -> Entity {
        self.context
    }

    /// As the server wants it named.
    pub(crate) fn to_proto(&self) -> UserPresence {
        UserPresence {
            user_id: self.info.user_id.to_string(),
            session_id: self.info.session_id.to_string(),
            username: self.info.username.to_string(),
            ..Default::default()
        }
    }

    /// User, session and name.
    #[must_use]
    pub fn info(&self) -> &Arc<PresenceInfo> {
        &self.info
    }
}

fn index(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    let Some(Presence { context, info }) = world.get::<Presence>(entity).cloned() else {
        return;
    };
    if let Some(mut index) = world.get_resource_mut::<PresenceIndex>() {
        let roster = index.contexts.entry(context).or_default();
        roster.here.insert(info.session_id.clone(), entity);
        roster.without_entity.remove(&info.session_id);
        roster
            .left
            .retain(|(session, _)| *session != info.session_id);
        roster
            .users
            .entry(info.user_id.clone())
            .or_default()
            .push(entity);
    }
}

fn unindex(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    let Some(Presence { context, info }) = world.get::<Presence>(entity).cloned() else {
        return;
    };
    let has_departed = world.get::<Departed>(entity).is_some();
    if let Some(mut index) = world.get_resource_mut::<PresenceIndex>()
        && let Some(roster) = index.contexts.get_mut(&context)
    {
        if roster.here.get(&info.session_id) == Some(&entity) {
            roster.here.remove(&info.session_id);
            if !has_departed {
                roster.without_entity.insert(info.session_id.clone());
            }
        }
        if let Some(sessions) = roster.users.get_mut(&info.user_id) {
            sessions.retain(|session| *session != entity);
            if sessions.is_empty() {
                roster.users.remove(&info.user_id);
            }
        }
    }
}

/// How a presence came into the world.
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::presence"]
#[component(immutable)]
#[reflect(Component)]
pub enum JoinedAs {
    /// It was there when the local user joined, or it is the local user.
    Snapshot,
    /// It joined later.
    Event,
}

/// Marks the presence of the local user, and [the user](crate::status) that it is.
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::presence"]
#[reflect(Component)]
pub struct IsSelf;

/// Marks an entity that asks to become a match, a party, a channel or a ticket. It goes with the answer.
///
/// Despawning the entity withdraws the request: if it succeeds after all, the plugin leaves again.
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::presence"]
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

/// Finds presences by session.
#[derive(Debug, Default, Resource)]
pub struct PresenceIndex {
    contexts: EntityHashMap<Roster>,
    /// That of this connection, once the server has told.
    own_session: Option<SessionId>,
}

/// Those who are in one context, and those who were.
#[derive(Debug, Default)]
struct Roster {
    here: HashMap<SessionId, Entity>,
    /// Most users are there once. The session that joined last is last.
    users: HashMap<UserId, Vec<Entity>>,
    /// Those who are there for the server, but whose presence the game has despawned.
    without_entity: HashSet<SessionId>,
    left: VecDeque<(SessionId, Moment)>,
}

/// How many of those who left a context are remembered.
const LEAVERS: usize = 1024;

impl PresenceIndex {
    /// The presence of a session in a match, party, channel or stream, or of a user.
    #[must_use]
    pub fn get(&self, context: Entity, session: &SessionId) -> Option<Entity> {
        self.contexts.get(&context)?.here.get(session).copied()
    }

    /// The presences of a user in a match, party or channel: one for each session. The one that joined last is last.
    #[must_use]
    pub fn of_user(&self, context: Entity, user: &str) -> &[Entity] {
        let roster = self.contexts.get(&context);
        roster
            .and_then(|roster| roster.users.get(&*canonical(user)))
            .map_or(&[], Vec::as_slice)
    }

    /// How many presences there are in a match, party or channel.
    #[must_use]
    pub fn count(&self, context: Entity) -> usize {
        self.contexts
            .get(&context)
            .map_or(0, |roster| roster.here.len())
    }

    /// The session of this connection. The server tells it with the first thing that you join, and right at the start if the local
    /// user [appears online](crate::connection::ConnectOptions::appear_online).
    #[must_use]
    pub fn own_session(&self) -> Option<&SessionId> {
        self.own_session.as_ref()
    }

    /// Whether the join of a session has been applied: it left since, or the game has despawned its presence.
    pub(crate) fn has_gone(&self, context: Entity, session: &SessionId) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| roster.without_entity.contains(session))
            || self.left_since(context, session, Moment::default())
    }

    fn left_since(&self, context: Entity, session: &SessionId, since: Moment) -> bool {
        let left = self.contexts.get(&context).map(|roster| &roster.left);
        left.is_some_and(|left| {
            left.iter()
                .any(|(gone, when)| gone == session && *when >= since)
        })
    }
}

/// The party with this id, if the local user is in it.
pub(crate) fn party_of(world: &World, id: &PartyId) -> Option<Entity> {
    let mut contexts = world.resource::<PresenceIndex>().contexts.keys();
    let found = contexts.find(|context| world.get::<PartyId>(**context) == Some(id));
    found.copied()
}

/// The id of a party that the local user is in.
pub(crate) fn party_id(world: &World, party: Entity) -> Option<PartyId> {
    // A game may put an id wherever it likes.
    let contexts = &world.resource::<PresenceIndex>().contexts;
    let id = world.get::<PartyId>(party);
    id.filter(|_| contexts.contains_key(&party)).cloned()
}

/// A relationship from a presence to where it is.
#[doc(hidden)]
pub trait Membership: Relationship + Bundle {
    /// What such a presence carries besides, from the moment it is spawned.
    type Detail: Detail;
    /// What marks some of them. It goes when they leave.
    type Marks: Bundle;
}

/// What the presences of an area carry besides.
#[doc(hidden)]
pub trait Detail: Bundle {
    fn of(presence: &UserPresence) -> Self;

    /// The server tells of a presence that is there already.
    fn update(self, known: &mut EntityWorldMut<'_>);
}

impl Detail for () {
    fn of(_: &UserPresence) -> Self {}

    fn update(self, _: &mut EntityWorldMut<'_>) {}
}

/// Whether somebody is the local user: this session, or any of the user's as long as the server has not told which it is.
pub(crate) fn is_self(world: &World, who: &UserPresence) -> bool {
    match &world.resource::<PresenceIndex>().own_session {
        Some(own) => *own == who.session_id.as_str(),
        None => is_own_user(world, &who.user_id),
    }
}

/// Whether somebody is the local user, from whatever device.
pub(crate) fn is_own_user(world: &World, user_id: &str) -> bool {
    let user = world.resource::<NakamaConnection>().user();
    user.is_some_and(|(own, _)| *own == *user_id)
}

/// The server tells which session is this connection's. Its presences that are there already are marked.
pub(crate) fn set_own_session(world: &mut World, session: &SessionId) {
    if world.resource::<PresenceIndex>().own_session.is_some() {
        return;
    }
    let mut index = world.resource_mut::<PresenceIndex>();
    index.own_session = Some(session.clone());
    let rosters = index.contexts.values();
    let own: Vec<_> = rosters
        .filter_map(|roster| roster.here.get(session).copied())
        .collect();
    for presence in own {
        if let Ok(mut presence) = world.get_entity_mut(presence) {
            presence.insert(IsSelf);
        }
    }
}

/// A connection begins or ends; the next one has a session of its own.
pub(crate) fn forget_own_session(world: &mut World) {
    let mut index = world.resource_mut::<PresenceIndex>();
    let was_known = index.bypass_change_detection().own_session.take().is_some();
    if was_known {
        index.set_changed();
    }
}

/// Everybody that an answer lists, the local user included. Who left while the answer was under way is not brought back.
pub(crate) fn apply_snapshot<M: Membership>(
    world: &mut World,
    context: Entity,
    everybody: impl IntoIterator<Item = (Arc<PresenceInfo>, M::Detail, bool)>,
    since: Moment,
) {
    for (info, detail, is_self) in everybody {
        if is_self {
            set_own_session(world, &info.session_id);
        }
        if is_self
            || !world
                .resource::<PresenceIndex>()
                .left_since(context, &info.session_id, since)
        {
            join::<M>(world, context, info, detail, JoinedAs::Snapshot, is_self);
        }
    }
}

/// Whether an event changes who is somewhere for the server, whatever the game has despawned.
pub(crate) fn is_change(
    world: &World,
    context: Entity,
    joins: &[UserPresence],
    leaves: &[UserPresence],
) -> bool {
    let roster = world.resource::<PresenceIndex>().contexts.get(&context);
    let is_known = |who: &UserPresence| {
        let session = SessionId::from(who.session_id.as_str());
        roster.is_some_and(|roster| {
            roster.here.contains_key(&session) || roster.without_entity.contains(&session)
        })
    };
    let stays = |gone: &UserPresence| joins.iter().any(|here| here.session_id == gone.session_id);
    joins.iter().any(|who| !is_known(who)) || leaves.iter().any(|who| is_known(who) && !stays(who))
}

/// Joins and leaves in one event. Who is in both lists has changed, not gone.
pub(crate) fn apply_event<M: Membership>(
    world: &mut World,
    context: Entity,
    joins: Vec<(Arc<PresenceInfo>, M::Detail)>,
    leaves: &[Arc<PresenceInfo>],
) {
    for gone in leaves {
        if !joins
            .iter()
            .any(|(info, _)| info.session_id == gone.session_id)
        {
            leave::<M>(world, context, &gone.session_id);
        }
    }
    for (info, detail) in joins {
        join::<M>(world, context, info, detail, JoinedAs::Event, false);
    }
}

fn join<M: Membership>(
    world: &mut World,
    context: Entity,
    info: Arc<PresenceInfo>,
    detail: M::Detail,
    how: JoinedAs,
    is_self: bool,
) {
    // Observers of the one before may have despawned what they are in.
    if world.get_entity(context).is_err() {
        return;
    }
    let index = world.resource::<PresenceIndex>();
    let is_self = is_self || index.own_session.as_ref() == Some(&info.session_id);
    let known = index.get(context, &info.session_id);
    let name = Name::new(info.username.as_str().to_owned());
    let bundle = (
        info.user_id.clone(),
        info.session_id.clone(),
        info.username.clone(),
        Presence {
            context,
            info: info.clone(),
        },
    );
    match known {
        None if is_self => {
            let how = JoinedAs::Snapshot;
            world.spawn((M::from(context), how, bundle, name, detail, IsSelf));
        }
        None => {
            world.spawn((M::from(context), how, bundle, name, detail));
        }
        Some(known) => {
            let before = world.get::<Presence>(known).map(|known| known.info.clone());
            // After each step, an observer may have despawned it.
            if let Ok(mut entity) = world.get_entity_mut(known)
                && let Some(before) = before.filter(|before| *before != info)
            {
                // A name that the game gave stays.
                let is_ours = entity
                    .get::<Name>()
                    .is_none_or(|name| name.as_str() == before.username.as_str());
                if is_ours {
                    entity.insert((bundle, name));
                } else {
                    entity.insert(bundle);
                }
            }
            if let Ok(mut entity) = world.get_entity_mut(known)
                && is_self
                && !entity.contains::<IsSelf>()
            {
                entity.insert(IsSelf);
            }
            if let Ok(mut entity) = world.get_entity_mut(known) {
                detail.update(&mut entity);
            }
        }
    }
}

fn leave<M: Membership>(world: &mut World, context: Entity, session: &SessionId) {
    if world.get_entity(context).is_err() {
        return;
    }
    let moment = world.resource::<Moments>().now();
    let mut index = world.resource_mut::<PresenceIndex>();
    // Nothing of this is to be seen from outside; the hooks of `Presence` tell what is.
    let contexts = &mut index.bypass_change_detection().contexts;
    let roster = contexts.entry(context).or_default();
    roster.without_entity.remove(session);
    let gone = roster.here.get(session).copied();
    if roster.left.len() == LEAVERS {
        roster.left.pop_front();
    }
    roster.left.push_back((session.clone(), moment));
    if let Some(gone) = gone {
        go::<M>(world, gone);
    }
}

/// A presence is out of where it was.
fn go<M: Membership>(world: &mut World, presence: Entity) {
    depart::<(M, M::Detail, M::Marks, Presence, JoinedAs, IsSelf)>(world, presence);
}

/// The local user is out of a context: so is everybody in it.
pub(crate) fn all_go<M: Membership>(world: &mut World, context: Entity) {
    let here = world.get::<M::RelationshipTarget>(context);
    let here: Vec<_> = here
        .into_iter()
        .flat_map(RelationshipTarget::iter)
        .collect();
    for presence in here {
        go::<M>(world, presence);
    }
}

/// Forgets a context that is no more.
pub(crate) fn forget(world: &mut World, context: Entity) {
    let mut index = world.resource_mut::<PresenceIndex>();
    let contexts = &mut index.bypass_change_detection().contexts;
    let roster = contexts.remove(&context);
    if roster.is_some_and(|roster| !roster.here.is_empty()) {
        index.set_changed();
    }
}
