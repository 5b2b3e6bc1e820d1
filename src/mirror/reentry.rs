//! Re-entry: the local user enters again what they were in before the connection was lost.

use std::{error::Error, time::Duration};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{
    context::{Context, Entry, Vocabulary, id_of, is_in},
    early::EarlyArrivals,
    enter::enter,
    ghosts,
    index::ContextIndex,
    leave::{joins_no_more, leave_unwanted, lose},
    member::Membership,
    news::tell_reentered,
    returning::{LastReentry, LossReason, ReentryOutcome, ReentryPolicy, Stale},
    roster::PresenceIndex,
    snapshot,
};
use crate::{
    connection,
    ecs::departure::Transient,
    error::ServerError,
    proto::Message,
    request::{Area, Moments, RequestError, Unconfirmed, send_for_reentry},
    transport::Received,
};

/// The re-entry that is under way.
#[derive(Debug, Default, Resource)]
pub(crate) struct Reentry {
    /// Counts the sockets, so that nothing of an earlier one counts.
    round: u64,
    /// When the socket was opened, in time since the app's start.
    began: Duration,
    is_running: bool,
    /// How many items have no outcome.
    open: usize,
    /// What is asked once more, and when.
    later: Vec<Later>,
    pub(crate) restored: u64,
    pub(crate) lost: u64,
}

/// What is asked once more.
#[derive(Debug)]
struct Later {
    /// In time since the app's start.
    at: Duration,
    context: Entity,
    ask: fn(&mut World, Entity),
    item: Option<Item>,
}

/// After so much time the connection counts as usable, whatever has no outcome yet.
const PATIENCE: Duration = Duration::from_secs(5);

fn now(world: &World) -> Duration {
    world.resource::<Time<Real>>().elapsed()
}

/// The connection is lost: whatever was under way starts over with the next socket.
pub(super) fn on_lost(world: &mut World) {
    let mut reentry = world.resource_mut::<Reentry>();
    reentry.round += 1;
    reentry.is_running = false;
    reentry.open = 0;
    reentry.later.clear();
}

/// A socket is open again.
pub(super) fn begin(world: &mut World) {
    let began = now(world);
    let mut reentry = world.resource_mut::<Reentry>();
    reentry.round += 1;
    reentry.began = began;
    reentry.is_running = true;
    reentry.open = 1;
}

/// All areas have asked for what they want.
pub(super) fn all_have_asked(world: &mut World) {
    let round = world.resource::<Reentry>().round;
    item_is_done(world, round);
}

/// An item has its outcome.
fn item_is_done(world: &mut World, round: u64) {
    let mut reentry = world.resource_mut::<Reentry>();
    if reentry.round == round {
        reentry.open = reentry.open.saturating_sub(1);
    }
}

/// If all items have their outcome, and what had waited for them has been applied, the connection is usable.
pub(super) fn finish_if_complete(world: &mut World) {
    let reentry = world.resource::<Reentry>();
    if reentry.is_running && reentry.open == 0 {
        finish(world);
    }
}

fn finish(world: &mut World) {
    world.resource_mut::<Reentry>().is_running = false;
    // What is still open is not there yet: what waits for it would go nowhere.
    for context in world.resource::<PresenceIndex>().awaiting_snapshots() {
        connection::forget_waiting_data(world, context);
    }
    connection::on_resumed(world);
}

/// Once per frame: ends the patience, asks once more, and lets go of those who did not come back.
pub(super) fn tick(world: &mut World, now: Duration) {
    let mut reentry = world.resource_mut::<Reentry>();
    let reentry = reentry.bypass_change_detection();
    let is_over = reentry.is_running && now.saturating_sub(reentry.began) >= PATIENCE;
    let due: Vec<_> = reentry
        .later
        .extract_if(.., |later| later.at <= now)
        .collect();
    for later in due {
        (later.ask)(world, later.context);
        if let Some(item) = later.item {
            item.done(world);
        }
    }
    if is_over {
        finish(world);
    }
    snapshot::dismiss_missing(world, now);
    ghosts::tick(world, now);
}

/// When there is something to do, although nothing arrives.
pub(super) fn next_due(world: &World) -> Option<Duration> {
    let reentry = world.resource::<Reentry>();
    let patience = reentry.is_running.then(|| reentry.began + PATIENCE);
    let later = reentry.later.iter().map(|later| later.at).min();
    let index = world.resource::<PresenceIndex>();
    let (window, ghost) = (index.next_window(), index.next_ghost());
    let all = [patience, later, window, ghost];
    all.into_iter().flatten().min()
}

/// Whether others may still be on their way back.
pub(crate) fn is_within_return_window(world: &World) -> bool {
    let window = world
        .resource::<crate::settings::NakamaSettings>()
        .return_window;
    time_since_reopened(world) < window
}

/// How long ago the connection was opened again.
pub(crate) fn time_since_reopened(world: &World) -> Duration {
    now(world).saturating_sub(world.resource::<Reentry>().began)
}

/// An item of re-entry: it holds up [`Connected`](crate::connection::Connected) until it is dropped in [`done`](Self::done).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct Item {
    round: u64,
}

impl Item {
    /// One more item.
    pub(crate) fn new(world: &mut World) -> Self {
        let mut reentry = world.resource_mut::<Reentry>();
        reentry.open += 1;
        Self {
            round: reentry.round,
        }
    }

    /// It has an outcome.
    pub(crate) fn done(self, world: &mut World) {
        item_is_done(world, self.round);
    }
}

/// Sends a message of re-entry. `hear` gets the answer, unless the connection is lost before.
pub(crate) fn ask(
    world: &mut World,
    message: Message,
    hear: impl FnOnce(&mut World, Result<Option<Received>, Unconfirmed>) + Send + Sync + 'static,
) {
    let mut first = Some((hear, Item::new(world)));
    send_for_reentry(world, message, None, move |world, answer| {
        if let Some((hear, item)) = first.take() {
            hear(world, answer);
            item.done(world);
        }
    });
}

/// The same with a message that joins something whose id only the answer tells. What arrives for that before the answer waits. If the server
/// consents after the time is over, `hear` gets that, too.
pub(crate) fn ask_joining(
    world: &mut World,
    joins: Area,
    message: Message,
    mut hear: impl FnMut(&mut World, Result<Option<Received>, Unconfirmed>) + Send + Sync + 'static,
) {
    let mut item = Some(Item::new(world));
    send_for_reentry(world, message, Some(joins), move |world, answer| {
        hear(world, answer);
        if let Some(item) = item.take() {
            item.done(world);
        }
    });
}

/// Asks after this time, unless the connection is lost before. `item` is what that holds up, if anything.
pub(crate) fn ask_later(
    world: &mut World,
    context: Entity,
    wait: Duration,
    item: Option<Item>,
    ask: fn(&mut World, Entity),
) {
    let later = Later {
        at: now(world) + wait,
        context,
        ask,
        item,
    };
    world.resource_mut::<Reentry>().later.push(later);
}

/// What was to be asked about a context need not be asked.
pub(crate) fn ask_no_more(world: &mut World, context: Entity) {
    let mut reentry = world.resource_mut::<Reentry>();
    let later = reentry.later.extract_if(.., |it| it.context == context);
    let items: Vec<_> = later.filter_map(|later| later.item).collect();
    for item in items {
        item.done(world);
    }
}

/// What is to be asked about a context need not wait for longer than this.
pub(crate) fn ask_sooner(world: &mut World, context: Entity, wait: Duration) {
    let at = now(world) + wait;
    let mut reentry = world.resource_mut::<Reentry>();
    let later = reentry.later.iter_mut();
    for later in later.filter(|later| later.context == context) {
        later.at = later.at.min(at);
    }
}

/// What the local user is in, and has not entered again.
pub(crate) fn stale_contexts<C: Context>(world: &World) -> Vec<(Entity, C::Id)> {
    let index = world.resource::<ContextIndex<C::Id>>();
    let all = index.iter().map(|(id, entity)| (entity, id.clone()));
    let mut all: Vec<_> = all
        .filter(|(entity, _)| world.resource::<PresenceIndex>().awaits_snapshot(*entity))
        .collect();
    all.sort_unstable_by_key(|(entity, _)| entity.index_u32());
    all
}

/// Everything that the local user is in is uncertain from now on.
pub(crate) fn make_stale<C: Context>(world: &mut World) {
    let index = world.resource::<ContextIndex<C::Id>>();
    let all: Vec<_> = index.iter().map(|(_, entity)| entity).collect();
    for context in all {
        if is_in::<C>(world, context) {
            becomes_stale(world, context); // no observer has left it
        }
    }
    world.flush();
}

/// Something that the local user is in is uncertain from now on.
pub(crate) fn becomes_stale(world: &mut World, context: Entity) {
    snapshot::make_stale(world, context);
    if let Ok(mut context) = world.get_entity_mut(context) {
        context.insert(Stale);
    }
}

/// The policy of what the local user is in.
pub(crate) fn policy(world: &World, context: Entity) -> ReentryPolicy {
    let policy = world.get::<ReentryPolicy>(context);
    policy.copied().unwrap_or(ReentryPolicy::Rejoin)
}

/// Gives a context its policy, unless the game has chosen one.
pub(crate) fn default_policy(world: &mut World, context: Entity, policy: ReentryPolicy) {
    if let Ok(mut context) = world.get_entity_mut(context)
        && !context.contains::<ReentryPolicy>()
    {
        context.insert(policy);
    }
}

/// The local user asks to enter something again, and the server answers with everybody who is in it.
///
/// `read` reads the answer. `is_new` is whether the same name may stand for something else by now. `refused` hears of a refusal, and gives
/// the reason if it is lost.
pub(crate) fn reenter<M, E>(
    world: &mut World,
    context: Entity,
    message: Message,
    how: Reentering<M::Place, E>,
) where
    M: Membership<Detail = (), Place: Context<Id: Component>>,
    E: Error + 'static,
{
    let Some(id) = id_of::<M::Place>(world, context) else {
        return;
    };
    world
        .resource_mut::<EarlyArrivals>()
        .await_context(M::Place::AREA, &id.to_string());
    ask(world, message, move |world, answer| {
        let refusal = match answer {
            Ok(reply) => match (how.read)(reply) {
                Ok(entry) => {
                    on_reentered::<M>(world, context, entry, how.may_be_new);
                    if is_in::<M::Place>(world, context) {
                        (how.then)(world, context);
                    }
                    return;
                }
                Err(error) => LossReason::NoAnswer(error.to_string()),
            },
            Err(Unconfirmed::Refused(error)) => {
                if (how.on_refusal)(world, context, &error) {
                    return; // it asks again
                }
                LossReason::Refused(error)
            }
            Err(Unconfirmed::Failed(failure)) => {
                let error: RequestError = failure.into();
                LossReason::NoAnswer(error.to_string())
            }
            Err(Unconfirmed::Unexpected) => LossReason::NoAnswer("something else".into()),
        };
        let may_be_in = matches!(refusal, LossReason::NoAnswer(_));
        is_lost::<M::Place>(world, context, refusal);
        if may_be_in {
            // The server may let the local user in later. It works in order, so a leave comes after that.
            leave_unwanted::<M::Place>(world, &id);
        }
    });
}

/// How something is entered again.
pub(crate) struct Reentering<C: Context, E: Error + 'static> {
    /// Reads the answer.
    pub(crate) read: fn(Option<Received>) -> Result<Entry<C>, RequestError<E>>,
    /// Whether what has this name may be another one by now.
    pub(crate) may_be_new: bool,
    /// The server refused. Whether it is to be asked again.
    pub(crate) on_refusal: fn(&mut World, Entity, &ServerError) -> bool,
    /// The local user is in it again, and the game has heard of that.
    pub(crate) then: fn(&mut World, Entity),
}

/// The local user is in something again.
fn on_reentered<M>(world: &mut World, context: Entity, entry: Entry<M::Place>, may_be_new: bool)
where
    M: Membership<Detail = (), Place: Context<Id: Component>>,
{
    let Some(old) = id_of::<M::Place>(world, context) else {
        world
            .resource_mut::<EarlyArrivals>()
            .forget_context(M::Place::AREA, &entry.id.to_string());
        return leave_unwanted::<M::Place>(world, &entry.id);
    };
    if old != entry.id {
        rename::<M::Place>(world, context, &old, &entry.id);
    }
    let is_changed = world.get::<M::Place>(context) != Some(&entry.state);
    let is_known = |(info, _): &(std::sync::Arc<super::ids::PresenceInfo>, bool)| {
        let index = world.resource::<PresenceIndex>();
        index.was_there(context, &info.session_id)
    };
    let is_new = may_be_new && !entry.everybody.iter().any(is_known);
    if is_new {
        connection::forget_waiting_data(world, context);
    }
    let since = world.resource_mut::<Moments>().next();
    enter::<M>(world, context, entry, since);
    is_restored::<M::Place>(
        world,
        context,
        match (is_new, is_changed) {
            (true, _) => ReentryOutcome::Recreated,
            (false, true) => ReentryOutcome::Changed,
            (false, false) => ReentryOutcome::Restored,
        },
    );
}

/// What the local user is in has another id now.
pub(crate) fn rename<C: Context<Id: Component>>(
    world: &mut World,
    context: Entity,
    old: &C::Id,
    new: &C::Id,
) {
    let mut early = world.resource_mut::<EarlyArrivals>();
    early.forget_context(C::AREA, &old.to_string());
    let mut index = world.resource_mut::<ContextIndex<C::Id>>();
    index.remove(context);
    index.insert(new, context);
    if let Ok(mut context) = world.get_entity_mut(context) {
        context.insert(new.clone());
    }
}

/// The local user is in something again. Tells the game.
pub(crate) fn is_restored<C: Context>(world: &mut World, context: Entity, outcome: ReentryOutcome) {
    if !is_in::<C>(world, context) {
        return; // an observer has left it
    }
    world.resource_mut::<Reentry>().restored += 1;
    snapshot::is_confirmed(world, context);
    if let Ok(mut context) = world.get_entity_mut(context) {
        context.remove::<Stale>();
        context.insert(LastReentry(outcome.clone()));
    }
    tell_reentered::<C>(world, context, outcome);
}

/// The local user is not in something any more. Tells the game, and everybody in it goes.
pub(crate) fn is_lost<C: Context>(world: &mut World, context: Entity, reason: LossReason) {
    let Some(id) = id_of::<C>(world, context) else {
        return;
    };
    log::debug!("the {} {id} is lost: {reason}", C::NOUN);
    world.resource_mut::<Reentry>().lost += 1;
    connection::forget_waiting_data(world, context);
    let outcome = ReentryOutcome::Lost(reason);
    if let Ok(mut context) = world.get_entity_mut(context) {
        context.insert(LastReentry(outcome.clone()));
    }
    tell_reentered::<C>(world, context, outcome);
    lose::<C>(world, &id);
}

/// Something that the local user had asked to enter before the connection was lost, and that does not come. Tells the game, and the entity
/// goes.
pub(crate) fn never_came<C: Context>(world: &mut World, asking: Entity, reason: LossReason) {
    if world.get_entity(asking).is_err() {
        return;
    }
    world.resource_mut::<Reentry>().lost += 1;
    tell_reentered::<C>(world, asking, ReentryOutcome::Lost(reason));
    if let Ok(mut asking) = world.get_entity_mut(asking) {
        joins_no_more(&mut asking);
        asking.insert(Transient);
    }
}
