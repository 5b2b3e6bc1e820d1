//! Old sessions of the members: which of them may be ghosts, and which have no entity, because theirs has passed on.

use std::{sync::Arc, time::Duration};

use bevy_ecs::{prelude::*, reflect::ReflectComponent};
use bevy_reflect::Reflect;
use bevy_time::{Real, Time};

use super::{
    ids::{PresenceInfo, SessionId},
    presence::Presence,
    roster::PresenceIndex,
    suspects::{Appear, Hidden, Mark},
};
use crate::{connection::NakamaConnection, transport::canonical};

/// For so long a session may be a ghost. A server drops the session of a dead line within 25 s.
const LIFE: Duration = Duration::from_secs(30);

/// Marks a presence that may be a ghost: the same user is there with a newer session. Either they have lost the connection and are back, or
/// they play on two devices; the server does not say which.
///
/// The plugin inserts it when the newer session joins, on every older presence of that user in the same match, party, channel or stream, or
/// of the followed user. It goes
///
/// * when that session says something: data of a match, a party or a stream, or another status. So it was another device;
/// * when the newer session leaves;
/// * after 30 s. A ghost does not live that long;
/// * with the presence.
///
/// A chat message does not take it away: it names its user, and no session.
///
/// Which session is older, the ids tell: a session id is a UUID of version 1, and has the time in it. Where it is another id, the session
/// that was there before is the older one. The local user's own presence ([`IsSelf`](crate::presence::IsSelf)) never has the mark, and the
/// presence of their other device may have it.
///
/// See [ghosts of other members](crate::healing#ghosts-of-other-members).
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::healing"]
#[component(clone_behavior = Ignore)]
#[reflect(Component)]
pub struct MaybeGhost;

/// Keeps the entities of members who lose the connection and come back. Insert it on a match, party, channel, stream or followed user, or on
/// the entity of the request that enters it.
///
/// When a newer session of a member joins while their old session is still there, the entity passes on to the new session: you hear of
/// [`Adopted`], and not of [`Joined`](crate::presence::Joined). Whatever your game has put on the entity stays.
///
/// If your players use several devices at once, do without it: for up to 30 s, two devices of one user look like one player.
///
/// ```
/// # use bevy_nakama::{healing::*, prelude::*};
/// # use bevy_ecs::prelude::*;
/// fn join(mut commands: Commands) {
///     commands.nakama().join_match(JoinMatch::by_id("…")).insert(AdoptReconnecting);
/// }
/// ```
///
/// See [ghosts of other members](crate::healing#ghosts-of-other-members).
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::healing"]
#[reflect(Component)]
pub struct AdoptReconnecting;

/// A member is back with a new session, and their entity has passed on to it. It is an event of that entity, in a match, party, channel or
/// stream with [`AdoptReconnecting`].
///
/// The entity has the new [`SessionId`], and everything else that it had before. Neither [`Joined`](crate::presence::Joined) nor
/// [`Left`](crate::presence::Left) comes.
///
/// What was sent to the old session meanwhile has not reached the player. So tell them what they need to know, as you tell those who join.
///
/// ```
/// # use bevy_nakama::{healing::*, prelude::*};
/// # use bevy_ecs::prelude::*;
/// # use bevy_app::App;
/// fn brief(back: On<Adopted>, names: Query<&Username>, mut commands: Commands) {
///     let Ok(name) = names.get(back.presence) else { return };
///     println!("{name} is back");
///     let score = OutgoingData::raw(7, "2:1").to([back.presence]);
///     commands.nakama().send_data(back.context, score);
/// }
/// # App::new().add_observer(brief);
/// ```
#[derive(Clone, Debug, EntityEvent)]
pub struct Adopted {
    /// The member: the same entity as before.
    #[event_target]
    pub presence: Entity,
    /// The match, party, channel or stream; the user, if this is a session of a followed user.
    pub context: Entity,
    /// The session that this entity stood for. The server still has it.
    pub old: SessionId,
    /// The session that it stands for now.
    pub new: SessionId,
}

/// Whether the first of two sessions of a user is the older one. It was there before the second.
pub(super) fn is_older(first: &SessionId, second: &SessionId) -> bool {
    match (made_at(first), made_at(second)) {
        (Some(first), Some(second)) => first <= second,
        _ => true,
    }
}

/// Whether a session was certainly made after the first and before the last.
pub(super) fn is_between(first: &SessionId, session: &SessionId, last: &SessionId) -> bool {
    let [first, session, last] = [first, session, last].map(made_at);
    session.is_some() && first.is_some() && first < session && session < last
}

/// When a session was made, if its id is a UUID of version 1: in steps of 100 ns, since 1582.
fn made_at(session: &SessionId) -> Option<u64> {
    let mut parts = session.as_str().split('-');
    let mut part = |length| {
        let part = parts.next().filter(|part| part.len() == length)?;
        let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(part, 16).ok().filter(|_| is_hex)
    };
    let (low, middle, high) = (part(8)?, part(4)?, part(4)?);
    (high >> 12 == 1).then_some((high & 0x0FFF) << 48 | middle << 32 | low)
}

impl PresenceIndex {
    /// How many sessions in a match, party, channel or stream have no entity, because theirs has passed on to a newer session of the same
    /// user: see [`AdoptReconnecting`]. The server drops a ghost within about 25 s.
    #[must_use]
    pub fn hidden_ghosts(&self, context: Entity) -> usize {
        let roster = self.contexts.get(&context);
        roster.map_or(0, |roster| roster.ghosts.hidden.len())
    }

    /// How many of them were this user's.
    #[cfg(feature = "overlay")]
    pub(crate) fn hidden_ghosts_of(&self, context: Entity, user: &str) -> usize {
        let roster = self.contexts.get(&context);
        let hidden = roster.into_iter().flat_map(|it| it.ghosts.hidden.values());
        hidden.filter(|it| it.info.user_id == *user).count()
    }

    pub(super) fn is_hidden(&self, context: Entity, session: &str) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| roster.ghosts.hidden.contains_key(&*canonical(session)))
    }

    fn is_marked(&self, context: Entity, session: &SessionId) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| roster.ghosts.marked.contains_key(session))
    }

    /// A session is older than another one of its user.
    fn mark(&mut self, context: Entity, older: &SessionId, newer: &SessionId, until: Duration) {
        let Some(roster) = self.contexts.get_mut(&context) else {
            return; // an observer of another mark has left it
        };
        let mark = roster
            .ghosts
            .marked
            .entry(older.clone())
            .or_insert_with(|| Mark {
                until,
                newer: Vec::new(),
            });
        mark.until = until;
        if !mark.newer.contains(newer) {
            mark.newer.push(newer.clone());
        }
    }

    /// A session is there, without an entity.
    fn hide(&mut self, context: Entity, info: Arc<PresenceInfo>, until: Duration, appear: Appear) {
        let roster = self.contexts.entry(context).or_default();
        let hidden = &mut roster.ghosts.hidden;
        let until = hidden.get(&info.session_id).map_or(until, |it| it.until);
        let session = info.session_id.clone();
        let hidden_now = Hidden {
            info,
            until,
            appear,
        };
        hidden.insert(session, hidden_now);
    }

    /// After a loss, the server has told who is in a context. The hidden sessions that it does not list are gone.
    pub(super) fn keep_hidden(&mut self, context: Entity, is_listed: impl Fn(&SessionId) -> bool) {
        if let Some(roster) = self.contexts.get_mut(&context) {
            roster.ghosts.hidden.retain(|session, _| is_listed(session));
        }
    }

    /// A session is alive. Returns its presence, if it was marked, and how it appears, if it was hidden.
    fn is_alive(
        &mut self,
        context: Entity,
        session: &SessionId,
    ) -> (Option<Entity>, Option<Appear>) {
        let Some(roster) = self.contexts.get_mut(&context) else {
            return (None, None);
        };
        let was_marked = roster.ghosts.marked.remove(session).is_some();
        let presence = roster.here.get(session).copied();
        let hidden = roster.ghosts.hidden.remove(session);
        (
            presence.filter(|_| was_marked),
            hidden.map(|hidden| hidden.appear),
        )
    }

    /// A session has left. Returns the presences of those that are not the older ones any more.
    fn newer_has_left(&mut self, context: Entity, session: &SessionId) -> Vec<Entity> {
        let Some(roster) = self.contexts.get_mut(&context) else {
            return Vec::new();
        };
        let marked = &mut roster.ghosts.marked;
        marked.remove(session);
        let over = marked.extract_if(|_, mark| {
            mark.newer.retain(|newer| newer != session);
            mark.newer.is_empty()
        });
        over.filter_map(|(session, _)| roster.here.get(&session).copied())
            .collect()
    }

    /// When the next of them turns out to be no ghost, if nobody hears of it before.
    pub(super) fn next_ghost(&self) -> Option<Duration> {
        let rosters = self.contexts.values();
        let next = rosters.filter_map(|roster| {
            let marked = roster.ghosts.marked.values().map(|it| it.until);
            let hidden = roster.ghosts.hidden.values().map(|it| it.until);
            let hidden = hidden.filter(|_| !roster.absence.awaits_snapshot);
            marked.chain(hidden).min()
        });
        next.min()
    }

    fn has_suspects(&self) -> bool {
        let mut rosters = self.contexts.values();
        rosters.any(|roster| !roster.ghosts.is_empty())
    }

    fn has_suspects_in(&self, context: Entity) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| !roster.ghosts.is_empty())
    }

    /// Those who have been there for too long to be ghosts. While nobody knows who is in a context, nobody appears there.
    fn take_long_lived(&mut self, now: Duration) -> (Vec<Entity>, Vec<Appear>) {
        let (mut marked, mut hidden) = (Vec::new(), Vec::new());
        for roster in self.contexts.values_mut() {
            let over = roster.ghosts.marked.extract_if(|_, it| it.until <= now);
            marked.extend(over.filter_map(|(session, _)| roster.here.get(&session).copied()));
            if !roster.absence.awaits_snapshot {
                let over = roster.ghosts.hidden.extract_if(|_, it| it.until <= now);
                hidden.extend(over.map(|(_, hidden)| hidden.appear));
            }
        }
        marked.sort_unstable_by_key(|presence| presence.index_u32());
        (marked, hidden)
    }

    /// The sessions of a user that have no entity, if no other session of that user is there.
    fn last_hidden_of(&self, context: Entity, user: &str) -> Vec<SessionId> {
        let Some(roster) = self.contexts.get(&context) else {
            return Vec::new();
        };
        if roster.ghosts.hidden.is_empty() || !self.of_user(context, user).is_empty() {
            return Vec::new();
        }
        let hidden = roster.ghosts.hidden.values();
        let of_user = hidden.filter(|it| it.info.user_id == *user);
        of_user.map(|it| it.info.session_id.clone()).collect()
    }

    /// The presences and hidden sessions of this session, wherever it is.
    fn contexts_with_suspect(&self, session: &SessionId) -> Vec<Entity> {
        let rosters = self.contexts.iter();
        let with = rosters.filter(|(_, roster)| {
            roster.ghosts.marked.contains_key(session) || roster.ghosts.hidden.contains_key(session)
        });
        with.map(|(context, _)| *context).collect()
    }

    /// Whether a session is the only one of its user with an entity, the local user's own not counted, and nobody has removed it.
    fn may_pass_on(&self, context: Entity, session: &SessionId, user: &str) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| {
            let mut despawned = roster.without_entity.values();
            !roster.kicked.contains(session) && !despawned.any(|(_, it)| it.user_id == *user)
        })
    }
}

/// The sessions of the same user in a context, without this one, in the order in which they came.
fn others(world: &World, context: Entity, info: &PresenceInfo) -> Vec<SessionId> {
    let index = world.resource::<PresenceIndex>();
    let all = index.of_user(context, info.user_id.as_str()).iter();
    let all = all.filter_map(|presence| world.get::<Presence>(*presence));
    let sessions = all.map(|presence| presence.info().session_id.clone());
    sessions.filter(|it| *it != info.session_id).collect()
}

/// Whether nobody knows which of a user's sessions is this connection's.
fn may_be_self(world: &World, user: &str) -> bool {
    let own_is_known = world.resource::<PresenceIndex>().own_session().is_some();
    let own_user = world.resource::<NakamaConnection>().user();
    !own_is_known && own_user.is_some_and(|(own, _)| *own == *user)
}

pub(super) fn adopts(world: &World, context: Entity) -> bool {
    world.get::<AdoptReconnecting>(context).is_some()
}

/// A session joins. If the game wants that, and its user is there with one older session, the entity of that session passes on. Returns it.
pub(super) fn session_before(
    world: &World,
    context: Entity,
    info: &PresenceInfo,
) -> Option<SessionId> {
    let user = info.user_id.as_str();
    if !adopts(world, context) || may_be_self(world, user) {
        return None;
    }
    let index = world.resource::<PresenceIndex>();
    let mut others = others(world, context, info);
    others.retain(|it| Some(it) != index.own_session() && !index.is_own_before(it.as_str()));
    let [old] = &others[..] else {
        return None;
    };
    let passes_on = is_older(old, &info.session_id) && index.may_pass_on(context, old, user);
    passes_on.then(|| old.clone())
}

/// Tells that an entity has passed on, and lets the observers' commands do their work.
pub(super) fn tell_adopted(
    world: &mut World,
    context: Entity,
    presence: Entity,
    old: SessionId,
    info: &PresenceInfo,
) {
    world.trigger(Adopted {
        presence,
        context,
        old,
        new: info.session_id.clone(),
    });
    world.flush();
}

/// A session has no entity until it turns out to be alive. Then it `appear`s.
pub(super) fn hide(world: &mut World, context: Entity, info: Arc<PresenceInfo>, appear: Appear) {
    let until = world.resource::<Time<Real>>().elapsed() + LIFE;
    let mut index = world.resource_mut::<PresenceIndex>();
    index.hide(context, info, until, appear);
}

/// A session has come. Of the sessions of its user, the older ones may be ghosts.
pub(super) fn mark_older(world: &mut World, context: Entity, info: &PresenceInfo) {
    if may_be_self(world, info.user_id.as_str()) {
        return;
    }
    let until = world.resource::<Time<Real>>().elapsed() + LIFE;
    for other in others(world, context, info) {
        let (older, newer) = if is_older(&other, &info.session_id) {
            (&other, &info.session_id)
        } else {
            (&info.session_id, &other)
        };
        let mut index = world.resource_mut::<PresenceIndex>();
        if index.own_session() != Some(older) && !index.is_own_before(older.as_str()) {
            let index = index.bypass_change_detection();
            index.mark(context, older, newer, until);
            show_mark(world, context, older);
        }
    }
}

/// Puts the mark on the presence of a session that may be a ghost.
pub(super) fn show_mark(world: &mut World, context: Entity, session: &SessionId) {
    let index = world.resource::<PresenceIndex>();
    if !index.is_marked(context, session) {
        return;
    }
    if let Some(presence) = index.get(context, session)
        && let Ok(mut presence) = world.get_entity_mut(presence)
        && presence.contains::<Presence>()
        && !presence.contains::<MaybeGhost>()
    {
        presence.insert(MaybeGhost);
    }
}

fn take_marks(world: &mut World, presences: Vec<Entity>) {
    for presence in presences {
        if let Ok(mut presence) = world.get_entity_mut(presence) {
            presence.remove::<MaybeGhost>();
        }
    }
}

/// A session says something, so it is not a ghost. If it has no entity, it gets one before what it says is told.
pub(crate) fn speaks(world: &mut World, context: Entity, session: &SessionId) {
    let index = world.resource::<PresenceIndex>();
    if !index.is_marked(context, session) && !index.is_hidden(context, session.as_str()) {
        return;
    }
    let mut index = world.resource_mut::<PresenceIndex>();
    let (marked, appear) = index.is_alive(context, session);
    take_marks(world, marked.into_iter().collect());
    if let Some(appear) = appear {
        appear(world);
    }
}

/// A user says something, and nothing tells with which session. If all that are there have no entity, it is one of them.
pub(crate) fn user_speaks(world: &mut World, context: Entity, user: &str) {
    let index = world.resource::<PresenceIndex>();
    for session in index.last_hidden_of(context, &canonical(user)) {
        speaks(world, context, &session);
    }
}

/// This session is the local user's own.
pub(super) fn is_own(world: &mut World, session: &SessionId) {
    let index = world.resource::<PresenceIndex>();
    for context in index.contexts_with_suspect(session) {
        speaks(world, context, session);
    }
}

/// A session has left. Those that are not older than another session any more are not ghosts.
pub(super) fn has_left(world: &mut World, context: Entity, session: &str) {
    if world.resource::<PresenceIndex>().has_suspects_in(context) {
        let mut index = world.resource_mut::<PresenceIndex>();
        let index = index.bypass_change_detection();
        let marked = index.newer_has_left(context, &SessionId::from(session));
        take_marks(world, marked);
    }
}

/// Once per frame: who has been there for so long is not a ghost.
pub(super) fn tick(world: &mut World, now: Duration) {
    if !world.resource::<PresenceIndex>().has_suspects() {
        return;
    }
    let mut index = world.resource_mut::<PresenceIndex>();
    let (marked, hidden) = index.bypass_change_detection().take_long_lived(now);
    take_marks(world, marked);
    for appear in hidden {
        appear(world);
    }
}
