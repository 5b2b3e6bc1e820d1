//! What the overlay shows, as plain data. `collect` gathers it from the world, and the panels draw it without the world.

use std::{borrow::Cow, collections::VecDeque, time::Duration};

use bevy_ecs::prelude::*;

use super::envelope_log::EnvelopeLog;
use crate::{
    connection::ConnectionState,
    mirror::presence::{SessionId, UserId, Username},
};

/// Everything that the overlay shows, a resource. While the overlay is open, envelopes are up to date in every frame, and everything else
/// ten times a second. Failures are recorded while it is closed, too.
#[derive(Clone, Debug, Default, Resource)]
#[non_exhaustive]
pub struct OverlayView {
    /// The connection, now and in the last minutes.
    pub connection: ConnectionView,
    /// Matches that the local user is in or asks to join, in order of their ids.
    pub matches: Vec<ContextView>,
    /// Parties that the local user is in or asks to join, in order of their ids.
    pub parties: Vec<ContextView>,
    /// Chat channels that the local user is in or asks to join, in order of their ids.
    pub channels: Vec<ContextView>,
    /// The matchmaker's tickets, of the local user and of parties, oldest first. Tickets without an answer yet come last.
    pub tickets: Vec<TicketView>,
    /// Users that the local user follows, and the local user.
    pub friends: FriendsView,
    /// Streams that the server has mentioned, in order of mode, subject, subcontext and label.
    pub streams: Vec<ContextView>,
    /// What the server keeps for the user.
    pub inbox: InboxView,
    /// Requests that wait for their answer, and those that failed.
    pub requests: RequestsView,
    /// The last envelopes.
    pub envelopes: EnvelopeLog,
}

/// The connection.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConnectionView {
    /// Its phase.
    pub state: ConnectionState,
    /// The server's address, without a user name or password.
    pub server: Option<String>,
    /// The user who is connected.
    pub user: Option<(UserId, Username)>,
    /// The session of the local user. Known as soon as the local user is in a match, party, channel or stream.
    pub session_id: Option<SessionId>,
    /// The sessions of earlier sockets of this connection, oldest first. The server may keep them for a while.
    pub old_sessions: Vec<SessionId>,
    /// The last measured round trip.
    pub round_trip: Option<Duration>,
    /// Why the last connection ended, with all causes.
    pub last_reason: Option<String>,
    /// How far it is on its way back, if it was lost.
    pub reconnecting: Option<ReconnectingView>,
    /// What happened to it, oldest first: when, in time since the app's start (`Time<Real>`), and what.
    pub transitions: Vec<(Duration, String)>,
    /// How much the local user has entered again since the start, and how much could not be entered.
    pub reentered: (u64, u64),
    /// What was sent and received since the start.
    pub traffic: TrafficView,
    /// The numbers of the last minutes, oldest first.
    pub history: VecDeque<TrafficSample>,
}

/// A connection that was lost and is on its way back.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ReconnectingView {
    /// Why it was lost.
    pub cause: String,
    /// What it is doing.
    pub step: &'static str,
    /// Which try that is.
    pub attempt: u32,
    /// In how much time the next try is, if it waits.
    pub next_try: Option<Duration>,
    /// Why the last try failed.
    pub last_failure: Option<String>,
    /// For how long the connection has been away.
    pub away: Duration,
}

/// What was sent and received since the start, and what is waiting.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TrafficView {
    /// Envelopes received.
    pub received: u64,
    /// Bytes received, without WebSocket framing.
    pub received_bytes: u64,
    /// Envelopes sent.
    pub sent: u64,
    /// Bytes sent, without WebSocket framing.
    pub sent_bytes: u64,
    /// Messages that wait to be sent.
    pub queued: usize,
    /// Their bytes, without WebSocket framing.
    pub queued_bytes: usize,
    /// Messages for other members that were sent, and that the server has not confirmed yet.
    pub unacknowledged: usize,
    /// How many of them, beside those in normal flight, there may be before the next one waits. 0: nothing was sent to others yet.
    pub window: usize,
    /// Requests over the socket that were sent and have no answer yet.
    pub in_flight: usize,
    /// Messages that had to wait because the window was closed.
    pub held_back: u64,
    /// Messages that a newer one has taken the place of.
    pub replaced: u64,
    /// Messages that were not sent: too much was waiting, or they waited for too long, or they were not to wait.
    pub refused: u64,
    /// Bytes that the game has not read yet.
    pub waiting_bytes: usize,
    /// Messages that arrived early and wait for the answer or the join that they belong to.
    pub held: usize,
    /// Messages that were dropped.
    pub dropped: u64,
}

/// The numbers of half a second, from the [diagnostics](crate::diagnostics).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TrafficSample {
    /// When it ended, in time since the app's start (`Time<Real>`).
    pub at: Duration,
    /// The last round trip that was measured by then.
    pub round_trip: Option<Duration>,
    /// Envelopes received per second.
    pub received: f64,
    /// Bytes received per second.
    pub received_bytes: f64,
    /// Envelopes sent per second.
    pub sent: f64,
    /// Bytes sent per second.
    pub sent_bytes: f64,
}

/// Something that the local user is in or asks to join: a match, a party, a channel or a stream.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ContextView {
    /// Its entity.
    pub entity: Entity,
    /// Its id, if it is known yet.
    pub id: Option<String>,
    /// Whether the local user is in it.
    pub state: ContextState,
    /// What kind of match, party, channel or stream it is, in a few words.
    pub about: String,
    /// Its label, if it has one.
    pub label: Option<String>,
    /// What else describes it: names and values.
    pub facts: Vec<(&'static str, String)>,
    /// How many are in it.
    pub size: usize,
    /// Who is in it: [`MAX_PEOPLE`] at most.
    pub people: Vec<PersonView>,
    /// Users whose join request waits for the leader, oldest first.
    pub asking: Vec<PersonView>,
}

/// How many people of one context are listed.
pub const MAX_PEOPLE: usize = 200;

impl ContextView {
    pub(super) fn new(entity: Entity, id: Option<String>, state: ContextState) -> Self {
        Self {
            entity,
            id,
            state,
            about: String::new(),
            label: None,
            facts: Vec::new(),
            size: 0,
            people: Vec::new(),
            asking: Vec::new(),
        }
    }
}

/// Whether the local user is in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ContextState {
    /// The local user has asked to join.
    Joining,
    /// The local user's join request waits for the leader.
    PendingApproval,
    /// The local user is in it.
    Joined,
    /// The connection was lost, and the local user is not in it again yet.
    Stale,
    /// The local user was in this party when the connection was lost, and its leader has to accept them again.
    PendingAgain,
    /// A stream. The server does not report whether the local user is still in it, and who was in it before.
    HeardOf,
}

/// A member of a context.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PersonView {
    /// Their name.
    pub username: Username,
    /// Their account.
    pub user_id: UserId,
    /// Their socket.
    pub session_id: SessionId,
    /// Whether it is the local user.
    pub is_self: bool,
    /// Whether they lead the party.
    pub is_leader: bool,
    /// Whether the connection was lost, and nobody knows whether they are still there.
    pub is_stale: bool,
    /// Whether the user is there with a newer session, so that this one may be a [ghost](crate::healing::MaybeGhost).
    pub may_be_ghost: bool,
    /// Whether they are [back](crate::healing::Adopted) with a new session, and the server still has the old one.
    pub is_adopted: bool,
}

/// A ticket of the matchmaker.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TicketView {
    /// Its entity.
    pub entity: Entity,
    /// Its id, if it is known yet.
    pub id: Option<String>,
    /// The party that it is for. `None`: it is for the local user alone.
    pub party_id: Option<String>,
    /// For how long it has been waiting.
    pub age: Duration,
    /// What the local user asked for. `None` if the leader of the party asked, or if the server has not answered yet.
    pub asked: Option<TicketAskView>,
    /// Why the server does not have it at the moment, if it waits to be added again.
    pub on_hold: Option<TicketHoldView>,
}

/// A ticket that waits to be added again.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TicketHoldView {
    /// What it waits for.
    pub why: &'static str,
    /// How much longer it waits, if there is an end.
    pub left: Option<Duration>,
}

/// What the matchmaker was asked for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TicketAskView {
    /// The least number of players.
    pub min_count: u32,
    /// The greatest number of players.
    pub max_count: u32,
    /// The number of players must be a multiple of this number.
    pub count_multiple: Option<u32>,
    /// Which properties the others must have.
    pub query: String,
    /// The local user's properties: names and values, the texts first.
    pub properties: Vec<(String, String)>,
}

/// Users that the local user follows, and the local user.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FriendsView {
    /// How many users the local user follows.
    pub followed: usize,
    /// How many of them are online.
    pub online: usize,
    /// The status that is shown again if the connection is lost. `None`: the game has not set any.
    pub shown: Option<String>,
    /// The names that the local user follows and that the server has not told anything about.
    pub names: Vec<Username>,
    /// The users: [`MAX_PEOPLE`] at most. The local user comes first, then users who are online, then the others, each by name.
    pub users: Vec<FriendView>,
}

/// A user that the local user follows, or the local user.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FriendView {
    /// Their entity.
    pub entity: Entity,
    /// Their account.
    pub user_id: UserId,
    /// Their name, if the server has sent it.
    pub username: Option<Username>,
    /// Whether it is the local user.
    pub is_self: bool,
    /// Their sessions, the newest last: [`MAX_PEOPLE`] at most. Empty if they are offline.
    pub sessions: Vec<FriendSessionView>,
    /// How many of their sessions have passed their entity on, and the server still has them.
    pub hidden_ghosts: usize,
}

/// A session of a user that the local user follows.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FriendSessionView {
    /// Its socket.
    pub session_id: SessionId,
    /// Whether it is the local user's.
    pub is_self: bool,
    /// Its status. May be empty.
    pub status: String,
    /// Whether the user is there with a newer session, so that this one may be a [ghost](crate::healing::MaybeGhost).
    pub may_be_ghost: bool,
}

/// The notifications that the server keeps for the user, as far as the game knows them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct InboxView {
    /// Where the plugin goes on reading if the connection is lost, as the server tells. Empty if nothing was fetched.
    pub cursor: String,
    /// How many notifications there are.
    pub size: usize,
    /// The latest of them, the latest first: [`MAX_NOTIFICATIONS`] at most.
    pub notifications: Vec<NotificationView>,
}

/// How many notifications are listed.
pub const MAX_NOTIFICATIONS: usize = 200;

/// A notification.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NotificationView {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub subject: String,
    /// Its kind: a name, and the number on the wire.
    pub code: String,
    /// Who sent it, if it was a user.
    pub sender: Option<UserId>,
    /// When it was sent, in UTC.
    pub create_time: String,
    /// Its content: JSON on several lines, without secrets.
    pub json: String,
}

/// Requests without an answer, and failures.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestsView {
    /// Requests that wait for their answer, oldest first.
    pub waiting: Vec<WaitingView>,
    /// The last failures, oldest first.
    pub failures: VecDeque<FailureView>,
    /// Counts failures since the start.
    pub(super) failed: u64,
}

/// A request that waits for its answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct WaitingView {
    /// What it is called.
    pub name: Cow<'static, str>,
    /// For how long it has been waiting.
    pub age: Duration,
}

/// Something that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FailureView {
    /// When it failed, in time since the app's start (`Time<Real>`). The last time, if it failed several times in a row.
    pub at: Duration,
    /// What failed: the name of a request, or data.
    pub what: String,
    /// Why it failed.
    pub reason: String,
    /// How many times in a row it failed.
    pub count: u64,
    /// Its number among all failures.
    pub(super) number: u64,
}

impl RequestsView {
    /// Records a failure. If it is the same as the last one, both are one entry with a count.
    pub(super) fn note(&mut self, at: Duration, what: String, reason: String, limit: usize) {
        self.failed += 1;
        if let Some(last) = self.failures.back_mut()
            && last.what == what
            && last.reason == reason
        {
            last.at = at;
            last.count += 1;
            last.number = self.failed;
            return;
        }
        while self.failures.len() >= limit.max(1) {
            self.failures.pop_front();
        }
        self.failures.push_back(FailureView {
            at,
            what,
            reason,
            count: 1,
            number: self.failed,
        });
    }
}
