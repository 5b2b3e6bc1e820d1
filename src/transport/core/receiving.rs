//! What arrives.

use std::{sync::atomic::Ordering, time::Instant};

use bytes::Bytes;

use super::{Core, Stage, parse_request_cid, ping_cid, requests::Answered};
use crate::{
    proto::{Envelope, Kind, Message, party_layout_of},
    transport::{
        error::{DisconnectReason, ProtocolError},
        event::{Answer, Direction, LinkEvent, Pushed},
        wire::{
            decode::{Decoded, decode},
            received::Received,
        },
    },
};

/// Notifications that come before the server closes the socket for good.
const REPLACED: i32 = -7;
const BANNED: i32 = -8;

impl Core {
    pub(super) fn on_frame(&mut self, now: Instant, frame: Bytes) {
        let Stage::Open(open) = &mut self.stage else {
            return;
        };
        open.liveness.on_frame(now);
        self.stats.frames_in.fetch_add(1, Ordering::Relaxed);
        self.stats
            .bytes_in
            .fetch_add(frame.len() as u64, Ordering::Relaxed);
        let decoded = match decode(&frame, &mut self.decoder) {
            Ok(decoded) => decoded,
            Err(error) => {
                let reason = DisconnectReason::Protocol(ProtocolError::Garbage(error.to_string()));
                return self.break_off(now, reason);
            }
        };
        let message = match &decoded {
            Decoded::Envelope(envelope) => envelope.message.as_ref(),
            _ => None,
        };
        if !matches!(message, Some(Message::Pong(_))) {
            open.liveness.on_traffic(now);
        }
        if self.is_tapped {
            let (kind, cid) = match &decoded {
                Decoded::MatchData(_) => (Some(Kind::MatchData), ""),
                Decoded::PartyData(_) => (Some(Kind::PartyData), ""),
                Decoded::StreamData(_) => (Some(Kind::StreamData), ""),
                Decoded::Envelope(envelope) => (
                    envelope.message.as_ref().map(Kind::of),
                    envelope.cid.as_str(),
                ),
            };
            self.tap(now, Direction::Received, kind, cid.to_owned(), &frame);
        }
        if matches!(message, Some(Message::Party(_))) {
            self.hand_over
                .push(LinkEvent::PartyLayout(party_layout_of(&frame)));
        }
        let data = match decoded {
            Decoded::MatchData(data) => Pushed::MatchData(data),
            Decoded::PartyData(data) => Pushed::PartyData(data),
            Decoded::StreamData(data) => Pushed::StreamData(data),
            Decoded::Envelope(Envelope { cid, message }) if cid.is_empty() => {
                self.hold_ups.on_pushed(now);
                return self.on_pushed(message);
            }
            Decoded::Envelope(Envelope { cid, message }) => {
                return self.on_answer(now, &cid, message);
            }
        };
        self.hold_ups.on_pushed(now);
        self.hand_over.push(LinkEvent::Pushed(data));
    }

    /// A message with a `cid`.
    fn on_answer(&mut self, now: Instant, cid: &str, message: Option<Message>) {
        let Some(id) = parse_request_cid(cid) else {
            return self.on_pong(now, cid);
        };
        let (late, place) = match self.requests.on_answer(id) {
            Answered::Open(place) => (false, place),
            Answered::Late(place) => (true, place),
            Answered::Stray => {
                self.stats.strays.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        if let Stage::Open(open) = &mut self.stage {
            open.liveness.be_patient(now);
        }
        let closed_at = self.flow.closed_at();
        if let Some(held_up) = self.hold_ups.on_answer(now, id, closed_at) {
            log::warn!("{held_up}");
        }
        self.flow.on_handled(now, place);
        let answer = Answer::Message(
            message.map(|message| Box::new(Received::new(message, &mut self.decoder.interner))),
        );
        self.hand_over.push(LinkEvent::Answer { id, answer, late });
    }

    fn on_pong(&mut self, now: Instant, cid: &str) {
        let Stage::Open(open) = &mut self.stage else {
            return;
        };
        let mut waiting = open.waiting_pings.iter();
        let Some(index) = waiting.position(|ping| ping_cid(ping.number) == cid) else {
            self.stats.strays.fetch_add(1, Ordering::Relaxed);
            return;
        };
        open.liveness.on_pong(now);
        let Some(ping) = open.waiting_pings.drain(..=index).next_back() else {
            return;
        };
        self.requests.on_handled(ping.place);
        self.flow.on_handled(now, ping.place);
        self.hold_ups.on_handled(now);
        if ping.is_sample {
            let round_trip = now.saturating_duration_since(ping.sent);
            self.flow.on_round_trip(now, round_trip);
            self.hand_over.push(LinkEvent::RoundTrip(round_trip));
        }
    }

    /// A message without a `cid`. Without a message either, it is an answer to what had none, or a kind of the future.
    fn on_pushed(&mut self, message: Option<Message>) {
        let Some(message) = message else { return };
        if let (Message::Notifications(list), Stage::Open(open)) = (&message, &mut self.stage) {
            for notification in &list.notifications {
                match notification.code {
                    REPLACED => open.farewell = Some(DisconnectReason::Replaced),
                    BANNED => open.farewell = Some(DisconnectReason::Banned),
                    _ => {}
                }
            }
        }
        let received = Received::new(message, &mut self.decoder.interner);
        self.hand_over
            .push(LinkEvent::Pushed(Pushed::Message(Box::new(received))));
    }
}
