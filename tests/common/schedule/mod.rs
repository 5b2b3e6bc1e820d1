//! Schedules of faults and of what games do: plain data that can be played in any [`Stage`], over real sockets or without any.

mod act;
mod play;
mod random;
mod shrink;
mod words;

pub(crate) use self::{
    act::{Act, Board},
    play::{Stage, opt_in, play, play_on},
    random::{Mix, random},
    shrink::shrink,
    words::as_rust,
};

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// So many milliseconds pass.
    Wait(u32),
    /// A game does something.
    Do(usize, Act),
    /// Something happens to the line of a game.
    Line(usize, Fault),
    /// The server is killed. Until it starts again, connections are refused.
    ServerDies,
    /// A server starts, with the same users and the same database, and nothing else of the one before. Nothing happens if one runs.
    ServerStarts,
}

/// What happens to the line of a game.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Both ends hear at once that the connection is gone.
    Reset,
    /// The connection is dead in this direction and nobody hears of it. The next one is a good one.
    HalfOpen(Way),
    /// The server sends a close frame with this code, and is done with the session.
    Close(u16),
    /// For so many milliseconds nothing passes in this direction. Then all of it arrives, in order.
    Hold(Way, u32),
    /// The cable is out: nothing passes, and no connection can be opened, until it is in again.
    Unplug,
    Plug,
}

/// Where frames go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
    Both,
}
