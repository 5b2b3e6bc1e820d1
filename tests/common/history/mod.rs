//! What several games were told, what the server did, and whether that fits together.
//!
//! A [`History`] is plain data: [`Recorder`] writes it down while games run, however they are connected, and [`check`] reads it. So the model
//! test, the schedules against real servers and the soak test share one judge.

mod check;
mod entities;
mod mirror;
mod outcomes;
mod places;
mod record;
mod told;

use std::{collections::BTreeMap, fmt, time::Duration};

pub(crate) use self::{
    check::{Rule, Violation, check},
    mirror::{Mirror, PlaceView, read_mirror},
    record::{Recorder, Tape, datums_in},
};

/// An entity of a game, as a number.
pub(crate) type Id = u64;

/// A kind of thing that a player can be in.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Match,
    Party,
    Channel,
    /// The sessions of a followed user.
    User,
    Stream,
    Ticket,
}

/// What several games were told, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The user of each game.
    pub(crate) users: Vec<String>,
    pub(crate) lines: Vec<Line>,
    /// How things stood when nothing had happened for a while, oldest first.
    pub(crate) quiet: Vec<Quiet>,
}

/// Something that a game was told or did.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Since the beginning of the history.
    pub(crate) at: Duration,
    pub(crate) game: usize,
    pub(crate) what: What,
}

/// How things stood in a quiet moment.
#[derive(Clone, Debug)]
pub(crate) struct Quiet {
    /// So many lines were written before.
    pub(crate) after: usize,
    /// What each game shows.
    pub(crate) mirrors: Vec<Mirror>,
    /// What the server has, where somebody can look into it. Otherwise what the games say of themselves counts.
    pub(crate) truth: Option<Truth>,
}

/// What a server has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// The open sockets of each user.
    pub(crate) sessions: BTreeMap<String, Vec<String>>,
    pub(crate) places: BTreeMap<(Kind, String), PlaceTruth>,
    /// Whom each session follows, without themselves.
    pub(crate) follows: BTreeMap<String, Vec<String>>,
    /// The sessions of each ticket.
    pub(crate) tickets: BTreeMap<String, Vec<String>>,
}

/// What a server has of a match, party, channel or user.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlaceTruth {
    /// User, session and status, in order of joining.
    pub(crate) members: Vec<(String, String, Option<String>)>,
    /// The session that leads it.
    pub(crate) leader: Option<String>,
    pub(crate) open: Option<bool>,
    /// The sessions that ask to join.
    pub(crate) asking: Vec<String>,
}

/// What a game was told or did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum What {
    /// A step of the schedule.
    Step(String),
    /// The how manieth socket of the game is open. Nothing of earlier ones counts any more.
    Linked(u32),
    /// A datum was handed to the game's socket with this number.
    Carried {
        link: u32,
        datum: String,
    },
    /// The game learned which session is its own.
    Session(String),
    Connected {
        resumed: bool,
    },
    ConnectionLost,
    Disconnected(String),
    Asked {
        request: Id,
        name: &'static str,
    },
    /// The game despawned the entity of a request, or of what the request became.
    Withdrawn {
        request: Id,
    },
    Replied {
        request: Id,
        name: &'static str,
        result: Result<(), String>,
    },
    /// The local user is in something.
    Entered {
        kind: Kind,
        context: Id,
        id: String,
    },
    /// The local user is out of it.
    Gone {
        kind: Kind,
        context: Id,
    },
    Joined {
        kind: Kind,
        context: Id,
        presence: Id,
        user: String,
        session: String,
        how: &'static str,
    },
    Left {
        kind: Kind,
        context: Id,
        presence: Id,
        user: String,
        session: String,
        why: &'static str,
    },
    /// A presence has this session now.
    Named {
        presence: Id,
        session: String,
    },
    /// The game keeps the entities of members who are back, in this.
    Adopts {
        context: Id,
    },
    /// A presence passed on to a newer session of its user.
    Adopted {
        context: Id,
        presence: Id,
        old: String,
        new: String,
    },
    /// A presence is related to what it is in.
    Related {
        kind: Kind,
        context: Id,
        presence: Id,
    },
    Unrelated {
        kind: Kind,
        context: Id,
        presence: Id,
    },
    Reentered {
        kind: Kind,
        context: Id,
        outcome: String,
    },
    Sent {
        datum: String,
    },
    Delivered {
        context: Id,
        datum: String,
        /// Whether it comes from a history: that is not of any link.
        replayed: bool,
    },
}

impl History {
    /// The last lines before a place, in words.
    pub(crate) fn tail(&self, until: usize, game: Option<usize>, count: usize) -> Vec<String> {
        let until = until.min(self.lines.len());
        let lines = self.lines[..until].iter();
        let is_meant = |line: &&Line| {
            game.is_none_or(|game| line.game == game) || matches!(line.what, What::Step(_))
        };
        let mut tail: Vec<_> = lines
            .filter(|line| !matches!(line.what, What::Carried { .. }))
            .filter(is_meant)
            .rev()
            .take(count)
            .map(|line| self.words(line))
            .collect();
        tail.reverse();
        tail
    }

    fn words(&self, line: &Line) -> String {
        let who = self.users.get(line.game).map_or("?", String::as_str);
        let who = who.get(..8).unwrap_or(who);
        let at = line.at.as_secs_f64();
        format!("{at:9.3} game {} ({who}): {:?}", line.game, line.what)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines
            .iter()
            .try_for_each(|line| writeln!(f, "{}", self.words(line)))
    }
}
