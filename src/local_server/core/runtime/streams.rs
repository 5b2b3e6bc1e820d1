//! Streams: your code decides who is in them, and what it sends to them.

use super::{Runtime, RuntimeError, parse_session};
use crate::{
    local_server::core::{
        ids::{SessionId, optional},
        presence::{self, Mode, Presence},
        streams,
    },
    proto::{Envelope, Message, UserPresence, realtime::Stream},
};

/// How somebody is in a stream.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PresenceMeta {
    /// No list and no event shows it, but it receives everything.
    pub hidden: bool,
    /// The others see it as `persistence`. What it means is up to you.
    pub persistence: bool,
    /// A text. Clients see it in streams of mode 1 only: the status of users.
    pub status: String,
}

/// Streams. Clients in a stream get its data, and hear who joins and leaves.
///
/// A [`Stream`](crate::proto::realtime::Stream) has a mode from 0 to 255 and, each of them optional, two UUIDs and a label. It exists
/// while somebody is in it. Modes below 10 are Nakama's own: notifications, status, rooms, groups, direct messages, relayed and
/// authoritative matches, parties.
impl Runtime<'_> {
    /// Puts a socket into a stream. `false` if it is in the stream already; then nothing changes.
    ///
    /// # Errors
    ///
    /// A malformed id, a mode out of range, or a socket that does not exist.
    pub fn stream_user_join(
        &mut self,
        session_id: &str,
        stream: &Stream,
        meta: PresenceMeta,
    ) -> Result<bool, RuntimeError> {
        let stream = place(stream)?;
        let presence = self.presence(session_id, meta)?;
        Ok(self.core.tracker.track(&stream, presence))
    }

    /// Changes how a socket is in a stream, and puts it in if it is not there. The others see it leave and join in one event.
    ///
    /// # Errors
    ///
    /// As [`stream_user_join`](Self::stream_user_join).
    pub fn stream_user_update(
        &mut self,
        session_id: &str,
        stream: &Stream,
        meta: PresenceMeta,
    ) -> Result<(), RuntimeError> {
        let stream = place(stream)?;
        let presence = self.presence(session_id, meta)?;
        self.core.tracker.update(&stream, presence);
        Ok(())
    }

    /// Takes a socket out of a stream. The server does not tell that socket.
    ///
    /// # Errors
    ///
    /// A malformed id, or a mode out of range.
    pub fn stream_user_leave(
        &mut self,
        session_id: &str,
        stream: &Stream,
    ) -> Result<(), RuntimeError> {
        let session = parse_session(session_id)?;
        self.core.tracker.untrack(&place(stream)?, session);
        Ok(())
    }

    /// Who is in a stream, in order of joining. Hidden sockets are included if you ask for them.
    ///
    /// # Errors
    ///
    /// A malformed id, or a mode out of range.
    pub fn stream_user_list(
        &self,
        stream: &Stream,
        include_hidden: bool,
    ) -> Result<Vec<UserPresence>, RuntimeError> {
        let stream = place(stream)?;
        let all = self.core.tracker.all(&stream);
        let listed = all.filter(|presence| include_hidden || !presence.hidden);
        Ok(listed.map(Presence::to_proto).collect())
    }

    /// How many sockets are in a stream, hidden ones included.
    ///
    /// # Errors
    ///
    /// A malformed id, or a mode out of range.
    pub fn stream_count(&self, stream: &Stream) -> Result<usize, RuntimeError> {
        Ok(self.core.tracker.all(&place(stream)?).count())
    }

    /// Takes everybody out of a stream. The server does not tell them.
    ///
    /// # Errors
    ///
    /// A malformed id, or a mode out of range.
    pub fn stream_close(&mut self, stream: &Stream) -> Result<(), RuntimeError> {
        self.core.tracker.untrack_stream(&place(stream)?);
        Ok(())
    }

    /// Sends data to everybody in a stream; or, if `presences` is not empty, only to these (the server looks at their session ids).
    ///
    /// # Errors
    ///
    /// A malformed id, or a mode out of range.
    pub fn stream_send(
        &mut self,
        stream: &Stream,
        data: impl Into<String>,
        presences: &[UserPresence],
        reliable: bool,
    ) -> Result<(), RuntimeError> {
        let message = Message::StreamData(streams::data(&place(stream)?, data.into(), reliable));
        self.stream_send_raw(stream, message, presences)
    }

    /// Sends any message to a stream, as [`stream_send`](Self::stream_send) does with data.
    ///
    /// # Errors
    ///
    /// A malformed id, or a mode out of range.
    pub fn stream_send_raw(
        &mut self,
        stream: &Stream,
        message: Message,
        presences: &[UserPresence],
    ) -> Result<(), RuntimeError> {
        let mut receivers = self.core.tracker.sessions(&place(stream)?);
        if !presences.is_empty() {
            let wanted = presences
                .iter()
                .map(|presence| parse_session(&presence.session_id))
                .collect::<Result<Vec<SessionId>, _>>()?;
            receivers.retain(|session| wanted.contains(session));
        }
        let envelope = Envelope {
            cid: String::new(),
            message: Some(message),
        };
        self.core.send(&receivers, envelope);
        Ok(())
    }

    fn presence(&self, session_id: &str, meta: PresenceMeta) -> Result<Presence, RuntimeError> {
        let peer = self
            .core
            .sessions
            .peer(parse_session(session_id)?)
            .ok_or_else(|| RuntimeError::new("session not found"))?;
        Ok(Presence {
            hidden: meta.hidden,
            persistence: meta.persistence,
            status: Some(meta.status),
            ..Presence::new(peer.clone())
        })
    }
}

/// The stream that is meant.
fn place(stream: &Stream) -> Result<presence::Stream, RuntimeError> {
    let id = |text, problem: &'static str| optional(text).ok_or_else(|| RuntimeError::new(problem));
    let mode =
        u8::try_from(stream.mode).map_err(|_| RuntimeError::new("expects stream mode 0-255"))?;
    Ok(presence::Stream {
        mode: Mode(mode),
        subject: id(&stream.subject, "expects valid stream subject")?,
        subcontext: id(&stream.subcontext, "expects valid stream subcontext")?,
        label: stream.label.clone(),
    })
}
