//! Settings of the plugin.

use std::{fmt, sync::Arc, time::Duration};

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;

use crate::transport::{LinkSettings, Wake};

/// Settings of the plugin, a resource.
///
/// You can change them at any time, and changes take effect with the next frame. Those marked *at start* are for the network thread.
/// They have to be there before the plugin is added; later changes have no effect.
///
/// ```
/// # use std::time::Duration;
/// # use bevy::prelude::*;
/// # use bevy_nakama::prelude::*;
/// let patient = NakamaSettings {
///     request_timeout: Duration::from_secs(30),
///     ..default()
/// };
/// let plugin = NakamaPlugin::new(patient);
/// ```
#[derive(Clone, Debug, Reflect, Resource)]
#[reflect(Resource)]
pub struct NakamaSettings {
    /// How long a request may take. Default: 10 s; a join of a match may take 12 s, because a server lets the match's handler think for 10 s.
    /// If you set less than 10 s, that holds for them, too. A change counts for requests that your game makes afterwards.
    pub request_timeout: Duration,
    /// How much time of a frame the plugin may spend on what has arrived. The rest follows in the next frame, in order.
    /// Default: 2 ms.
    pub receive_budget: Duration,
    /// How long a socket may take to open. Default: 10 s. *At start.*
    pub connect_timeout: Duration,
    /// The largest envelope that the server accepts, in bytes: its `socket.max_message_size_bytes`. The server would close the socket
    /// for a larger envelope, so the plugin refuses to send it. Default: 4096. *At start.*
    pub max_envelope: usize,
    /// How many bytes may wait while your game runs no frames, for example because it loads a level. Above that, the plugin drops new
    /// match, party and stream data. Above twice that, it ends the connection. Default: 64 MiB; at least 64 KiB. *At start.*
    pub hand_over_limit: usize,
    /// How many messages to others may wait to be sent, in all: the policies of [`send`](crate::send) bound what waits of each type. Default: 4096.
    /// *At start.*
    pub send_queue: usize,
    /// How many messages the other members of a match, party or channel may all together have under way to one member without the server
    /// having confirmed them, beside what is in normal flight: see [`send`](crate::send). Each member gets an equal share of it, at least 2.
    /// Raise it if you raise the server's `socket.outgoing_queue_size`, to about three quarters of that. Default: 48. A
    /// [`SendWindow`](crate::send::SendWindow) on an entity counts in its place there.
    pub send_window: u32,
    /// How many requests over the socket may be unanswered, at least 1. The next one waits. Default: 24. *At start.*
    pub requests_in_flight: usize,
    /// How many lines the [`ChatLog`](crate::chat::ChatLog) of a channel holds. Default: 200.
    pub chat_log_lines: usize,
    /// How many lines of a channel's history the plugin reads after a loss of the connection, to fill in what was said meanwhile. If that is
    /// not enough, [`ChatGap`](crate::chat::ChatGap) says so. 0 turns it off. Default: 100.
    pub chat_fill: usize,
    /// How many notifications the [`NotificationInbox`](crate::notification::NotificationInbox) holds. Default: 200.
    pub inbox_notifications: usize,
    /// How long the plugin waits for the other members after a loss that everybody had, like a restart of the server: until then they stay in
    /// the world, marked with [`Stale`](crate::healing::Stale). Everybody tries to come back at another moment, so it should be longer than
    /// the longest wait between two early tries, which is 2 s, and than the server takes to start.
    pub return_window: Duration,
}

impl Default for NakamaSettings {
    fn default() -> Self {
        let link = LinkSettings::default();
        Self {
            request_timeout: Duration::from_secs(10),
            receive_budget: Duration::from_millis(2),
            connect_timeout: link.connect_timeout,
            max_envelope: link.max_envelope,
            hand_over_limit: link.hand_over_limit,
            send_queue: link.send_queue,
            send_window: 48,
            requests_in_flight: link.requests_in_flight,
            chat_log_lines: 200,
            chat_fill: 100,
            inbox_notifications: 200,
            return_window: Duration::from_secs(20),
        }
    }
}

impl NakamaSettings {
    pub(crate) fn to_link_settings(&self) -> LinkSettings {
        LinkSettings {
            connect_timeout: self.connect_timeout,
            max_envelope: self.max_envelope,
            hand_over_limit: self.hand_over_limit,
            send_queue: self.send_queue,
            requests_in_flight: self.requests_in_flight,
            ..LinkSettings::default()
        }
    }
}

/// Wakes a game that sleeps between its frames, a resource. Insert it before the game sleeps for the first time.
///
/// Games draw all the time and do not need it. A program that draws only when something happens, as with Bevy's
/// `WinitSettings::desktop_app()`, sleeps until there is input: a chat line would wait for it up to 5 s, and up to 60 s while another
/// window has the focus. With a waker, it is there at once.
///
/// ```no_run
/// use bevy::{
///     prelude::*,
///     winit::{EventLoopProxyWrapper, WinitSettings, WinitUserEvent},
/// };
/// use bevy_nakama::prelude::*;
///
/// let mut app = App::new();
/// app.add_plugins((DefaultPlugins, NakamaPlugin::default()));
/// // `DefaultPlugins` have made the event loop, so it comes after them.
/// let event_loop = (**app.world().resource::<EventLoopProxyWrapper>()).clone();
/// let waker = NakamaWaker::new(move || {
///     let _ = event_loop.send_event(WinitUserEvent::WakeUp); // fails only while the program ends
/// });
/// app.insert_resource(WinitSettings::desktop_app()).insert_resource(waker);
/// app.run();
/// ```
#[derive(Clone, Resource)]
pub struct NakamaWaker(Wake);

impl NakamaWaker {
    /// The plugin calls `wake` when there is something for the next frame that your game can see, at most once before each frame.
    /// Heartbeats do not count. It calls `wake` from the network thread and from your game's own, so `wake` must return at once, and must
    /// not panic. If it does panic, that is an error in the log, and the game is not woken any more.
    #[must_use]
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    pub(crate) fn wake(&self) -> Wake {
        self.0.clone()
    }
}

impl fmt::Debug for NakamaWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NakamaWaker").finish_non_exhaustive()
    }
}
