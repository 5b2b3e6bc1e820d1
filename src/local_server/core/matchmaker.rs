//! The matchmaker: who asks, who is told.

use std::time::Duration;

use super::{
    Core, Timer,
    ids::SessionId,
    matching::{self, Pool, Ticket},
    parties,
    presence::{Peer, Stream},
    query::Query,
    requests::{Answer, ErrorCode, Refusal, Reply},
    runtime::{Runtime, guarded},
};
use crate::proto::{
    Message,
    realtime::{
        MatchmakerAdd, MatchmakerMatched, MatchmakerRemove, MatchmakerTicket, PartyMatchmakerAdd,
        PartyMatchmakerRemove, PartyMatchmakerTicket,
        matchmaker_matched::{Id, MatchmakerUser},
    },
};

/// All tickets.
#[derive(Default)]
pub(super) struct Matchmaker {
    pool: Pool,
    last: u64,
    is_scheduled: bool,
}

/// Why a ticket is not taken.
struct NotAdded;

impl Matchmaker {
    /// A socket is gone, and so are its tickets and those of its parties.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.pool.retain(|_, ticket| !ticket.is_for(session));
    }

    /// How many tickets a socket has, alone or with a party.
    fn count_of(&self, session: SessionId) -> usize {
        let all = self.pool.values();
        all.filter(|ticket| ticket.is_for(session)).count()
    }

    fn count_of_party(&self, id: &str) -> usize {
        let all = self.pool.values();
        all.filter(|ticket| ticket.party_id == id).count()
    }

    /// The tickets, with the sessions of each.
    #[cfg(feature = "__testing")]
    pub(super) fn look(&self) -> Vec<(String, Vec<String>)> {
        let tickets = self.pool.values().map(|ticket| {
            let sessions = ticket.members.iter().map(|it| it.session.to_string());
            (ticket.id.clone(), sessions.collect())
        });
        tickets.collect()
    }

    /// The members of a party are not the same any more: its tickets are gone.
    pub(super) fn forget_party(&mut self, party: &Stream) {
        let id = party.id();
        self.pool.retain(|_, ticket| ticket.party_id != id);
    }

    fn remove(&mut self, is_meant: impl Fn(&Ticket) -> bool) -> bool {
        let key = self.pool.iter().find(|(_, ticket)| is_meant(ticket));
        let key = key.map(|(key, _)| *key);
        key.is_some_and(|key| self.pool.remove(&key).is_some())
    }
}

impl Core {
    pub(super) fn matchmaker_add(&mut self, caller: &Peer, request: MatchmakerAdd) -> Answer {
        check_counts(&request)?;
        let ticket = self
            .add_ticket(request, String::new(), vec![caller.clone()])
            .map_err(|NotAdded| {
                Refusal::new(ErrorCode::RuntimeException, "Error adding to matchmaker")
            })?;
        Ok(Message::MatchmakerTicket(MatchmakerTicket { ticket }).into())
    }

    pub(super) fn matchmaker_remove(
        &mut self,
        caller: &Peer,
        request: &MatchmakerRemove,
    ) -> Answer {
        check_ticket(&request.ticket)?;
        let is_removed = self.matchmaker.remove(|ticket| {
            ticket.id == request.ticket
                && ticket.party_id.is_empty()
                && ticket.members[0].session == caller.session
        });
        if is_removed {
            Ok(Reply::Acknowledged)
        } else {
            Err(Refusal::bad_input("Matchmaker ticket not found"))
        }
    }

    pub(super) fn party_matchmaker_add(
        &mut self,
        caller: &Peer,
        request: PartyMatchmakerAdd,
    ) -> Answer {
        let wish = MatchmakerAdd {
            min_count: request.min_count,
            max_count: request.max_count,
            count_multiple: request.count_multiple,
            query: request.query,
            string_properties: request.string_properties,
            numeric_properties: request.numeric_properties,
        };
        check_counts(&wish)?;
        let stream = parties::stream_of(&request.party_id)?;
        let failed = parties::failed("adding party to matchmaker");
        self.led_party(&stream, caller).map_err(&failed)?;
        let party_id = stream.id();
        let members: Vec<Peer> = self
            .tracker
            .visible(&stream)
            .map(|presence| presence.peer.clone())
            .collect();
        let mut others: Vec<SessionId> = members.iter().map(|peer| peer.session).collect();
        others.retain(|session| *session != caller.session);
        let ticket = self
            .add_ticket(wish, party_id.clone(), members)
            .map_err(|NotAdded| failed("error adding to matchmaker".into()))?;
        let ticket = Message::PartyMatchmakerTicket(PartyMatchmakerTicket { party_id, ticket });
        self.push(&others, ticket.clone());
        Ok(ticket.into())
    }

    pub(super) fn party_matchmaker_remove(
        &mut self,
        caller: &Peer,
        request: &PartyMatchmakerRemove,
    ) -> Answer {
        check_ticket(&request.ticket)?;
        let stream = parties::stream_of(&request.party_id)?;
        let failed = parties::failed("closing party"); // sic
        self.led_party(&stream, caller).map_err(&failed)?;
        let party_id = stream.id();
        let is_removed = self
            .matchmaker
            .remove(|ticket| ticket.id == request.ticket && ticket.party_id == party_id);
        if is_removed {
            Ok(Reply::Acknowledged)
        } else {
            Err(failed("matchmaker ticket not found".into()))
        }
    }

    /// `party_id` is empty for a ticket of one.
    fn add_ticket(
        &mut self,
        wish: MatchmakerAdd,
        party_id: String,
        members: Vec<Peer>,
    ) -> Result<String, NotAdded> {
        let query = Query::parse(&wish.query).ok_or(NotAdded)?;
        let most = self.config.matchmaker_max_tickets;
        let has_all = |peer: &Peer| self.matchmaker.count_of(peer.session) >= most;
        let party_has_all =
            || !party_id.is_empty() && self.matchmaker.count_of_party(&party_id) >= most;
        if members.is_empty() || members.iter().any(has_all) || party_has_all() {
            return Err(NotAdded);
        }
        let id = self.ids.random().to_string();
        let count = |count: i32| usize::try_from(count).unwrap_or_default();
        let ticket = Ticket {
            id: id.clone(),
            members,
            query,
            min: count(wish.min_count),
            max: count(wish.max_count),
            multiple: count(wish.count_multiple.unwrap_or(1)).max(1),
            properties: MatchmakerUser {
                string_properties: wish.string_properties,
                numeric_properties: wish.numeric_properties,
                party_id: party_id.clone(),
                presence: None,
            },
            party_id,
            intervals: 0,
        };
        self.matchmaker.last += 1;
        self.matchmaker.pool.insert(self.matchmaker.last, ticket);
        self.schedule_matchmaker();
        Ok(id)
    }

    /// The end of an interval.
    pub(super) fn run_matchmaker(&mut self) {
        self.matchmaker.is_scheduled = false;
        let max_intervals = self.config.matchmaker_max_intervals;
        for group in matching::run(&mut self.matchmaker.pool, max_intervals) {
            self.tell_matched(&group);
        }
        let mut waiting = self.matchmaker.pool.values();
        if waiting.any(|ticket| ticket.intervals < max_intervals) {
            self.schedule_matchmaker();
        }
    }

    /// The interval goes on while nobody waits, but it needs no timer then.
    fn schedule_matchmaker(&mut self) {
        if self.matchmaker.is_scheduled {
            return;
        }
        let interval = self
            .config
            .matchmaker_interval
            .max(Duration::from_millis(1))
            .as_nanos();
        let next = (self.clock.now().as_nanos() / interval + 1) * interval;
        let at = Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX));
        self.timers.set(Timer::Matchmaker, at);
        self.matchmaker.is_scheduled = true;
    }

    fn tell_matched(&mut self, group: &[Ticket]) {
        let user = |ticket: &Ticket, peer: &Peer| MatchmakerUser {
            presence: Some(peer.to_proto()),
            ..ticket.properties.clone()
        };
        let users: Vec<MatchmakerUser> = group
            .iter()
            .flat_map(|ticket| ticket.members.iter().map(|peer| user(ticket, peer)))
            .collect();
        let id = match self.match_for(&users) {
            Some(match_id) => Id::MatchId(match_id),
            None => {
                let match_id = format!("{}.", self.ids.random());
                Id::Token(self.tokens.issue_match(&match_id, &self.clock))
            }
        };
        for ticket in group {
            for peer in &ticket.members {
                let matched = Message::MatchmakerMatched(MatchmakerMatched {
                    ticket: ticket.id.clone(),
                    id: Some(id.clone()),
                    users: users.clone(),
                    self_: Some(user(ticket, peer)),
                });
                self.push(&[peer.session], matched);
            }
        }
    }

    /// The match that the game's own code makes for them, if it does.
    fn match_for(&mut self, users: &[MatchmakerUser]) -> Option<String> {
        let function = self.config.runtime.matchmaker_matched()?;
        let mut runtime = Runtime::new(self, None);
        guarded(|| function(&mut runtime, users)).unwrap_or_else(|| {
            log::error!("the function for those who are matched has panicked");
            None
        })
    }
}

fn check_counts(wish: &MatchmakerAdd) -> Result<(), Refusal> {
    let (min, max) = (wish.min_count, wish.max_count);
    let multiple = wish.count_multiple.unwrap_or(1);
    let problem = if min < 2 {
        "Invalid minimum count, must be >= 2"
    } else if max < min {
        "Invalid maximum count, must be >= minimum count"
    } else if multiple < 1 {
        "Invalid count multiple, must be >= 1"
    } else if min % multiple != 0 {
        "Invalid count multiple for minimum count, must divide"
    } else if max % multiple != 0 {
        "Invalid count multiple for maximum count, must divide"
    } else {
        return Ok(());
    };
    Err(Refusal::bad_input(problem))
}

fn check_ticket(ticket: &str) -> Result<(), Refusal> {
    if ticket.is_empty() {
        return Err(Refusal::bad_input("Invalid matchmaker ticket"));
    }
    Ok(())
}
