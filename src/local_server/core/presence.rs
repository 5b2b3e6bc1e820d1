//! Who is present where: the heart of matches, parties, channels and status.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use uuid::Uuid;

use super::ids::{SessionId, UserId};
use crate::proto::UserPresence;

/// What a session can be present in: the number of a mode on the wire, where channel ids begin with it. The game's own code uses
/// the numbers that have no name here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Mode(pub(super) u8);

impl Mode {
    /// The notifications of one user. Every socket is in the one of its user.
    pub(super) const NOTIFICATIONS: Self = Self(0);
    /// The status of one user. Only users who show a status are in it.
    pub(super) const STATUS: Self = Self(1);
    pub(super) const ROOM: Self = Self(2);
    pub(super) const GROUP: Self = Self(3);
    pub(super) const DIRECT: Self = Self(4);
    pub(super) const MATCH_RELAYED: Self = Self(5);
    pub(super) const MATCH_AUTHORITATIVE: Self = Self(6);
    pub(super) const PARTY: Self = Self(7);
}

/// A place to be present in.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Stream {
    pub(super) mode: Mode,
    pub(super) subject: Uuid,
    pub(super) subcontext: Uuid,
    pub(super) label: String,
}

impl Stream {
    pub(super) fn new(mode: Mode, subject: Uuid) -> Self {
        Self {
            mode,
            subject,
            subcontext: Uuid::nil(),
            label: String::new(),
        }
    }

    /// The stream with an id that [`id`](Self::id) gives, in the mode that the node says.
    pub(super) fn with_id(id: &str, mode: impl Fn(&str) -> Mode) -> Option<Self> {
        let (subject, node) = id.split_once('.')?;
        let subject = Uuid::parse_str(subject).ok()?;
        Some(Self::new(mode(node), subject).labelled(node))
    }

    /// The id of a match or a party: `<uuid>.<node>`, where a relayed match has no node.
    pub(super) fn id(&self) -> String {
        format!("{}.{}", self.subject, self.label)
    }

    pub(super) fn labelled(self, label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ..self
        }
    }
}

/// One socket of one user, by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Peer {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) username: Arc<str>,
}

impl Peer {
    pub(super) fn to_proto(&self) -> UserPresence {
        UserPresence {
            user_id: self.user.to_string(),
            session_id: self.session.to_string(),
            username: self.username.to_string(),
            persistence: false,
            status: None,
        }
    }
}

/// A peer in a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Presence {
    pub(super) peer: Peer,
    /// In no list and no event, but receiving everything.
    pub(super) hidden: bool,
    pub(super) persistence: bool,
    /// Seen in status streams only.
    pub(super) status: Option<String>,
}

impl Presence {
    pub(super) fn new(peer: Peer) -> Self {
        Self {
            peer,
            hidden: false,
            persistence: false,
            status: None,
        }
    }

    pub(super) fn to_proto(&self) -> UserPresence {
        UserPresence {
            persistence: self.persistence,
            status: self.status.clone(),
            ..self.peer.to_proto()
        }
    }
}

/// Somebody visible came or went. A change is both at once.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) stream: Stream,
    pub(super) join: Option<Presence>,
    pub(super) leave: Option<Presence>,
}

/// All presences, in order of joining, and the events about them that are still to be told.
#[derive(Default)]
pub(super) struct Tracker {
    by_stream: HashMap<Stream, Vec<Presence>>,
    by_session: HashMap<SessionId, Vec<Stream>>,
    events: VecDeque<Event>,
}

impl Tracker {
    /// Adds a presence. One that is there already stays as it is, and the answer is `false`.
    pub(super) fn track(&mut self, stream: &Stream, presence: Presence) -> bool {
        let session = presence.peer.session;
        if self.get(stream, session).is_some() {
            return false;
        }
        self.by_session
            .entry(session)
            .or_default()
            .push(stream.clone());
        self.tell(stream, Some(presence.clone()), None);
        self.by_stream
            .entry(stream.clone())
            .or_default()
            .push(presence);
        true
    }

    /// Adds a presence or replaces the one that is there.
    pub(super) fn update(&mut self, stream: &Stream, presence: Presence) {
        let session = presence.peer.session;
        let existing = self.by_stream.get_mut(stream).and_then(|presences| {
            presences
                .iter_mut()
                .find(|present| present.peer.session == session)
        });
        if let Some(existing) = existing {
            let old = std::mem::replace(existing, presence.clone());
            self.tell(stream, Some(presence), Some(old));
        } else {
            self.track(stream, presence);
        }
    }

    pub(super) fn untrack(&mut self, stream: &Stream, session: SessionId) {
        self.forget(stream, session);
        if let Some(presence) = self.remove(stream, session) {
            self.tell(stream, None, Some(presence));
        }
    }

    /// Takes a session out of everything.
    pub(super) fn untrack_all(&mut self, session: SessionId) {
        for stream in self.by_session.remove(&session).unwrap_or_default() {
            if let Some(presence) = self.remove(&stream, session) {
                self.tell(&stream, None, Some(presence));
            }
        }
    }

    /// Takes everybody out of a stream. No events: there is nobody left to be told.
    pub(super) fn untrack_stream(&mut self, stream: &Stream) {
        for presence in self.by_stream.remove(stream).unwrap_or_default() {
            self.forget(stream, presence.peer.session);
        }
    }

    /// Takes a session out of all other streams of these modes.
    pub(super) fn untrack_others(&mut self, session: SessionId, modes: &[Mode], keep: &Stream) {
        let others: Vec<Stream> = self
            .by_session
            .get(&session)
            .into_iter()
            .flatten()
            .filter(|stream| *stream != keep && modes.contains(&stream.mode))
            .cloned()
            .collect();
        for stream in others {
            self.untrack(&stream, session);
        }
    }

    /// The streams of a mode.
    pub(super) fn streams(&self, mode: Mode) -> impl Iterator<Item = &Stream> {
        let streams = self.by_stream.keys();
        streams.filter(move |stream| stream.mode == mode)
    }

    pub(super) fn exists(&self, stream: &Stream) -> bool {
        self.by_stream.contains_key(stream)
    }

    pub(super) fn get(&self, stream: &Stream, session: SessionId) -> Option<&Presence> {
        self.all(stream)
            .find(|presence| presence.peer.session == session)
    }

    /// Everybody in a stream, the hidden ones too.
    pub(super) fn all(&self, stream: &Stream) -> impl Iterator<Item = &Presence> {
        self.by_stream.get(stream).into_iter().flatten()
    }

    /// Everybody in a stream that the others may see.
    pub(super) fn visible(&self, stream: &Stream) -> impl Iterator<Item = &Presence> {
        self.all(stream).filter(|presence| !presence.hidden)
    }

    /// The sessions in a stream, hidden ones included.
    pub(super) fn sessions(&self, stream: &Stream) -> Vec<SessionId> {
        self.all(stream)
            .map(|presence| presence.peer.session)
            .collect()
    }

    /// The next event to be told.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn forget(&mut self, stream: &Stream, session: SessionId) {
        if let Some(streams) = self.by_session.get_mut(&session) {
            streams.retain(|tracked| tracked != stream);
            if streams.is_empty() {
                self.by_session.remove(&session);
            }
        }
    }

    fn remove(&mut self, stream: &Stream, session: SessionId) -> Option<Presence> {
        let presences = self.by_stream.get_mut(stream)?;
        let index = presences
            .iter()
            .position(|presence| presence.peer.session == session)?;
        let presence = presences.remove(index);
        if presences.is_empty() {
            self.by_stream.remove(stream);
        }
        Some(presence)
    }

    fn tell(&mut self, stream: &Stream, join: Option<Presence>, leave: Option<Presence>) {
        let is_visible = |presence: &Presence| !presence.hidden;
        let (join, leave) = (join.filter(is_visible), leave.filter(is_visible));
        if join.is_some() || leave.is_some() {
            self.events.push_back(Event {
                stream: stream.clone(),
                join,
                leave,
            });
        }
    }
}
