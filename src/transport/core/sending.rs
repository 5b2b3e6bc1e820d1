//! What leaves, and what does not after all.

use std::{mem, sync::atomic::Ordering, time::Instant};

use bytes::Bytes;
use prost::Message as _;

use super::{
    Core, Ping, Stage,
    flow::UnderWay,
    outgoing::{Origin, Outgoing, Unsent},
    ping_cid, request_cid,
};
use crate::{
    proto::{Envelope, Kind, Message, realtime},
    transport::{
        error::DisconnectReason,
        event::{Direction, Failure, LinkEvent},
    },
};

impl Core {
    /// The next envelope for the open socket. To be asked while the socket takes more.
    pub(crate) fn next_frame(&mut self, now: Instant) -> Option<Bytes> {
        let Stage::Open(open) = &mut self.stage else {
            return None;
        };
        if !open.ping_due {
            if let Some(frame) = self.next_message(now) {
                return Some(frame);
            }
            if self.outbox.is_empty() && self.is_draining() {
                self.end(DisconnectReason::Requested);
            }
        }
        self.next_ping(now)
    }

    /// The next message of the game that may leave.
    fn next_message(&mut self, now: Instant) -> Option<Bytes> {
        loop {
            let may_ask = self.may_ask();
            let Some(outgoing) = self.outbox.pop(now, &self.flow, may_ask) else {
                // What would open the window may have to be asked for.
                if self.outbox.waits_for_window(now, &self.flow, may_ask) {
                    self.flow.on_closed(now);
                    self.ask_for_ping(self.flow.is_uncovered());
                }
                return None;
            };
            let place = self.requests.next_place();
            let cid = match outgoing.origin {
                Origin::Data { .. } => String::new(),
                Origin::Request(id) if self.requests.on_sent(id, place) => {
                    self.hold_ups.on_sent(now, id);
                    request_cid(id)
                }
                Origin::Request(_) => continue,
            };
            self.on_left(now, place, &outgoing);
            self.on_sent(now, outgoing.kind, cid, &outgoing.frame);
            return Some(outgoing.frame);
        }
    }

    /// Whether one more request may be sent.
    pub(super) fn may_ask(&self) -> bool {
        self.requests.in_flight() < self.settings.requests_in_flight.max(1)
    }

    /// A message of the game leaves.
    fn on_left(&mut self, now: Instant, place: u64, outgoing: &Outgoing) {
        // Match data has no answer, even if the game has asked for one.
        let is_request =
            matches!(outgoing.origin, Origin::Request(_)) && outgoing.kind != Kind::MatchDataSend;
        let Some(to_others) = &outgoing.to_others else {
            self.flow.on_covered(now, place);
            return;
        };
        let queued_at = outgoing.queued_at;
        let was_held = self.flow.closed_at().is_some_and(|at| at >= queued_at);
        if was_held && queued_at < now {
            self.stats.held_back.fetch_add(1, Ordering::Relaxed);
        }
        let told = match outgoing.origin {
            Origin::Data { origin, op_code } => Some((origin, op_code)),
            Origin::Request(_) => None,
        };
        let is_backlog = self.flow.is_backlog(queued_at);
        self.flow.on_sent(UnderWay {
            place,
            sent_at: now,
            is_extra: to_others.is_burst || is_backlog,
            is_backlog,
            is_request,
            told,
        });
        let window = to_others.terms.window;
        self.stats.window.store(window as usize, Ordering::Relaxed);
        self.ask_for_ping(self.flow.needs_ping(window));
    }

    fn ask_for_ping(&mut self, is_needed: bool) {
        if let Stage::Open(open) = &mut self.stage {
            open.ping_due |= is_needed;
        }
    }

    /// The ping that is due, if any.
    fn next_ping(&mut self, now: Instant) -> Option<Bytes> {
        let Stage::Open(open) = &mut self.stage else {
            return None;
        };
        if !mem::take(&mut open.ping_due) {
            return None;
        }
        open.pings += 1;
        let place = self.requests.next_place();
        open.waiting_pings.push_back(Ping {
            number: open.pings,
            sent: now,
            place,
            is_sample: !self.requests.is_server_busy(),
        });
        let cid = ping_cid(open.pings);
        self.flow.on_covered(now, place);
        let envelope = Envelope {
            cid: cid.clone(),
            message: Some(Message::Ping(realtime::Ping {})),
        };
        let frame = Bytes::from(envelope.encode_to_vec());
        self.on_sent(now, Kind::Ping, cid, &frame);
        Some(frame)
    }

    /// A message that waited is not sent after all.
    pub(super) fn on_unsent(&mut self, unsent: Unsent) {
        match unsent.origin {
            Origin::Request(id) if self.requests.withdraw(id) => self.fail(id, unsent.failure),
            Origin::Request(_) => {}
            // The game has asked for that.
            Origin::Data { .. } if matches!(unsent.failure, Failure::Replaced) => {}
            Origin::Data { origin, op_code } => self.tell_unsent(origin, op_code, unsent.failure),
        }
    }

    pub(super) fn tell_unsent(&mut self, origin: u64, op_code: i64, reason: Failure) {
        self.hand_over.push(LinkEvent::SendFailed {
            origin,
            op_code,
            reason,
        });
    }

    fn on_sent(&mut self, now: Instant, kind: Kind, cid: String, frame: &Bytes) {
        self.stats.frames_out.fetch_add(1, Ordering::Relaxed);
        self.stats
            .bytes_out
            .fetch_add(frame.len() as u64, Ordering::Relaxed);
        if self.is_tapped {
            self.tap(now, Direction::Sent, Some(kind), cid, frame);
        }
    }
}
