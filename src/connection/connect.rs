//! Opening and closing the connection, and the events that follow.

use std::time::Duration;

use bevy_ecs::prelude::*;

use super::{
    healing,
    link::NetworkLink,
    next_step, opening,
    options::ConnectOptions,
    reconnecting::{Outage, TransitionKind},
    state::{ConnectionState, NakamaConnection, set_state},
};
use crate::{
    commands::NakamaCommands,
    ecs::observed,
    session,
    transport::{DisconnectReason, Epoch, LinkCommand},
};

/// Requests and data pass from now on. Global event.
#[derive(Clone, Copy, Debug, Event)]
#[non_exhaustive]
pub struct Connected {
    /// Whether the connection was lost and is back: everything that the local user is in lives on, see [healing](crate::healing).
    pub resumed: bool,
    /// How long the connection was away. Zero if it is a new one.
    pub away: Duration,
}

/// The connection has ended, or could not be opened. Global event. If a connection ends unasked and your game does not observe
/// this, a warning in the log says why.
///
/// The session stays in place: REST calls go on, and you can [`connect`](NakamaCommands::connect) again.
///
/// All requests over the socket that were under way have been answered. The local user is out of all matches, parties, channels and streams, and follows
/// nobody: their entities, and those of everybody in them, are [`Departed`](crate::presence::Departed) and despawned a moment
/// later.
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct Disconnected {
    /// Why.
    pub reason: DisconnectReason,
}

impl NakamaCommands<'_, '_, '_> {
    /// Opens a socket as the user who is logged in. The answer is [`Connected`] or [`Disconnected`].
    ///
    /// If a login is under way, it waits for the login. So a game logs in and connects, one after the other:
    ///
    /// ```
    /// # use bevy_ecs::prelude::*;
    /// # use bevy_nakama::prelude::*;
    /// fn go_online(mut commands: Commands) {
    ///     let server = NakamaServer::new("http://127.0.0.1:7350", "defaultkey");
    ///     commands.nakama().log_in(&server, Login::device("a-random-id-that-you-keep"));
    ///     commands.nakama().connect();
    /// }
    /// ```
    ///
    /// If several logins are under way, it waits for all of them. If the login fails, the connection ends with
    /// [`LoginFailed`](DisconnectReason::LoginFailed): log in again, and connect. If nobody is logged in and no login is under way at the
    /// end of the frame, or if the user logs out meanwhile, it ends with [`NotLoggedIn`](DisconnectReason::NotLoggedIn).
    ///
    /// Log in first, then connect: if somebody is logged in already, a connection does not wait for a login that you make after it.
    ///
    /// A session token that has ended is replaced first, with the refresh token. So is a token that the server refuses. If the server does
    /// not refresh the session any more, the connection ends with [`SessionEnded`](DisconnectReason::SessionEnded), and you log in again.
    /// [`DisconnectReason`] has the other ends.
    ///
    /// If the connection was lost and comes back as the same user, it tries again now, and nothing else happens. A login that is under way
    /// tells which user you mean. If the connection is back by then, it stays.
    ///
    /// A connection that is open, or on its way, is closed first, with a [`Disconnected`] of its own
    /// ([`Requested`](DisconnectReason::Requested)). [`NakamaConnection::state`] is `Connecting` by then. To play on another server, log in
    /// there.
    pub fn connect(self) {
        self.connect_with(ConnectOptions::default());
    }

    /// Tells the plugin that the network may be back, or may be another one: the player has closed the airplane mode, or the system says so. If the
    /// connection is lost, it tries again now; otherwise it makes sure that the server is still there, and finds out within seconds if it is not.
    /// The plugin does the same when the process was stopped, or the machine asleep.
    pub fn network_is_back(mut self) {
        self.queue(healing::hurry);
    }

    /// The same as [`connect`](Self::connect), with options.
    pub fn connect_with(mut self, options: ConnectOptions) {
        self.queue(|world| opening::begin(world, options));
    }

    /// Sends what is queued (for at most 250 ms), then closes the socket. [`Disconnected`] follows, if there was a
    /// connection, or if a connection was on its way.
    ///
    /// The local user stays logged in: REST calls go on, and you can [`connect`](Self::connect) again. To end the session, too, see
    /// [`log_out`](Self::log_out).
    pub fn disconnect(mut self) {
        self.queue(|world| {
            let mut connection = world.resource_mut::<NakamaConnection>();
            let connection = connection.bypass_change_detection();
            connection.wish = None;
            if connection.waiting().is_some() && connection.reconnecting.is_none() {
                return next_step::give_up(world, DisconnectReason::Requested);
            }
            // A refusal of the token may be on its way. Nothing is tried again after it.
            connection.attempt = None;
            connection.is_leaving = connection.state != ConnectionState::Disconnected;
            world
                .resource_mut::<NetworkLink>()
                .stage(LinkCommand::Disconnect);
        });
    }
}

/// The socket is open.
pub(crate) fn on_opened(world: &mut World) {
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.last_reason = None;
    connection.reconnecting = None;
    let token = connection.attempt.take().and_then(|it| it.token);
    let epoch = connection.epoch;
    if let Some(token) = token {
        session::on_accepted(world, &token);
    }
    healing::note(world, TransitionKind::Connected);
    set_state(world, ConnectionState::Connected);
    if world.resource::<NakamaConnection>().epoch != epoch {
        return; // the game connected anew while it saw the phase before
    }
    world.trigger(Connected {
        resumed: false,
        away: Duration::ZERO,
    });
    world.flush();
}

/// The local user is back in everything that could be entered again: everything passes. How long the connection was away.
pub(crate) fn on_resumed(world: &mut World) {
    let now = healing::now(world);
    let mut connection = world.resource_mut::<NakamaConnection>();
    if connection.is_leaving {
        return; // its end is on its way
    }
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
    healing::note(world, TransitionKind::Resumed { away });
    set_state(world, ConnectionState::Connected);
    if world.resource::<NakamaConnection>().epoch != epoch {
        return; // the game connected anew while it saw the phase before
    }
    world.trigger(Connected {
        resumed: true,
        away,
    });
    world.flush();
}

/// A connection has ended, and with it everything that was mirrored. The game may have asked for a later one.
pub(crate) fn on_closed(world: &mut World, epoch: Epoch, reason: DisconnectReason) {
    if matches!(reason, DisconnectReason::NetworkThread)
        && epoch <= world.resource::<NakamaConnection>().ended
    {
        return; // the thread had no connection, and a connection that waits has an end of its own
    }
    log::debug!("disconnected: {reason}");
    let mut connection = world.resource_mut::<NakamaConnection>();
    connection.ended = epoch;
    connection.last_reason = Some(reason.clone());
    if connection.epoch == epoch {
        connection.attempt = None;
        connection.reconnecting = None;
        connection.is_leaving = false;
        healing::note(world, TransitionKind::Disconnected(reason.clone()));
        set_state(world, ConnectionState::Disconnected);
    }
    let is_asked_for = matches!(reason, DisconnectReason::Requested);
    if !is_asked_for && !observed::by_the_game::<Disconnected>(world, None) {
        log::warn!("the connection ended, and the game does not observe `Disconnected`: {reason}");
    }
    world.trigger(Disconnected { reason });
    world.flush();
}
