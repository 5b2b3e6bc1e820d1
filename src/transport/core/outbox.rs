//! What waits to be sent: in order, at its pace, within its bounds.

use std::{
    mem,
    time::{Duration, Instant},
};

use hashbrown::{HashMap, HashSet};

use super::{
    flow::{Flow, Gate},
    lane::Lane,
    outgoing::{Origin, Outgoing, Subject, Topic, Unsent},
    pacing::Pacer,
};
use crate::transport::{command::RequestId, event::Failure, terms::SendPolicy};

/// At once, and then one per interval: 4 per millisecond. A server's queue for each receiver holds 64.
const BURST: u32 = 32;
const INTERVAL: Duration = Duration::from_micros(250);

/// What waits of a topic.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    messages: usize,
    bytes: usize,
}

impl Waiting {
    /// Whether that is more than a policy allows. One message may always wait.
    fn is_more_than(self, policy: SendPolicy) -> bool {
        match policy {
            SendPolicy::Queue {
                max_messages,
                max_bytes,
                ..
            } => self.messages > 1 && (self.messages > max_messages || self.bytes > max_bytes),
            SendPolicy::Latest | SendPolicy::Drop => false,
        }
    }
}

/// What waits, in lanes. Data overtakes requests that wait for their turn; a request never overtakes data, because it may leave
/// what the data is for. What enters again what the local user was in comes first.
#[derive(Debug)]
pub(super) struct Outbox {
    data: Lane<Entry>,
    requests: Lane<Entry>,
    reentry: Lane<Entry>,
    /// Whether the local user has yet to enter again what they were in: nothing else leaves until then.
    is_held: bool,
    last_order: u64,
    bytes: usize,
    topics: HashMap<Topic, Waiting>,
    newest: HashMap<Subject, (Which, u64)>,
    /// How many do not wait for the next turn.
    not_to_wait: usize,
    /// How many of them others receive.
    to_others: usize,
    /// Topics of which more waits than may.
    overfull: HashSet<Topic>,
    /// Not later than the first message has waited for too long.
    expires: Option<Instant>,
    pacer: Pacer,
    limit: usize,
    pub(super) replaced: u64,
    pub(super) refused: u64,
}

#[derive(Debug)]
struct Entry {
    order: u64,
    outgoing: Outgoing,
}

/// One of the lanes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Which {
    Data,
    Requests,
    Reentry,
}

impl Outbox {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            data: Lane::default(),
            requests: Lane::default(),
            reentry: Lane::default(),
            is_held: false,
            last_order: 0,
            bytes: 0,
            topics: HashMap::new(),
            newest: HashMap::new(),
            not_to_wait: 0,
            to_others: 0,
            overfull: HashSet::new(),
            expires: None,
            pacer: Pacer::new(BURST, INTERVAL),
            limit,
            replaced: 0,
            refused: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.data.len() + self.requests.len() + self.reentry.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a message. If it takes the place of another one, that is returned.
    ///
    /// # Errors
    ///
    /// There is no room for it.
    pub(super) fn push(&mut self, outgoing: Outgoing) -> Result<Option<Unsent>, Failure> {
        let Some(to_others) = &outgoing.to_others else {
            self.append(outgoing); // the game bounds its requests itself
            return Ok(None);
        };
        let subject = to_others.subject();
        if let Some(subject) = subject
            && let Some((which, number)) = self.newest.get(&subject).copied()
            && let Some(entry) = self.lane(which).get_mut(number)
        {
            let fresh = outgoing.frame.len();
            let queued_at = entry.outgoing.queued_at; // it has its place
            let outgoing = Outgoing {
                queued_at,
                ..outgoing
            };
            let old = mem::replace(&mut entry.outgoing, outgoing);
            self.bytes = self.bytes + fresh - old.frame.len();
            if let Some(waiting) = self.topics.get_mut(&subject.topic) {
                waiting.bytes = waiting.bytes + fresh - old.frame.len();
            }
            self.replaced += 1;
            return Ok(Some(Unsent {
                origin: old.origin,
                failure: Failure::Replaced,
            }));
        }
        let topic = to_others.topic;
        let policy = to_others.terms.policy;
        if self.to_others >= self.limit {
            self.refused += 1;
            return Err(match policy {
                SendPolicy::Drop => Failure::Dropped,
                _ => Failure::QueueFull {
                    waiting: self.to_others,
                },
            });
        }
        self.not_to_wait += usize::from(to_others.terms.policy == SendPolicy::Drop);
        let expires = outgoing.expires();
        self.expires = [self.expires, expires].into_iter().flatten().min();
        let waiting = self.topics.entry(topic).or_default();
        waiting.messages += 1;
        waiting.bytes += outgoing.frame.len();
        if waiting.is_more_than(policy) {
            self.overfull.insert(topic);
        }
        self.to_others += 1;
        let place = self.append(outgoing);
        self.newest.extend(subject.map(|subject| (subject, place)));
        Ok(None)
    }

    fn append(&mut self, outgoing: Outgoing) -> (Which, u64) {
        self.last_order += 1;
        self.bytes += outgoing.frame.len();
        let which = match outgoing.origin {
            Origin::Data { .. } => Which::Data,
            Origin::Request(_) if outgoing.for_reentry => Which::Reentry,
            Origin::Request(_) => Which::Requests,
        };
        let order = self.last_order;
        let number = self.lane(which).push(Entry { order, outgoing });
        (which, number)
    }

    fn lane(&mut self, which: Which) -> &mut Lane<Entry> {
        match which {
            Which::Data => &mut self.data,
            Which::Requests => &mut self.requests,
            Which::Reentry => &mut self.reentry,
        }
    }

    fn front(&self, which: Which) -> Option<&Entry> {
        let lane = match which {
            Which::Data => &self.data,
            Which::Requests => &self.requests,
            Which::Reentry => &self.reentry,
        };
        lane.front()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let lanes = [&self.data, &self.requests, &self.reentry];
        lanes.into_iter().flat_map(Lane::iter)
    }

    /// The next message that may leave now. `may_ask`: whether one more request may.
    pub(super) fn pop(&mut self, now: Instant, flow: &Flow, may_ask: bool) -> Option<Outgoing> {
        let turns = self.turns(may_ask);
        let which = turns
            .into_iter()
            .flatten()
            .find(|which| matches!(self.gate(*which, now, flow), Gate::Open))?;
        let outgoing = self.lane(which).pop()?.outgoing;
        if outgoing.to_others.is_some() {
            self.pacer.take(now);
        }
        self.on_removed(&outgoing);
        Some(outgoing)
    }

    /// When a message may leave, if that only takes time: not later than `now` if it may already.
    pub(super) fn due(&self, now: Instant, flow: &Flow, may_ask: bool) -> Option<Instant> {
        let gates = self
            .turns(may_ask)
            .into_iter()
            .flatten()
            .map(|which| self.gate(which, now, flow));
        gates
            .filter_map(|gate| match gate {
                Gate::Open => Some(now),
                Gate::Until(later) => Some(later),
                Gate::Shut => None,
            })
            .min()
    }

    /// Whether a message has to wait until something is acknowledged.
    pub(super) fn waits_for_window(&self, now: Instant, flow: &Flow, may_ask: bool) -> bool {
        let shut = |which| matches!(self.gate(which, now, flow), Gate::Shut);
        self.turns(may_ask).into_iter().flatten().any(shut)
    }

    /// Whose turn it is, and who may be first if that one has to wait.
    fn turns(&self, may_ask: bool) -> [Option<Which>; 2] {
        if may_ask && self.front(Which::Reentry).is_some() {
            return [Some(Which::Reentry), None];
        }
        if self.is_held {
            return [None, None];
        }
        let data = self.front(Which::Data).map(|entry| entry.order);
        let request = self.front(Which::Requests).filter(|_| may_ask);
        match (data, request) {
            (Some(data), Some(request)) if request.order < data => {
                [Some(Which::Requests), Some(Which::Data)]
            }
            (Some(_), _) => [Some(Which::Data), None],
            (None, Some(_)) => [Some(Which::Requests), None],
            (None, None) => [None, None],
        }
    }

    fn gate(&self, which: Which, now: Instant, flow: &Flow) -> Gate {
        let front = self.front(which);
        let to_others = front.and_then(|it| it.outgoing.to_others.as_ref());
        let Some(to_others) = to_others else {
            return Gate::Open;
        };
        let paced_until = self.pacer.blocked_until(now);
        match (flow.gate(now, to_others.terms.window), paced_until) {
            (Gate::Until(window), Some(pace)) => Gate::Until(window.max(pace)),
            (Gate::Open, Some(pace)) => Gate::Until(pace),
            (gate, _) => gate,
        }
    }

    /// Takes out the requests that nobody waits for any more.
    pub(super) fn remove(&mut self, given_up: &HashSet<RequestId>) {
        if !given_up.is_empty() {
            let is_given_up = |outgoing: &Outgoing| matches!(outgoing.origin, Origin::Request(id) if given_up.contains(&id));
            self.take_if(is_given_up);
        }
    }

    /// Takes out what may not wait. To be called when everything has left that may.
    pub(super) fn keep_bounds(&mut self) -> Vec<Unsent> {
        let mut unsent = Vec::new();
        if self.not_to_wait > 0 {
            let dropped = self.take_if(|outgoing| outgoing.policy() == Some(SendPolicy::Drop));
            unsent = self.refuse(dropped, |_| Failure::Dropped);
        }
        for topic in mem::take(&mut self.overfull) {
            let waiting = self.topics.get(&topic).copied().unwrap_or_default();
            // The oldest stay.
            let mut kept = Waiting::default();
            let over = self.take_if(|outgoing| {
                let Some(to_others) = outgoing.to_others.as_ref().filter(|it| it.topic == topic)
                else {
                    return false;
                };
                let with_it = Waiting {
                    messages: kept.messages + 1,
                    bytes: kept.bytes + outgoing.frame.len(),
                };
                let is_over = with_it.is_more_than(to_others.terms.policy);
                if !is_over {
                    kept = with_it;
                }
                is_over
            });
            let waiting = waiting.messages - over.len();
            unsent.extend(self.refuse(over, |_| Failure::QueueFull { waiting }));
        }
        unsent
    }

    /// When to look again for messages that have waited for too long.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.expires
    }

    /// Takes out what has waited for too long.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Unsent> {
        if self.expires.is_none_or(|expires| now < expires) {
            return Vec::new();
        }
        let is_over = |outgoing: &Outgoing| outgoing.expires().is_some_and(|at| at <= now);
        let expired = self.take_if(is_over);
        let waiting = self.entries();
        self.expires = waiting.filter_map(|it| it.outgoing.expires()).min();
        self.refuse(expired, |outgoing| Failure::Expired {
            after: outgoing.max_age().unwrap_or_default(),
        })
    }

    fn refuse(
        &mut self,
        messages: Vec<Outgoing>,
        why: impl Fn(&Outgoing) -> Failure,
    ) -> Vec<Unsent> {
        self.refused += messages.len() as u64;
        let messages = messages.into_iter();
        let unsent = messages.map(|outgoing| Unsent {
            failure: why(&outgoing),
            origin: outgoing.origin,
        });
        unsent.collect()
    }

    /// The socket is gone: takes out what is not for another one, in order. Without another one, that is everything.
    pub(super) fn on_lost(&mut self, heals: bool) -> Vec<Origin> {
        self.is_held = heals;
        let lost = self.take_if(|outgoing| !(heals && outgoing.waits_while_away()));
        lost.into_iter().map(|outgoing| outgoing.origin).collect()
    }

    /// The requests that wait, if they are for another socket.
    pub(super) fn requests(&self) -> HashSet<RequestId> {
        let origins = self.entries().map(|entry| entry.outgoing.origin);
        let requests = origins.filter_map(|origin| match origin {
            Origin::Request(id) => Some(id),
            Origin::Data { .. } => None,
        });
        requests.collect()
    }

    /// Whether nothing leaves but what enters again what the local user was in.
    pub(super) fn is_held(&self) -> bool {
        self.is_held
    }

    /// The local user has entered again what they were in. Whether that was waited for.
    pub(super) fn release(&mut self) -> bool {
        mem::take(&mut self.is_held)
    }

    /// Takes out the data for a match or a party.
    pub(super) fn forget(&mut self, context: u64) -> Vec<Unsent> {
        let forgotten = self.take_if(|outgoing| {
            let topic = outgoing.to_others.as_ref().map(|it| it.topic);
            topic.is_some_and(|topic| topic.is_data() && topic.context == context)
        });
        let forgotten = forgotten.into_iter().map(|outgoing| Unsent {
            origin: outgoing.origin,
            failure: Failure::NotConnected,
        });
        forgotten.collect()
    }

    fn take_if(&mut self, mut is_meant: impl FnMut(&Outgoing) -> bool) -> Vec<Outgoing> {
        let mut taken = self.data.take_if(|entry| is_meant(&entry.outgoing));
        taken.extend(self.requests.take_if(|entry| is_meant(&entry.outgoing)));
        taken.extend(self.reentry.take_if(|entry| is_meant(&entry.outgoing)));
        taken.sort_unstable_by_key(|entry| entry.order);
        for entry in &taken {
            self.on_removed(&entry.outgoing);
        }
        taken.into_iter().map(|entry| entry.outgoing).collect()
    }

    /// A message does not wait any more.
    fn on_removed(&mut self, outgoing: &Outgoing) {
        self.bytes -= outgoing.frame.len();
        let Some(to_others) = &outgoing.to_others else {
            return;
        };
        self.to_others -= 1;
        self.not_to_wait -= usize::from(to_others.terms.policy == SendPolicy::Drop);
        if let Some(subject) = to_others.subject() {
            self.newest.remove(&subject);
        }
        if let Some(waiting) = self.topics.get_mut(&to_others.topic) {
            waiting.messages -= 1;
            waiting.bytes -= outgoing.frame.len();
            if waiting.messages == 0 {
                self.topics.remove(&to_others.topic);
            }
        }
        if self.is_empty() {
            self.expires = None;
        }
    }
}
