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
    /// Their bytes.
    pub(crate) queued_bytes: AtomicUsize,
    /// Requests over the socket that have been sent and not answered.
    pub(crate) in_flight: AtomicUsize,
    /// Messages to others that the server has not acknowledged.
    pub(crate) unacknowledged: AtomicUsize,
    /// The window of the last message to others.
    pub(crate) window: AtomicUsize,
    /// Messages that had to wait, because too many were unacknowledged.
    pub(crate) held_back: AtomicU64,
    /// Messages that a newer one has taken the place of.
    pub(crate) replaced: AtomicU64,
    /// Messages that were not sent: there was no room, or they waited for too long, or were not to wait at all.
    pub(crate) refused: AtomicU64,
    /// Sockets that the link began to open.
    pub(crate) attempts: AtomicU64,
    /// Sockets that were opened after a loss.
    pub(crate) reconnects: AtomicU64,
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
    pub(crate) queued_bytes: usize,
    pub(crate) in_flight: usize,
    pub(crate) unacknowledged: usize,
    pub(crate) window: usize,
    pub(crate) held_back: u64,
    pub(crate) replaced: u64,
    pub(crate) refused: u64,
    pub(crate) attempts: u64,
    pub(crate) reconnects: u64,
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
            queued_bytes: self.queued_bytes.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            unacknowledged: self.unacknowledged.load(Ordering::Relaxed),
            window: self.window.load(Ordering::Relaxed),
            held_back: self.held_back.load(Ordering::Relaxed),
            replaced: self.replaced.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            attempts: self.attempts.load(Ordering::Relaxed),
            reconnects: self.reconnects.load(Ordering::Relaxed),
            waiting_bytes: self.waiting.load(Ordering::Relaxed),
        }
    }
}
