//! Applies what arrives, each envelope completely before the next.

use std::time::{Duration, Instant};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{
    dispatch::{Handlers, apply_ready, push},
    early::EarlyArrivals,
    life, own_session, reentry,
};
use crate::{
    connection::{self, NakamaConnection, NetworkLink},
    request::{self, Requests},
    settings::NakamaSettings,
    transport::{Answer, DisconnectReason, Epoch, Failure, LinkEvent, RequestId, Told},
};

/// Counts of the last frames, for diagnostics.
#[derive(Debug, Default, Resource)]
pub(crate) struct ReceiveStats {
    /// Events applied, in all.
    pub(crate) applied: u64,
    /// Data messages left out because the game did not read for too long, in all.
    pub(crate) dropped: u64,
    /// Frames whose budget was used up, so that the rest waited for the next one, in all.
    pub(crate) over_budget: u64,
    /// Frames in a row in which deadlines were not judged.
    unjudged: u32,
}

/// What [`NakamaSettings::receive_budget`] is measured with.
#[derive(Clone, Copy, Debug, Default, Resource)]
pub(crate) enum BudgetClock {
    /// The clock of this machine.
    #[default]
    Machine,
    /// The clock of a test, on which each event takes this long to apply.
    Virtual { each: Duration },
}

impl BudgetClock {
    /// How much time has passed since `begin`, in which so many events were applied.
    fn elapsed(self, begin: Instant, applied: u64) -> Duration {
        match self {
            Self::Machine => begin.elapsed(),
            Self::Virtual { each } => {
                each.saturating_mul(u32::try_from(applied).unwrap_or(u32::MAX))
            }
        }
    }
}

/// Run condition: whether the plugin may judge the deadlines of arrivals in this frame. What has arrived in time counts, so the plugin
/// reads all of it first, unless that takes more than [`UNREAD_FRAMES`].
pub(crate) fn may_judge_deadlines(stats: Res<ReceiveStats>) -> bool {
    stats.unjudged == 0
}

/// After a frame that took longer than this, the process may have been stopped. What arrived meanwhile may still be with the
/// operating system, because the network thread comes to read it only now; so deadlines are judged with the next frame.
const AWAY: Duration = Duration::from_millis(250);

/// In how many frames in a row the budget may be used up before deadlines are judged all the same.
const UNREAD_FRAMES: u32 = 8;

/// How many data messages are applied between two looks at the clock.
const DATA_PER_LOOK: u32 = 16;

/// In `PreUpdate`: applies everything that arrived before the frame began, unless the budget runs out.
pub(crate) fn receive(world: &mut World) {
    let begin = Instant::now();
    let clock = *world.resource::<BudgetClock>();
    let budget = world.resource::<NakamaSettings>().receive_budget;
    let was_away = world.resource::<Time<Real>>().delta() > AWAY;
    request::tell_known(world);
    world.resource_mut::<NetworkLink>().begin_frame();
    let mut until_look = DATA_PER_LOOK;
    let mut applied = 0;
    let mut is_behind = false;
    while let Some(told) = world.resource_mut::<NetworkLink>().next_event() {
        until_look = if told.event.is_data() {
            until_look - 1
        } else {
            0
        };
        apply(world, told);
        reentry::finish_if_complete(world);
        applied += 1;
        if until_look == 0 {
            until_look = DATA_PER_LOOK;
            if clock.elapsed(begin, applied) >= budget {
                is_behind = true;
                break;
            }
        }
    }
    let mut stats = world.resource_mut::<ReceiveStats>();
    stats.applied += applied;
    stats.over_budget += u64::from(is_behind);
    // Warns once, because a game may be this slow in every frame.
    let was_away = was_away && stats.unjudged == 0;
    stats.unjudged = if is_behind || was_away {
        stats.unjudged + 1
    } else {
        0
    };
    if stats.unjudged >= UNREAD_FRAMES {
        stats.unjudged = 0;
    }
    let is_judged = stats.unjudged == 0;
    if is_judged {
        judge_deadlines(world);
    }
    let early = world.resource::<EarlyArrivals>();
    let has_deadlines = early.len() > 0 || world.resource::<Requests>().len() > 0;
    let due = [
        early.next_due(),
        reentry::next_due(world),
        request::next_due(world),
    ];
    let due = due.into_iter().flatten().min();
    let at = due.map(|due| moment(world, due));
    let mut link = world.resource_mut::<NetworkLink>();
    let link = link.bypass_change_detection();
    link.wake_at(at);
    if is_behind || (!is_judged && has_deadlines) {
        link.ask_for_a_frame();
    }
}

/// What the clock of this machine shows at a time since the app's start.
fn moment(world: &World, at: Duration) -> Instant {
    let time = world.resource::<Time<Real>>();
    let frame = time.last_update().unwrap_or_else(|| time.startup());
    frame + at.saturating_sub(time.elapsed())
}

/// Gives up what has waited long enough. What it waited for may have arrived within this frame, so this comes after reading.
fn judge_deadlines(world: &mut World) {
    let now = world.resource::<Time<Real>>().elapsed();
    world.resource_mut::<EarlyArrivals>().tick(now);
    request::tick(world);
    reentry::tick(world, now);
    apply_ready(world);
    reentry::finish_if_complete(world);
}

/// Applies an event. Nothing of an earlier connection than the game's changes the world: its answers become losses, and its end is its
/// own. What was not sent, and copies of envelopes, are told all the same.
fn apply(world: &mut World, Told { epoch, event }: Told) {
    let is_current = epoch == world.resource::<NakamaConnection>().epoch();
    match event {
        LinkEvent::Answer { id, answer, late } => {
            let answer = match answer {
                Answer::Message(_) if !is_current => Answer::Failed(Failure::ConnectionLost {
                    maybe_executed: true,
                }),
                answer => answer,
            };
            on_answer(world, id, answer, late);
        }
        LinkEvent::GivenUp { id } => request::on_given_up(world, id),
        LinkEvent::Closed(reason) if connection::tries_again(world, epoch, &reason) => {}
        LinkEvent::Closed(reason) => on_closed(world, epoch, reason),
        LinkEvent::Dropped { count } => {
            log::warn!(
                "{count} data messages were left out, because the game did not read for too long"
            );
            world.resource_mut::<ReceiveStats>().dropped += count;
        }
        LinkEvent::SendFailed {
            origin,
            op_code,
            reason,
        } => {
            if let Some(handler) = world.resource::<Handlers>().send_failed {
                handler(world, origin, op_code, reason);
            }
        }
        LinkEvent::Raw(raw) => {
            if let Some(handler) = world.resource::<Handlers>().raw {
                handler(world, *raw);
            }
        }
        _ if !is_current => {}
        LinkEvent::Pushed(pushed) => push(world, pushed),
        LinkEvent::Opened => on_opened(world),
        LinkEvent::RoundTrip(round_trip) => connection::on_round_trip(world, round_trip),
        LinkEvent::Lost(cause) => on_lost(world, cause),
        LinkEvent::Waiting {
            attempt,
            wait,
            reason,
        } => connection::on_waiting(world, attempt, wait, reason),
        LinkEvent::Due { attempt, refused } => connection::on_due(world, attempt, refused),
        LinkEvent::PartyLayout(layout) => connection::on_party_layout(world, layout),
    }
}

fn on_answer(world: &mut World, id: RequestId, answer: Answer, late: bool) {
    request::on_answer(world, id, answer, late);
    apply_ready(world);
    let settled = request::close(world, id);
    if let Some(asked) = settled.moves {
        world.resource_mut::<EarlyArrivals>().move_answered(&asked);
        apply_ready(world);
    }
    if let Some(area) = settled.joins {
        if !world.resource::<Requests>().is_joining(area) {
            world.resource_mut::<EarlyArrivals>().nothing_joins(area);
        }
        for handler in world.resource::<Handlers>().joins.clone() {
            handler(world);
        }
    }
}

/// The connection is lost, and comes back. First its requests get their answers, then everything is stale, then the game hears of it.
fn on_lost(world: &mut World, cause: DisconnectReason) {
    world.resource_mut::<EarlyArrivals>().give_up_joins();
    apply_ready(world);
    connection::on_lost(world, cause.clone());
    request::on_lost(world);
    world.resource_mut::<EarlyArrivals>().clear();
    reentry::on_lost(world);
    own_session::outlive_own_session(world, &cause);
    life::run(world, |area| area.on_lost);
    connection::tell_lost(world, cause);
}

/// The connection is back: the local user enters again what they were in.
fn on_reopened(world: &mut World) {
    connection::on_reopened(world);
    reentry::begin(world);
    life::run(world, |area| area.reenter);
    request::send_carried(world);
    reentry::all_have_asked(world);
}

fn on_opened(world: &mut World) {
    if world.resource::<NakamaConnection>().is_lost() {
        return on_reopened(world);
    }
    own_session::forget_own_session(world);
    life::run(world, |area| area.on_opened);
    connection::on_opened(world);
}

/// A connection has ended. First its requests get their answers, then the local user is out of everything, then the game hears of it.
fn on_closed(world: &mut World, epoch: Epoch, reason: DisconnectReason) {
    for id in world.resource_mut::<NetworkLink>().take_unsent(epoch) {
        let answer = Answer::Failed(Failure::NotConnected);
        on_answer(world, id, answer, false);
    }
    request::on_closed(world, &reason);
    world.resource_mut::<EarlyArrivals>().clear();
    reentry::on_lost(world);
    life::run(world, |area| area.on_closed);
    own_session::forget_own_session(world);
    world.flush();
    connection::on_closed(world, epoch, reason);
}
