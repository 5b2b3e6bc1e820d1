//! Who was where when the connection was lost, and which of the sessions that the server still knows are the local user's own from before.

use std::time::Duration;

use bevy_ecs::prelude::*;

use super::{
    ids::{SessionId, UserId},
    roster::{Absence, PresenceIndex},
};
use crate::transport::canonical;

/// How many of the local user's earlier sessions are remembered.
const OWN_BEFORE: usize = 32;

impl Absence {
    /// A session is not uncertain any more. Whether it was. Without anybody who is, there is nobody to wait for.
    pub(super) fn settle(&mut self, session: &SessionId) -> bool {
        let was_stale = self.stale.remove(session);
        if self.stale.is_empty() {
            self.window = None;
        }
        was_stale
    }

    /// A session has left.
    pub(super) fn leave(&mut self, session: &SessionId) {
        self.settle(session);
        self.own_ghosts.remove(session);
    }
}

impl PresenceIndex {
    /// How many old sessions of the local user the server still has in a match, party or channel. They have no entities: the server drops
    /// them within about 25 s.
    #[must_use]
    pub fn own_ghosts(&self, context: Entity) -> usize {
        let roster = self.contexts.get(&context);
        roster.map_or(0, |roster| roster.absence.own_ghosts.len())
    }

    /// The local user's earlier sessions, oldest first.
    #[cfg(feature = "overlay")]
    pub(crate) fn own_sessions_before(&self) -> Vec<SessionId> {
        self.own_before.iter().cloned().collect()
    }

    /// Whether a session is one of the local user's earlier ones.
    pub(crate) fn is_own_before(&self, session: &str) -> bool {
        let session = canonical(session);
        self.own_before.iter().any(|own| *own == *session)
    }

    /// The socket is gone, and comes back with a session of its own.
    pub(super) fn outlive_own_session(&mut self) -> Option<SessionId> {
        let own = self.own_session.take()?;
        self.add_own_before(own.clone());
        Some(own)
    }

    /// A session turns out to be one of the local user's earlier ones.
    pub(super) fn add_own_before(&mut self, session: SessionId) {
        if self.own_before.len() == OWN_BEFORE {
            self.own_before.pop_front();
        }
        self.own_before.push_back(session);
    }

    /// Whether an old session of the local user is in a context.
    pub(super) fn is_ghost_in(&self, context: Entity, session: &str) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| roster.absence.own_ghosts.contains(&*canonical(session)))
    }

    /// The connection is over: so are its ghosts.
    pub(super) fn forget_own_before(&mut self) {
        self.own_before.clear();
    }

    /// The server still has an old session of the local user in a context, or has it no more.
    pub(super) fn note_ghost(&mut self, context: Entity, session: &SessionId, is_there: bool) {
        let Some(roster) = self.contexts.get_mut(&context) else {
            return;
        };
        if is_there {
            roster.absence.own_ghosts.insert(session.clone());
        } else {
            roster.absence.own_ghosts.remove(session);
        }
    }

    /// The connection is lost: nobody knows who is still in a context. Returns the presences there.
    pub(super) fn make_stale(&mut self, context: Entity) -> Vec<Entity> {
        let roster = self.contexts.entry(context).or_default();
        let sessions = roster.here.keys().chain(roster.without_entity.keys());
        roster.absence.stale = sessions.cloned().collect();
        roster.absence.awaits_snapshot = true;
        roster.absence.window = None;
        roster.absence.own_ghosts.clear();
        roster.kicked.clear();
        self.members(context)
    }

    /// The contexts of which the server has not told who is there since the connection was lost.
    pub(super) fn awaiting_snapshots(&self) -> Vec<Entity> {
        let rosters = self.contexts.iter();
        let waiting = rosters.filter(|(_, roster)| roster.absence.awaits_snapshot);
        waiting.map(|(context, _)| *context).collect()
    }

    /// Whether this is the local user's session from before the loss, and the session of this connection is about to take its place.
    pub(super) fn awaits_own(&self, context: Entity, session: &str) -> bool {
        let roster = self.contexts.get(&context);
        let is_awaited = roster.is_some_and(|roster| {
            let absence = &roster.absence;
            absence.window.is_some() && absence.stale.contains(&*canonical(session))
        });
        is_awaited && self.is_own_before(session)
    }

    /// Whether the connection was lost, and the server has not told who is in a context since.
    pub(crate) fn awaits_snapshot(&self, context: Entity) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| roster.absence.awaits_snapshot)
    }

    /// The server has told who is in a context.
    pub(super) fn has_snapshot(&mut self, context: Entity) {
        if let Some(roster) = self.contexts.get_mut(&context) {
            roster.absence.awaits_snapshot = false;
        }
    }

    /// Whether a session was in a context before the connection was lost, be it another member's or the local user's.
    pub(super) fn was_there(&self, context: Entity, session: &SessionId) -> bool {
        self.is_missing(context, session)
            || self.is_hidden(context, session.as_str())
            || self.is_own_before(session.as_str())
    }

    /// A session is still there. Whether that was uncertain.
    pub(super) fn confirm(&mut self, context: Entity, session: &SessionId) -> bool {
        let roster = self.contexts.get_mut(&context);
        roster.is_some_and(|roster| roster.absence.settle(session))
    }

    /// Whether nothing has confirmed a session since the connection was lost.
    pub(super) fn is_missing(&self, context: Entity, session: &SessionId) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| roster.absence.stale.contains(session))
    }

    /// The sessions of a context that nothing has confirmed, with their entities.
    pub(super) fn stale(&self, context: Entity) -> Vec<(SessionId, Option<Entity>)> {
        let Some(roster) = self.contexts.get(&context) else {
            return Vec::new();
        };
        let stale = roster.absence.stale.iter();
        let mut stale: Vec<_> = stale
            .map(|session| (session.clone(), roster.here.get(session).copied()))
            .collect();
        stale.sort_unstable_by_key(|(_, entity)| entity.map(|entity| entity.index_u32()));
        stale
    }

    /// The one stale session of a user in a context. `None` if there are several.
    pub(super) fn stale_session_of(
        &self,
        context: Entity,
        is_of_user: impl Fn(Entity) -> bool,
        user: &UserId,
    ) -> Option<SessionId> {
        let roster = self.contexts.get(&context)?;
        let mut of_user = roster.absence.stale.iter().filter(|session| {
            match (
                roster.here.get(*session),
                roster.without_entity.get(*session),
            ) {
                (Some(entity), _) => is_of_user(*entity),
                (None, Some((_, info))) => info.user_id == *user,
                (None, None) => false,
            }
        });
        let first = of_user.next()?;
        of_user.next().is_none().then(|| first.clone())
    }

    /// Those who are stale in a context may come back until then.
    pub(super) fn open_window(&mut self, context: Entity, until: Duration) {
        if let Some(roster) = self.contexts.get_mut(&context) {
            roster.absence.window = Some(until);
        }
    }

    /// Whether those who are stale in a context may come back.
    pub(super) fn has_window(&self, context: Entity) -> bool {
        let roster = self.contexts.get(&context);
        roster.is_some_and(|roster| roster.absence.window.is_some())
    }

    /// When somebody does not come back any more.
    pub(super) fn next_window(&self) -> Option<Duration> {
        let rosters = self.contexts.values();
        rosters.filter_map(|roster| roster.absence.window).min()
    }

    /// The contexts in which nobody comes back any more.
    pub(super) fn close_windows(&mut self, now: Duration) -> Vec<Entity> {
        let mut closed = Vec::new();
        for (context, roster) in &mut self.contexts {
            if roster
                .absence
                .window
                .take_if(|until| *until <= now)
                .is_some()
            {
                closed.push(*context);
            }
        }
        closed
    }
}
