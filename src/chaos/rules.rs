//! The rules in force, and what each of them has to say at a moment.

use std::{
    collections::BTreeSet,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use super::{
    moment::{Direction, Moment},
    rule::{Action, Rule, RuleId, Scope},
};
use crate::proto::Kind;

/// The longest time: a year. Clocks cannot count to the end of time.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What the threads of a proxy and of the game share.
#[derive(Debug)]
pub(super) struct Rules {
    /// Where new connections lead to.
    pub(super) target: String,
    pub(super) is_listening: bool,
    added: u64,
    /// How many connections were opened.
    opened: u64,
    rules: Vec<Added>,
    /// Rules to come, each with its time.
    planned: Vec<(Instant, Rule)>,
}

#[derive(Debug)]
struct Added {
    id: RuleId,
    rule: Rule,
    /// The connections that it is for.
    connections: RangeInclusive<u64>,
    /// When it is removed.
    until: Option<Instant>,
    /// How many of its moments have come, and how often it has acted.
    seen: u64,
    acts: u64,
    /// The connections whose time has come.
    was_there: BTreeSet<u64>,
    /// The connections on which it is in force from now on.
    in_force: BTreeSet<u64>,
}

/// A rule acts.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) id: RuleId,
    pub(super) rule: Rule,
}

/// What the rules say about a direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ruling {
    pub(super) is_held: bool,
    pub(super) delay: Duration,
}

/// What is known of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) opened: Instant,
    pub(super) is_socket: bool,
}

impl Rules {
    pub(super) fn new(target: String) -> Self {
        Self {
            target,
            is_listening: true,
            added: 0,
            opened: 0,
            rules: Vec::new(),
            planned: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, rule: Rule) -> RuleId {
        self.added += 1;
        let id = RuleId(self.added);
        let connections = match rule.scope {
            Scope::All => 0..=u64::MAX,
            Scope::New => self.opened + 1..=u64::MAX,
            Scope::Open => 0..=self.opened,
            Scope::Numbered(number) => number..=number,
        };
        let until = rule.lasting.map(|time| Instant::now() + time.min(LONGEST));
        self.rules.push(Added {
            id,
            rule,
            connections,
            until,
            seen: 0,
            acts: 0,
            was_there: BTreeSet::new(),
            in_force: BTreeSet::new(),
        });
        id
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, id: RuleId) -> bool {
        let before = self.rules.len();
        self.rules.retain(|it| it.id != id);
        self.rules.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
        self.planned.clear();
    }

    /// Adds a rule after a time.
    pub(super) fn plan(&mut self, after: Duration, rule: Rule) {
        let at = Instant::now() + after.min(LONGEST);
        self.planned.push((at, rule));
    }

    /// When [`keep_time`](Self::keep_time) has something to do.
    pub(super) fn next_time(&self) -> Option<Instant> {
        let ends = self.rules.iter().filter_map(|it| it.until);
        ends.chain(self.planned.iter().map(|(at, _)| *at)).min()
    }

    /// Adds and removes what is due.
    pub(super) fn keep_time(&mut self, now: Instant) {
        self.rules.retain(|it| it.until.is_none_or(|end| end > now));
        let is_due = |(at, _): &mut (Instant, Rule)| *at <= now;
        let due: Vec<_> = self.planned.extract_if(.., is_due).collect();
        for (_, rule) in due {
            self.add(rule);
        }
    }

    /// The number of a new connection. The first one is 1.
    pub(super) fn open(&mut self) -> u64 {
        self.opened += 1;
        self.opened
    }

    /// A connection is over.
    pub(super) fn close(&mut self, connection: u64) {
        for added in &mut self.rules {
            added.was_there.remove(&connection);
            added.in_force.remove(&connection);
        }
    }

    pub(super) fn ruling(&self, connection: u64, direction: Direction) -> Ruling {
        let mut ruling = Ruling::default();
        let in_force = |it: &&Added| it.in_force.contains(&connection);
        for added in self.rules.iter().filter(in_force) {
            match added.rule.action {
                Action::Hold(of) if of == direction => ruling.is_held = true,
                Action::Delay(of, delay) if of == direction => {
                    ruling.delay = ruling.delay.saturating_add(delay);
                }
                _ => {}
            }
        }
        ruling
    }

    /// Which rules wait for a frame in this direction.
    pub(super) fn wait_for_frames(&self, connection: u64, direction: Direction) -> bool {
        self.rules.iter().any(|it| {
            let is_of =
                matches!(&it.rule.moment, Moment::Frame(frames) if frames.direction == direction);
            is_of && it.may_act_on(connection)
        })
    }

    pub(super) fn wait_for_requests(&self, connection: u64) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|it| matches!(it.rule.moment, Moment::Request(_)) && it.may_act_on(connection))
    }

    /// When the time of a rule comes on a connection.
    pub(super) fn next_alarm(&self, connection: Connection) -> Option<Instant> {
        let number = connection.number;
        let waiting = self
            .rules
            .iter()
            .filter(|it| it.may_act_on(number) && !it.was_there.contains(&number));
        let alarms = waiting.filter_map(|it| match it.rule.moment {
            Moment::OpenFor(time) if it.is_for(connection) => {
                Some(connection.opened + time.min(LONGEST))
            }
            _ => None,
        });
        alarms.min()
    }

    /// The rules whose time has come on a connection.
    pub(super) fn at_time(&mut self, connection: Connection, now: Instant) -> Vec<Act> {
        let has_come = |added: &Added| {
            let has_come = match added.rule.moment {
                Moment::Opened => true,
                Moment::OpenFor(time) => connection.opened + time.min(LONGEST) <= now,
                Moment::Frame(_) | Moment::Request(_) => false,
            };
            has_come && added.is_for(connection) && !added.was_there.contains(&connection.number)
        };
        self.meet(connection.number, has_come)
    }

    pub(super) fn on_frame(
        &mut self,
        connection: u64,
        direction: Direction,
        kind: Option<Kind>,
    ) -> Vec<Act> {
        self.meet(connection, |added| {
            matches!(&added.rule.moment, Moment::Frame(frames) if frames.fits(direction, kind))
        })
    }

    pub(super) fn on_request(&mut self, connection: u64, path: &str) -> Vec<Act> {
        self.meet(
            connection,
            |added| matches!(&added.rule.moment, Moment::Request(to) if path.starts_with(&to.path)),
        )
    }

    /// A moment of these rules has come.
    fn meet(&mut self, connection: u64, has_come: impl Fn(&Added) -> bool) -> Vec<Act> {
        let mut acts = Vec::new();
        for added in &mut self.rules {
            if !added.may_act_on(connection) || !has_come(added) {
                continue;
            }
            added.was_there.insert(connection);
            added.seen += 1;
            if added.seen < added.rule.nth {
                continue;
            }
            added.acts += 1;
            if added.rule.is_lasting_state() {
                added.in_force.insert(connection);
            }
            acts.push(Act {
                id: added.id,
                rule: added.rule.clone(),
            });
        }
        acts
    }
}

impl Added {
    fn may_act_on(&self, connection: u64) -> bool {
        self.connections.contains(&connection)
            && self.rule.times.is_none_or(|times| self.acts < times)
            && !self.in_force.contains(&connection)
    }

    /// A socket is closed, any other connection is not.
    fn is_for(&self, connection: Connection) -> bool {
        connection.is_socket || !matches!(self.rule.action, Action::Close(_))
    }
}
