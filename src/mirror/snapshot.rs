//! Lists of everybody who is in something: the first one, and the one after a loss of the connection.

use std::{sync::Arc, time::Duration};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};
use hashbrown::HashMap;

use super::{
    context::is_in,
    ghosts,
    ids::{PresenceInfo, SessionId, UserId},
    member::{Membership, info_of},
    news::JoinedAs,
    own_ghosts,
    own_session::{is_own_session, is_own_user, set_own_session},
    passing_on::{own_passes_on, pass_on_stale, take_mark},
    reconcile::{appear, join},
    returning::Stale,
    roster::PresenceIndex,
};
use crate::{
    request::{Moment, Moments},
    settings::NakamaSettings,
};

/// Everybody that an answer lists, the local user included. Those who left while the answer was under way do not come back.
pub(crate) fn apply_snapshot<M: Membership>(
    world: &mut World,
    context: Entity,
    everybody: impl IntoIterator<Item = (Arc<PresenceInfo>, M::Detail, bool)>,
    since: Moment,
) {
    let mut everybody: Vec<_> = everybody.into_iter().collect();
    let index = world.resource::<PresenceIndex>();
    if index.awaits_snapshot(context) {
        return apply_resync::<M>(world, context, everybody);
    }
    everybody.retain(|(info, _, is_self)| {
        *is_self || !index.left_since(context, &info.session_id, since)
    });
    for (info, _, is_self) in &everybody {
        if *is_self {
            set_own_session(world, &info.session_id);
        }
    }
    for (info, detail, is_self) in hide_older::<M>(world, context, everybody) {
        join::<M>(world, context, info, detail, JoinedAs::Present, is_self);
    }
}

/// Somebody whom the server lists, and whether that is the local user.
type Listed<M> = (Arc<PresenceInfo>, <M as Membership>::Detail, bool);

/// If the game keeps the entities of members who are back: of the sessions of a user that are in one list, those that are older than another
/// one are hidden. Returns the others.
fn hide_older<M: Membership>(
    world: &mut World,
    context: Entity,
    everybody: Vec<Listed<M>>,
) -> Vec<Listed<M>> {
    if !ghosts::adopts(world, context) || !is_in::<M::Place>(world, context) {
        return everybody;
    }
    let index = world.resource::<PresenceIndex>();
    let counts = |(info, _, is_self): &Listed<M>| {
        let session = info.session_id.as_str();
        !is_self && !is_own_session(world, info) && !index.is_own_before(session)
    };
    let newest = newest_of(everybody.iter().filter(|listed| counts(listed)));
    let is_shown = |listed: &Listed<M>| {
        let session = &listed.0.session_id;
        !counts(listed)
            || newest.get(&listed.0.user_id) == Some(session)
            || index.is_there(context, session.as_str())
    };
    let (shown, older): (Vec<_>, Vec<_>) = everybody.into_iter().partition(is_shown);
    for (info, detail, _) in older {
        let appear = appear::<M>(context, info.clone(), detail);
        ghosts::hide(world, context, info, appear);
    }
    shown
}

/// The newest of the listed sessions of each user.
fn newest_of<'a, D: 'a>(
    listed: impl Iterator<Item = &'a (Arc<PresenceInfo>, D, bool)>,
) -> HashMap<UserId, SessionId> {
    let mut newest: HashMap<UserId, SessionId> = HashMap::new();
    for (info, ..) in listed {
        let session = &info.session_id;
        let newest = newest.entry(info.user_id.clone());
        let newest = newest.or_insert_with(|| session.clone());
        if ghosts::is_older(newest, session) {
            newest.clone_from(session);
        }
    }
    newest
}

/// The connection is lost: nobody knows who is still in a context.
pub(super) fn make_stale(world: &mut World, context: Entity) {
    let mut index = world.resource_mut::<PresenceIndex>();
    for presence in index.make_stale(context) {
        if let Ok(mut presence) = world.get_entity_mut(presence) {
            presence.insert(Stale);
        }
    }
}

/// Everybody who is in a context after the connection was lost: who was there before stays what they are, and the others come and go.
fn apply_resync<M: Membership>(world: &mut World, context: Entity, everybody: Vec<Listed<M>>) {
    own_ghosts::are_listed::<M::Place>(world, context, everybody.iter().map(|(info, ..)| info));
    for (info, _, is_self) in &everybody {
        if *is_self {
            set_own_session(world, &info.session_id);
            own_passes_on::<M>(world, context, info);
        }
    }
    for (info, ..) in &everybody {
        if is_own_user(world, info.user_id.as_str()) {
            own_ghosts::recognise(world, context, info);
        }
    }
    let mut index = world.resource_mut::<PresenceIndex>();
    index.has_snapshot(context);
    let is_listed = |session: &SessionId| everybody.iter().any(|it| it.0.session_id == *session);
    index.keep_hidden(context, is_listed);
    let everybody = hide_older::<M>(world, context, everybody);
    let (known, new): (Vec<_>, Vec<_>) = everybody.into_iter().partition(|(info, ..)| {
        world
            .resource::<PresenceIndex>()
            .is_there(context, info.session_id.as_str())
    });
    let index = world.resource::<PresenceIndex>();
    let own = index.own_session().cloned();
    let is_other = |info: &PresenceInfo| Some(&info.session_id) != own.as_ref();
    let is_ghost = |info: &PresenceInfo| index.is_own_before(info.session_id.as_str());
    let has_ghost = new.iter().any(|(info, ..)| is_ghost(info));
    let newest = newest_of(new.iter().filter(|it| !it.2 && !is_ghost(&it.0)));
    let mut anybody_stayed = false;
    for (info, detail, is_self) in known {
        anybody_stayed |= is_other(&info);
        join::<M>(world, context, info, detail, JoinedAs::Present, is_self);
    }
    for (info, _, is_self) in &new {
        let newest = newest.get(&info.user_id);
        if newest.map_or(*is_self, |newest| *newest == info.session_id) {
            pass_on_stale::<M>(world, context, info);
        }
    }
    for (info, detail, is_self) in new {
        join::<M>(world, context, info, detail, JoinedAs::WhileAway, is_self);
    }
    if anybody_stayed {
        all_missing_leave(world, context);
    } else {
        // The server was away, too, or everybody has lost it: they come back one after the other.
        let window = world.resource::<NakamaSettings>().return_window;
        // A server that still has the local user's old session was not away. It may have stood still, and see the ends of the others first.
        let window = if has_ghost {
            window.min(AFTER_STANDSTILL)
        } else {
            window
        };
        wait_for_missing(world, context, window);
    }
}

/// How long the others may take to come back to a server that stood still.
const AFTER_STANDSTILL: Duration = Duration::from_secs(5);

/// Those of a context who are missing may come back, for a while.
fn wait_for_missing(world: &mut World, context: Entity, window: Duration) {
    if world.resource::<PresenceIndex>().stale(context).is_empty() {
        return;
    }
    let until = world.resource::<Time<Real>>().elapsed() + window;
    world
        .resource_mut::<PresenceIndex>()
        .open_window(context, until);
}

/// Nothing lists the local user's sessions after the connection was lost. Those on other devices count as there until the server says that
/// they go. The session of this connection passes on as soon as an event tells the new one.
pub(crate) fn keep_other_devices(world: &mut World, context: Entity) {
    let mut index = world.resource_mut::<PresenceIndex>();
    index.has_snapshot(context);
    index.keep_hidden(context, |_| false);
    for (session, _) in world.resource::<PresenceIndex>().stale(context) {
        let mut index = world.resource_mut::<PresenceIndex>();
        if !index.is_own_before(session.as_str()) && index.confirm(context, &session) {
            take_mark(world, context, &session);
        }
    }
    let window = world.resource::<NakamaSettings>().return_window;
    wait_for_missing(world, context, window);
}

/// The server has told all that it tells about a context.
pub(super) fn is_confirmed(world: &mut World, context: Entity) {
    let mut index = world.resource_mut::<PresenceIndex>();
    index.has_snapshot(context);
}

/// Lets those go who did not come back in time.
pub(super) fn dismiss_missing(world: &mut World, now: Duration) {
    let next = world.resource::<PresenceIndex>().next_window();
    if next.is_none_or(|next| now < next) {
        return;
    }
    let mut index = world.resource_mut::<PresenceIndex>();
    for context in index.close_windows(now) {
        all_missing_leave(world, context);
    }
}

/// Those of a context who did not come back leave.
pub(crate) fn all_missing_leave(world: &mut World, context: Entity) {
    for (session, presence) in world.resource::<PresenceIndex>().stale(context) {
        // An observer of the one before may have left.
        let Some(dismiss) = world.resource::<PresenceIndex>().dismiss_of(context) else {
            return;
        };
        let moment = world.resource::<Moments>().now();
        let known = presence.and_then(|presence| Some((presence, info_of(world, presence)?)));
        let mut index = world.resource_mut::<PresenceIndex>();
        let (despawned, why) = index.leave(context, session.as_str(), known.as_ref(), moment, true);
        if let Some((presence, info)) = known.or(despawned) {
            (dismiss.tell_left)(world, context, presence, info, why);
        }
        if let Some(presence) = presence {
            (dismiss.take)(world, presence);
        }
        ghosts::has_left(world, context, session.as_str());
    }
}
