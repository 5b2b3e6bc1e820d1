//! Matches that run on the server: what the game writes.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use super::{Runtime, RuntimeError, parse_session};
use crate::{
    local_server::core::presence,
    proto::{Message, UserPresence, realtime::MatchData},
};

/// A match that runs on the server: its state, and what it does. The server makes one value for each match, with the function that
/// you give to [`RuntimeModule::register_match`](super::RuntimeModule::register_match). The value lives as long as the match.
///
/// A match ends when a method returns [`MatchFlow::End`]. The server does not tell its members. A match does not end by itself when the
/// last member leaves. A panic in a method counts as [`MatchFlow::Fail`].
///
/// ```
/// use bevy_nakama::{
///     local_server::{Broadcast, LocalServerConfig, MatchContext, MatchFlow, MatchHandler, MatchInit, MatchMessage, RuntimeModule},
/// };
///
/// /// Counts what everybody sends.
/// #[derive(Default)]
/// struct Counter(u8);
///
/// impl MatchHandler for Counter {
///     fn init(&mut self, _: &mut MatchContext<'_>, _: &str) -> MatchInit {
///         MatchInit { tick_rate: 10, label: r#"{"mode": "counting"}"#.to_owned() }
///     }
///
///     fn tick(&mut self, context: &mut MatchContext<'_>, messages: &[MatchMessage]) -> MatchFlow {
///         for message in messages {
///             self.0 = self.0.wrapping_add(1);
///             context.broadcast(Broadcast::new(message.op_code, vec![self.0]));
///         }
///         MatchFlow::Continue
///     }
/// }
///
/// let runtime = RuntimeModule::new()
///     .register_match("counter", Counter::default)
///     .register_rpc("start", |context, _| Ok(context.runtime.match_create("counter", "")?));
/// let config = LocalServerConfig { runtime, ..Default::default() };
/// ```
pub trait MatchHandler: Send + 'static {
    /// The match begins. `params` is what you gave to [`Runtime::match_create`].
    fn init(&mut self, context: &mut MatchContext<'_>, params: &str) -> MatchInit;

    /// Somebody wants to join. To refuse, return an `Err` with the reason. If the reason is empty, the client reads `Match join rejected`.
    ///
    /// # Errors
    ///
    /// The client gets it as an error with code 5.
    fn join_attempt(
        &mut self,
        context: &mut MatchContext<'_>,
        presence: &UserPresence,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let _ = (context, presence, metadata);
        Ok(())
    }

    /// Somebody has joined. What you send here reaches them before the answer to their join. The same user may be there already with an older
    /// session, see [`leave`](Self::leave).
    fn join(&mut self, context: &mut MatchContext<'_>, presences: &[UserPresence]) -> MatchFlow {
        let _ = (context, presences);
        MatchFlow::Continue
    }

    /// Somebody has left, was kicked, or has lost the connection.
    ///
    /// **A player who lost the connection may be back already, with another session**: the end of the old one comes when the server notices it,
    /// up to [`LocalServerConfig::pong_wait`](crate::local_server::LocalServerConfig::pong_wait) (25 s) later, as on a Nakama server. So do not
    /// remove a player by their user id here. Compare the session ids: if the player has [joined](Self::join) with another session since, they
    /// stay.
    fn leave(&mut self, context: &mut MatchContext<'_>, presences: &[UserPresence]) -> MatchFlow {
        let _ = (context, presences);
        MatchFlow::Continue
    }

    /// One round of the match's loop, at its tick rate, with what members have sent since the round before.
    #[doc(alias = "loop")]
    fn tick(&mut self, context: &mut MatchContext<'_>, messages: &[MatchMessage]) -> MatchFlow;

    /// Other code of the server sends a signal with [`Runtime::match_signal`]. Return the answer, or `None` to end the match.
    fn signal(&mut self, context: &mut MatchContext<'_>, data: &str) -> Option<String> {
        let _ = (context, data);
        Some(String::new())
    }

    /// The server is stopping. What you send here is still written, if that takes no longer than `grace`.
    fn terminate(&mut self, context: &mut MatchContext<'_>, grace: Duration) {
        let _ = (context, grace);
    }
}

/// How a match begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MatchInit {
    /// How often the loop runs, in rounds per second: 1 to 60.
    pub tick_rate: u32,
    /// The label, which lists show and filter by: at most 2048 bytes. Queries look into labels that are JSON objects.
    pub label: String,
}

/// How a match goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MatchFlow {
    /// It goes on.
    Continue,
    /// It ends. The server does not tell the members.
    End,
    /// It ends, as after an error in its code: the server closes the sockets of all members.
    Fail,
}

/// What a member has sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MatchMessage {
    /// Who.
    pub sender: UserPresence,
    /// The op code.
    pub op_code: i64,
    /// The payload.
    pub data: Bytes,
    /// As the sender has set it.
    pub reliable: bool,
}

/// A message to members of a match.
#[derive(Clone, Debug)]
pub struct Broadcast<'a> {
    /// The op code.
    pub op_code: i64,
    /// The payload.
    pub data: Bytes,
    /// Who gets it; `None` is everybody. The server looks at the session ids only.
    pub presences: Option<&'a [UserPresence]>,
    /// Who the receivers see as its sender; `None` is the server.
    pub sender: Option<&'a UserPresence>,
    /// The receivers see it. It changes nothing else.
    pub reliable: bool,
}

impl<'a> Broadcast<'a> {
    /// A message from the server to everybody.
    pub fn new(op_code: i64, data: impl Into<Bytes>) -> Self {
        Self {
            op_code,
            data: data.into(),
            presences: None,
            sender: None,
            reliable: true,
        }
    }

    /// The same, to these only.
    #[must_use]
    pub fn to(self, presences: &'a [UserPresence]) -> Self {
        Self {
            presences: Some(presences),
            ..self
        }
    }

    /// The same, from this one.
    #[must_use]
    pub fn from(self, sender: &'a UserPresence) -> Self {
        Self {
            sender: Some(sender),
            ..self
        }
    }

    /// The same, marked as unreliable.
    #[must_use]
    pub fn unreliable(self) -> Self {
        Self {
            reliable: false,
            ..self
        }
    }
}

/// A match from the inside: what its handler knows, and its dispatcher.
#[non_exhaustive]
pub struct MatchContext<'a> {
    /// What all code on the server can do.
    pub runtime: Runtime<'a>,
    pub(in crate::local_server::core) stream: presence::Stream,
}

impl MatchContext<'_> {
    /// The id that clients join with.
    #[must_use]
    pub fn match_id(&self) -> String {
        self.stream.id()
    }

    /// The number of rounds that the loop has done.
    #[must_use]
    pub fn tick(&self) -> u64 {
        let running = self.runtime.core.running.get(self.stream.subject);
        running.map_or(0, |running| running.tick)
    }

    /// Who is in the match, in order of joining.
    #[must_use]
    pub fn presences(&self) -> Vec<UserPresence> {
        self.runtime.core.others_in(&self.stream, None)
    }

    /// The label, which lists show and filter by.
    #[must_use]
    pub fn label(&self) -> &str {
        let running = self.runtime.core.running.get(self.stream.subject);
        running.map_or("", |running| running.label.current())
    }

    /// Sends a message to members, at once.
    pub fn broadcast(&mut self, message: Broadcast<'_>) {
        let core = &mut *self.runtime.core;
        let mut receivers = core.tracker.sessions(&self.stream);
        if let Some(presences) = message.presences {
            let is_meant = |id: &str| presences.iter().any(|presence| presence.session_id == id);
            receivers.retain(|session| is_meant(&session.to_string()));
        }
        let data = Message::MatchData(MatchData {
            match_id: self.stream.id(),
            presence: message.sender.cloned(),
            op_code: message.op_code,
            data: message.data,
            reliable: message.reliable,
        });
        core.push(&receivers, data);
    }

    /// Kicks members. The server does not tell them. The other members, and [`MatchHandler::leave`], hear that they have left.
    #[doc(alias = "match_kick")]
    pub fn kick(&mut self, presences: &[UserPresence]) {
        for presence in presences {
            if let Ok(session) = parse_session(&presence.session_id) {
                self.runtime.core.tracker.untrack(&self.stream, session);
            }
        }
    }

    /// Changes the label. The server does not tell clients. Lists show the new label about a second later.
    ///
    /// # Errors
    ///
    /// It is longer than 2048 bytes.
    #[doc(alias = "match_label_update")]
    pub fn set_label(&mut self, label: impl Into<String>) -> Result<(), RuntimeError> {
        self.runtime
            .core
            .label_match(self.stream.subject, label.into())
    }
}

impl Runtime<'_> {
    /// Starts a match with a registered handler, and returns its id.
    ///
    /// # Errors
    ///
    /// No handler is registered under that name, it asks for an impossible tick rate or label, or it panics.
    pub fn match_create(&mut self, handler: &str, params: &str) -> Result<String, RuntimeError> {
        self.core.create_match(handler, params)
    }

    /// Sends a signal to a match, and returns its answer.
    ///
    /// # Errors
    ///
    /// There is no such match, or it ends, or it is busy because the signal comes from itself.
    pub fn match_signal(&mut self, match_id: &str, data: &str) -> Result<String, RuntimeError> {
        self.core.signal_match(match_id, data)
    }
}
