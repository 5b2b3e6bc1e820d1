//! The last envelopes, and their texts.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use serde_json::Value;

use super::secrets;
use crate::proto::{self, Kind};

/// How many bytes of envelopes the log keeps at most, whatever their number.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Which way an envelope went.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum EnvelopeDirection {
    /// From the server.
    Received,
    /// To the server.
    Sent,
}

/// An envelope.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EnvelopeEntry {
    /// Its number among all envelopes of the log.
    pub number: u64,
    /// When it passed, in time since the app's start (`Time<Real>`).
    pub at: Duration,
    /// Which way.
    pub direction: EnvelopeDirection,
    /// Which message it carries. `None` is a plain acknowledgement, or a kind that this crate does not know.
    pub kind: Option<Kind>,
    /// Ties a request to its answer. It is empty if the server pushed the message.
    pub cid: String,
    /// The encoded envelope.
    pub frame: Bytes,
}

impl EnvelopeEntry {
    /// The name of its message.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        // An acknowledgement is nothing but its `cid`: two bytes before it, three if it is a long one.
        let is_bare = self.frame.len() <= self.cid.len() + 3;
        match self.kind {
            Some(kind) => kind.name(),
            None if is_bare => "acknowledgement",
            None => "unknown",
        }
    }

    /// The envelope as proto JSON, on several lines, without tokens and keys.
    #[must_use]
    pub fn to_json(&self) -> String {
        let envelope = match proto::decode(self.frame.clone()) {
            Ok(envelope) => envelope,
            Err(error) => return format!("cannot be read: {error}"),
        };
        let mut json = serde_json::to_value(&envelope).unwrap_or(Value::Null);
        secrets::hide(&mut json);
        serde_json::to_string_pretty(&json).unwrap_or_default()
    }

    /// Whether a text occurs in its kind, its `cid`, or anywhere in its frame. Ids, names and what players write are readable in a frame.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        let text_bytes = text.as_bytes();
        text.is_empty()
            || self.kind_name().contains(&text.to_ascii_lowercase())
            || self.cid.contains(text)
            || self
                .frame
                .windows(text_bytes.len())
                .any(|window| window == text_bytes)
    }
}

/// The last envelopes in both directions, oldest first.
#[derive(Clone, Debug, Default)]
pub struct EnvelopeLog {
    entries: VecDeque<EnvelopeEntry>,
    bytes: usize,
    /// The number of the next envelope.
    next: u64,
}

impl EnvelopeLog {
    /// Adds an envelope. The log keeps at most `limit`, and drops the oldest.
    pub(super) fn add(&mut self, mut entry: EnvelopeEntry, limit: usize) {
        entry.number = self.next;
        self.next += 1;
        self.bytes += entry.frame.len();
        self.entries.push_back(entry);
        while self.entries.len() > limit.max(1)
            || (self.bytes > MAX_BYTES && self.entries.len() > 1)
        {
            if let Some(gone) = self.entries.pop_front() {
                self.bytes -= gone.frame.len();
            }
        }
    }

    /// How many envelopes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the log is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &EnvelopeEntry> {
        self.entries.iter()
    }

    /// The envelopes from a number on.
    pub(super) fn since(&self, number: u64) -> impl Iterator<Item = &EnvelopeEntry> {
        let skipped = number.saturating_sub(self.first());
        self.entries
            .iter()
            .skip(usize::try_from(skipped).unwrap_or(usize::MAX))
    }

    /// The envelope with a number, if the log still has it.
    pub(super) fn get(&self, number: u64) -> Option<&EnvelopeEntry> {
        let index = number.checked_sub(self.first())?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// The number of the oldest envelope.
    pub(super) fn first(&self) -> u64 {
        self.entries.front().map_or(self.next, |entry| entry.number)
    }

    /// The number of the next envelope.
    pub(super) fn next(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: Option<Kind>, cid: &str, size: usize) -> EnvelopeEntry {
        EnvelopeEntry {
            number: 0,
            at: Duration::ZERO,
            direction: EnvelopeDirection::Received,
            kind,
            cid: cid.into(),
            frame: vec![b'x'; size].into(),
        }
    }

    fn numbers<'a>(entries: impl Iterator<Item = &'a EnvelopeEntry>) -> Vec<u64> {
        entries.map(|entry| entry.number).collect()
    }

    #[test]
    fn the_oldest_go_by_number() {
        let mut log = EnvelopeLog::default();
        for _ in 0..5 {
            log.add(entry(Some(Kind::Pong), "", 10), 3);
        }
        assert_eq!(numbers(log.iter()), [2, 3, 4]);
        assert_eq!(numbers(log.since(3)), [3, 4]);
        assert_eq!(numbers(log.since(0)), [2, 3, 4]);
        assert_eq!(numbers(log.since(9)), [0; 0]);
        assert!(log.get(1).is_none());
        assert_eq!(log.get(2).map(|entry| entry.number), Some(2));
        assert!(log.get(5).is_none());
    }

    #[test]
    fn the_oldest_go_by_size() {
        let mut log = EnvelopeLog::default();
        for _ in 0..5 {
            log.add(entry(Some(Kind::Rpc), "", MAX_BYTES / 2), 100);
        }
        assert_eq!(numbers(log.iter()), [3, 4]);
        log.add(entry(Some(Kind::Rpc), "", MAX_BYTES * 2), 100);
        assert_eq!(
            numbers(log.iter()),
            [5],
            "the newest is kept, however large"
        );
        log.add(entry(Some(Kind::Pong), "", 1), 100);
        assert_eq!(numbers(log.iter()), [6]);
    }

    #[test]
    fn what_has_no_kind_is_told_apart() {
        assert_eq!(entry(None, "17", 4).kind_name(), "acknowledgement");
        assert_eq!(entry(None, "17", 40).kind_name(), "unknown");
        assert_eq!(
            entry(Some(Kind::MatchData), "", 4).kind_name(),
            "match_data"
        );
    }

    #[test]
    fn garbage_is_said_to_be_garbage() {
        let json = entry(None, "", 3).to_json();
        assert!(json.starts_with("cannot be read: "), "{json}");
    }

    #[test]
    fn a_text_is_found_in_kind_cid_and_frame() {
        let entry = EnvelopeEntry {
            frame: Bytes::from_static(b"\x01ada lovelace\x02"),
            ..entry(Some(Kind::MatchJoin), "c7", 0)
        };
        for text in ["", "match_", "MATCH_JOIN", "c7", "ada", "lovelace"] {
            assert!(entry.contains(text), "{text}");
        }
        for text in [
            "party",
            "c8",
            "Ada",
            "a much longer text than the frame has bytes",
        ] {
            assert!(!entry.contains(text), "{text}");
        }
    }
}
