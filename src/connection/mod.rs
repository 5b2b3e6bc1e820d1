//! The connection: one for each `World`.
//!
//! [`connect`](NakamaCommands::connect) is a command and possible at any time; it never fails on the spot. What comes of
//! it is a [`Connected`] or a [`Disconnected`] with its reason. [`ConnectionState`] is the same as a state, for run
//! conditions, `OnEnter`, `OnExit` and `DespawnOnExit`. It leaves nothing out: when the game connects anew from
//! [`Connected`](ConnectionState::Connected), that is left and entered again, however fast it goes. If several phases pass within
//! a frame, `StateTransition` runs once for each.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;
use bevy_state::state::{NextState, State, StateTransition, States};

use crate::{
    commands::NakamaCommands,
    ecs::observed,
    proto::PartyLayout,
    session::NakamaSession,
    settings::NakamaSettings,
    transport::{
        ConnectPlan, Link, LinkCommand, LinkEvent, LinkSettings, RequestId, TrafficTotals, UserId,
        Username,
    },
};

pub use crate::transport::{
    BadAddress, DisconnectReason, NakamaServer, Network, ProtocolError, Secret, TransportError,
    Unreachable,
};

/// Phase of the connection. A state, so `in_state(ConnectionState::Connected)` and `OnEnter` work.
///
/// It changes in `StateTransition`, after the events: when [`Connected`] is triggered, it is about to be entered. A phase may be
/// over when `OnEnter` runs, if the server hangs up in the same frame; its `OnExit` follows.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Reflect, States)]
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

/// The connection can be used. Global event.
#[derive(Clone, Copy, Debug, Event)]
#[non_exhaustive]
pub struct Connected {
    /// Whether this heals an earlier connection, whose entities live on. It does not happen yet: a connection that is
    /// lost ends in [`Disconnected`].
    pub resumed: bool,
}

/// There is no connection any more, or none came about. Global event. If a connection ends unasked and the game does not observe
/// this, a warning in the log says why.
///
/// All requests that were under way have been answered. The local user is out of all matches, parties, channels and streams, and follows
/// nobody: their entities, and those of everybody in them, are [`Departed`](crate::presence::Departed) and despawned a moment
/// later.
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct Disconnected {
    /// Why.
    pub reason: DisconnectReason,
}

/// The connection's session has new tokens, which its REST calls use from now on. Global event: the place to persist them.
///
/// It happens when the server has refused the old ones (see [`rest`](NakamaCommands::rest)), and when the game
/// [refreshes](NakamaCommands::refresh) the session itself; then the [`Replied<RefreshSession>`](crate::request::Replied)
/// that follows tells the same. The old tokens stay valid until they expire. If the connection ends while new tokens are on
/// their way, this event does not come.
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct SessionRefreshed {
    /// The session as it is now. Its tokens do not show in `Debug`.
    pub session: NakamaSession,
}

/// How to connect.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// Whether followers see the user as online. Default: yes.
    pub appear_online: bool,
    /// Language tag of the user, like `en`.
    pub lang: String,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            appear_online: true,
            lang: "en".into(),
        }
    }
}

impl ConnectOptions {
    /// Whether followers see the user as online.
    #[must_use]
    pub fn appear_online(mut self, appear_online: bool) -> Self {
        self.appear_online = appear_online;
        self
    }

    /// Language tag of the user, like `en`.
    #[must_use]
    pub fn lang(mut self, lang: impl Into<String>) -> Self {
        self.lang = lang.into();
        self
    }
}

/// What is known of the connection, to look at. Written in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
#[derive(Debug, Default, Resource)]
pub struct NakamaConnection {
    state: ConnectionState,
    server: Option<NakamaServer>,
    user: Option<(UserId, Username)>,
    /// For REST calls, as long as there is a connection.
    session: Option<NakamaSession>,
    round_trip: Option<Duration>,
    last_reason: Option<DisconnectReason>,
    party_layout: Option<PartyLayout>,
    appears_online: bool,
    /// Calls of `connect` whose connection has not ended.
    attempts: usize,
    /// Calls of `connect`.
    number: u64,
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

    /// Counts the connections that the game asked for.
    pub(crate) fn number(&self) -> u64 {
        self.number
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

/// The game's end of the network thread. The thread is started when it is first needed.
#[derive(Debug, Resource)]
pub(crate) struct NetworkLink {
    network: Option<Network>,
    link: Option<Link>,
    settings: LinkSettings,
    /// Whether envelopes are reported raw.
    is_tapped: bool,
}

impl NetworkLink {
    pub(crate) fn new(network: Option<Network>, settings: &NakamaSettings) -> Self {
        Self {
            network,
            link: None,
            settings: settings.to_link_settings(),
            is_tapped: false,
        }
    }

    /// The largest envelope that the network thread sends.
    pub(crate) fn max_envelope(&self) -> usize {
        self.settings.max_envelope
    }

    /// Goes over a link of a test, instead of the network. What is put aside already goes that way.
    pub(crate) fn drive_by_hand(&mut self, mut link: Link) {
        for command in self.link.take().into_iter().flat_map(Link::into_staged) {
            link.stage(command);
        }
        self.link = Some(link);
    }

    /// Puts a command aside until the end of the frame.
    pub(crate) fn stage(&mut self, command: LinkCommand) {
        if let LinkCommand::Tap(on) = command {
            self.is_tapped = on;
        }
        self.link.take_if(|link| link.is_over());
        let link = match &mut self.link {
            Some(link) => link,
            None => {
                let mut link = self.start_link();
                if self.is_tapped {
                    link.stage(LinkCommand::Tap(true));
                }
                self.link.insert(link)
            }
        };
        link.stage(command);
    }

    /// A link on the shared thread, if there is one that runs, or else on a thread of its own.
    fn start_link(&self) -> Link {
        let settings = || self.settings.clone();
        if let Some(shared) = &self.network {
            if let Some(link) = shared.link(settings()) {
                return link;
            }
            log::warn!("the shared network thread has ended; this game starts its own");
        }
        let link = Network::new().map(|network| network.link(settings()));
        match link {
            Ok(Some(link)) => return link,
            Ok(None) => log::error!("the network thread ended at once"),
            Err(error) => log::error!("the network thread cannot be started: {error}"),
        }
        Link::dead()
    }

    /// How many connections the game has asked for in this frame.
    fn staged_connects(&self) -> usize {
        self.link.as_ref().map_or(0, Link::staged_connects)
    }

    pub(crate) fn hand_over(&mut self) {
        let link = self.link.as_mut();
        for command in link
            .and_then(Link::take_work_for_the_next)
            .unwrap_or_default()
        {
            self.stage(command); // on a new link
        }
        if let Some(link) = &mut self.link {
            link.hand_over();
        }
    }

    pub(crate) fn begin_frame(&mut self) {
        if let Some(link) = &mut self.link {
            link.begin_frame();
        }
    }

    pub(crate) fn next_event(&mut self) -> Option<LinkEvent> {
        self.link.as_mut()?.next_event()
    }

    /// What has passed since the start, and what is waiting.
    pub(crate) fn totals(&self) -> TrafficTotals {
        self.link.as_ref().map(Link::totals).unwrap_or_default()
    }
}

impl NakamaCommands<'_, '_, '_> {
    /// Opens a socket to the server for a session. A connection that is open is closed first.
    ///
    /// The answer is [`Connected`] or [`Disconnected`].
    pub fn connect(
        mut self,
        server: &NakamaServer,
        session: &NakamaSession,
        options: ConnectOptions,
    ) {
        let plan = ConnectPlan {
            server: server.clone(),
            token: session.token().clone(),
            appear_online: options.appear_online,
            lang: options.lang,
        };
        let user = (session.user_id().clone(), session.username().clone());
        let session = session.clone();
        self.queue(move |world| {
            let mut connection = world.resource_mut::<NakamaConnection>();
            connection.server = Some(plan.server.clone());
            connection.user = Some(user);
            connection.session = Some(session);
            connection.round_trip = None;
            connection.party_layout = None;
            connection.appears_online = plan.appear_online;
            connection.attempts += 1;
            connection.number += 1;
            world
                .resource_mut::<NetworkLink>()
                .stage(LinkCommand::Connect(Box::new(plan)));
            set_state(world, ConnectionState::Connecting);
        });
    }

    /// Sends what is queued (for at most 250 ms), then closes the socket. [`Disconnected`] follows, if there was a
    /// connection.
    pub fn disconnect(mut self) {
        self.queue(|world| {
            world
                .resource_mut::<NetworkLink>()
                .stage(LinkCommand::Disconnect)
        });
    }
}

/// A session was refreshed: if it is the connection's, that goes on with the new tokens.
pub(crate) fn take_over(world: &mut World, old: &NakamaSession, new: &NakamaSession) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    if connection.take_over(old, new) {
        let session = new.clone();
        world.trigger(SessionRefreshed { session });
        world.flush();
    }
}

/// Whether what the network tells is about an earlier connection than the game's last one.
pub(crate) fn is_replaced(world: &World) -> bool {
    world.resource::<NakamaConnection>().attempts > 1
}

/// The connection ends: its requests that have not left for the network thread, which will not be sent any more.
pub(crate) fn take_unsent(world: &mut World) -> Vec<RequestId> {
    let attempts = world.resource::<NakamaConnection>().attempts;
    let link = &mut world.resource_mut::<NetworkLink>().link;
    // If a later connection was asked for in an earlier frame, they are for that one.
    let link = link
        .as_mut()
        .filter(|link| link.staged_connects() + 1 == attempts);
    link.map(Link::take_unsent).unwrap_or_default()
}

/// The socket is open.
pub(crate) fn on_opened(world: &mut World) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.last_reason = None;
    // An earlier connection may have told after `connect`.
    connection.round_trip = None;
    connection.party_layout = None;
    set_state(world, ConnectionState::Connected);
    if is_replaced(world) {
        return; // the game connected anew while it saw the phase before
    }
    world.trigger(Connected { resumed: false });
    world.flush();
}

/// The socket is gone, and with it everything that was mirrored.
pub(crate) fn on_closed(world: &mut World, reason: DisconnectReason) {
    log::debug!("disconnected: {reason}");
    let staged = world.resource::<NetworkLink>().staged_connects();
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.last_reason = Some(reason.clone());
    connection.attempts = match reason {
        // All of them went with it, but for those since then.
        DisconnectReason::NetworkThread => staged,
        _ => connection.attempts.saturating_sub(1),
    };
    // The game may have connected anew in the meantime.
    let state = if connection.attempts == 0 {
        connection.session = None;
        ConnectionState::Disconnected
    } else {
        ConnectionState::Connecting
    };
    set_state(world, state);
    let is_asked_for = matches!(reason, DisconnectReason::Requested);
    if !is_asked_for && !observed::by_the_game::<Disconnected>(world, None) {
        log::warn!("the connection ended, and the game does not observe `Disconnected`: {reason}");
    }
    world.trigger(Disconnected { reason });
    world.flush();
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

/// The state changes. It is shown with the next [`StateTransition`]; if another change waits for that, it is shown first, so that
/// a game sees each phase begin and end, also if several pass within a frame.
fn set_state(world: &mut World, state: ConnectionState) {
    let shown = *world.resource::<State<ConnectionState>>().get();
    let waits = match world.resource::<NextState<ConnectionState>>() {
        NextState::Unchanged => shown,
        NextState::Pending(next) | NextState::PendingIfNeq(next) => *next,
    };
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.state = state;
    let number = connection.number;
    if waits != shown && waits != state {
        // Within a transition there is none to run, but what waits then is what the game has just asked for.
        let _ = world.try_run_schedule(StateTransition);
        if world.resource::<NakamaConnection>().number != number {
            return; // the game connected anew in there, and that is the later change
        }
    }
    let mut next = world.resource_mut::<NextState<ConnectionState>>();
    NextState::set_if_neq(&mut next, state);
}
