//! The phase of the connection, and what is known of it.

use std::time::Duration;

use bevy_ecs::{prelude::*, reflect::ReflectResource};
use bevy_reflect::{Reflect, impl_reflect_opaque};
use bevy_state::state::{ComputedStates, NextState, State, StateTransition, States};

use super::{
    attempt::Attempt,
    options::ConnectOptions,
    reconnecting::{History, Outage, ReconnectStep, Reconnecting, Transition},
};
use crate::{
    proto::PartyLayout,
    session::NakamaSession,
    transport::{DisconnectReason, Epoch, NakamaServer, UserId, Username},
};

/// Phase of the connection. A state, so `in_state(ConnectionState::Connected)` and `OnEnter` work. Read only: the connection does
/// not follow a game that sets it.
///
/// For what belongs to being online, like a lobby's screen or a level, use [`SessionState`]. A connection that is lost and comes back leaves
/// [`Connected`](Self::Connected) and enters it again, and an entity with `DespawnOnExit(ConnectionState::Connected)` is gone each time.
///
/// Look at it, and do not set it. If your game sets it with `NextState`, your own run conditions and `OnEnter` systems see that, and
/// nothing else happens: no socket opens or closes. [`NakamaConnection::state`] still tells the truth, and so does this state from the
/// plugin's next change on. To change the connection, use [`connect`](crate::commands::NakamaCommands::connect) and
/// [`disconnect`](crate::commands::NakamaCommands::disconnect).
///
/// It changes in `StateTransition`, after the events: when [`Connected`](super::Connected) is triggered, it is about to be entered. A phase may be
/// over when `OnEnter` runs, if the server hangs up in the same frame; its `OnExit` follows.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Reflect, States)]
#[type_path = "bevy_nakama::connection"]
#[non_exhaustive]
pub enum ConnectionState {
    /// There is no connection.
    #[default]
    Disconnected,
    /// The socket is being opened.
    Connecting,
    /// Requests and data pass.
    Connected,
    /// The connection was lost, and the plugin brings it back, see [healing](crate::healing). [`NakamaConnection::reconnecting`] says how far
    /// it is.
    Reconnecting,
}

/// Whether the local user is online. A state, for `OnEnter`, `OnExit` and `DespawnOnExit`.
///
/// It is about the socket, not about the login: a user who is logged in without a socket is `Offline`. The resource
/// [`CurrentSession`](crate::session::CurrentSession) says who is logged in.
///
/// `Online` from [`Connected`](super::Connected) to [`Disconnected`](super::Disconnected). When you connect anew, as the same user or as
/// somebody else, the game leaves it and enters it anew. It leaves it with your call of `connect`, up to 250 ms before the
/// [`Disconnected`](super::Disconnected) of the connection before.
///
/// ```no_run
/// # use bevy::prelude::*;
/// # use bevy_nakama::prelude::*;
/// # let mut app = App::new();
/// app.add_systems(OnEnter(SessionState::Online), |mut commands: Commands| {
///     commands.spawn((Text::new("Lobby"), DespawnOnExit(SessionState::Online)));
/// });
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Reflect)]
#[type_path = "bevy_nakama::connection"]
pub enum SessionState {
    /// There is no connection, or not yet. The local user may be logged in all the same.
    Offline,
    /// There is a connection. If it is lost and comes back by itself, the local user stays `Online` all the time.
    Online,
}

impl ComputedStates for SessionState {
    type SourceStates = ConnectionState;
    const ALLOW_SAME_STATE_TRANSITIONS: bool = false;

    fn compute(connection: ConnectionState) -> Option<Self> {
        Some(match connection {
            ConnectionState::Connected | ConnectionState::Reconnecting => Self::Online,
            ConnectionState::Disconnected | ConnectionState::Connecting => Self::Offline,
        })
    }
}

impl_reflect_opaque!((in bevy_nakama::connection) NakamaServer(Clone, Debug));
impl_reflect_opaque!((in bevy_nakama::connection) DisconnectReason(Clone, Debug));
impl_reflect_opaque!((in bevy_nakama::proto) PartyLayout(Clone, Debug));

/// What is known of the connection, to look at. It changes in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive), and when you connect or disconnect.
#[derive(Debug, Default, Reflect, Resource)]
#[type_path = "bevy_nakama::connection"]
#[reflect(Resource)]
pub struct NakamaConnection {
    pub(super) state: ConnectionState,
    #[reflect(skip_serializing, default)]
    pub(super) server: Option<NakamaServer>,
    pub(super) user: Option<(UserId, Username)>,
    /// The connection that is being opened.
    #[reflect(ignore)]
    pub(super) attempt: Option<Attempt>,
    pub(super) round_trip: Option<Duration>,
    #[reflect(skip_serializing, default)]
    pub(super) last_reason: Option<DisconnectReason>,
    #[reflect(skip_serializing, default)]
    pub(super) party_layout: Option<PartyLayout>,
    pub(super) appears_online: bool,
    #[reflect(ignore)]
    pub(super) epoch: Epoch,
    /// The last one whose end the game need not hear of any more.
    #[reflect(ignore)]
    pub(super) ended: Epoch,
    /// How your game has connected.
    #[reflect(ignore)]
    pub(super) options: ConnectOptions,
    /// What it was opened with. It comes back with that, even if somebody else is logged in by then.
    #[reflect(ignore)]
    pub(super) session: Option<(NakamaServer, NakamaSession)>,
    /// The game has connected anew while this connection was on its way back, and a login is under way.
    #[reflect(ignore)]
    pub(super) wish: Option<ConnectOptions>,
    /// The game has disconnected, and the end is on its way.
    #[reflect(ignore)]
    pub(super) is_leaving: bool,
    /// The game wants it to hurry while it comes back.
    #[reflect(ignore)]
    pub(super) is_in_a_hurry: bool,
    pub(super) reconnecting: Option<Reconnecting>,
    #[reflect(skip_serializing, default)]
    pub(super) history: History,
    pub(super) last_outage: Option<Outage>,
}

impl NakamaConnection {
    /// The phase at this very moment.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.state
    }

    /// Whether requests and data pass at this very moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == ConnectionState::Connected
    }

    /// How far the connection is on its way back, if it was lost: while the state is [`Reconnecting`](ConnectionState::Reconnecting), and
    /// while it is [`Connecting`](ConnectionState::Connecting) and the first try has failed
    /// ([`retry_first`](super::ConnectOptions::retry_first)).
    #[must_use]
    pub fn reconnecting(&self) -> Option<&Reconnecting> {
        self.reconnecting.as_ref()
    }

    /// The last 64 things that happened to the connection, oldest first.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &Transition> + ExactSizeIterator {
        self.history.0.iter()
    }

    /// How long the connection was away last time, if it has come back.
    pub(crate) fn last_outage(&self) -> Option<Outage> {
        self.last_outage
    }

    /// Whether a loss of this connection heals.
    pub(crate) fn heals(&self) -> bool {
        self.options.heal
    }

    /// Whether the connection was lost and has not come back.
    pub(crate) fn is_lost(&self) -> bool {
        self.state == ConnectionState::Reconnecting
    }

    /// Whether the socket is open again, and the local user enters again what they were in.
    pub(crate) fn is_reentering(&self) -> bool {
        let step = self.reconnecting.as_ref().map(Reconnecting::step);
        self.is_lost() && step == Some(ReconnectStep::Reentering)
    }

    /// Where it goes, or went last. While a connection waits for a login, this is the connection before.
    #[must_use]
    pub fn server(&self) -> Option<&NakamaServer> {
        self.server.as_ref()
    }

    /// Whose it is, or was last. While a connection waits for a login, this is the connection before.
    #[must_use]
    pub fn user(&self) -> Option<(&UserId, &Username)> {
        self.user.as_ref().map(|(id, name)| (id, name))
    }

    /// Whether it is, or was last, that of this user on this server.
    pub(crate) fn is_of(&self, server: &NakamaServer, session: &NakamaSession) -> bool {
        let user = self.user.as_ref().map(|(id, _)| id);
        user == Some(session.user_id()) && self.server.as_ref() == Some(server)
    }

    /// What the game has asked for, as long as that waits for a login or for new tokens.
    pub(super) fn waiting(&self) -> Option<&Attempt> {
        let attempt = self.attempt.as_ref();
        attempt.filter(|attempt| attempt.is_waiting() && !self.is_leaving)
    }

    /// A new one begins.
    pub(super) fn begin(&mut self) {
        self.round_trip = None;
        self.party_layout = None;
        self.reconnecting = None;
        self.is_leaving = false;
        self.epoch.0 += 1;
    }

    /// Whether followers see the user as online as soon as the socket is open.
    pub(crate) fn appears_online(&self) -> bool {
        self.appears_online
    }

    /// The local user shows a status of their own, or hides. If the connection comes back, that is what followers see first.
    pub(crate) fn shows_a_status(&mut self) {
        self.appears_online = false;
    }

    /// Which of the game's connections this is: the one it asked for last.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The last measured time from a ping to its pong. Measured every 5 s or more often, but not while the server is busy with one of
    /// our requests.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// How the server numbers the fields of `Party`, which tells Nakama 3.28 and newer from older ones. Known once it has sent
    /// a party.
    #[must_use]
    pub fn party_layout(&self) -> Option<PartyLayout> {
        self.party_layout
    }

    /// Why there is no connection, if there was one.
    #[must_use]
    pub fn last_reason(&self) -> Option<&DisconnectReason> {
        self.last_reason.as_ref()
    }
}

pub(crate) fn on_round_trip(world: &mut World, round_trip: Duration) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    if connection.round_trip != Some(round_trip) {
        connection.round_trip = Some(round_trip);
    }
}

pub(crate) fn on_party_layout(world: &mut World, layout: PartyLayout) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    if connection.party_layout != Some(layout) {
        connection.party_layout = Some(layout);
    }
}

/// Changes the state. The next [`StateTransition`] shows the change. If an earlier change still waits, that one is shown first. So a
/// game sees each phase begin and end, even if several pass within a frame.
pub(super) fn set_state(world: &mut World, state: ConnectionState) {
    let shown = *world.resource::<State<ConnectionState>>().get();
    let waits = match world.resource::<NextState<ConnectionState>>() {
        NextState::Unchanged => shown,
        NextState::Pending(next) | NextState::PendingIfNeq(next) => *next,
    };
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.state = state;
    let epoch = connection.epoch;
    if waits != shown && waits != state {
        // Within a transition there is nothing to run, but what waits then is what the game has just asked for.
        let _ = world.try_run_schedule(StateTransition);
        if world.resource::<NakamaConnection>().epoch != epoch {
            return; // the game connected anew in there, and that is the later change
        }
    }
    let mut next = world.resource_mut::<NextState<ConnectionState>>();
    NextState::set_if_neq(&mut next, state);
}
