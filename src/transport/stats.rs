//! What a link counts.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counters of one link, since it was made. Written by the network thread.
#[derive(Debug, Default)]
pub(crate) struct LinkStats {
    /// Envelopes received.
    pub(crate) frames_in: AtomicU64,
    /// Their bytes, without WebSocket framing.
    pub(crate) bytes_in: AtomicU64,
    /// Envelopes sent.
    pub(crate) frames_out: AtomicU64,
    /// Their bytes, without WebSocket framing.
    pub(crate) bytes_out: AtomicU64,
    /// Answers to nothing: unknown `cid`, or answered already.
    pub(crate) strays: AtomicU64,
    /// Messages waiting to be sent.
    pub(crate) queued_out: AtomicUsize,
    /// Bytes waiting for the game.
    pub(crate) waiting: AtomicUsize,
}

/// [`LinkStats`], read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TrafficTotals {
    pub(crate) frames_in: u64,
    pub(crate) bytes_in: u64,
    pub(crate) frames_out: u64,
    pub(crate) bytes_out: u64,
    pub(crate) strays: u64,
    pub(crate) queued_out: usize,
    pub(crate) waiting_bytes: usize,
}

impl LinkStats {
    /// The counters, as they stand.
    pub(crate) fn totals(&self) -> TrafficTotals {
        TrafficTotals {
            frames_in: self.frames_in.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            frames_out: self.frames_out.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            strays: self.strays.load(Ordering::Relaxed),
            queued_out: self.queued_out.load(Ordering::Relaxed),
            waiting_bytes: self.waiting.load(Ordering::Relaxed),
        }
    }
}
