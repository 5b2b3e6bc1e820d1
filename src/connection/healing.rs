//! A connection that is lost and comes back: what is known of it, and what the game hears.

use std::{collections::VecDeque, time::Duration};

use bevy_ecs::prelude::*;
use bevy_reflect::{Reflect, impl_reflect_opaque};
use bevy_time::{Real, Time};

use super::{
    attempt::Attempt,
    link::NetworkLink,
    opening::NextStep,
    state::{ConnectionState, NakamaConnection, set_state},
};
use crate::{
    ecs::observed,
    session::{self, CurrentSession, NakamaSession},
    transport::{DisconnectReason, LinkCommand, NakamaServer, Secret, UserId},
};

/// The connection was lost, and the plugin brings it back. Global event. [`Connected`](super::Connected) with `resumed` follows, or
/// [`Disconnected`](super::Disconnected) if it gives up.
///
/// All requests over the socket that cannot be carried over have their answers by now. Everything that the local user is in stays in the
/// world, marked with [`Stale`](crate::healing::Stale). See [healing](crate::healing).
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct ConnectionLost {
    /// What happened.
    pub cause: DisconnectReason,
}

/// The connection is to come back, and the server takes neither the session token nor the refresh token any more. Global event.
///
/// If your game observes it, the plugin waits: [log in](crate::commands::NakamaCommands::log_in) again as the same user, and the connection
/// comes back. If that is another user, the connection ends with [`OtherUser`](DisconnectReason::OtherUser). If no observer is there, the
/// connection ends with [`reason`](Self::reason).
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct LoginNeeded {
    /// Who has to log in.
    pub user: UserId,
    /// What the server said.
    pub reason: DisconnectReason,
}

/// How far a lost connection has come on its way back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::connection"]
#[non_exhaustive]
pub enum ReconnectStep {
    /// It waits for the next try.
    Waiting,
    /// It gets new tokens for the session.
    Refreshing,
    /// It waits until the same user has logged in, see [`LoginNeeded`].
    LoginNeeded,
    /// The socket is being opened.
    Opening,
    /// The socket is open, and the local user enters again what they were in.
    Reentering,
}

/// A connection that was lost and is to come back, see [`NakamaConnection::reconnecting`].
#[derive(Clone, Debug, Reflect)]
#[type_path = "bevy_nakama::connection"]
pub struct Reconnecting {
    pub(super) since: Duration,
    #[reflect(skip_serializing, default = "unknown")]
    pub(super) cause: DisconnectReason,
    pub(super) step: ReconnectStep,
    pub(super) attempt: u32,
    pub(super) next_try: Option<Duration>,
    #[reflect(skip_serializing, default)]
    pub(super) last_failure: Option<DisconnectReason>,
    /// When the socket was opened again.
    pub(super) reopened: Duration,
    /// The token that the last renewal brought. If the server refuses that one, too, a renewal does not help.
    #[reflect(ignore)]
    pub(super) renewed: Option<Secret>,
}

/// How long the connection was away last time.
#[derive(Clone, Copy, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::connection"]
pub(crate) struct Outage {
    /// How long the server had been silent when the connection was given up.
    pub(crate) noticed_after: Duration,
    /// From the loss until the connection was back.
    pub(crate) away: Duration,
    /// From the open socket until the connection was back.
    pub(crate) reentry: Duration,
}

fn unknown() -> DisconnectReason {
    DisconnectReason::Requested
}

impl Reconnecting {
    fn new(since: Duration, cause: DisconnectReason) -> Self {
        Self {
            since,
            cause,
            step: ReconnectStep::Waiting,
            attempt: 0,
            next_try: None,
            last_failure: None,
            reopened: Duration::ZERO,
            renewed: None,
        }
    }

    /// Since when, in time since the app's start (`Time<Real>`).
    #[must_use]
    pub fn since(&self) -> Duration {
        self.since
    }

    /// Why the connection was lost, or why the first try failed.
    #[must_use]
    pub fn cause(&self) -> &DisconnectReason {
        &self.cause
    }

    /// What it is doing.
    #[must_use]
    pub fn step(&self) -> ReconnectStep {
        self.step
    }

    /// The number of the try that is under way or comes next. The first one is 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the next try is, in time since the app's start (`Time<Real>`). `None` unless it is [`Waiting`](ReconnectStep::Waiting).
    #[must_use]
    pub fn next_try(&self) -> Option<Duration> {
        self.next_try
    }

    /// Why the last try failed.
    #[must_use]
    pub fn last_failure(&self) -> Option<&DisconnectReason> {
        self.last_failure.as_ref()
    }
}

/// Something that happened to the connection, see [`NakamaConnection::history`].
#[derive(Clone, Debug, Reflect)]
#[type_path = "bevy_nakama::connection"]
pub struct Transition {
    /// When, in time since the app's start (`Time<Real>`).
    pub at: Duration,
    /// What.
    pub what: TransitionKind,
}

/// What happened to the connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TransitionKind {
    /// Your game asked for a connection.
    Connecting,
    /// The socket was open, for the first time.
    Connected,
    /// The connection was lost.
    Lost(DisconnectReason),
    /// A try to open the socket again failed.
    TryFailed {
        /// Its number.
        attempt: u32,
        /// Why.
        reason: DisconnectReason,
    },
    /// The server wanted a login, see [`LoginNeeded`].
    LoginNeeded(DisconnectReason),
    /// The socket was open again.
    Reopened {
        /// Which try that was.
        attempt: u32,
    },
    /// The local user was back in everything that could be entered again.
    Resumed {
        /// How long the connection was away.
        away: Duration,
    },
    /// The connection ended.
    Disconnected(DisconnectReason),
}

impl_reflect_opaque!((in bevy_nakama::connection) TransitionKind(Clone, Debug));

/// How many transitions are remembered.
const HISTORY: usize = 64;

/// The last transitions, oldest first.
#[derive(Clone, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::connection"]
pub(super) struct History(pub(super) VecDeque<Transition>);

impl History {
    fn add(&mut self, at: Duration, what: TransitionKind) {
        if self.0.len() == HISTORY {
            self.0.pop_front();
        }
        self.0.push_back(Transition { at, what });
    }
}

/// Notes what happened to the connection.
pub(super) fn note(world: &mut World, what: TransitionKind) {
    let at = now(world);
    world
        .resource_mut::<NakamaConnection>()
        .history
        .add(at, what);
}

fn now(world: &World) -> Duration {
    world.resource::<Time<Real>>().elapsed()
}

/// The connection is lost. The game has not heard of it yet.
pub(crate) fn on_lost(world: &mut World, cause: DisconnectReason) {
    log::debug!("the connection was lost: {cause}");
    note(world, TransitionKind::Lost(cause.clone()));
    let since = now(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.attempt = None;
    connection.round_trip = None;
    // A loss during re-entry: it is still the same absence.
    let absence = connection.reconnecting.take();
    let (since, cause) = absence.map_or((since, cause.clone()), |before| {
        (before.since, before.cause)
    });
    connection.reconnecting = Some(Reconnecting::new(since, cause));
    set_state(world, ConnectionState::Reconnecting);
}

/// The game hears that the connection is lost.
pub(crate) fn tell_lost(world: &mut World, cause: DisconnectReason) {
    world.trigger(ConnectionLost { cause });
    world.flush();
}

/// The link waits before it tries again.
pub(crate) fn on_waiting(
    world: &mut World,
    attempt: u32,
    wait: Duration,
    reason: Option<DisconnectReason>,
) {
    if let Some(reason) = &reason {
        let attempt = attempt.saturating_sub(1);
        let reason = reason.clone();
        note(world, TransitionKind::TryFailed { attempt, reason });
    }
    let now = now(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.attempt = None;
    let first_failure = || reason.clone().unwrap_or(DisconnectReason::Requested);
    let reconnecting = connection
        .reconnecting
        .get_or_insert_with(|| Reconnecting::new(now, first_failure()));
    reconnecting.step = ReconnectStep::Waiting;
    reconnecting.attempt = attempt;
    reconnecting.next_try = Some(now + wait);
    if reason.is_some() {
        reconnecting.last_failure = reason;
    }
}

/// The link wants a token, for a try now. `refused`: the server has refused the last one.
pub(crate) fn on_due(world: &mut World, attempt: u32, refused: bool) {
    let placed = world.resource::<CurrentSession>().placed();
    let now = now(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    let token = connection
        .attempt
        .take()
        .and_then(|attempt| attempt.token)
        .filter(|_| refused);
    let options = connection.options.clone();
    let refused = token.or_else(|| {
        let session = connection.session.as_ref().filter(|_| refused);
        session.map(|(_, session)| session.token().clone())
    });
    connection.attempt = Some(Attempt {
        refused,
        ..Attempt::new(options, placed)
    });
    let reconnecting = connection
        .reconnecting
        .get_or_insert_with(|| Reconnecting::new(now, unknown()));
    reconnecting.step = ReconnectStep::Opening;
    reconnecting.attempt = attempt;
    reconnecting.next_try = None;
}

/// The session that the connection comes back with: the one in place if that is of the same user, or else its own.
pub(crate) fn own_session(world: &World) -> Option<(NakamaServer, NakamaSession)> {
    let connection = world.resource::<NakamaConnection>();
    let current = world.resource::<CurrentSession>().place();
    let current = current.filter(|(server, session)| connection.is_of(server, session));
    current.or(connection.session.as_ref()).cloned()
}

/// What a connection that comes back and wants a token does next.
pub(super) fn next_step(world: &World, attempt: &Attempt, healing: &Reconnecting) -> NextStep {
    let current = world.resource::<CurrentSession>();
    if healing.step == ReconnectStep::LoginNeeded {
        return after_login(world, attempt);
    }
    if attempt.is_renewing {
        return NextStep::Wait;
    }
    if let Some(reason) = attempt.failure.clone() {
        return match reason {
            DisconnectReason::OtherUser { .. } => NextStep::GiveUp(reason),
            _ if reason.heals() => NextStep::Postpone(reason),
            _ => NextStep::LogIn(reason),
        };
    }
    let Some((_, session)) = own_session(world) else {
        return NextStep::GiveUp(DisconnectReason::NotLoggedIn);
    };
    let is_in_place = current
        .session()
        .is_some_and(|it| it.token() == session.token());
    if is_in_place && current.is_renewing() {
        return NextStep::Wait;
    }
    let is_refused = attempt.refused.as_ref() == Some(session.token());
    if !is_refused && !session.ends_soon() {
        return NextStep::Open;
    }
    if healing.renewed.as_ref() == Some(session.token()) {
        return if is_refused {
            NextStep::LogIn(refused("the server refuses its new token, too"))
        } else {
            NextStep::Open // what ends that soon is as new as it gets
        };
    }
    match session.refresh_token() {
        Some(_) => NextStep::Renew,
        None if is_refused => NextStep::LogIn(refused(
            "the server refuses its token, and it has no refresh token",
        )),
        None => NextStep::Open,
    }
}

fn refused(message: &str) -> DisconnectReason {
    DisconnectReason::SessionEnded {
        message: message.into(),
    }
}

/// The connection waits for a login.
fn after_login(world: &World, attempt: &Attempt) -> NextStep {
    let current = world.resource::<CurrentSession>();
    if current.placed() == attempt.placed {
        return NextStep::Wait;
    }
    let connection = world.resource::<NakamaConnection>();
    match current.place() {
        None => NextStep::Wait,
        Some((server, session)) if connection.is_of(server, session) => NextStep::Open,
        Some((_, session)) => NextStep::GiveUp(DisconnectReason::OtherUser {
            username: session.username().to_string(),
        }),
    }
}

/// The tokens of the connection are worth nothing any more. Goes on once the same user has logged in, if the game sees to that.
pub(crate) fn need_login(world: &mut World, reason: DisconnectReason) {
    let user = world.resource::<NakamaConnection>().user.clone();
    let user = user.filter(|_| observed::by_the_game::<LoginNeeded>(world, None));
    let Some((user, _)) = user else {
        return super::opening::give_up(world, reason);
    };
    note(world, TransitionKind::LoginNeeded(reason.clone()));
    let placed = world.resource::<CurrentSession>().placed();
    let mut connection = world.resource_mut::<NakamaConnection>();
    if let Some(attempt) = &mut connection.attempt {
        attempt.placed = placed;
        attempt.failure = None;
    }
    if let Some(reconnecting) = &mut connection.reconnecting {
        reconnecting.step = ReconnectStep::LoginNeeded;
        reconnecting.last_failure = Some(reason.clone());
    }
    world.trigger(LoginNeeded { user, reason });
    world.flush();
}

/// There is no token just now.
pub(crate) fn postpone(world: &mut World, reason: DisconnectReason) {
    world.resource_mut::<NakamaConnection>().attempt = None;
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Postpone(reason));
}

/// The connection gets new tokens for its session.
pub(crate) fn begin_renewal(world: &mut World) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    if let Some(attempt) = &mut connection.attempt {
        attempt.is_renewing = true;
    }
    if let Some(reconnecting) = &mut connection.reconnecting {
        reconnecting.step = ReconnectStep::Refreshing;
    }
}

/// A session has new tokens, or gets none for this reason. If it is that of the connection, the connection goes on.
pub(crate) fn on_renewed(
    world: &mut World,
    old: &NakamaSession,
    result: Result<&NakamaSession, DisconnectReason>,
) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    let Some((_, session)) = &mut connection.bypass_change_detection().session else {
        return;
    };
    if session.token() != old.token() {
        return;
    }
    let failure = match result {
        Ok(new) if new.user_id() == session.user_id() => {
            *session = new.clone();
            let token = new.token().clone();
            if let Some(reconnecting) = &mut connection.reconnecting {
                reconnecting.renewed = Some(token);
            }
            None
        }
        Ok(new) => Some(DisconnectReason::OtherUser {
            username: new.username().to_string(),
        }),
        Err(reason) => Some(reason),
    };
    let is_back = connection.reconnecting.is_some();
    if let Some(attempt) = connection.attempt.as_mut().filter(|_| is_back) {
        attempt.is_renewing = false;
        attempt.failure = failure;
    }
}

/// The socket is open again.
pub(crate) fn on_reopened(world: &mut World) {
    let now = now(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    let token = connection.attempt.take().and_then(|it| it.token);
    let mut attempt = 0;
    if let Some(reconnecting) = &mut connection.reconnecting {
        reconnecting.step = ReconnectStep::Reentering;
        reconnecting.reopened = now;
        attempt = reconnecting.attempt;
    }
    note(world, TransitionKind::Reopened { attempt });
    if let Some(token) = token {
        session::on_accepted(world, &token);
    }
}

/// The local user is back in everything that could be entered again: everything passes. How long the connection was away.
pub(crate) fn on_resumed(world: &mut World) {
    let now = now(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    let Some(reconnecting) = connection.reconnecting.take() else {
        return;
    };
    let away = now.saturating_sub(reconnecting.since);
    connection.last_outage = Some(Outage {
        noticed_after: match reconnecting.cause {
            DisconnectReason::Silent { silence } => silence,
            _ => Duration::ZERO,
        },
        away,
        reentry: now.saturating_sub(reconnecting.reopened),
    });
    let epoch = connection.epoch;
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Resume);
    note(world, TransitionKind::Resumed { away });
    set_state(world, ConnectionState::Connected);
    if world.resource::<NakamaConnection>().epoch != epoch {
        return; // the game connected anew while it saw the phase before
    }
    world.trigger(super::Connected {
        resumed: true,
        away,
    });
    world.flush();
}

/// "Try again now", or "ask for a sign of life".
pub(crate) fn hurry(world: &mut World) {
    let connection = world.resource::<NakamaConnection>();
    if connection.state == ConnectionState::Disconnected {
        return;
    }
    world
        .resource_mut::<NetworkLink>()
        .stage(LinkCommand::Hurry);
}
