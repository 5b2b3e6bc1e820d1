//! What is known of a connection that was lost, in words.

use std::time::Duration;

use bevy_ecs::prelude::*;

use crate::{
    areas::matches::EnteredBy,
    connection::{ReconnectStep, TransitionKind},
    mirror::{
        LeaderSession, ReentryPolicy,
        presence::{PresenceIndex, Username},
    },
};

/// What a lost connection is doing.
pub(super) fn step(step: ReconnectStep) -> &'static str {
    match step {
        ReconnectStep::Waiting => "waits",
        ReconnectStep::Refreshing => "gets new tokens",
        ReconnectStep::LoginNeeded => "waits for a login",
        ReconnectStep::Opening => "opens a socket",
        ReconnectStep::Reentering => "enters again",
    }
}

/// What happened to the connection.
pub(super) fn transition(what: &TransitionKind) -> String {
    match what {
        TransitionKind::Connecting => "connecting".into(),
        TransitionKind::Connected => "connected".into(),
        TransitionKind::Lost(cause) => format!("lost: {cause}"),
        TransitionKind::TryFailed { attempt, reason } => format!("try {attempt} failed: {reason}"),
        TransitionKind::LoginNeeded(reason) => format!("a login is needed: {reason}"),
        TransitionKind::Reopened { attempt } => {
            format!("the socket is open again, with try {attempt}")
        }
        TransitionKind::Resumed { away } => format!("back after {:.1} s", away.as_secs_f64()),
        TransitionKind::Disconnected(reason) => format!("ended: {reason}"),
    }
}

/// How the local user came into a match, and how they come back.
pub(super) fn facts(
    (entered, policy): (Option<&EnteredBy>, Option<&ReentryPolicy>),
) -> Vec<(&'static str, String)> {
    let entered = entered.map(|entered| match entered {
        EnteredBy::Name(name) => format!("its name, {name}"),
        EnteredBy::Creation => "its creation".into(),
        EnteredBy::Id => "its id".into(),
        EnteredBy::Token => "a token".into(),
    });
    let policy = policy.map(|policy| match policy {
        ReentryPolicy::Recreate => "by its name".into(),
        ReentryPolicy::Rejoin => "by its id".into(),
        ReentryPolicy::Drop => "not".into(),
    });
    known([("entered by", entered), ("comes back", policy)])
}

/// How many sessions the server has in a context that have no entity: the local user's own from before, and those of members who are back.
pub(super) fn ghosts(presences: &PresenceIndex, context: Entity) -> Vec<(&'static str, String)> {
    let counted = |ghosts: usize| (ghosts > 0).then(|| ghosts.to_string());
    known([
        ("own ghosts", counted(presences.own_ghosts(context))),
        ("hidden ghosts", counted(presences.hidden_ghosts(context))),
    ])
}

fn known<const N: usize>(
    facts: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    let facts = facts.into_iter();
    facts
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// What losses of the connection have left behind in a party. `kept` are the players whom the plugin accepts if they ask again, and until
/// when.
pub(super) fn party_facts<'a>(
    presences: &PresenceIndex,
    leader: Option<&LeaderSession>,
    kept: impl Iterator<Item = (&'a Username, Duration)>,
    now: Duration,
) -> Vec<(&'static str, String)> {
    let is_ghost = |leader: &LeaderSession| presences.is_own_before(leader.0.as_str());
    let leads = leader.is_some_and(is_ghost);
    let kept: Vec<_> = kept
        .map(|(name, until)| {
            let left = until.saturating_sub(now).as_secs();
            format!("{name}, for {left} s")
        })
        .collect();
    known([
        ("leader", leads.then(|| "your old session".to_owned())),
        ("accepts again", (!kept.is_empty()).then(|| kept.join("; "))),
    ])
}
