//! Proves or refutes that a history is as it has to be.

use std::fmt;

use super::{History, entities, outcomes, places, told};

/// What has to hold.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Rule {
    /// After a quiet time, each game shows what the server has.
    MirrorIsTruth,
    /// Each request has exactly one outcome.
    OneOutcome,
    /// Nothing that arrived over an old link is delivered, and nothing twice.
    NothingOld,
    /// Whoever stays keeps their entity.
    EntitiesStay,
    /// Each member comes and goes in turns.
    ComeAndGo,
}

/// Something that does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    pub(crate) game: usize,
    /// In plain words.
    pub(crate) words: String,
    /// What the game was told last before that.
    pub(crate) tail: Vec<String>,
}

impl Violation {
    /// Something went wrong in the line with this number, or before it.
    pub(super) fn new(
        history: &History,
        rule: Rule,
        (line, game): (usize, usize),
        words: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            game,
            words: words.into(),
            tail: history.tail(line + 1, Some(game), 30),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}, game {}: {}", self.rule, self.game, self.words)?;
        self.tail
            .iter()
            .try_for_each(|line| writeln!(f, "    {line}"))
    }
}

/// Everything that does not hold in a history. A pure function: the same history gives the same verdict.
pub(crate) fn check(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    outcomes::check(history, &mut found);
    told::check(history, &mut found);
    entities::check(history, &mut found);
    places::check(history, &mut found);
    found
}
