//! Ids, and everything random, which comes from one generator.

use std::{fmt, time::Duration};

use rand::{RngExt as _, rngs::StdRng};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A user.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub(in crate::local_server) struct UserId(pub(super) Uuid);

/// A socket of a user.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[allow(unreachable_pub, reason = "`__testing` shows it")]
pub struct SessionId(pub(super) Uuid);

impl UserId {
    /// A UUID in the form of a random one (version 4), of the first 16 bytes of a hash.
    pub(super) fn from_hash(hash: &[u8]) -> Self {
        let mut bytes = [0; 16];
        for (byte, of_hash) in bytes.iter_mut().zip(hash) {
            *byte = *of_hash;
        }
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A UUID in a text where nothing at all stands for none.
pub(super) fn optional(text: &str) -> Option<Uuid> {
    match text {
        "" => Some(Uuid::nil()),
        id => Uuid::parse_str(id).ok(),
    }
}

/// The text of such a UUID.
pub(super) fn text_of(optional: Uuid) -> String {
    match optional.is_nil() {
        true => String::new(),
        false => optional.to_string(),
    }
}

/// A name for somebody who did not ask for one: ten letters, from at least ten random bytes.
pub(super) fn username(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let letters = bytes.iter().take(10);
    letters
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}

/// Makes ids and keys.
pub(super) struct Ids {
    rng: StdRng,
    node: [u8; 6],
    last_tick: u64,
}

impl Ids {
    pub(super) fn new(mut rng: StdRng) -> Self {
        let mut node: [u8; 6] = rng.random();
        node[0] |= 1; // not the address of any network card
        Self {
            rng,
            node,
            last_tick: 0,
        }
    }

    /// A random UUID (version 4).
    pub(super) fn random(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.random()).into_uuid()
    }

    /// A UUID of version 1, later than all before it. Clients tell from it which of two sockets is the newer.
    pub(super) fn session(&mut self, unix: Duration) -> SessionId {
        const TICK_NANOS: u128 = 100;
        const TICKS_FROM_1582_TO_1970: u64 = 0x01B2_1DD2_1381_4000;
        let since_1970 = u64::try_from(unix.as_nanos() / TICK_NANOS).unwrap_or(u64::MAX >> 1);
        self.last_tick = (since_1970 + TICKS_FROM_1582_TO_1970).max(self.last_tick + 1);
        let builder = uuid::Builder::from_gregorian_timestamp(self.last_tick, 0, &self.node);
        SessionId(builder.into_uuid())
    }

    /// A key or a salt.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.rng.random()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn session_ids_are_of_version_1_and_grow_even_while_the_clock_stands() {
        let mut ids = Ids::new(StdRng::seed_from_u64(1));
        let unix = Duration::from_secs(1_800_000_000);
        let time = |id: SessionId| id.0.get_timestamp().map(|time| time.to_gregorian().0);

        let first = ids.session(unix);
        let second = ids.session(unix);
        let later = ids.session(unix + Duration::from_secs(1));

        assert_eq!(first.0.get_version_num(), 1);
        assert!(time(first).is_some());
        assert!(time(first) < time(second) && time(second) < time(later));
        assert_eq!(
            first.0.get_timestamp().map(|time| time.to_unix().0),
            Some(unix.as_secs())
        );
    }
}
