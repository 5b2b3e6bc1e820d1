//! After a loss of the connection: who is still there, who is missing, and whose presence passes on to a new session.

use std::{sync::Arc, time::Duration};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{
    ghosts::{self, MaybeGhost},
    ids::{PresenceInfo, SessionId, UserId},
    member::{Membership, describe_anew, info_of},
    news::JoinedAs,
    own_ghosts,
    own_session::{is_own_user, set_own_session},
    presence::Presence,
    reconcile::{Listed, hide_older, join},
    returning::Stale,
    roster::PresenceIndex,
};
use crate::{request::Moments, settings::NakamaSettings};

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
pub(super) fn apply_resync<M: Membership>(
    world: &mut World,
    context: Entity,
    everybody: Vec<Listed<M>>,
) {
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
    let mut anybody_stayed = false;
    for (info, detail, is_self) in known {
        anybody_stayed |= is_other(&info);
        join::<M>(world, context, info, detail, JoinedAs::Present, is_self);
    }
    let sessions_of = |user: &UserId| {
        new.iter()
            .filter(|(info, ..)| info.user_id == *user)
            .count()
    };
    let several: Vec<_> = new
        .iter()
        .map(|(info, ..)| sessions_of(&info.user_id) > 1)
        .collect();
    for ((info, detail, is_self), several) in new.into_iter().zip(several) {
        if !several {
            pass_on_stale::<M>(world, context, &info);
        }
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

/// The local user is in a context with a new session. Their presence stays.
pub(super) fn own_passes_on<M: Membership>(
    world: &mut World,
    context: Entity,
    info: &Arc<PresenceInfo>,
) {
    let index = world.resource::<PresenceIndex>();
    let stale = index.stale(context).into_iter();
    let mut own = stale.filter(|(session, _)| index.is_own_before(session.as_str()));
    if let Some((old, _)) = own.next() {
        pass_on::<M>(world, context, &old, info);
    }
}

/// A user joins with a session that is new. If one session of that user is missing, this is the same player.
pub(super) fn pass_on_stale<M: Membership>(
    world: &mut World,
    context: Entity,
    info: &Arc<PresenceInfo>,
) {
    let index = world.resource::<PresenceIndex>();
    if index.is_there(context, info.session_id.as_str())
        || index.is_own_before(info.session_id.as_str())
    {
        return;
    }
    let is_of_user = |presence| {
        let known = world.get::<Presence>(presence);
        known.is_some_and(|known| known.info().user_id == info.user_id)
    };
    let Some(old) = index.stale_session_of(context, is_of_user, &info.user_id) else {
        return;
    };
    // The local user's presence passes on to this connection's session, and not to one of their other devices.
    let is_other_device = index
        .own_session()
        .is_some_and(|own| *own != info.session_id);
    if !(is_other_device && index.is_own_before(old.as_str())) {
        pass_on::<M>(world, context, &old, info);
        ghosts::mark_older(world, context, info);
    }
}

pub(super) fn pass_on<M: Membership>(
    world: &mut World,
    context: Entity,
    old: &SessionId,
    info: &Arc<PresenceInfo>,
) {
    let mut index = world.resource_mut::<PresenceIndex>();
    let Some(presence) = index.pass_on(context, old, info) else {
        return;
    };
    let before = world.get::<Presence>(presence).map(|it| it.info().clone());
    describe_anew(world, context, presence, before, info.clone());
    if let Ok(mut presence) = world.get_entity_mut(presence) {
        presence.remove::<(Stale, MaybeGhost)>();
    }
}

/// A session is confirmed.
pub(super) fn take_mark(world: &mut World, context: Entity, session: &SessionId) {
    let presence = world.resource::<PresenceIndex>().get(context, session);
    if let Some(presence) = presence
        && let Ok(mut presence) = world.get_entity_mut(presence)
    {
        presence.remove::<Stale>();
    }
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
