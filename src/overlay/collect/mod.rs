//! Brings the world into the view.

mod friends;
mod healing;
mod inbox;
mod people;
mod tickets;

use std::time::{Duration, Instant};

use bevy_diagnostic::DiagnosticsStore;
use bevy_ecs::{entity_disabling::Disabled, prelude::*, query::Allow};
use bevy_time::{Real, Time};

use self::people::People;
pub(super) use self::{friends::collect_friends, inbox::collect_inbox, tickets::collect_tickets};
use super::{
    NakamaOverlay, OverlayView, secrets,
    view::{
        ConnectionView, ContextState, ContextView, ReconnectingView, TrafficSample, TrafficView,
        WaitingView,
    },
};
use crate::{
    areas::{
        chat::{
            ChatChannel, ChatChannelKind, ChatIndex, ChatJoinedAs, ChatLastSeen, ChatLog,
            ChatMembers, JoinChat,
        },
        matches::{CreateMatch, EnteredBy, JoinMatch, Match, MatchIndex, MatchPresences},
        party::{
            Asking, CreateParty, JoinParty, KeptDecisions, Party, PartyIndex, PartyJoinRequests,
            PartyMembers, PendingApproval,
        },
        stream::{Stream, StreamPresences},
    },
    connection::{NakamaConnection, NetworkLink},
    diagnostics::{RECEIVED, RECEIVED_BYTES, SENT, SENT_BYTES},
    mirror::{
        LeaderSession, Reentry, ReentryPolicy,
        early::EarlyArrivals,
        presence::{Joining, PresenceIndex},
        receive::ReceiveStats,
    },
    request::{PendingRequest, Request},
};

/// How often the overlay looks at the world. Numbers that change faster cannot be read.
const EVERY: Duration = Duration::from_millis(100);

/// An entity that will become a match, a party or a channel.
type AsksToBe = (
    Entity,
    Option<&'static PendingRequest>,
    Option<&'static Asking>,
    Has<PendingApproval>,
);

/// Whether it is time to look at the world again.
pub(super) fn is_due(time: Res<Time<Real>>, mut last: Local<Option<Duration>>) -> bool {
    let now = time.elapsed();
    let is_due = last.is_none_or(|last| now.saturating_sub(last) >= EVERY);
    if is_due {
        *last = Some(now);
    }
    is_due
}

/// In `PostUpdate`: brings the connection, what the local user is in, and the requests up to date.
pub(super) fn collect(
    time: Res<Time<Real>>,
    mut view: ResMut<OverlayView>,
    connection: (
        Res<NakamaConnection>,
        Res<NetworkLink>,
        Res<EarlyArrivals>,
        Res<ReceiveStats>,
        Res<Reentry>,
    ),
    waiting: Query<&PendingRequest, Allow<Disabled>>,
    joining: Query<AsksToBe, (With<Joining>, Allow<Disabled>)>,
    matches: Query<
        (
            Entity,
            &Match,
            Option<&MatchPresences>,
            (Option<&EnteredBy>, Option<&ReentryPolicy>),
        ),
        Allow<Disabled>,
    >,
    parties: Query<
        (
            Entity,
            &Party,
            Option<&PartyMembers>,
            (
                Option<&PartyJoinRequests>,
                Has<PendingApproval>,
                Option<&LeaderSession>,
                Option<&ReentryPolicy>,
            ),
        ),
        Allow<Disabled>,
    >,
    channels: Query<
        (
            Entity,
            &ChatChannel,
            Option<&ChatMembers>,
            &ChatLog,
            (
                Option<&ChatJoinedAs>,
                Option<&ChatLastSeen>,
                Option<&ReentryPolicy>,
            ),
        ),
        Allow<Disabled>,
    >,
    streams: Query<(Entity, &Stream, Option<&StreamPresences>), Allow<Disabled>>,
    indexes: (
        Res<MatchIndex>,
        Res<PartyIndex>,
        Res<ChatIndex>,
        Res<PresenceIndex>,
        Res<KeptDecisions>,
    ),
    people: People,
) {
    let now = time.elapsed();
    let view = &mut *view;

    let (state, link, early, receive, reentry) = &connection;
    // The indexes know what the local user is in, whatever the game does to the entities.
    let (match_ids, party_ids, channel_ids, presences, decisions) = &indexes;
    collect_connection(&mut view.connection, state, now);
    view.connection.reentered = (reentry.restored, reentry.lost);
    view.connection.session_id = presences.own_session().cloned();
    view.connection.old_sessions = presences.own_sessions_before();
    view.connection.traffic = traffic(link, early, receive);

    let joining = |names: &[&str]| asking(&joining, names);
    let entered = matches.iter().filter_map(|(entity, state, present, back)| {
        let (size, people) = people.list_by_name(present);
        let about = if state.authoritative {
            "authoritative"
        } else {
            "relayed"
        };
        Some(ContextView {
            about: about.to_owned(),
            label: filled(state.label.as_ref()),
            facts: healing::of_match(back.0)
                .chain(healing::facts(back.1, presences, entity))
                .collect(),
            size,
            people,
            ..entered_as(entity, match_ids.id_of(entity)?, presences)
        })
    });
    view.matches = sorted(joining(&[JoinMatch::NAME, CreateMatch::NAME]), entered);

    let entered = parties.iter().filter_map(
        |(entity, state, members, (asking, is_pending, leader, back))| {
            // Members are in the order in which they joined, and that order means something.
            let (size, members) = people.list(members);
            let (_, asking) = people.list(asking);
            let kept = decisions.of(entity, now);
            let party = entered_as(entity, party_ids.id_of(entity)?, presences);
            Some(ContextView {
                about: about_party(state),
                label: filled(state.label.as_ref()),
                state: if is_pending {
                    ContextState::PendingAgain
                } else {
                    party.state
                },
                facts: healing::of_party(presences, leader, kept, now)
                    .chain(healing::facts(back, presences, entity))
                    .collect(),
                size,
                people: members,
                asking,
                ..party
            })
        },
    );
    view.parties = sorted(joining(&[JoinParty::NAME, CreateParty::NAME]), entered);

    let entered = channels
        .iter()
        .filter_map(|(entity, state, members, log, (how, last, back))| {
            let (size, people) = people.list_by_name(members);
            Some(ContextView {
                facts: healing::of_channel(how, last)
                    .chain(healing::facts(back, presences, entity))
                    .collect(),
                about: about_channel(state, log),
                size,
                people,
                ..entered_as(entity, channel_ids.id_of(entity)?, presences)
            })
        });
    view.channels = sorted(joining(&[JoinChat::NAME]), entered);

    let heard_of = streams.iter().map(|(entity, stream, present)| {
        let (size, people) = people.list_by_name(present);
        let facts = [
            ("subject", &stream.subject),
            ("subcontext", &stream.subcontext),
        ];
        let facts = facts.map(|(name, value)| Some((name, filled(Some(value))?)));
        let ghosts = healing::facts(None, presences, entity);
        ContextView {
            about: format!("mode {}", stream.mode),
            label: filled(Some(&stream.label)),
            facts: facts.into_iter().flatten().chain(ghosts).collect(),
            size,
            people,
            ..ContextView::new(entity, Some(stream.to_string()), ContextState::HeardOf)
        }
    });
    view.streams = sorted(Vec::new(), heard_of);

    let requests = waiting.iter().map(|request| WaitingView {
        name: request.name.clone(),
        age: now.saturating_sub(request.since),
    });
    let waiting = &mut view.requests.waiting;
    *waiting = requests.collect();
    waiting.sort_by(|a, b| (b.age, &a.name).cmp(&(a.age, &b.name)));
}

fn collect_connection(view: &mut ConnectionView, connection: &NakamaConnection, now: Duration) {
    view.state = connection.state();
    view.server = connection
        .server()
        .map(|server| secrets::without_login(server.url()));
    view.user = connection
        .user()
        .map(|(id, name)| (id.clone(), name.clone()));
    view.round_trip = connection.round_trip();
    view.last_reason = connection.last_reason().map(ToString::to_string);
    view.reconnecting = connection.reconnecting().map(|lost| ReconnectingView {
        cause: lost.cause().to_string(),
        step: healing::step(lost.step()),
        attempt: lost.attempt(),
        next_try: lost.next_try().map(|at| at.saturating_sub(now)),
        last_failure: lost.last_failure().map(ToString::to_string),
        away: now.saturating_sub(lost.since()),
    });
    let history = connection.history();
    view.transitions = history
        .map(|transition| (transition.at, healing::transition(&transition.what)))
        .collect();
}

fn traffic(link: &NetworkLink, early: &EarlyArrivals, receive: &ReceiveStats) -> TrafficView {
    let totals = link.totals();
    TrafficView {
        received: totals.frames_in,
        received_bytes: totals.bytes_in,
        sent: totals.frames_out,
        sent_bytes: totals.bytes_out,
        queued: totals.queued_out,
        queued_bytes: totals.queued_bytes,
        unacknowledged: totals.unacknowledged,
        window: totals.window,
        in_flight: totals.in_flight,
        held_back: totals.held_back,
        replaced: totals.replaced,
        refused: totals.refused,
        waiting_bytes: totals.waiting_bytes,
        held: early.len(),
        dropped: early.dropped() + receive.dropped + totals.strays,
    }
}

/// Entities that will become a match, a party or a channel, found by the names of their requests.
fn asking(
    joining: &Query<AsksToBe, (With<Joining>, Allow<Disabled>)>,
    names: &[&str],
) -> Vec<ContextView> {
    joining
        .iter()
        .filter_map(|(entity, request, asking, is_pending)| {
            // Once the join request waits for the leader, the plugin's own request has been answered.
            let name = request.map_or(JoinParty::NAME, |request| &request.name);
            let state = if is_pending {
                ContextState::PendingApproval
            } else {
                ContextState::Joining
            };
            let id = asking.map(|asking| asking.id().to_string());
            names
                .contains(&name)
                .then(|| ContextView::new(entity, id, state))
        })
        .collect()
}

fn entered_as(entity: Entity, id: &impl ToString, presences: &PresenceIndex) -> ContextView {
    let state = if presences.awaits_snapshot(entity) {
        ContextState::Stale
    } else {
        ContextState::Joined
    };
    ContextView::new(entity, Some(id.to_string()), state)
}

fn about_party(party: &Party) -> String {
    let access = if party.open { "open" } else { "closed" };
    let hidden = if party.hidden == Some(true) {
        ", hidden"
    } else {
        ""
    };
    format!("{access}{hidden}, up to {}", party.max_size)
}

fn about_channel(channel: &ChatChannel, log: &ChatLog) -> String {
    let kind = match &channel.kind {
        ChatChannelKind::Room { name } => format!("room {name}"),
        ChatChannelKind::Direct { .. } => "direct messages".into(),
        ChatChannelKind::Group { id } => format!("group {id}"),
    };
    format!("{kind}, {} lines kept", log.len())
}

/// A text that is not empty.
fn filled(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// All contexts by id. Those without an id yet come last.
fn sorted(
    mut contexts: Vec<ContextView>,
    more: impl Iterator<Item = ContextView>,
) -> Vec<ContextView> {
    contexts.extend(more);
    contexts
        .sort_by(|a, b| (a.id.is_none(), &a.id, a.entity).cmp(&(b.id.is_none(), &b.id, b.entity)));
    contexts
}

/// In `PostUpdate`: records the rates whenever the diagnostics have measured them.
pub(super) fn sample(
    time: Res<Time<Real>>,
    overlay: Res<NakamaOverlay>,
    connection: Res<NakamaConnection>,
    diagnostics: Res<DiagnosticsStore>,
    mut view: ResMut<OverlayView>,
    mut last: Local<Option<Instant>>,
) {
    let measured = diagnostics.get_measurement(&RECEIVED).map(|it| it.time);
    if measured == *last {
        return;
    }
    *last = measured;
    let now = time.elapsed();
    let rate = |path| {
        let measurement = diagnostics.get_measurement(path);
        measurement.map_or(0.0, |measurement| measurement.value)
    };
    let history = &mut view.connection.history;
    history.push_back(TrafficSample {
        at: now,
        round_trip: connection.round_trip(),
        received: rate(&RECEIVED),
        received_bytes: rate(&RECEIVED_BYTES),
        sent: rate(&SENT),
        sent_bytes: rate(&SENT_BYTES),
    });
    while history
        .front()
        .is_some_and(|sample| now.saturating_sub(sample.at) > overlay.history)
    {
        history.pop_front();
    }
}
