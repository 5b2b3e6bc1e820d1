//! Who is where: which entity stands for a session in a match, party, channel or stream. Only the plugin says so.

use std::{collections::VecDeque, slice, sync::Arc, time::Duration};

use bevy_ecs::{entity::EntityHashMap, prelude::*, reflect::ReflectResource};
use bevy_platform::collections::HashMap as ReflectedMap;
use bevy_reflect::Reflect;
use hashbrown::{HashMap, HashSet};

use super::{
    ids::{PresenceInfo, SessionId, UserId},
    leavers::Leavers,
    news::LeaveReason,
    suspects::Ghosts,
};
use crate::{request::Moment, transport::canonical};

/// Finds presences by session or by user.
///
/// A player who leaves is taken out of it first: when you hear of [`Left`](super::presence::Left), it does not find them any more. When
/// the local user leaves, or the connection ends, everybody in that match, party, channel or stream is taken out before the first
/// `Left`.
#[derive(Debug, Default, Reflect, Resource)]
#[type_path = "bevy_nakama::presence"]
#[reflect(Resource)]
pub struct PresenceIndex {
    pub(super) contexts: EntityHashMap<Roster>,
    /// The session of this connection, once the server has told.
    pub(super) own_session: Option<SessionId>,
    /// The plugin is about to describe this presence anew.
    #[reflect(ignore)]
    updating: Option<Entity>,
    /// The plugin spawns this presence, and has not told the game yet that it joined.
    #[reflect(ignore)]
    coming: Option<Entity>,
    /// The sessions of this game's earlier sockets, oldest first. The server may keep them for a while: the local user's own ghosts.
    pub(super) own_before: VecDeque<SessionId>,
}

/// Those who are in one context, and those who were.
#[derive(Debug, Default, Reflect)]
pub(super) struct Roster {
    pub(super) here: ReflectedMap<SessionId, Entity>,
    /// Most users are there with one session.
    #[reflect(ignore)]
    users: HashMap<UserId, Entity>,
    /// All sessions of the other users. The session that joined last is last.
    #[reflect(ignore)]
    several: HashMap<UserId, Vec<Entity>>,
    /// Those who are there for the server, but whose presence the game has despawned.
    #[reflect(ignore)]
    pub(super) without_entity: HashMap<SessionId, Despawned>,
    /// Those whom the local user has removed, until they are gone.
    #[reflect(ignore)]
    pub(super) kicked: HashSet<SessionId>,
    #[reflect(ignore)]
    pub(super) absence: Absence,
    #[reflect(ignore)]
    pub(super) ghosts: Ghosts,
    #[reflect(ignore)]
    left: Leavers,
    #[reflect(ignore)]
    dismiss: Dismiss,
}

/// What a loss of the connection has left behind in one context.
#[derive(Debug, Default)]
pub(super) struct Absence {
    /// The sessions that were here when the connection was lost, and that nothing has confirmed since.
    pub(super) stale: HashSet<SessionId>,
    /// Whether the connection was lost, and the server has not told who is here since.
    pub(super) awaits_snapshot: bool,
    /// Until when those who are stale may come back, in time since the app's start.
    pub(super) window: Option<Duration>,
    /// Old sessions of the local user that the server still has here.
    pub(super) own_ghosts: HashSet<SessionId>,
}

/// A presence that the game has despawned, and whose it is.
type Despawned = (Entity, Arc<PresenceInfo>);

/// Those who were in a context that is no more.
pub(super) struct Closed {
    pub(super) here: Vec<Entity>,
    pub(super) despawned: Vec<Despawned>,
    pub(super) dismiss: Dismiss,
}

/// What becomes of the presences there when they leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dismiss {
    /// Tells the game that somebody left: the context, the presence, whose it is, and why.
    pub(super) tell_left: fn(&mut World, Entity, Entity, Arc<PresenceInfo>, LeaveReason),
    /// Takes from an entity what made it a presence there.
    pub(super) take: fn(&mut World, Entity),
}

impl Default for Dismiss {
    fn default() -> Self {
        Self {
            tell_left: |_, _, _, _, _| {},
            take: |_, _| {},
        }
    }
}

impl PresenceIndex {
    /// The presence of a session in a match, party, channel or stream, or of a user.
    #[must_use]
    pub fn get(&self, context: Entity, session: &SessionId) -> Option<Entity> {
        self.contexts.get(&context)?.here.get(session).copied()
    }

    /// The presences of a user in a match, party or channel: one for each session, in the order in which they joined.
    #[must_use]
    pub fn of_user(&self, context: Entity, user: &str) -> &[Entity] {
        let roster = self.contexts.get(&context);
        roster.map_or(&[], |roster| roster.of_user(&canonical(user)))
    }

    /// How many presences there are in a match, party or channel.
    #[must_use]
    pub fn count(&self, context: Entity) -> usize {
        self.contexts
            .get(&context)
            .map_or(0, |roster| roster.here.len())
    }

    /// How many sessions the server has in a context, also those whose presence the game has despawned.
    pub(crate) fn sessions(&self, context: Entity) -> usize {
        let roster = self.contexts.get(&context);
        roster.map_or(0, |roster| {
            let ghosts = roster.absence.own_ghosts.len() + roster.ghosts.hidden.len();
            roster.here.len() + roster.without_entity.len() + ghosts
        })
    }

    /// Everybody whom the server has in a context, by user and session, sorted. The local user's own ghosts are not among them.
    pub(crate) fn everybody(&self, context: Entity) -> Vec<(UserId, SessionId)> {
        let Some(roster) = self.contexts.get(&context) else {
            return Vec::new();
        };
        let several = roster.several.iter();
        let several = several.flat_map(|(user, all)| all.iter().map(move |it| (*it, user)));
        let users = roster
            .users
            .iter()
            .map(|(user, presence)| (*presence, user));
        let users: EntityHashMap<_> = users.chain(several).collect();
        let here = roster.here.iter();
        let here = here.filter_map(|(session, presence)| {
            Some(((*users.get(presence)?).clone(), session.clone()))
        });
        let despawned = roster.without_entity.values().map(|(_, info)| info);
        let hidden = roster.ghosts.hidden.values().map(|hidden| &hidden.info);
        let without = despawned.chain(hidden);
        let without = without.map(|info| (info.user_id.clone(), info.session_id.clone()));
        let mut everybody: Vec<_> = here.chain(without).collect();
        everybody.sort_unstable();
        everybody
    }

    /// Whether the local user has removed a session that has not left yet.
    pub(super) fn is_kicked(&self, context: Entity, session: &str) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| roster.kicked.contains(&*canonical(session)))
    }

    /// The session of this connection. The server tells it right at the start if the local user
    /// [appears online](crate::connection::ConnectOptions::appear_online), and otherwise with the first match, party or channel that the
    /// local user joins.
    #[must_use]
    pub fn own_session(&self) -> Option<&SessionId> {
        self.own_session.as_ref()
    }

    /// Everybody in a context, most of the time in the order in which they joined.
    pub(crate) fn members(&self, context: Entity) -> Vec<Entity> {
        let roster = self.contexts.get(&context);
        let mut members: Vec<_> = roster
            .into_iter()
            .flat_map(|roster| roster.here.values().copied())
            .collect();
        members.sort_unstable_by_key(|member| member.index_u32());
        members
    }

    /// As [`get`](Self::get), for a session as text.
    pub(super) fn find(&self, context: Entity, session: &str) -> Option<Entity> {
        let here = &self.contexts.get(&context)?.here;
        here.get(&*canonical(session)).copied()
    }

    /// Whether a session is there for the server, whatever the game has despawned.
    pub(super) fn is_there(&self, context: Entity, session: &str) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| roster.has(&canonical(session)))
    }

    /// Whether the join of a session has been applied: it left since, or the game has despawned its presence.
    pub(crate) fn has_gone(&self, context: Entity, session: &SessionId) -> bool {
        self.contexts.get(&context).is_some_and(|roster| {
            roster.without_entity.contains_key(session) || roster.left.when(session).is_some()
        })
    }

    pub(super) fn left_since(&self, context: Entity, session: &SessionId, since: Moment) -> bool {
        let roster = self.contexts.get(&context);
        let when = roster.and_then(|roster| roster.left.when(session));
        when.is_some_and(|when| when >= since)
    }

    /// Learns which session is this connection's. Returns its presences.
    pub(super) fn set_own_session(&mut self, session: &SessionId) -> Vec<Entity> {
        self.own_session = Some(session.clone());
        self.everywhere(session)
    }

    /// The presences of a session.
    pub(super) fn everywhere(&self, session: &SessionId) -> Vec<Entity> {
        let rosters = self.contexts.values();
        rosters
            .filter_map(|roster| roster.here.get(session).copied())
            .collect()
    }

    /// How the presences of a context go.
    pub(super) fn dismiss_of(&self, context: Entity) -> Option<Dismiss> {
        self.contexts.get(&context).map(|roster| roster.dismiss)
    }

    /// The next connection has a session of its own. Returns whether the session of this connection was known.
    pub(super) fn forget_own_session(&mut self) -> bool {
        self.own_session.take().is_some()
    }

    /// This entity is the presence of a session, and is about to be spawned. If the game has despawned an earlier presence of the session,
    /// the session was there all the time, and has not joined.
    pub(super) fn add(
        &mut self,
        context: Entity,
        presence: Entity,
        info: &PresenceInfo,
        dismiss: Dismiss,
    ) {
        let session = &info.session_id;
        let roster = self.contexts.entry(context).or_default();
        roster.here.insert(session.clone(), presence);
        let was_there = roster.without_entity.remove(session).is_some();
        roster.ghosts.hidden.remove(session);
        roster.left.is_back(session);
        roster.add_user(&info.user_id, presence);
        roster.dismiss = dismiss;
        self.coming = Some(presence).filter(|_| !was_there);
    }

    /// Whether the plugin spawns this presence, and has not told the game yet that it joined.
    pub(super) fn is_coming(&self, presence: Entity) -> bool {
        self.coming == Some(presence)
    }

    /// The presence has been spawned. Returns whether its session has joined, and is still there.
    pub(super) fn has_come(&mut self, context: Entity, session: &SessionId) -> bool {
        let has_joined = self.coming.take().is_some();
        let roster = self.contexts.get(&context).filter(|_| has_joined);
        roster.is_some_and(|roster| roster.has(session.as_str()))
    }

    /// The local user has removed a session, whose presence this was. It will leave, or has left already and may be back.
    pub(super) fn note_kicked(&mut self, context: Entity, session: &SessionId, presence: Entity) {
        let Some(roster) = self.contexts.get_mut(&context) else {
            return;
        };
        let despawned = roster.without_entity.get(session).map(|(was, _)| was);
        let known = roster.here.get(session).or(despawned);
        if known == Some(&presence) {
            roster.kicked.insert(session.clone());
        }
    }

    /// A session left and joined in the same moment. If it was removed, that is over.
    pub(super) fn is_back(&mut self, context: Entity, session: &str) {
        if let Some(roster) = self.contexts.get_mut(&context)
            && !roster.kicked.is_empty()
        {
            roster.kicked.remove(&*canonical(session));
        }
    }

    /// The plugin describes a presence anew: what it was is [discarded](Self::discard), and that does not count.
    pub(super) fn update(
        &mut self,
        context: Entity,
        presence: Entity,
        before: &UserId,
        after: &UserId,
    ) {
        self.updating = Some(presence);
        if before != after
            && let Some(roster) = self.contexts.get_mut(&context)
        {
            roster.remove_user(before, presence);
            roster.add_user(after, presence);
        }
    }

    /// A session has left at this moment. `known` is its presence, if the game has not despawned that; otherwise, this returns what its
    /// presence was. Returns why it left, too.
    pub(super) fn leave(
        &mut self,
        context: Entity,
        session: &str,
        known: Option<&(Entity, Arc<PresenceInfo>)>,
        moment: Moment,
        is_known_to_be_gone: bool,
    ) -> (Option<Despawned>, LeaveReason) {
        let roster = self.contexts.entry(context).or_default();
        if let Some((presence, info)) = known {
            roster.remove_user(&info.user_id, *presence);
        }
        let session = match roster.here.remove_entry(&*canonical(session)) {
            Some((session, _)) => session,
            None => SessionId::from(session),
        };
        roster.absence.leave(&session);
        roster.ghosts.hidden.remove(&session);
        let why = if is_known_to_be_gone {
            LeaveReason::WhileAway
        } else if self.own_session.as_ref() == Some(&session) {
            LeaveReason::YouLeft
        } else if roster.kicked.remove(&session) {
            LeaveReason::Kicked
        } else {
            LeaveReason::Left
        };
        let despawned = roster.without_entity.remove(&session);
        roster.left.add(session, moment);
        (despawned, why)
    }

    /// An entity loses its [`Presence`](super::presence::Presence). If the game has done that, the entity is not a presence any more, and
    /// this returns how to dismiss it.
    pub(super) fn discard(
        &mut self,
        context: Entity,
        presence: Entity,
        info: &Arc<PresenceInfo>,
    ) -> Option<Dismiss> {
        if self.updating.take_if(|it| *it == presence).is_some() {
            return None;
        }
        let session = &info.session_id;
        let roster = self.contexts.get_mut(&context)?;
        if roster.here.get(session) != Some(&presence) {
            return None;
        }
        roster.here.remove(session);
        roster.remove_user(&info.user_id, presence);
        let despawned = (presence, info.clone());
        roster.without_entity.insert(session.clone(), despawned);
        Some(roster.dismiss)
    }

    /// A user is there with another session than before. Returns the presence, if the game has not despawned it.
    pub(super) fn pass_on(
        &mut self,
        context: Entity,
        old: &SessionId,
        info: &Arc<PresenceInfo>,
    ) -> Option<Entity> {
        let roster = self.contexts.get_mut(&context)?;
        let new = &info.session_id;
        roster.absence.settle(old);
        roster.ghosts.pass_on(old, new);
        roster.left.is_back(new);
        if let Some((entity, _)) = roster.without_entity.remove(old) {
            let despawned = (entity, info.clone());
            roster.without_entity.insert(new.clone(), despawned);
        }
        let entity = roster.here.remove(old)?;
        roster.here.insert(new.clone(), entity);
        Some(entity)
    }

    /// A context is no more. Returns who was in it.
    pub(super) fn close(&mut self, context: Entity) -> Option<Closed> {
        let roster = self.contexts.remove(&context)?;
        Some(Closed {
            here: roster.here.values().copied().collect(),
            despawned: roster.without_entity.into_values().collect(),
            dismiss: roster.dismiss,
        })
    }
}

impl Roster {
    /// Whether a session, in canonical spelling, is there for the server.
    fn has(&self, session: &str) -> bool {
        self.here.contains_key(session)
            || self.without_entity.contains_key(session)
            || self.ghosts.hidden.contains_key(session)
    }

    fn of_user(&self, user: &str) -> &[Entity] {
        match self.several.get(user) {
            Some(several) => several,
            None => self.users.get(user).map_or(&[], slice::from_ref),
        }
    }

    fn add_user(&mut self, user: &UserId, presence: Entity) {
        if let Some(several) = self.several.get_mut(user) {
            several.push(presence);
        } else if let Some(first) = self.users.remove(user) {
            self.several.insert(user.clone(), vec![first, presence]);
        } else {
            self.users.insert(user.clone(), presence);
        }
    }

    fn remove_user(&mut self, user: &UserId, presence: Entity) {
        if self.users.get(user) == Some(&presence) {
            self.users.remove(user);
        } else if let Some(several) = self.several.get_mut(user) {
            several.retain(|session| *session != presence);
            if let [last] = several[..] {
                self.several.remove(user);
                self.users.insert(user.clone(), last);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sessions of a user are in the order in which they came, however many there are.
    #[test]
    fn the_sessions_of_a_user_are_kept_in_order() {
        let mut roster = Roster::default();
        let user = UserId::from("ada");
        let session = |n| Entity::from_raw_u32(n).expect("an index");
        for n in 0..3 {
            roster.add_user(&user, session(n));
        }
        assert_eq!(roster.of_user("ada"), [session(0), session(1), session(2)]);
        roster.remove_user(&user, session(1));
        assert_eq!(roster.of_user("ada"), [session(0), session(2)]);
        roster.remove_user(&user, session(0));
        assert_eq!(roster.of_user("ada"), [session(2)]);
        roster.remove_user(&user, session(2));
        assert_eq!(roster.of_user("ada"), []);
        assert!(roster.users.is_empty() && roster.several.is_empty());
    }
}
