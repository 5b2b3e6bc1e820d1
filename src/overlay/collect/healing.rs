//! What is known of a connection that was lost, in words.

use std::time::Duration;

use bevy_ecs::entity::Entity;

use crate::{
    areas::{
        chat::{ChatJoinedAs, ChatLastSeen},
        matches::EnteredBy,
    },
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

/// What is known of it: a name and a value.
type Fact = (&'static str, String);

/// How the local user came into a match.
pub(super) fn of_match(entered: Option<&EnteredBy>) -> impl Iterator<Item = Fact> {
    let entered = entered.map(|entered| match entered {
        EnteredBy::Name(name) => format!("its name, {name}"),
        EnteredBy::Creation => "its creation".into(),
        EnteredBy::Id => "its id".into(),
        EnteredBy::Token => "a token".into(),
    });
    entered.map(|entered| ("entered by", entered)).into_iter()
}

/// How the local user joined a channel, and up to where its lines are known.
pub(super) fn of_channel(
    how: Option<&ChatJoinedAs>,
    last: Option<&ChatLastSeen>,
) -> impl Iterator<Item = Fact> {
    let how = how.map(|how| {
        let list = if how.hidden {
            "hidden"
        } else {
            "for all to see"
        };
        let lines = if how.persistent {
            "stored"
        } else {
            "not stored"
        };
        ("joined", format!("{list}, what is written is {lines}"))
    });
    let last = last.map(|last| {
        let (id, time) = (&last.message_id, last.create_time);
        ("last line seen", format!("{id}, of {time}"))
    });
    how.into_iter().chain(last)
}

/// How the local user comes back, and who is there without an entity.
pub(super) fn facts(
    policy: Option<&ReentryPolicy>,
    presences: &PresenceIndex,
    context: Entity,
) -> impl Iterator<Item = Fact> {
    let policy = policy.map(|policy| {
        let how = match policy {
            ReentryPolicy::Recreate => "by its name",
            ReentryPolicy::Rejoin => "by its id",
            ReentryPolicy::Drop => "not",
        };
        ("comes back", how.to_owned())
    });
    policy.into_iter().chain(ghosts(presences, context))
}

/// How many sessions the server has in a context that have no entity: the local user's own from before, and those of members who are back.
fn ghosts(presences: &PresenceIndex, context: Entity) -> impl Iterator<Item = Fact> {
    let counted = |name, ghosts: usize| (ghosts > 0).then(|| (name, ghosts.to_string()));
    let own = counted("own ghosts", presences.own_ghosts(context));
    let hidden = counted("hidden ghosts", presences.hidden_ghosts(context));
    own.into_iter().chain(hidden)
}

/// What losses of the connection have left behind in a party. `kept` are the players whom the plugin accepts if they ask again, and until
/// when.
pub(super) fn of_party<'a>(
    presences: &PresenceIndex,
    leader: Option<&LeaderSession>,
    kept: impl Iterator<Item = (&'a Username, Duration)>,
    now: Duration,
) -> impl Iterator<Item = Fact> {
    let is_ghost = |leader: &LeaderSession| presences.is_own_before(leader.0.as_str());
    let leads = leader.is_some_and(is_ghost);
    let kept: Vec<_> = kept
        .map(|(name, until)| {
            let left = until.saturating_sub(now).as_secs();
            format!("{name}, for {left} s")
        })
        .collect();
    let facts = [
        ("leader", leads.then(|| "your old session".to_owned())),
        ("accepts again", (!kept.is_empty()).then(|| kept.join("; "))),
    ];
    let known = facts.into_iter();
    known.filter_map(|(name, value)| Some((name, value?)))
}
