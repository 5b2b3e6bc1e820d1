//! The phase of the connection, and what is known of it.

use std::time::Duration;

use bevy_ecs::{prelude::*, reflect::ReflectResource};
use bevy_reflect::{Reflect, impl_reflect_opaque};
use bevy_state::state::{NextState, State, StateTransition, States};

use crate::{
    proto::PartyLayout,
    session::NakamaSession,
    transport::{DisconnectReason, Epoch, NakamaServer, UserId, Username},
};

/// Phase of the connection. A state, so `in_state(ConnectionState::Connected)` and `OnEnter` work.
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
    /// There is none.
    #[default]
    Disconnected,
    /// The socket is being opened.
    Connecting,
    /// Requests and data pass.
    Connected,
}

impl_reflect_opaque!((in bevy_nakama::connection) NakamaServer(Clone, Debug));
impl_reflect_opaque!((in bevy_nakama::connection) DisconnectReason(Clone, Debug));
impl_reflect_opaque!((in bevy_nakama::proto) PartyLayout(Clone, Debug));

/// What is known of the connection, to look at. Written in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
#[derive(Debug, Default, Reflect, Resource)]
#[type_path = "bevy_nakama::connection"]
#[reflect(Resource)]
pub struct NakamaConnection {
    pub(super) state: ConnectionState,
    #[reflect(skip_serializing, default)]
    pub(super) server: Option<NakamaServer>,
    pub(super) user: Option<(UserId, Username)>,
    /// For REST calls, as long as there is a connection.
    #[reflect(ignore)]
    pub(super) session: Option<NakamaSession>,
    pub(super) round_trip: Option<Duration>,
    #[reflect(skip_serializing, default)]
    pub(super) last_reason: Option<DisconnectReason>,
    #[reflect(skip_serializing, default)]
    pub(super) party_layout: Option<PartyLayout>,
    pub(super) appears_online: bool,
    #[reflect(ignore)]
    pub(super) epoch: Epoch,
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

    /// Where it goes, or went last.
    #[must_use]
    pub fn server(&self) -> Option<&NakamaServer> {
        self.server.as_ref()
    }

    /// Whose it is, or was last.
    #[must_use]
    pub fn user(&self) -> Option<(&UserId, &Username)> {
        self.user.as_ref().map(|(id, name)| (id, name))
    }

    /// Where REST calls go and who makes them, while there is a connection.
    pub(crate) fn rest(&self) -> Option<(&NakamaServer, &NakamaSession)> {
        let session = self.session.as_ref().filter(|_| self.is_connected());
        self.server.as_ref().zip(session)
    }

    /// Whether followers were to see the user as online from the start.
    pub(crate) fn appears_online(&self) -> bool {
        self.appears_online
    }

    /// Which of the game's connections this is: the one it asked for last.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// A session was refreshed: if it is the connection's, its REST calls go on with the new tokens. Whether it is.
    pub(crate) fn take_over(&mut self, old: &NakamaSession, new: &NakamaSession) -> bool {
        if let Some(session) = &mut self.session
            && session.token() == old.token()
        {
            session.clone_from(new);
            return true;
        }
        false
    }

    /// The last measured time from a ping to its pong. Measured every 5 s, but not while the server is busy with one of
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
        // Within a transition there is none to run, but what waits then is what the game has just asked for.
        let _ = world.try_run_schedule(StateTransition);
        if world.resource::<NakamaConnection>().epoch != epoch {
            return; // the game connected anew in there, and that is the later change
        }
    }
    let mut next = world.resource_mut::<NextState<ConnectionState>>();
    NextState::set_if_neq(&mut next, state);
}
