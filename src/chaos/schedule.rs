//! Faults at their times, the same ones for the same seed.

use std::{fmt, ops::Range, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{
    moment::{Direction, Requests},
    rule::Rule,
};

/// What goes wrong when: rules, each with the time after which it is added. [`ChaosProxy::play`](super::ChaosProxy::play) plays it.
///
/// Print a schedule before you play it: with its seed, a run that failed can be repeated.
///
/// ```
/// use std::time::Duration;
///
/// use bevy_nakama::chaos::Schedule;
///
/// let second = Duration::from_secs(1);
/// let schedule = Schedule::seeded(7, 60 * second, 2 * second..6 * second);
/// println!("{schedule}");
/// assert_eq!(schedule, Schedule::seeded(7, 60 * second, 2 * second..6 * second));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    seed: Option<u64>,
    steps: Vec<(Duration, Rule)>,
}

impl Schedule {
    /// Faults of all kinds, for so long, with pauses of such a length between them.
    ///
    /// Each of them is over by itself: connections that are open end or stay half-open, lines stall or are delayed for up to six
    /// seconds, new connections are refused or answered with 503 for up to three.
    #[must_use]
    pub fn seeded(seed: u64, length: Duration, pauses: Range<Duration>) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut steps = Vec::new();
        let mut at = Duration::ZERO;
        loop {
            at = at.saturating_add(between(&mut rng, &pauses).max(Duration::from_millis(1)));
            if at >= length {
                break;
            }
            steps.push((at, fault(&mut rng)));
        }
        Self {
            seed: Some(seed),
            steps,
        }
    }

    /// The rules, each with the time after which it is added.
    #[must_use]
    pub fn steps(&self) -> &[(Duration, Rule)] {
        &self.steps
    }
}

/// A schedule of your own.
impl FromIterator<(Duration, Rule)> for Schedule {
    fn from_iter<T: IntoIterator<Item = (Duration, Rule)>>(steps: T) -> Self {
        Self {
            seed: None,
            steps: steps.into_iter().collect(),
        }
    }
}

/// A line for each step.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seed {
            Some(seed) => write!(f, "seed {seed}")?,
            None => write!(f, "without a seed")?,
        }
        for (at, rule) in &self.steps {
            write!(f, "\n{:9.3} {rule}", at.as_secs_f64())?;
        }
        Ok(())
    }
}

fn fault(rng: &mut StdRng) -> Rule {
    let millis = |rng: &mut StdRng, range: Range<u64>| {
        let [from, to] = [range.start, range.end].map(Duration::from_millis);
        between(rng, &(from..to))
    };
    let direction = Direction::BOTH[rng.random_range(0..2)];
    match rng.random_range(0..10) {
        0 | 1 => Rule::reset().for_open_connections(),
        2 | 3 => Rule::half_open().for_open_connections(),
        4 => Rule::close(1000, "").for_open_connections(),
        5 => Rule::close_without_code().for_open_connections(),
        6 => Rule::hold(direction).lasting(millis(rng, 200..6000)),
        7 => {
            let delay = millis(rng, 20..400);
            Rule::delay(direction, delay).lasting(millis(rng, 500..6000))
        }
        8 => Rule::refuse().lasting(millis(rng, 300..3000)),
        _ => Rule::answer(Requests::to("/ws"), 503).lasting(millis(rng, 300..3000)),
    }
}

/// A time in this range, in whole milliseconds.
fn between(rng: &mut StdRng, range: &Range<Duration>) -> Duration {
    let [from, to] = [range.start, range.end].map(|it| it.as_millis() as u64);
    Duration::from_millis(rng.random_range(from..to.max(from + 1)))
}
