//! Who is matched with whom.

use std::collections::BTreeMap;

use super::{
    ids::SessionId,
    presence::Peer,
    query::{Query, Value},
};
use crate::proto::realtime::matchmaker_matched::MatchmakerUser;

/// How often a search may take somebody in or let them go again, beyond going through all. It bounds the time for pools full of
/// parties.
const SPARE_STEPS: usize = 500;

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

    /// Whether a socket is matched with it.
    pub(super) fn is_for(&self, session: SessionId) -> bool {
        self.members.iter().any(|member| member.session == session)
    }

    /// Sockets are compared, and not users: a user may be matched with their own other socket.
    fn shares_somebody(&self, other: &Self) -> bool {
        let is_in_other = |peer: &Peer| other.is_for(peer.session);
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
    (smallest..=ticket.max.min(most))
        .rev()
        .filter(|size| ticket.accepts(*size) && *size > own)
        .find_map(|size| {
            let fitting: Vec<u64> = candidates
                .iter()
                .map(|(_, key)| *key)
                .filter(|key| pool[key].accepts(size))
                .collect();
            fill(pool, key, &fitting, size)
        })
}

/// A group of exactly this size, with the best candidates that fit together.
fn fill(pool: &Pool, key: u64, candidates: &[u64], size: usize) -> Option<Vec<u64>> {
    let mut missing = size - pool[&key].members.len();
    let mut group = vec![key];
    let mut taken: Vec<usize> = Vec::new();
    let mut next = 0;
    for _ in 0..SPARE_STEPS + 4 * candidates.len() {
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
    None
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::local_server::core::ids::UserId;

    /// A ticket of `members` new sockets.
    fn ticket(id: &str, members: u128, counts: (usize, usize, usize), query: &str) -> Ticket {
        let first = id.bytes().fold(0, |sum, byte| sum * 256 + u128::from(byte)) * 256;
        let members = (first..first + members).map(|number| Peer {
            user: UserId(Uuid::from_u128(number)),
            session: SessionId(Uuid::from_u128(number)),
            username: "somebody".into(),
        });
        let (min, max, multiple) = counts;
        Ticket {
            id: id.to_owned(),
            party_id: String::new(),
            members: members.collect(),
            query: Query::parse(query).expect("a query"),
            min,
            max,
            multiple,
            properties: MatchmakerUser::default(),
            intervals: 0,
        }
    }

    fn with_region(mut ticket: Ticket, region: &str) -> Ticket {
        let properties = &mut ticket.properties.string_properties;
        properties.insert("region".to_owned(), region.to_owned());
        ticket
    }

    /// Who is matched with whom, interval by interval.
    fn play(tickets: impl IntoIterator<Item = Ticket>, intervals: usize) -> Vec<Vec<String>> {
        let mut pool: Pool = (0..).zip(tickets).collect();
        let mut matched = Vec::new();
        for _ in 0..intervals {
            let groups = run(&mut pool, 2);
            let names = |group: &Vec<Ticket>| {
                let names: Vec<&str> = group.iter().map(|ticket| ticket.id.as_str()).collect();
                names.join(" ")
            };
            matched.push(groups.iter().map(names).collect());
        }
        matched
    }

    #[test]
    fn full_groups_come_first_and_others_at_the_second_interval() {
        let any = |id| ticket(id, 1, (2, 4, 1), "*");
        assert_eq!(play(["a", "b", "c", "d"].map(any), 1), [["a b c d"]]);
        let three = play(["a", "b", "c"].map(any), 2);
        assert_eq!(three, [vec![], vec!["a b c".to_owned()]]);
        assert_eq!(play([any("a")], 3), [[""; 0]; 3]);
    }

    #[test]
    fn sizes_are_multiples() {
        let pairs = |id| ticket(id, 1, (2, 4, 2), "*");
        let matched = play(["a", "b", "c"].map(pairs), 3);
        assert_eq!(matched, [vec![], vec!["a b".to_owned()], vec![]]);
    }

    #[test]
    fn everybody_in_a_group_accepts_its_size() {
        let (few, many) = (
            ticket("a", 1, (2, 2, 1), "*"),
            ticket("b", 1, (3, 4, 1), "*"),
        );
        assert_eq!(play([few, many], 2), [[""; 0]; 2]);
    }

    #[test]
    fn only_the_query_of_the_one_searched_for_counts() {
        let picky = with_region(
            ticket("a", 1, (2, 2, 1), "+properties.region:asia"),
            "europe",
        );
        let easy = with_region(ticket("b", 1, (2, 2, 1), "*"), "europe");
        assert_eq!(play([picky, easy], 1), [["b a"]]);
        let [one, other] = ["a", "b"].map(|id| {
            with_region(
                ticket(id, 1, (2, 2, 1), "+properties.region:asia"),
                "europe",
            )
        });
        assert_eq!(play([one, other], 3), [[""; 0]; 3]);
    }

    #[test]
    fn what_is_wished_for_is_taken_first() {
        let asks = ticket("a", 1, (2, 2, 1), "* properties.region:asia");
        let europe = with_region(ticket("b", 1, (2, 2, 1), "-properties.region:*"), "europe");
        let asia = with_region(ticket("c", 1, (2, 2, 1), "-properties.region:*"), "asia");
        assert_eq!(play([asks, europe, asia], 1), [["a c"]]);
    }

    #[test]
    fn parties_stay_together_and_fit_or_do_not() {
        let counts = (4, 4, 1);
        let matched = play(
            [
                ticket("a", 2, counts, "*"),
                ticket("b", 1, counts, "*"),
                ticket("c", 2, counts, "*"),
            ],
            1,
        );
        assert_eq!(matched, [["a c"]], "not with b, who is before c");
        let too_large = ticket("a", 3, (2, 2, 1), "*");
        assert_eq!(
            play([too_large, ticket("b", 1, (2, 2, 1), "*")], 2),
            [[""; 0]; 2]
        );
        let alone = ticket("a", 2, (2, 2, 1), "*");
        assert_eq!(play([alone], 2), [[""; 0]; 2]);
    }

    #[test]
    fn nobody_is_matched_with_themselves() {
        let [one, other] = ["a", "a"].map(|id| ticket(id, 1, (2, 2, 1), "*"));
        assert_eq!(play([one, other], 2), [[""; 0]; 2]);
    }

    #[test]
    fn a_large_pool_of_parties_does_not_take_forever() {
        let parties = (0..200).map(|n| ticket(&format!("{n:03}"), 2, (3, 99, 3), "*"));
        let matched = play(parties, 2);
        let sizes = matched[1].iter().map(|group| group.split(' ').count());
        assert_eq!(
            sizes.max(),
            Some(48),
            "96 of 99 is what parties of two can do"
        );
    }
}
