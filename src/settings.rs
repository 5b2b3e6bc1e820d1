//! Settings of the plugin.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;

use crate::transport::LinkSettings;

/// Settings of the plugin, a resource. Changes take effect with the next frame, but for those of the network thread, which
/// are marked.
///
/// ```
/// # use std::time::Duration;
/// # use bevy_nakama::prelude::*;
/// let patient = NakamaSettings {
///     request_timeout: Duration::from_secs(30),
///     ..NakamaSettings::default()
/// };
/// let plugin = NakamaPlugin::new(patient);
/// ```
#[derive(Clone, Debug, Reflect, Resource)]
#[reflect(Resource)]
pub struct NakamaSettings {
    /// How long a request may take. Default: 10 s. It holds for requests that are made from then on.
    pub request_timeout: Duration,
    /// How much time applying arrivals may take in one frame; the rest follows in order in the next one. Default: 2 ms.
    pub receive_budget: Duration,
    /// How long a socket may take to open. Default: 10 s. (At start.)
    pub connect_timeout: Duration,
    /// The largest envelope that the server accepts, in bytes: `socket.max_message_size_bytes`. Sending a larger one would
    /// cost the connection, so it is refused. Default: 4096. (At start.)
    pub max_envelope: usize,
    /// How many bytes may wait for a game that does not read, as while it loads a level. Above that, new match, party and
    /// stream data is left out; above twice that, the connection ends. Default: 64 MiB; at least 64 KiB. (At start.)
    pub hand_over_limit: usize,
    /// How many messages may wait to be sent. Default: 4096. (At start.)
    pub send_queue: usize,
    /// How many lines the [`ChatLog`](crate::chat::ChatLog) of a channel holds. Default: 200.
    pub chat_log_lines: usize,
    /// How many notifications the [`NotificationInbox`](crate::notification::NotificationInbox) holds. Default: 200.
    pub inbox_notifications: usize,
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
            chat_log_lines: 200,
            inbox_notifications: 200,
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
            ..LinkSettings::default()
        }
    }
}
