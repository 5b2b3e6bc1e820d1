//! What is to go wrong, and where.

use std::time::Duration;

/// A way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the game to the server.
    ToServer,
    /// From the server to the game.
    ToClient,
}

impl Direction {
    /// Both ways.
    pub const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];
}

/// Something that goes wrong, from [`ChaosProxy::add`](super::ChaosProxy::add) until you remove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    action: Action,
    only_new: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Hold(Direction),
    Delay(Direction, Duration),
}

impl Rule {
    /// Nothing gets through. When the rule is removed, all of it goes on at once, in order.
    ///
    /// What is already [delayed](Self::delay) still arrives: the line is stalled where it begins. The proxy keeps up to 16 MiB for each
    /// direction of a connection, which includes its end. After that, it reads no more, and the sender gets to feel it.
    #[must_use]
    pub fn hold(direction: Direction) -> Self {
        Self::new(Action::Hold(direction))
    }

    /// Every byte arrives this much later. The order stays, even if the delay gets shorter. Up to 16 MiB under way, nothing slows it
    /// down.
    ///
    /// The proxy accepts a connection at once, so TCP's handshake takes no time, unlike on a line that is really long.
    #[must_use]
    pub fn delay(direction: Direction, delay: Duration) -> Self {
        Self::new(Action::Delay(direction, delay))
    }

    /// Only for connections that are opened after the rule is added. The others are as they were.
    #[must_use]
    pub fn for_new_connections(mut self) -> Self {
        self.only_new = true;
        self
    }

    fn new(action: Action) -> Self {
        Self {
            action,
            only_new: false,
        }
    }
}

/// Names a [`Rule`] that was added to a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RuleId(u64);

/// All rules in force.
#[derive(Debug, Default)]
pub(super) struct Rules {
    added: u64,
    /// How many connections were opened.
    opened: u64,
    rules: Vec<Added>,
}

#[derive(Debug)]
struct Added {
    id: RuleId,
    rule: Rule,
    /// It is for connections with a larger number.
    after: u64,
}

/// What the rules say about a direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ruling {
    pub(super) is_held: bool,
    pub(super) delay: Duration,
}

impl Rules {
    pub(super) fn add(&mut self, rule: Rule) -> RuleId {
        self.added += 1;
        let id = RuleId(self.added);
        let after = if rule.only_new { self.opened } else { 0 };
        self.rules.push(Added { id, rule, after });
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
    }

    /// The number of a new connection. The first one is 1.
    pub(super) fn open(&mut self) -> u64 {
        self.opened += 1;
        self.opened
    }

    pub(super) fn ruling(&self, connection: u64, direction: Direction) -> Ruling {
        let mut ruling = Ruling::default();
        for added in self.rules.iter().filter(|it| it.after < connection) {
            match added.rule.action {
                Action::Hold(of) if of == direction => ruling.is_held = true,
                Action::Delay(of, delay) if of == direction => {
                    ruling.delay = ruling.delay.saturating_add(delay);
                }
                Action::Hold(_) | Action::Delay(..) => {}
            }
        }
        ruling
    }
}
