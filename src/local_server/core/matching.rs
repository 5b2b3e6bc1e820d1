//! Who is matched with whom.

use std::collections::BTreeMap;

use super::{
    presence::Peer,
    query::{Query, Value},
};
use crate::proto::realtime::matchmaker_matched::MatchmakerUser;

/// How often a search may take somebody in or let them go again. It bounds the time for pools full of parties.
const MAX_STEPS: usize = 20_000;

/// One who waits to be matched, or a party.
pub(super) struct Ticket {
    pub(super) id: String,
    /// The id of the party, or nothing.
    pub(super) party_id: String,
    pub(super) members: Vec<Peer>,
    pub(super) query: Query,
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) multiple: usize,
    /// What others may ask for; the same for all members.
    pub(super) properties: MatchmakerUser,
    /// How often the matchmaker has searched for it.
    pub(super) intervals: u32,
}

/// All who wait, the longest waiting first.
pub(super) type Pool = BTreeMap<u64, Ticket>;

impl Ticket {
    fn accepts(&self, size: usize) -> bool {
        (self.min..=self.max).contains(&size) && size.is_multiple_of(self.multiple)
    }

    fn values(&self, field: &str) -> Vec<Value<'_>> {
        let Some(name) = field.strip_prefix("properties.") else {
            return Vec::new();
        };
        let text = self.properties.string_properties.get(name);
        let number = self.properties.numeric_properties.get(name);
        text.map(|text| Value::Text(text.as_str().into()))
            .into_iter()
            .chain(number.map(|number| Value::Number(*number)))
            .collect()
    }

    fn shares_somebody(&self, other: &Self) -> bool {
        let is_in_other = |peer: &Peer| {
            other
                .members
                .iter()
                .any(|member| member.session == peer.session)
        };
        self.members.iter().any(is_in_other)
    }
}

/// One interval: takes the tickets out that are matched, group by group.
///
/// Each ticket is searched for `max_intervals` times. It gets a full group at first, and the largest one there is at the last time.
/// Afterwards it waits to be found by others. Only the query of the one that is searched for counts.
pub(super) fn run(pool: &mut Pool, max_intervals: u32) -> Vec<Vec<Ticket>> {
    let mut groups = Vec::new();
    let searching: Vec<u64> = pool
        .iter()
        .filter(|(_, ticket)| ticket.intervals < max_intervals)
        .map(|(key, _)| *key)
        .collect();
    for key in searching {
        let Some(ticket) = pool.get_mut(&key) else {
            continue; // matched with one before
        };
        ticket.intervals += 1;
        let is_last = ticket.intervals >= max_intervals;
        if let Some(keys) = find(pool, key, is_last) {
            groups.push(keys.iter().filter_map(|key| pool.remove(key)).collect());
        }
    }
    groups
}

fn find(pool: &Pool, key: u64, is_last: bool) -> Option<Vec<u64>> {
    let ticket = pool.get(&key)?;
    let mut candidates: Vec<(f64, u64)> = pool
        .iter()
        .filter(|(other, _)| **other != key)
        .filter_map(|(key, other)| {
            let score = ticket.query.score(&|field| other.values(field))?;
            Some((score, *key))
        })
        .collect();
    candidates.sort_by(|(one, older), (other, newer)| other.total_cmp(one).then(older.cmp(newer)));
    let own = ticket.members.len();
    let most = own
        + candidates
            .iter()
            .map(|(_, key)| pool[key].members.len())
            .sum::<usize>();
    let smallest = if is_last { ticket.min } else { ticket.max };
    let mut steps = MAX_STEPS;
    (smallest..=ticket.max.min(most))
        .rev()
        .filter(|size| ticket.accepts(*size) && *size > own)
        .find_map(|size| {
            let fitting: Vec<u64> = candidates
                .iter()
                .map(|(_, key)| *key)
                .filter(|key| pool[key].accepts(size))
                .collect();
            fill(pool, key, &fitting, size, &mut steps)
        })
}

/// A group of exactly this size, with the best candidates that fit together.
fn fill(
    pool: &Pool,
    key: u64,
    candidates: &[u64],
    size: usize,
    steps: &mut usize,
) -> Option<Vec<u64>> {
    let mut missing = size - pool[&key].members.len();
    let mut group = vec![key];
    let mut taken: Vec<usize> = Vec::new();
    let mut next = 0;
    loop {
        *steps = steps.checked_sub(1)?;
        if missing == 0 {
            return Some(group);
        }
        if let Some(candidate) = candidates.get(next) {
            let ticket = &pool[candidate];
            let fits = ticket.members.len() <= missing
                && !group
                    .iter()
                    .any(|other| ticket.shares_somebody(&pool[other]));
            if fits {
                missing -= ticket.members.len();
                group.push(*candidate);
                taken.push(next);
            }
            next += 1;
        } else {
            // Without the last one, perhaps.
            let last = taken.pop()?;
            missing += pool[&candidates[last]].members.len();
            group.pop();
            next = last + 1;
        }
    }
}
