//! Matchmaking: requests are checked, but there is no matchmaker yet.

use super::{
    Core, parties,
    presence::Peer,
    requests::{Answer, ErrorCode, Refusal},
};
use crate::proto::realtime::{
    MatchmakerAdd, MatchmakerRemove, PartyMatchmakerAdd, PartyMatchmakerRemove,
};

pub(super) fn add(request: &MatchmakerAdd) -> Answer {
    check_counts(request.min_count, request.max_count, request.count_multiple)?;
    Err(no_matchmaker())
}

pub(super) fn remove(request: &MatchmakerRemove) -> Answer {
    check_ticket(&request.ticket)?;
    Err(Refusal::bad_input("Matchmaker ticket not found"))
}

impl Core {
    pub(super) fn party_matchmaker_add(
        &mut self,
        caller: &Peer,
        request: &PartyMatchmakerAdd,
    ) -> Answer {
        check_counts(request.min_count, request.max_count, request.count_multiple)?;
        let stream = parties::stream_of(&request.party_id)?;
        self.led_party(&stream, caller)
            .map_err(parties::failed("adding party to matchmaker"))?;
        Err(no_matchmaker())
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
        Err(failed("matchmaker ticket not found".into()))
    }
}

fn check_counts(min: i32, max: i32, multiple: Option<i32>) -> Result<(), Refusal> {
    let multiple = multiple.unwrap_or(1);
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

fn no_matchmaker() -> Refusal {
    Refusal::new(
        ErrorCode::RuntimeException,
        "The embedded server has no matchmaker",
    )
}
