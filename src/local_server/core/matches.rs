//! Matches as clients ask for them. One that is relayed is its stream: it exists while somebody is in it.

use uuid::Uuid;

use super::{
    Core,
    ids::SessionId,
    presence::{Event, Mode, Peer, Presence, Stream},
    requests::{Answer, ErrorCode, Refusal, Reply},
};
use crate::proto::{
    Message, UserPresence,
    realtime::{
        Match, MatchCreate, MatchData, MatchDataSend, MatchJoin, MatchLeave, MatchPresenceEvent,
        match_join,
    },
};

pub(super) fn presence_event(event: &Event) -> Message {
    Message::MatchPresenceEvent(MatchPresenceEvent {
        match_id: event.stream.id(),
        joins: event.join.iter().map(Presence::to_proto).collect(),
        leaves: event.leave.iter().map(Presence::to_proto).collect(),
    })
}

pub(super) fn stream_of(id: &str) -> Option<Stream> {
    Stream::with_id(id, |node| match node {
        "" => Mode::MATCH_RELAYED,
        _ => Mode::MATCH_AUTHORITATIVE,
    })
}

fn invalid_match_id() -> Refusal {
    Refusal::bad_input("Invalid match ID")
}

impl Core {
    pub(super) fn match_create(&mut self, caller: &Peer, request: &MatchCreate) -> Answer {
        let is_named = !request.name.is_empty();
        let subject = if is_named {
            Uuid::new_v5(&Uuid::NAMESPACE_DNS, request.name.as_bytes())
        } else {
            self.ids.random()
        };
        let stream = Stream::new(Mode::MATCH_RELAYED, subject);
        let is_new = self.tracker.track(&stream, Presence::new(caller.clone()));
        // Who is there already is listed, too. The size counts everybody.
        let size = count(self.tracker.visible(&stream));
        let presences = self.others_in(&stream, is_new.then_some(caller.session));
        Ok(Message::Match(Match {
            match_id: stream.id(),
            size,
            presences,
            self_: Some(caller.to_proto()),
            ..Match::default()
        })
        .into())
    }

    pub(super) fn match_join(&mut self, caller: &Peer, request: MatchJoin) -> Answer {
        let (match_id, stream, may_be_empty) = match request.id {
            None => return Err(Refusal::bad_input("No match ID or token found")),
            Some(match_join::Id::MatchId(id)) => {
                let stream = stream_of(&id).ok_or_else(invalid_match_id)?;
                (id, stream, false)
            }
            Some(match_join::Id::Token(token)) => {
                let id = self.tokens.read_match(&token, &self.clock);
                let joined = id.and_then(|id| stream_of(&id).map(|stream| (id, stream)));
                let (id, stream) =
                    joined.ok_or_else(|| Refusal::bad_input("Invalid match token"))?;
                (id, stream, true)
            }
        };
        if stream.mode == Mode::MATCH_AUTHORITATIVE {
            return self.join_authoritative(caller, &stream, &request.metadata);
        }
        if !may_be_empty && !self.tracker.exists(&stream) {
            return Err(Refusal::new(ErrorCode::MatchNotFound, "Match not found"));
        }
        let is_new = self.enter_match(&stream, caller);
        let presences = self.others_in(&stream, is_new.then_some(caller.session));
        Ok(Message::Match(Match {
            match_id,
            // Unlike in a match that a client creates, the one who joins is not counted.
            size: count(&presences),
            presences,
            self_: Some(caller.to_proto()),
            ..Match::default()
        })
        .into())
    }

    /// Whether somebody was not in a match, and is now.
    pub(super) fn enter_match(&mut self, stream: &Stream, peer: &Peer) -> bool {
        let is_new = self.tracker.track(stream, Presence::new(peer.clone()));
        if is_new && self.config.single_match {
            let modes = &[Mode::MATCH_RELAYED, Mode::MATCH_AUTHORITATIVE];
            self.tracker.untrack_others(peer.session, modes, stream);
        }
        is_new
    }

    pub(super) fn match_leave(&mut self, caller: &Peer, request: &MatchLeave) -> Answer {
        let stream = stream_of(&request.match_id).ok_or_else(invalid_match_id)?;
        self.tracker.untrack(&stream, caller.session);
        Ok(Reply::Acknowledged)
    }

    /// Relays data. Nearly everything that is wrong with it is passed over in silence.
    pub(super) fn match_data_send(&mut self, caller: &Peer, request: MatchDataSend) -> Answer {
        let stream = stream_of(&request.match_id).ok_or_else(invalid_match_id)?;
        if stream.mode == Mode::MATCH_AUTHORITATIVE {
            self.data_for_handler(caller, &stream, request);
            return Ok(Reply::Silence);
        }
        let mut receivers = self.tracker.sessions(&stream);
        let is_member = receivers.contains(&caller.session);
        if request.presences.is_empty() {
            receivers.retain(|session| *session != caller.session);
        } else {
            let Some(wanted) = session_ids(&request.presences) else {
                return Ok(Reply::Silence);
            };
            receivers.retain(|session| wanted.contains(session));
        }
        if is_member {
            let data = Message::MatchData(MatchData {
                match_id: request.match_id,
                presence: Some(caller.to_proto()),
                op_code: request.op_code,
                data: request.data,
                reliable: request.reliable,
            });
            self.push(&receivers, data);
        }
        Ok(Reply::Silence)
    }

    /// The presences in a stream that the others may see, except for one session.
    pub(super) fn others_in(
        &self,
        stream: &Stream,
        except: Option<SessionId>,
    ) -> Vec<UserPresence> {
        self.tracker
            .visible(stream)
            .filter(|presence| Some(presence.peer.session) != except)
            .map(Presence::to_proto)
            .collect()
    }
}

/// How many there are, as messages count.
pub(super) fn count<T>(all: impl IntoIterator<Item = T>) -> i32 {
    i32::try_from(all.into_iter().count()).unwrap_or(i32::MAX)
}

/// The sessions of a filter; `None` if any id in it is malformed. User ids do not count, but have to be well-formed.
fn session_ids(presences: &[UserPresence]) -> Option<Vec<SessionId>> {
    presences
        .iter()
        .map(|presence| {
            Uuid::parse_str(&presence.user_id).ok()?;
            Uuid::parse_str(&presence.session_id).ok().map(SessionId)
        })
        .collect()
}
