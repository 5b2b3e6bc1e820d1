//! Parties. Who is in one is in its stream, in order of joining.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use super::{
    Core,
    ids::SessionId,
    json,
    listed::Listed,
    presence::{Event, Mode, Peer, Presence, Stream},
    requests::{Answer, Refusal, Reply},
};
use crate::proto::{
    Message, PartyLayout, UserPresence,
    realtime::{
        self, PartyAccept, PartyCreate, PartyData, PartyDataSend, PartyJoin, PartyJoinRequest,
        PartyJoinRequestList, PartyLeader, PartyLeave, PartyPresenceEvent, PartyPromote,
        PartyRemove, PartyUpdate,
    },
};

/// The largest party.
const MAX_SIZE: i32 = 256;

/// The longest label, in bytes.
const MAX_LABEL: usize = 2048;

/// Why something cannot be done with a party.
pub(super) type Reason = Cow<'static, str>;

const NOT_FOUND: Reason = Cow::Borrowed("party not found");
const LEADER_ONLY: Reason = Cow::Borrowed("party leader only");
const FULL: Reason = Cow::Borrowed("party full");
const NOT_A_MEMBER: Reason = Cow::Borrowed("party member not found");

/// A party.
pub(super) struct Party {
    leader: Peer,
    listing: Listed<Listing>,
    /// The how manieth party it is.
    number: u64,
    max_size: i32,
    /// Who asks to join, in order.
    requests: Vec<Peer>,
    /// The creator has received the party, as everybody does who joins. Servers before 3.35 send the answer only.
    creator_told: bool,
}

/// What lists say of a party.
pub(super) struct Listing {
    pub(super) open: bool,
    pub(super) hidden: bool,
    pub(super) label: String,
}

/// All parties, by their streams.
#[derive(Default)]
pub(super) struct Parties {
    by_stream: HashMap<Stream, Party>,
    last_number: u64,
}

impl Parties {
    fn get_mut(&mut self, stream: &Stream) -> Result<&mut Party, Reason> {
        self.by_stream.get_mut(stream).ok_or(NOT_FOUND)
    }

    /// The leader of a party, whether it is open, and who asks to join.
    #[cfg(feature = "__testing")]
    pub(super) fn look(&self, stream: &Stream) -> Option<(String, bool, Vec<String>)> {
        let party = self.by_stream.get(stream)?;
        let asking = party.requests.iter().map(|peer| peer.session.to_string());
        let leader = party.leader.session.to_string();
        Some((leader, party.listing.current().open, asking.collect()))
    }

    /// What lists may show, with the largest sizes, the oldest first.
    pub(super) fn listed(&self, now: Duration) -> Vec<(&Stream, i32, &Listing)> {
        let mut parties: Vec<_> = self.by_stream.iter().collect();
        parties.sort_by_key(|(_, party)| party.number);
        let mut shown = Vec::new();
        for (stream, party) in parties {
            if let Some(listing) = party.listing.shown(now) {
                shown.push((stream, party.max_size, listing));
            }
        }
        shown
    }
}

pub(super) fn presence_event(event: &Event) -> Message {
    Message::PartyPresenceEvent(PartyPresenceEvent {
        party_id: event.stream.id(),
        joins: event.join.iter().map(Presence::to_proto).collect(),
        leaves: event.leave.iter().map(Presence::to_proto).collect(),
    })
}

pub(super) fn stream_of(id: &str) -> Result<Stream, Refusal> {
    Stream::with_id(id, |_| Mode::PARTY).ok_or_else(|| Refusal::bad_input("Invalid party ID"))
}

/// An error about a party, which is always of the same code.
pub(super) fn failed(doing: &str) -> impl Fn(Reason) -> Refusal {
    move |reason| Refusal::bad_input(format!("Error {doing}: {reason}"))
}

/// The presence that a request is about: complete, or refused before anything else.
fn complete(presence: Option<&UserPresence>) -> Result<&UserPresence, Refusal> {
    presence
        .filter(|presence| {
            let fields = [&presence.user_id, &presence.session_id, &presence.username];
            !fields.iter().any(|field| field.is_empty())
        })
        .ok_or_else(|| Refusal::bad_input("Invalid presence"))
}

/// Whether a request means this peer. Session, user and name are compared, letter by letter.
fn is(peer: &Peer, presence: &UserPresence) -> bool {
    let own = peer.to_proto();
    own.session_id == presence.session_id
        && own.user_id == presence.user_id
        && own.username == presence.username
}

fn check_label(label: &str) -> Result<(), Reason> {
    if label.is_empty() {
        return Ok(());
    }
    if label.len() > MAX_LABEL {
        return Err("party label too long".into());
    }
    let problem = match json::check(label) {
        Err(problem) => problem,
        Ok(()) => match json::kind(label) {
            "object" | "null" => return Ok(()),
            kind => format!(
                "json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
            ),
        },
    };
    Err(format!("failed to unmarshal party label: {problem}").into())
}

/// What members do.
impl Core {
    pub(super) fn party_create(&mut self, caller: &Peer, mut request: PartyCreate) -> Answer {
        if !(0..=MAX_SIZE).contains(&request.max_size) {
            return Err(Refusal::bad_input("Invalid party max size, must be 1-256"));
        }
        if self.config.party_layout == PartyLayout::Before3_28 {
            request.label.clear();
            request.hidden = false;
        }
        check_label(&request.label).map_err(failed("creating party"))?;
        let node = self.config.node.clone();
        let stream = Stream::new(Mode::PARTY, self.ids.random()).labelled(node);
        let listing = Listing {
            open: request.open,
            hidden: request.hidden,
            label: request.label.clone(),
        };
        self.parties.last_number += 1;
        let party = Party {
            leader: caller.clone(),
            listing: Listed::new(listing, self.clock.now()),
            number: self.parties.last_number,
            max_size: request.max_size,
            requests: Vec::new(),
            creator_told: false,
        };
        self.parties.by_stream.insert(stream.clone(), party);
        self.enter_party(&stream, caller);
        let creator = caller.to_proto();
        Ok(Message::Party(realtime::Party {
            party_id: stream.id(),
            open: request.open,
            hidden: request.hidden,
            max_size: request.max_size,
            self_: Some(creator.clone()),
            leader: Some(creator.clone()),
            presences: vec![creator],
            label: request.label,
        })
        .into())
    }

    /// Joins an open party, or asks to join a closed one.
    pub(super) fn party_join(&mut self, caller: &Peer, request: &PartyJoin) -> Answer {
        let stream = stream_of(&request.party_id)?;
        let failed = failed("joining party");
        let members = self.tracker.visible(&stream).count();
        let party = self.parties.get_mut(&stream).map_err(&failed)?;
        let max_size = usize::try_from(party.max_size).unwrap_or_default();
        if members >= max_size {
            return Err(failed(FULL));
        }
        if party.listing.current().open {
            self.enter_party(&stream, caller);
            return Ok(Reply::Acknowledged);
        }
        if party.requests.len() >= max_size {
            return Err(failed("party join requests full".into()));
        }
        let mut asking = party.requests.iter();
        if asking.any(|asking| asking.user == caller.user) {
            return Err(failed("party join request duplicate".into()));
        }
        party.requests.push(caller.clone());
        let leader = party.leader.session;
        let asks = Message::PartyJoinRequest(PartyJoinRequest {
            party_id: stream.id(),
            presences: vec![caller.to_proto()],
        });
        self.push(&[leader], asks);
        Ok(Reply::Acknowledged)
    }

    pub(super) fn party_leave(&mut self, caller: &Peer, request: &PartyLeave) -> Answer {
        let stream = stream_of(&request.party_id)?;
        self.tracker.untrack(&stream, caller.session);
        Ok(Reply::Acknowledged)
    }

    pub(super) fn party_data_send(&mut self, caller: &Peer, request: PartyDataSend) -> Answer {
        let stream = stream_of(&request.party_id)?;
        let failed = failed("sending party data");
        self.parties.get_mut(&stream).map_err(&failed)?;
        if self.tracker.get(&stream, caller.session).is_none() {
            return Err(failed(NOT_A_MEMBER));
        }
        let mut receivers = self.tracker.sessions(&stream);
        receivers.retain(|session| *session != caller.session);
        let data = Message::PartyData(PartyData {
            party_id: stream.id(),
            presence: Some(caller.to_proto()),
            op_code: request.op_code,
            data: request.data,
        });
        self.push(&receivers, data);
        Ok(Reply::Acknowledged)
    }

    fn enter_party(&mut self, stream: &Stream, peer: &Peer) {
        self.tracker.track(stream, Presence::new(peer.clone()));
        if self.config.single_party {
            self.tracker
                .untrack_others(peer.session, &[Mode::PARTY], stream);
        }
    }
}

/// What the leader does.
impl Core {
    /// The party that the caller leads.
    pub(super) fn led_party(
        &mut self,
        stream: &Stream,
        caller: &Peer,
    ) -> Result<&mut Party, Reason> {
        let party = self.parties.get_mut(stream)?;
        if party.leader.session == caller.session {
            Ok(party)
        } else {
            Err(LEADER_ONLY)
        }
    }

    fn member(&self, stream: &Stream, wanted: &UserPresence) -> Option<&Peer> {
        let mut members = self.tracker.visible(stream).map(|presence| &presence.peer);
        members.find(|peer| is(peer, wanted))
    }

    pub(super) fn party_promote(&mut self, caller: &Peer, request: &PartyPromote) -> Answer {
        let wanted = complete(request.presence.as_ref())?;
        let stream = stream_of(&request.party_id)?;
        let failed = failed("promoting new party leader");
        self.led_party(&stream, caller).map_err(&failed)?;
        let leader = self.member(&stream, wanted).cloned();
        self.make_leader(&stream, leader.ok_or_else(|| failed(NOT_A_MEMBER))?);
        Ok(Reply::Acknowledged)
    }

    pub(super) fn party_accept(&mut self, caller: &Peer, request: &PartyAccept) -> Answer {
        let wanted = complete(request.presence.as_ref())?;
        let stream = stream_of(&request.party_id)?;
        let failed = failed("accepting party join request");
        let members = self.tracker.visible(&stream).count();
        let party = self.led_party(&stream, caller).map_err(&failed)?;
        if members >= usize::try_from(party.max_size).unwrap_or_default() {
            return Err(failed(FULL));
        }
        let asking = party
            .take_request(wanted)
            .ok_or_else(|| failed("party join request not found".into()))?;
        if self.sessions.peer(asking.session).is_none() {
            return Err(failed("party could not accept request".into()));
        }
        self.enter_party(&stream, &asking);
        Ok(Reply::Acknowledged)
    }

    /// Kicks a member, or declines a request.
    pub(super) fn party_remove(&mut self, caller: &Peer, request: &PartyRemove) -> Answer {
        let wanted = complete(request.presence.as_ref())?;
        let stream = stream_of(&request.party_id)?;
        let failed = failed("removing party member or join request");
        self.led_party(&stream, caller).map_err(&failed)?;
        if is(caller, wanted) {
            return Err(failed("party cannot remove self".into()));
        }
        if let Some(member) = self.member(&stream, wanted) {
            let session = member.session;
            self.tracker.untrack(&stream, session);
            self.push(&[session], close_message(&stream));
            return Ok(Reply::Acknowledged);
        }
        // One whose request is declined is not told.
        let party = self.led_party(&stream, caller).map_err(&failed)?;
        match party.take_request(wanted) {
            Some(_) => Ok(Reply::Acknowledged),
            None => Err(failed(NOT_A_MEMBER)),
        }
    }

    pub(super) fn party_close(&mut self, caller: &Peer, request: &realtime::PartyClose) -> Answer {
        let stream = stream_of(&request.party_id)?;
        self.led_party(&stream, caller)
            .map_err(failed("closing party"))?;
        self.broadcast(&stream, close_message(&stream));
        self.parties.by_stream.remove(&stream);
        self.matchmaker.forget_party(&stream);
        self.tracker.untrack_stream(&stream);
        Ok(Reply::Acknowledged)
    }

    pub(super) fn party_join_request_list(
        &mut self,
        caller: &Peer,
        request: PartyJoinRequestList,
    ) -> Answer {
        let stream = stream_of(&request.party_id)?;
        let party = self
            .led_party(&stream, caller)
            .map_err(failed("listing party join requests"))?;
        Ok(Message::PartyJoinRequest(PartyJoinRequest {
            party_id: request.party_id,
            presences: party.requests.iter().map(Peer::to_proto).collect(),
        })
        .into())
    }

    /// Replaces all three of open, hidden and label.
    pub(super) fn party_update(&mut self, caller: &Peer, request: PartyUpdate) -> Answer {
        let stream = stream_of(&request.party_id)?;
        let failed = failed("updating party");
        let has_label = !matches!(&*request.label, "" | "{}");
        if request.hidden && has_label {
            let problem = "party is hidden and label is not empty, invalid operation";
            return Err(failed(problem.into()));
        }
        let now = self.clock.now();
        let party = self.led_party(&stream, caller).map_err(&failed)?;
        check_label(&request.label).map_err(&failed)?;
        let listing = Listing {
            open: request.open,
            hidden: request.hidden,
            label: request.label.clone(),
        };
        party.listing.set(listing, now);
        let update = Message::PartyUpdate(PartyUpdate {
            party_id: stream.id(),
            ..request
        });
        self.broadcast(&stream, update);
        Ok(Reply::Acknowledged)
    }

    fn make_leader(&mut self, stream: &Stream, leader: Peer) {
        let announcement = Message::PartyLeader(PartyLeader {
            party_id: stream.id(),
            presence: Some(leader.to_proto()),
        });
        if let Ok(party) = self.parties.get_mut(stream) {
            party.leader = leader;
            self.broadcast(stream, announcement);
        }
    }
}

/// What follows from coming and going.
impl Core {
    pub(super) fn party_changed(&mut self, event: &Event) {
        self.matchmaker.forget_party(&event.stream);
        if let Some(presence) = &event.join {
            self.tell_joiner(&event.stream, &presence.peer);
        }
        if let Some(presence) = &event.leave {
            self.replace_leader(&event.stream, presence.peer.session);
        }
    }

    /// Shows a party to one who has come in. Label and whether it is hidden are never said.
    fn tell_joiner(&mut self, stream: &Stream, joiner: &Peer) {
        let members = self.others_in(stream, None);
        let is_old = self.config.party_layout == PartyLayout::Before3_28;
        let Ok(party) = self.parties.get_mut(stream) else {
            return;
        };
        let is_creator = !std::mem::replace(&mut party.creator_told, true);
        if is_creator && (is_old || party.max_size == 0) {
            return;
        }
        let message = Message::Party(realtime::Party {
            party_id: stream.id(),
            open: party.listing.current().open,
            max_size: party.max_size,
            self_: Some(joiner.to_proto()),
            leader: Some(party.leader.to_proto()),
            presences: members,
            ..realtime::Party::default()
        });
        self.push(&[joiner.session], message);
    }

    /// When the leader leaves, the member who has been there longest takes over. When nobody is left, the party is gone.
    fn replace_leader(&mut self, stream: &Stream, left: SessionId) {
        let is_leader = |party: &Party| party.leader.session == left;
        if !self.parties.by_stream.get(stream).is_some_and(is_leader) {
            return;
        }
        let oldest = self.tracker.visible(stream).next();
        match oldest.map(|presence| presence.peer.clone()) {
            Some(oldest) => self.make_leader(stream, oldest),
            None => {
                self.parties.by_stream.remove(stream);
            }
        }
    }
}

impl Party {
    fn take_request(&mut self, wanted: &UserPresence) -> Option<Peer> {
        let index = self.requests.iter().position(|asking| is(asking, wanted))?;
        Some(self.requests.remove(index))
    }
}

fn close_message(stream: &Stream) -> Message {
    Message::PartyClose(realtime::PartyClose {
        party_id: stream.id(),
    })
}
