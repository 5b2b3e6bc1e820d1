//! On which terms a message leaves that others receive.

use std::time::Duration;

/// What becomes of data that cannot leave at once: because the line has stalled, because too much has left already, or because the
/// socket takes no more.
///
/// Nakama disconnects a *receiver* that has more than 64 messages in its queue. So the plugin holds data back while the server does not
/// confirm what was sent before, see [Sending](crate::send).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SendPolicy {
    /// It waits, in order. This is the default, with the bounds of [`SendPolicy::default`].
    Queue {
        /// How many messages with this op code may wait in the context, at least 1. One more is refused with
        /// [`QueueFull`](crate::send::SendError::QueueFull).
        max_messages: usize,
        /// How many bytes they may have in all, envelopes included. What goes beyond is refused with
        /// [`QueueFull`](crate::send::SendError::QueueFull).
        max_bytes: usize,
        /// How long a message may wait. Then it is not sent, and you get [`Expired`](crate::send::SendError::Expired). Data for a party is a
        /// request, and waits for [`request_timeout`](crate::plugin::NakamaSettings::request_timeout) at most.
        max_age: Duration,
    },
    /// Only the newest waits, in the place of the one before: for positions and whatever else the next value makes worthless. The newest of
    /// a context, op code, choice of receivers and, if you set one, [key](crate::send::OutgoingData::key). Of two that you send in one frame
    /// only the second leaves.
    Latest,
    /// It does not wait: what cannot leave at once is not sent, and you get [`Dropped`](crate::send::SendError::Dropped).
    Drop,
}

impl SendPolicy {
    pub(crate) const DEFAULT: Self = Self::Queue {
        max_messages: 2048,
        max_bytes: 16 * 1024 * 1024,
        max_age: Duration::from_secs(20),
    };
}

impl Default for SendPolicy {
    /// Up to 2,048 messages and 16 MiB wait for up to 20 s.
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// On which terms a message leaves that others receive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Terms {
    /// How many messages may be unacknowledged before it has to wait, beside those in normal flight.
    pub(crate) window: u32,
    /// What becomes of it if it has to wait.
    pub(crate) policy: SendPolicy,
    /// What it is for, with the game's own mark: the bounds of a policy are for each.
    pub(crate) context: u64,
    /// With [`SendPolicy::Latest`], tells apart what does not replace each other. The game's own.
    pub(crate) key: u64,
    /// Whether it waits while the connection is lost, too: the game has chosen the policy itself.
    pub(crate) waits_while_away: bool,
    /// Whether it waits while other things are entered again, because what it is for is there already.
    pub(crate) waits_for_the_rest: bool,
}

impl Default for Terms {
    /// Those of what only one other member receives.
    fn default() -> Self {
        Self {
            window: 48,
            policy: SendPolicy::default(),
            context: 0,
            key: 0,
            waits_while_away: false,
            waits_for_the_rest: false,
        }
    }
}
