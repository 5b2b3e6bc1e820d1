//! What arrives, applied: each envelope completely before the next.

use std::time::{Duration, Instant};

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};
use hashbrown::HashSet;

use crate::{
    areas::{
        chat::{self, ChatChannel},
        matches::{self, Match},
        matchmaker, notification,
        party::{self, Party},
        status::{self, FollowedUser},
        stream,
    },
    connection::{self, NakamaConnection, NetworkLink},
    data::{self, WireData, send},
    ecs::observed,
    envelope::{self, ErrorPushed},
    error::{ErrorCode, ServerError},
    mirror::{
        early::{Delivery, EarlyArrivals, Held, Patience},
        presence, {self},
    },
    proto::Message,
    request::{self, Requests},
    settings::NakamaSettings,
    transport::{Answer, DisconnectReason, Epoch, Failure, LinkEvent, Received, RequestId, Told},
};

/// What the last frames were like, for diagnostics.
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
    /// Codes of pushed errors that the log has told.
    logged: HashSet<ErrorCode>,
}

/// How many of them are remembered.
const LOGGED: usize = 64;

/// What [`NakamaSettings::receive_budget`] is measured with.
#[derive(Clone, Copy, Debug, Default, Resource)]
pub(crate) enum BudgetClock {
    /// The clock of this machine.
    #[default]
    Machine,
    /// The clock of a test, on which applying an event takes so long.
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

/// Run condition: whether the deadlines of arrivals may be judged in this frame. What has arrived in time counts, so all of it is
/// read first, but for what takes more than [`UNREAD_FRAMES`].
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
    send::tell_failed(world);
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
    // Once: a game may be as slow as that in every frame.
    let was_away = was_away && stats.unjudged == 0;
    stats.unjudged = if is_behind || was_away {
        stats.unjudged + 1
    } else {
        0
    };
    if stats.unjudged >= UNREAD_FRAMES {
        stats.unjudged = 0;
    }
    if stats.unjudged == 0 {
        judge_deadlines(world);
    }
}

/// Gives up what has waited long enough. What it waited for may have arrived within this frame, so this comes after reading.
fn judge_deadlines(world: &mut World) {
    let now = world.resource::<Time<Real>>().elapsed();
    world.resource_mut::<EarlyArrivals>().tick(now);
    request::tick(world);
    apply_ready(world);
}

/// Applies an event. Of an earlier connection than the game's, only the answers and the end count: its world is not this one's.
fn apply(world: &mut World, Told { epoch, event }: Told) {
    let is_current = epoch == world.resource::<NakamaConnection>().epoch();
    match event {
        LinkEvent::Answer {
            ticket,
            answer,
            late,
        } => {
            let answer = match answer {
                Answer::Message(_) if !is_current => Answer::Failed(Failure::ConnectionLost {
                    maybe_executed: true,
                }),
                answer => answer,
            };
            on_answer(world, ticket, answer, late);
        }
        LinkEvent::GivenUp { ticket } => request::on_given_up(world, ticket),
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
        } => send::on_send_failed(world, origin, op_code, reason),
        LinkEvent::Raw(raw) => envelope::on_raw(world, *raw),
        _ if !is_current => {}
        LinkEvent::MatchData(data) => deliver(world, data),
        LinkEvent::PartyData(data) => deliver(world, data),
        LinkEvent::StreamData(data) => deliver(world, data),
        LinkEvent::Pushed(received) => {
            push(world, *received, Patience::Wait);
            apply_ready(world);
        }
        LinkEvent::Opened => {
            // What an earlier connection left unread is not this one's.
            data::clear_area::<Match>(world);
            data::clear_area::<Party>(world);
            data::clear_area::<stream::Stream>(world);
            chat::clear_messages(world);
            notification::clear_messages(world);
            presence::forget_own_session(world);
            status::on_opened(world);
            send::on_opened(world);
            world.resource_mut::<ReceiveStats>().logged.clear();
            connection::on_opened(world);
        }
        LinkEvent::RoundTrip(round_trip) => connection::on_round_trip(world, round_trip),
        LinkEvent::PartyLayout(layout) => connection::on_party_layout(world, layout),
    }
}

fn on_answer(world: &mut World, ticket: RequestId, answer: Answer, late: bool) {
    request::on_answer(world, ticket, answer, late);
    apply_ready(world);
    let settled = request::close(world, ticket);
    if let Some(asked) = settled.moves {
        world.resource_mut::<EarlyArrivals>().move_answered(&asked);
        apply_ready(world);
    }
    if let Some(area) = settled.joins {
        if !world.resource::<Requests>().is_joining(area) {
            world.resource_mut::<EarlyArrivals>().nothing_joins(area);
        }
        on_join_answered(world);
    }
}

fn deliver<D: WireData>(world: &mut World, data: D) {
    if data::deliver(world, data, Patience::Wait) == Delivery::Held {
        apply_ready(world);
    }
}

/// A join has its answer: what came late to another one may be unwanted now.
fn on_join_answered(world: &mut World) {
    mirror::on_join_answered::<Match>(world);
    mirror::on_join_answered::<Party>(world);
    mirror::on_join_answered::<ChatChannel>(world);
    mirror::on_join_answered::<FollowedUser>(world);
}

/// Applies what has become ready of the early arrivals.
pub(crate) fn apply_ready(world: &mut World) {
    while let Some((held, patience)) = world.resource_mut::<EarlyArrivals>().next_ready() {
        match held {
            Held::Pushed(received) => push(world, *received, patience),
            Held::PushedAt(received, at) => push_at(world, *received, patience, at),
            Held::MatchData(data) => {
                let _ = data::deliver(world, data, patience);
            }
            Held::PartyData(data) => {
                let _ = data::deliver(world, data, patience);
            }
            Held::StreamData(data) => {
                let _ = data::deliver(world, data, patience);
            }
        }
    }
}

/// A message that the server sent by itself.
fn push(world: &mut World, received: Received, patience: Patience) {
    let now = world.resource::<Time<Real>>().elapsed();
    push_at(world, received, patience, now);
}

/// The same, if it arrived at that time.
fn push_at(
    world: &mut World,
    Received { message, people }: Received,
    patience: Patience,
    at: Duration,
) {
    match message {
        Message::ChannelMessage(message) => chat::on_message(world, message),
        Message::ChannelPresenceEvent(event) => chat::on_presence_event(world, event, people),
        Message::MatchmakerMatched(_) => {
            matchmaker::on_matched(world, Received { message, people }, at);
        }
        Message::Notifications(event) => notification::on_notifications(world, event),
        Message::MatchPresenceEvent(event) => matches::on_presence_event(world, event, people),
        Message::Party(event) => party::on_party(world, event, people),
        Message::PartyClose(event) => party::on_close(world, event),
        Message::PartyJoinRequest(event) => party::on_join_request(world, event, people),
        Message::PartyLeader(event) => party::on_leader(world, event, people),
        Message::PartyMatchmakerTicket(ticket) => matchmaker::on_party_ticket(world, ticket),
        Message::PartyPresenceEvent(event) => {
            if let Some(party) = party::on_presence_event(world, event, people, patience) {
                matchmaker::on_members_changed(world, party);
            }
        }
        Message::PartyUpdate(event) => party::on_update(world, event),
        Message::StatusPresenceEvent(event) => {
            status::on_presence_event(world, event, people, patience);
        }
        Message::StreamPresenceEvent(event) => {
            stream::on_presence_event(world, event, people, patience);
        }
        Message::Error(error) => {
            let error = ServerError::from(error);
            if !observed::by_the_game::<ErrorPushed>(world, None) {
                warn_of_error(world, &error);
            }
            world.trigger(ErrorPushed { error });
        }
        // Read by the network thread.
        Message::MatchData(_) | Message::PartyData(_) | Message::StreamData(_) => {}
        // A server sends these as answers, with a `cid`, or not at all.
        Message::Channel(_)
        | Message::ChannelJoin(_)
        | Message::ChannelLeave(_)
        | Message::ChannelMessageAck(_)
        | Message::ChannelMessageRemove(_)
        | Message::ChannelMessageSend(_)
        | Message::ChannelMessageUpdate(_)
        | Message::Match(_)
        | Message::MatchCreate(_)
        | Message::MatchDataSend(_)
        | Message::MatchJoin(_)
        | Message::MatchLeave(_)
        | Message::MatchmakerAdd(_)
        | Message::MatchmakerRemove(_)
        | Message::MatchmakerTicket(_)
        | Message::PartyAccept(_)
        | Message::PartyCreate(_)
        | Message::PartyDataSend(_)
        | Message::PartyJoin(_)
        | Message::PartyJoinRequestList(_)
        | Message::PartyLeave(_)
        | Message::PartyMatchmakerAdd(_)
        | Message::PartyMatchmakerRemove(_)
        | Message::PartyPromote(_)
        | Message::PartyRemove(_)
        | Message::Ping(_)
        | Message::Pong(_)
        | Message::Rpc(_)
        | Message::Status(_)
        | Message::StatusFollow(_)
        | Message::StatusUnfollow(_)
        | Message::StatusUpdate(_) => {}
    }
    world.flush();
}

/// An error that the game does not hear of is told in the log, once for each code: a server may send any number.
fn warn_of_error(world: &mut World, error: &ServerError) {
    let logged = &mut world.resource_mut::<ReceiveStats>().logged;
    if logged.len() < LOGGED && logged.insert(error.code) {
        log::warn!(
            "the server sent an error that belongs to no request, and the game does not observe `ErrorPushed`: {error}"
        );
    }
}

fn on_closed(world: &mut World, epoch: Epoch, reason: DisconnectReason) {
    for ticket in world.resource_mut::<NetworkLink>().take_unsent(epoch) {
        let answer = Answer::Failed(Failure::NotConnected);
        on_answer(world, ticket, answer, false);
    }
    request::forget_refresh(world);
    if matches!(reason, DisconnectReason::NetworkThread) {
        request::fail_all(world);
    }
    request::forget_late(world);
    world.resource_mut::<EarlyArrivals>().clear();
    mirror::clear::<Match>(world);
    mirror::clear::<ChatChannel>(world);
    matchmaker::clear(world);
    party::clear(world);
    notification::clear(world);
    status::clear(world);
    stream::clear(world);
    presence::forget_own_session(world);
    world.flush();
    connection::on_closed(world, epoch, reason);
}
