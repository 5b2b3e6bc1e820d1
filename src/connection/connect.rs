//! Opening and closing the connection, and the events that follow.

use bevy_ecs::prelude::*;

use super::{
    link::NetworkLink,
    state::{ConnectionState, NakamaConnection, set_state},
};
use crate::{
    commands::NakamaCommands,
    ecs::observed,
    session::NakamaSession,
    transport::{ConnectPlan, DisconnectReason, Epoch, LinkCommand, NakamaServer},
};

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
        let mut plan = ConnectPlan {
            epoch: Epoch::default(),
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
            connection.epoch.0 += 1;
            plan.epoch = connection.epoch;
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

/// A session was refreshed. If it is the connection's, the connection goes on with the new tokens.
pub(crate) fn take_over(world: &mut World, old: &NakamaSession, new: &NakamaSession) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    if connection.take_over(old, new) {
        let session = new.clone();
        world.trigger(SessionRefreshed { session });
        world.flush();
    }
}

/// The socket is open.
pub(crate) fn on_opened(world: &mut World) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.last_reason = None;
    let epoch = connection.epoch;
    set_state(world, ConnectionState::Connected);
    if world.resource::<NakamaConnection>().epoch != epoch {
        return; // the game connected anew while it saw the phase before
    }
    world.trigger(Connected { resumed: false });
    world.flush();
}

/// A connection has ended, and with it everything that was mirrored. The game may have asked for a later one.
pub(crate) fn on_closed(world: &mut World, epoch: Epoch, reason: DisconnectReason) {
    log::debug!("disconnected: {reason}");
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.last_reason = Some(reason.clone());
    if connection.epoch == epoch {
        connection.session = None;
        set_state(world, ConnectionState::Disconnected);
    }
    let is_asked_for = matches!(reason, DisconnectReason::Requested);
    if !is_asked_for && !observed::by_the_game::<Disconnected>(world, None) {
        log::warn!("the connection ended, and the game does not observe `Disconnected`: {reason}");
    }
    world.trigger(Disconnected { reason });
    world.flush();
}
