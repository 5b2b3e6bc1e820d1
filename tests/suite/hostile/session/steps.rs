//! What may happen in a session, and what a request may come to.

/// Something happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Connect,
    Disconnect,
    Accept,
    Break,
    /// The server sends something that is not an envelope.
    Garbage,
    Ask(Ask),
    /// The server answers one of what it was asked.
    Answer(u8, Say),
    /// The server answers what nobody asked.
    Stray(u8),
    Push(Push),
    /// The game despawns what it got for one of its requests.
    Despawn(u8),
    Send(u8),
    Frame,
    /// So many frames.
    Wait(u8),
}

/// A request of the game's. Numbers choose from a few ids.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ask {
    CreateMatch(u8),
    JoinMatch(u8),
    LeaveMatch(u8),
    CreateParty,
    JoinParty(u8),
    LeaveParty(u8),
    UpdateParty(u8),
    Follow,
    TooLarge,
    Rest,
}

/// How the server answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Say {
    Yes,
    No,
    SomethingElse,
}

/// What the server says by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Push {
    MatchPresence(u8, bool),
    MatchData(u8),
    Party(u8),
    PartyClose(u8),
    PartyLeader(u8, bool),
    PartyPresence(u8, bool),
    Error,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Outcome {
    Consent,
    Refused,
    Unexpected,
    Withdrawn,
    Timeout,
    NotConnected,
    Lost { sent: bool },
    WrongEntity,
    TooLarge,
    Other,
}
