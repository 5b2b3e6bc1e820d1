//! What a request joins, and whom it moves.

use crate::transport::SessionId;

/// What joins are about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Area {
    Match,
    Party,
    Channel,
    /// A ticket of the local user alone.
    Ticket,
    /// A ticket of a party that the local user leads.
    PartyTicket,
    Status,
    Stream,
}

/// A request asks for a change of who is where. The server reports the change in an event, which may overtake the answer.
///
/// A server handles the requests of a socket one after the other. So an event that comes before an answer belongs to the
/// first of the open requests, and never waits for a second one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Move {
    /// This session joins or leaves what has this id.
    Of {
        area: Area,
        id: Box<str>,
        session: SessionId,
    },
    /// The local user's presence changes somewhere in this area. In a stream it only may: an RPC can be about anything.
    Own(Area),
}

/// Somebody that an event is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mover<'a> {
    pub(crate) session: &'a str,
    pub(crate) is_self: bool,
}

impl Move {
    /// What a function of the server may do: put the caller into a stream, or take them out of one.
    pub(crate) const BY_FUNCTION: Self = Self::Own(Area::Stream);

    pub(crate) fn is_about(&self, event: Area, event_id: &str, who: Mover<'_>) -> bool {
        match self {
            Self::Of { area, id, session } => {
                *area == event && **id == *event_id && *session == *who.session
            }
            Self::Own(area) => *area == event && who.is_self,
        }
    }
}
