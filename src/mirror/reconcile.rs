//! Brings the world in line with what the server reports: who is where.

use std::{sync::Arc, time::Duration};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};
use hashbrown::HashMap;

use super::{
    context::{Context, Vocabulary as _, is_in},
    ghosts::{self, MaybeGhost},
    ids::{PresenceInfo, SessionId, UserId},
    index::ContextIndex,
    member::{Detail as _, Membership, describe, describe_anew, dismiss, info_of, update},
    news::{JoinedAs, LeaveReason, tell_joined, tell_left},
    own_ghosts,
    own_session::{is_own_session, is_own_user, set_own_session},
    presence::{IsSelf, Presence},
    returning::Stale,
    roster::{Appear, Closed, Dismiss, PresenceIndex},
};
use crate::{
    proto::UserPresence,
    request::{Moment, Moments},
    settings::NakamaSettings,
    transport::People,
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
    let mut newest: HashMap<UserId, SessionId> = HashMap::new();
    for (info, ..) in everybody.iter().filter(|listed| counts(listed)) {
        let session = &info.session_id;
        let newest = newest.entry(info.user_id.clone());
        let newest = newest.or_insert_with(|| session.clone());
        if ghosts::is_older(newest, session) {
            newest.clone_from(session);
        }
    }
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

/// Somebody whom the server lists, and whether that is the local user.
type Listed<M> = (Arc<PresenceInfo>, <M as Membership>::Detail, bool);

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

/// The local user is in a context with a new session. Their presence stays.
fn own_passes_on<M: Membership>(world: &mut World, context: Entity, info: &Arc<PresenceInfo>) {
    let index = world.resource::<PresenceIndex>();
    let stale = index.stale(context).into_iter();
    let mut own = stale.filter(|(session, _)| index.is_own_before(session.as_str()));
    if let Some((old, _)) = own.next() {
        pass_on::<M>(world, context, &old, info);
    }
}

/// A user joins with a session that is new. If one session of that user is missing, this is the same player.
fn pass_on_stale<M: Membership>(world: &mut World, context: Entity, info: &Arc<PresenceInfo>) {
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
    let is_other_device = index.own_session().is_some_and(|own| *own != info.session_id);
    if !(is_other_device && index.is_own_before(old.as_str())) {
        pass_on::<M>(world, context, &old, info);
        ghosts::mark_older(world, context, info);
    }
}

fn pass_on<M: Membership>(
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

/// A member is back with a new session, while the server still has the old one. Their presence stays.
fn adopt<M: Membership>(
    world: &mut World,
    context: Entity,
    old: &SessionId,
    info: Arc<PresenceInfo>,
    detail: M::Detail,
) {
    let index = world.resource::<PresenceIndex>();
    let Some(presence) = index.get(context, old) else {
        return;
    };
    // After a loss, the list may not have the old session any more: then it is not a ghost.
    let is_missing = index.is_missing(context, old);
    if !is_missing
        && let Some(before) = info_of(world, presence)
        && let Ok(known) = world.get_entity(presence)
    {
        let appear = appear::<M>(context, before.clone(), M::Detail::read(&known));
        ghosts::hide(world, context, before, appear);
    }
    pass_on::<M>(world, context, old, &info);
    update(world, context, presence, info.clone(), detail, false);
    let index = world.resource::<PresenceIndex>();
    if index.get(context, &info.session_id) == Some(presence) {
        ghosts::mark_older(world, context, &info);
        if !is_missing {
            ghosts::tell_adopted(world, context, presence, old.clone(), &info);
        }
    }
}

/// How a session gets an entity that had none: it is another device of its user after all.
fn appear<M: Membership>(context: Entity, info: Arc<PresenceInfo>, detail: M::Detail) -> Appear {
    Box::new(move |world| come::<M>(world, context, info, detail, JoinedAs::Arrived))
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

/// The connection is lost: nobody knows who is still in a context.
pub(super) fn make_stale(world: &mut World, context: Entity) {
    let mut index = world.resource_mut::<PresenceIndex>();
    for presence in index.make_stale(context) {
        if let Ok(mut presence) = world.get_entity_mut(presence) {
            presence.insert(Stale);
        }
    }
}

/// The server has told all that it tells about a context.
pub(super) fn is_confirmed(world: &mut World, context: Entity) {
    let mut index = world.resource_mut::<PresenceIndex>();
    index.has_snapshot(context);
}

/// The server's list of members has changed, whatever the game has despawned.
#[derive(EntityEvent)]
pub(crate) struct MembersChanged {
    #[event_target]
    pub(crate) context: Entity,
    /// Whether the local user has removed one of those who left.
    pub(crate) is_kick: bool,
}

/// Whether the local user has removed one of those who leave.
pub(crate) fn is_kick(world: &World, context: Entity, leaves: &[UserPresence]) -> bool {
    let index = world.resource::<PresenceIndex>();
    let mut leaves = leaves.iter();
    leaves.any(|who| index.is_kicked(context, &who.session_id))
}

/// Whether an event changes the server's list of members, whatever the game has despawned.
pub(crate) fn is_change(
    world: &World,
    context: Entity,
    joins: &[UserPresence],
    leaves: &[UserPresence],
) -> bool {
    let index = world.resource::<PresenceIndex>();
    let is_there = |who: &UserPresence| {
        index.is_there(context, &who.session_id) || index.is_ghost_in(context, &who.session_id)
    };
    joins.iter().any(|who| !is_there(who))
        || leaves
            .iter()
            .any(|who| is_there(who) && !is_among(who, joins))
}

/// Whether the server has told that a session is in a context, whatever the game has despawned.
pub(crate) fn is_there(world: &World, context: Entity, session: &str) -> bool {
    world.resource::<PresenceIndex>().is_there(context, session)
}

fn is_among(who: &UserPresence, others: &[UserPresence]) -> bool {
    let mut others = others.iter();
    others.any(|other| other.session_id == who.session_id)
}

/// Joins and leaves in one event. A member in both lists has changed, and has not left.
pub(crate) fn apply_event<M: Membership>(
    world: &mut World,
    context: Entity,
    joins: &[UserPresence],
    leaves: &[UserPresence],
    people: &mut People,
) {
    for gone in leaves {
        if is_among(gone, joins) {
            ghosts::speaks(world, context, &SessionId::from(gone.session_id.as_str()));
            let mut index = world.resource_mut::<PresenceIndex>();
            index
                .bypass_change_detection()
                .is_back(context, &gone.session_id);
        } else {
            leave::<M>(world, context, &gone.session_id);
        }
    }
    for who in joins {
        let detail = M::Detail::of(who);
        let info = people.info(who);
        join::<M>(world, context, info, detail, JoinedAs::Arrived, false);
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
    if !is_in::<M::Place>(world, context) {
        return;
    }
    if is_own_user(world, info.user_id.as_str()) {
        own_ghosts::recognise(world, context, &info);
    }
    let index = world.resource::<PresenceIndex>();
    if index.is_own_before(info.session_id.as_str()) {
        let mut index = world.resource_mut::<PresenceIndex>();
        return index.note_ghost(context, &info.session_id, true);
    }
    let is_self = is_self || is_own_session(world, &info);
    if index.has_window(context) {
        if is_self {
            own_passes_on::<M>(world, context, &info);
        }
        pass_on_stale::<M>(world, context, &info);
    }
    let mut index = world.resource_mut::<PresenceIndex>();
    if index
        .bypass_change_detection()
        .confirm(context, &info.session_id)
    {
        take_mark(world, context, &info.session_id);
    }
    let index = world.resource::<PresenceIndex>();
    if let Some(known) = index.get(context, &info.session_id) {
        return update(world, context, known, info, detail, is_self);
    }
    if !is_self && index.is_hidden(context, info.session_id.as_str()) {
        let appear = appear::<M>(context, info.clone(), detail);
        return ghosts::hide(world, context, info, appear);
    }
    if !is_self && let Some(old) = ghosts::session_before(world, context, &info) {
        return adopt::<M>(world, context, &old, info, detail);
    }
    ghosts::mark_older(world, context, &info);
    come::<M>(world, context, info, detail, how);
}

/// A session gets an entity.
fn come<M: Membership>(
    world: &mut World,
    context: Entity,
    info: Arc<PresenceInfo>,
    detail: M::Detail,
    how: JoinedAs,
) {
    if !is_in::<M::Place>(world, context) {
        return; // an observer of a mark has left it
    }
    let is_self = is_own_session(world, &info);
    let how = if is_self { JoinedAs::Present } else { how };
    let presence = world.entity_allocator_mut().alloc();
    let mut index = world.resource_mut::<PresenceIndex>();
    let dismiss = Dismiss {
        tell_left: tell_left::<M::Place>,
        take: dismiss::<M>,
    };
    index.add(context, presence, &info, dismiss);
    let session = info.session_id.clone();
    let bundle = (M::from(context), describe(context, info), detail, how);
    // Nobody else can have spawned what has just been allocated.
    let _ = if is_self {
        world.spawn_at(presence, (bundle, IsSelf)).map(drop)
    } else {
        world.spawn_at(presence, bundle).map(drop)
    };
    ghosts::show_mark(world, context, &session);
    let mut index = world.resource_mut::<PresenceIndex>();
    // Observers of its components may have left.
    if index.bypass_change_detection().has_come(context, &session) {
        tell_joined::<M::Place>(world, context, presence, how);
    }
}

/// A session is confirmed.
fn take_mark(world: &mut World, context: Entity, session: &SessionId) {
    let presence = world.resource::<PresenceIndex>().get(context, session);
    if let Some(presence) = presence
        && let Ok(mut presence) = world.get_entity_mut(presence)
    {
        presence.remove::<Stale>();
    }
}

fn leave<M: Membership>(world: &mut World, context: Entity, session: &str) {
    if !is_in::<M::Place>(world, context) {
        return;
    }
    own_ghosts::has_left(world, M::Place::AREA, session);
    if world
        .resource::<PresenceIndex>()
        .awaits_own(context, session)
    {
        return; // the local user's presence passes on to the session of this connection
    }
    let moment = world.resource::<Moments>().now();
    let presence = world.resource::<PresenceIndex>().find(context, session);
    let known = presence.and_then(|presence| Some((presence, info_of(world, presence)?)));
    let mut index = world.resource_mut::<PresenceIndex>();
    let was_hidden = index.is_hidden(context, session);
    // The index shows a game those who are there, and not those who have left. So this is not a change.
    let (despawned, why) =
        index
            .bypass_change_detection()
            .leave(context, session, known.as_ref(), moment, false);
    if presence.is_some() || was_hidden {
        index.set_changed();
    }
    if let Some((presence, info)) = known.or(despawned) {
        tell_left::<M::Place>(world, context, presence, info, why);
    }
    if let Some(presence) = presence {
        dismiss::<M>(world, presence);
    }
    ghosts::has_left(world, context, session);
}

/// The server has agreed to remove somebody, as the local user has asked. When that member leaves, this is the reason.
pub(crate) fn note_kicked<C: Context>(
    world: &mut World,
    id: &C::Id,
    session: &SessionId,
    presence: Entity,
) {
    if let Some(context) = world.resource::<ContextIndex<C::Id>>().get(id) {
        let mut index = world.resource_mut::<PresenceIndex>();
        index
            .bypass_change_detection()
            .note_kicked(context, session, presence);
    }
}

/// The local user is out of a context: so is everybody in it.
pub(crate) fn all_go(world: &mut World, context: Entity, why: LeaveReason) {
    let mut index = world.resource_mut::<PresenceIndex>();
    let Some(Closed {
        here,
        despawned,
        dismiss,
    }) = index.bypass_change_detection().close(context)
    else {
        return;
    };
    if !here.is_empty() {
        index.set_changed();
    }
    let here = here
        .into_iter()
        .filter_map(|presence| Some((presence, info_of(world, presence)?)));
    let mut everybody: Vec<_> = here.chain(despawned).collect();
    // Most of the time, this is the order in which they came.
    everybody.sort_unstable_by_key(|(presence, _)| presence.index_u32());
    for (presence, info) in everybody {
        // Observers of its components may have left before it was told to have joined.
        if !world.resource::<PresenceIndex>().is_coming(presence) {
            (dismiss.tell_left)(world, context, presence, info, why);
        }
        (dismiss.take)(world, presence);
    }
}
